//! Code for PyTorch, JAX with Equinox, and JAX with Flax.
//!
//! **Idea.** What a design is, three functions on flat vectors (parameters → w, w → parameters, parameters → charges), is the same in every
//! framework; it is written once, with `xp` for the framework's module, and wrapped by each in its own manner. Constants are NumPy arrays of
//! f64 that are cast to the kind of the tensor they meet.
//!
//! **Rejected.** Printing the graph of the spec: it computes the same, but nobody would read it, and its inverse is not in it.

mod jax;
mod start;
mod torch;

use crate::blocks::Snippets;
use crate::operator::Operator;
use crate::part::Part;
use crate::{Design, Target};
use start::Floor;

/// Longest line of generated code that the formatter leaves alone.
const LINE: usize = 120;

/// A framework to write code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// PyTorch, on `torch.nn.utils.parametrize`.
    Torch,
    /// JAX, with an Equinox module.
    Jax,
    /// JAX, with a Flax module.
    Flax,
}

impl Framework {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Torch, Self::Jax, Self::Flax];

    /// The word of the flag; with `.py` the name of the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Jax => "jax",
            Self::Flax => "flax",
        }
    }

    /// Module and type of arrays.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Torch => ("torch", "Tensor"),
            Self::Jax | Self::Flax => ("jnp", "Array"),
        }
    }
}

impl Design {
    /// A Python module for a framework.
    pub fn code(&self, framework: Framework) -> String {
        match framework {
            Framework::Torch => torch::module(self),
            Framework::Jax | Framework::Flax => jax::module(self, framework),
        }
    }

    /// `TotalVariation`
    fn class_name(&self) -> &'static str {
        match self.target {
            Target::Sparsity => "Sparsity",
            Target::Sign => "SignedSparsity",
            Target::Group => "GroupSparsity",
            Target::LowRank => "LowRank",
            Target::TotalVariation => "TotalVariation",
            Target::Trend => "Trend",
            Target::Dct => "CosineSparsity",
            Target::Fourier => "FourierSparsity",
            Target::Haar => "HaarSparsity",
            Target::Graph => "GraphSparsity",
            Target::Custom => "CustomPenalty",
            Target::Free => "Free",
            Target::Blocks => "Blocks",
        }
    }

    fn parameter_names(&self) -> Vec<String> {
        self.parameters().into_iter().map(|parameter| parameter.name).collect()
    }

    /// Whether the code acts on any number of entries.
    fn fits_any_size(&self) -> bool {
        let one = |part: &Part| part.operator == Operator::Identity && part.blocks.len() == 1;
        self.alone().is_some_and(one) && self.target != Target::LowRank
    }

    /// The lines of the module's docstring after its first.
    fn story(&self) -> Vec<String> {
        let biases = self.biases();
        let mut lines = vec![String::new(), "What training adds to the loss, as a function of w:".into()];
        lines.push(format!("  noise      R(w) = {}", biases.noise));
        lines.push(format!("  minibatch  P(w) = {}", biases.minibatch));
        lines.push(format!(
            "  flow       {}{}",
            if crate::record::is_value(&biases.flow) { "φ(w) = " } else { "" },
            biases.flow
        ));
        lines.push(String::new());
        lines.push("L + τR under injected noise of temperature τ, L + P under mini-batch SGD of step size η;".into());
        lines.push(if biases.flow.contains("none") {
            "without noise dw/dt = −M(w) ∇L, M = JJᵀ, and where there is no φ the end depends on the path.".into()
        } else {
            "without noise the flow goes to the fit nearest to its start in the Bregman distance of φ.".into()
        });
        lines.extend(self.symbols());
        if !self.component().is_empty() {
            lines.push(format!("Component: {}.", self.component()));
        }
        lines.extend(self.approximation().map(|text| format!("Approximate: {text}.")));
        lines
    }

    /// Constants, helpers and the three functions; of several parts those of each, and three that call them.
    fn core(&self, framework: Framework) -> String {
        let (xp, array) = framework.names();
        let mut text = String::new();
        for constant in self.constants() {
            let name = constant.name.to_uppercase();
            text.push_str(&format!("# fmt: off\n{name} = {}\n# fmt: on\n", constant.numpy));
        }
        // Two blank lines before the first function.
        text.push_str(if text.is_empty() { "\n" } else { "\n\n" });
        let mut functions: Vec<String> = self.parts.iter().flat_map(|part| part.functions(array)).collect();
        if self.parts.len() > 1 {
            functions.extend(self.joining_functions(array));
        }
        let body = functions.join("\n\n");
        text.push_str(&helpers(&body, framework));
        text.push_str(&body);
        text.replace("xp.", &format!("{xp}."))
    }

    /// `left: Tensor, right: Tensor`; of many, all as one.
    fn arguments(&self, array: &str) -> String {
        let names = self.parameter_names();
        let typed = typed(&names, array).join(", ");
        let line = format!("    def forward(self, {typed}) -> {array}:");
        if line.chars().count() <= LINE { typed } else { format!("*parameters: {array}") }
    }

    /// The three functions of a composition, out of those of its parts.
    fn joining_functions(&self, array: &str) -> [String; 3] {
        let names = self.parameter_names();
        let call =
            |function: &str, part: &Part| format!("_{function}{}({})", part.tag, part.parameter_names().join(", "));
        let weights: Vec<String> = self.parts.iter().map(|part| call("weight", part)).collect();
        let charges: Vec<String> =
            self.parts.iter().map(|part| format!("        **{},\n", call("charges", part))).collect();
        let mut inverse = Vec::new();
        for (part, at) in self.placed() {
            let own = part.parameter_names();
            let left = if own.len() == 1 { format!("({},)", own[0]) } else { own.join(", ") };
            let line = format!("    {left} = _parameters{}(w[{}:{}], floor)\n", part.tag, at.start, at.end);
            let lines = own.iter().map(|name| format!("        {name},\n")).collect::<String>();
            let broken = format!("    (\n{lines}    ) = _parameters{}(w[{}:{}], floor)\n", part.tag, at.start, at.end);
            inverse.push(if line.chars().count() <= LINE { line } else { broken });
        }
        [
            heading("weight", "", &names, array)
                + &format!(
                    "    return xp.concatenate(\n        (\n{}        )\n    )\n",
                    weights.iter().map(|text| format!("            {text},\n")).collect::<String>()
                ),
            inverse_heading("", names.len(), array, self.floor()) + &inverse.concat() + &returned(&names),
            heading("charges", "", &names, array) + &format!("    return {{\n{}    }}\n", charges.concat()),
        ]
    }
}

