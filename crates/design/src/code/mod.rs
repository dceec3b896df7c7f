//! Code for PyTorch, JAX with Equinox, and JAX with Flax.
//!
//! **Idea.** What a design is, three functions on flat vectors (parameters → w, w → parameters, parameters → charges), is the same in every
//! framework; it is written once, with `xp` for the framework's module, and wrapped by each in its own manner. Constants are NumPy arrays of
//! f64 that are cast to the kind of the tensor they meet.
//!
//! **Rejected.** Printing the graph of the spec: it computes the same, but nobody would read it, and its inverse is not in it.

mod jax;
mod torch;

use crate::blocks::Snippets;
use crate::operator::Operator;
use crate::{Design, Target};

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
        }
    }

    fn parameter_names(&self) -> Vec<String> {
        self.parameters().into_iter().map(|parameter| parameter.name).collect()
    }

    /// Whether the code acts on any number of entries.
    fn fits_any_size(&self) -> bool {
        self.operator == Operator::Identity && self.blocks.len() == 1 && self.target != Target::LowRank
    }

    /// The lines of the module's docstring after its first.
    fn story(&self) -> Vec<String> {
        let biases = self.biases();
        let mut lines = vec![String::new(), "What training adds to the loss, as a function of w:".into()];
        lines.push(format!("  noise      R(w) = {}", biases.noise));
        lines.push(format!("  minibatch  P(w) = {}", biases.minibatch));
        lines.push(format!(
            "  flow       {}{}",
            if biases.flow.starts_with("none") { "" } else { "φ(w) = " },
            biases.flow
        ));
        lines.push(String::new());
        lines.push("L + τR under injected noise of temperature τ, L + P under mini-batch SGD of step size η;".into());
        lines.push("without noise the flow goes to the fit nearest to its start in the Bregman distance of φ.".into());
        lines.extend(self.symbols());
        if !self.component().is_empty() {
            lines.push(format!("Component: {}.", self.component()));
        }
        lines.extend(self.approximation().map(|text| format!("Approximate: {text}.")));
        lines
    }

    /// `left: Tensor, right: Tensor`
    fn typed_arguments(&self, array: &str) -> String {
        self.parameter_names().iter().map(|name| format!("{name}: {array}")).collect::<Vec<_>>().join(", ")
    }

    /// Constants, helpers and the three functions.
    fn core(&self, framework: Framework) -> String {
        let (xp, array) = framework.names();
        let snippets: Vec<Snippets> = self.blocks.iter().map(|block| block.snippets()).collect();
        let mut text = String::new();
        for constant in self.constants() {
            let name = constant.name.to_uppercase();
            text.push_str(&format!("# fmt: off\n{name} = {}\n# fmt: on\n", constant.numpy));
        }
        // Two blank lines before the first function.
        text.push_str(if text.is_empty() { "\n" } else { "\n\n" });
        let body = [self.weight(&snippets, array), self.inverse(&snippets, array), self.charges(&snippets, array)]
            .join("\n\n");
        text.push_str(&helpers(&body, framework));
        text.push_str(&body);
        text.replace("xp.", &format!("{xp}."))
    }

    fn weight(&self, snippets: &[Snippets], array: &str) -> String {
        let mut lines = vec![
            format!("def _weight({}) -> {array}:", self.typed_arguments(array)),
            "    \"\"\"w as a vector, from its parameters.\"\"\"".into(),
        ];
        let several = snippets.len() > 1;
        for (k, snippet) in snippets.iter().enumerate() {
            lines.extend(snippet.forward.iter().map(|line| match line.strip_prefix("z = ") {
                Some(rest) if several => format!("    z{} = {rest}", k + 1),
                _ => format!("    {line}"),
            }));
        }
        if several {
            let parts: Vec<String> = (1..=snippets.len()).map(|k| format!("z{k}")).collect();
            lines.push(format!("    z = xp.concatenate(({}))", parts.join(", ")));
        }
        if self.operator != Operator::Identity {
            lines.extend(self.operator.snippets(self.size()).0.into_iter().map(|line| format!("    {line}")));
            lines.push("    return w".into());
        } else {
            lines.push("    return z".into());
        }
        lines.join("\n") + "\n"
    }

    fn inverse(&self, snippets: &[Snippets], array: &str) -> String {
        let names = self.parameter_names();
        let result = format!("tuple[{}]", vec![array; names.len()].join(", "));
        let mut lines = vec![
            format!("def _parameters(w: {array}, floor: float) -> {result}:"),
            "    \"\"\"Balanced parameters of a vector w; factors below `floor` are raised to it, which gives them charges.\"\"\"".into(),
        ];
        match self.operator {
            Operator::Identity => lines.push("    z = w".into()),
            _ => lines.extend(self.operator.snippets(self.size()).1.into_iter().map(|line| format!("    {line}"))),
        }
        let several = snippets.len() > 1;
        if several {
            lines.push("    coordinates = z".into());
        }
        let mut from = 0;
        for (snippet, block) in snippets.iter().zip(&self.blocks) {
            if several {
                lines.push(format!("    z = coordinates[{from}:{}]", from + block.size()));
            }
            from += block.size();
            lines.extend(snippet.inverse.iter().map(|line| format!("    {line}")));
        }
        let comma = if names.len() == 1 { "," } else { "" };
        let brackets = if names.len() == 1 { ("(", ")") } else { ("", "") };
        lines.push(format!("    return {}{}{comma}{}", brackets.0, names.join(", "), brackets.1));
        lines.join("\n") + "\n"
    }

    fn charges(&self, snippets: &[Snippets], array: &str) -> String {
        let mut lines = vec![
            format!("def _charges({}) -> dict[str, {array}]:", self.typed_arguments(array)),
            "    \"\"\"What gradient flow conserves, zero at balance.\"\"\"".into(),
        ];
        let charges: Vec<&(String, String)> = snippets.iter().flat_map(|snippet| &snippet.charges).collect();
        if charges.is_empty() {
            lines.push("    return {}".into());
        } else {
            lines.push("    return {".into());
            lines.extend(charges.iter().map(|(name, text)| format!("        \"{name}\": {text},")));
            lines.push("    }".into());
        }
        lines.join("\n") + "\n"
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