/// `left: Tensor`, `right: Tensor`
fn typed(names: &[String], array: &str) -> Vec<String> {
    names.iter().map(|name| format!("{name}: {array}")).collect()
}

/// A line, or what the formatter makes of one that is too long: the items between brackets on a line of their own, or on one each.
fn bracketed(open: &str, items: &[String], close: &str) -> String {
    let short = |line: &str| line.chars().count() <= LINE;
    let joined = items.join(", ");
    let (one, middle) = (format!("{open}{joined}{close}"), format!("    {joined}"));
    if short(&one) {
        one
    } else if short(&middle) {
        format!("{open}\n{middle}\n{close}")
    } else {
        format!("{open}\n{}{close}", items.iter().map(|item| format!("    {item},\n")).collect::<String>())
    }
}

/// The first lines of `_weight` or `_charges`.
fn heading(function: &str, tag: &str, names: &[String], array: &str) -> String {
    let (result, about) = match function {
        "weight" => (array.to_owned(), "w as a vector, from its parameters."),
        _ => (format!("dict[str, {array}]"), "What gradient flow conserves, zero at balance."),
    };
    let line = bracketed(&format!("def _{function}{tag}("), &typed(names, array), &format!(") -> {result}:"));
    format!("{line}\n    \"\"\"{about}\"\"\"\n")
}

fn inverse_heading(tag: &str, count: usize, array: &str, floor: Floor) -> String {
    // Beyond some ten the type of each says no more.
    let result = if count > 10 { format!("{array}, ...") } else { vec![array; count].join(", ") };
    let arguments = [format!("w: {array}"), "floor: float".to_owned()];
    format!(
        "{}\n    \"\"\"{}\"\"\"\n",
        bracketed(&format!("def _parameters{tag}("), &arguments, &format!(") -> tuple[{result}]:")),
        floor.of_function()
    )
}

fn returned(names: &[String]) -> String {
    let line = format!("    return {}\n", names.join(", "));
    if names.len() == 1 {
        format!("    return ({},)\n", names[0])
    } else if line.chars().count() <= LINE {
        line
    } else {
        format!("    return (\n{}    )\n", names.iter().map(|name| format!("        {name},\n")).collect::<String>())
    }
}

fn indented(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| format!("    {line}\n")).collect()
}

impl Part {
    fn parameter_names(&self) -> Vec<String> {
        self.parameters().into_iter().map(|parameter| parameter.name).collect()
    }

    fn functions(&self, array: &str) -> [String; 3] {
        let snippets: Vec<Snippets> = self.blocks.iter().map(|block| block.snippets()).collect();
        [self.weight(&snippets, array), self.inverse(&snippets, array), self.charges(&snippets, array)]
    }

    fn weight(&self, snippets: &[Snippets], array: &str) -> String {
        let mut lines = Vec::new();
        let several = snippets.len() > 1;
        for (k, snippet) in snippets.iter().enumerate() {
            lines.extend(snippet.forward.iter().map(|line| match line.strip_prefix("z = ") {
                Some(rest) if several => format!("z{} = {rest}", k + 1),
                _ => line.clone(),
            }));
        }
        if several {
            let parts: Vec<String> = (1..=snippets.len()).map(|k| format!("z{k}")).collect();
            lines.push(format!("z = xp.concatenate(({}))", parts.join(", ")));
        }
        if self.operator == Operator::Identity {
            lines.push("return z".into());
        } else {
            lines.extend(self.operator.snippets(self.size(), &self.tag, array).0);
            lines.push("return w".into());
        }
        heading("weight", &self.tag, &self.parameter_names(), array) + &indented(lines)
    }

    fn inverse(&self, snippets: &[Snippets], array: &str) -> String {
        let names = self.parameter_names();
        let mut lines = match self.operator {
            Operator::Identity => vec!["z = w".to_owned()],
            _ => self.operator.snippets(self.size(), &self.tag, array).1,
        };
        let several = snippets.len() > 1;
        if several {
            lines.push("coordinates = z".into());
        }
        for (snippet, (_, at)) in snippets.iter().zip(self.placed()) {
            if several {
                lines.push(format!("z = coordinates[{}:{}]", at.start, at.end));
            }
            lines.extend(snippet.inverse.iter().cloned());
        }
        inverse_heading(&self.tag, names.len(), array, Floor::of(snippets)) + &indented(lines) + &returned(&names)
    }

    fn charges(&self, snippets: &[Snippets], array: &str) -> String {
        let charges: Vec<&(String, String)> = snippets.iter().flat_map(|snippet| &snippet.charges).collect();
        let entries: String = charges.iter().map(|(name, text)| format!("        \"{name}\": {text},\n")).collect();
        let body =
            if entries.is_empty() { "    return {}\n".into() } else { format!("    return {{\n{entries}    }}\n") };
        heading("charges", &self.tag, &self.parameter_names(), array) + &body
    }
}

/// The helpers that a text calls, with what they call.
fn helpers(body: &str, framework: Framework) -> String {
    let (_, array) = framework.names();
    let linked = body.contains("_link(");
    let mut text = String::new();
    let mut add = |used: bool, helper: String| {
        if used {
            text.push_str(&helper);
            text.push_str("\n\n");
        }
    };
    let kind = match framework {
        Framework::Torch => "torch.as_tensor(values, dtype=like.dtype, device=like.device)",
        Framework::Jax | Framework::Flax => "jnp.asarray(values, dtype=like.dtype)",
    };
    add(
        linked || body.contains("_constant("),
        format!("def _constant(values: np.ndarray, like: {array}) -> {array}:\n    return {kind}\n"),
    );
    add(
        body.contains("_divide("),
        format!(
            "def _divide(a: {array}, b: {array}) -> {array}:\n    \"\"\"a / b, and 0 where b is 0.\"\"\"\n    return xp.where(b > 0, a / xp.where(b > 0, b, 1.0), 0.0)\n"
        ),
    );
    add(
        body.contains("_norm("),
        format!(
            "def _norm(x: {array}) -> {array}:\n    \"\"\"Norms of rows, as a column; the least number keeps the derivative at 0 finite.\"\"\"\n    return xp.sqrt((x * x).sum(1)[:, None] + 1.2e-38)\n"
        ),
    );
    add(linked, LINK.replace("ARRAY", array));
    text
}

const LINK: &str = "def _horner(row: ARRAY, t: ARRAY) -> ARRAY:
    w = row[:, -1]
    for k in range(row.shape[1] - 2, 1, -1):
        w = row[:, k] + t * w
    return w


def _link(s: ARRAY, knots: np.ndarray, pieces: np.ndarray) -> ARRAY:
    \"\"\"The monotone link w = ψ(s), piece by piece.\"\"\"
    row = _constant(pieces, s)[xp.searchsorted(_constant(knots, s), s)]
    return _horner(row, (s - row[:, 0]) * row[:, 1])


def _link_inverse(w: ARRAY, knots: np.ndarray, pieces: np.ndarray) -> ARRAY:
    \"\"\"s with ψ(s) = w, by bisection within the piece.\"\"\"
    row = _constant(pieces, w)[xp.searchsorted(_link(_constant(knots, w), knots, pieces), w)]
    low, high = -xp.ones_like(w), xp.ones_like(w)
    for _ in range(60):
        t = 0.5 * (low + high)
        below = _horner(row, t) < w
        low, high = xp.where(below, t, low), xp.where(below, high, t)
    straight = (w - row[:, 2]) / row[:, 3]
    t = xp.where((row[:, 4:] == 0).all(1), straight, 0.5 * (low + high))
    return row[:, 0] + t / row[:, 1]
";
