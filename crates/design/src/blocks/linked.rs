//! A coordinate behind a monotone link of its own, z = ψ(s), for a penalty that the user writes ([`crate::link`]).
//!
//! Either s is trained itself (no redundancy, exact under isotropic noise, both signs of w in one component), or s = √(2uv), the arc length of the
//! slice u = v of a Hadamard product, which starts at the left end of the domain.
//!
//! ```text
//! JJᵀ = ψ'² = e^(2(R − level)),  P = (η/4) E[a²] e^(2(R − level)),  φ'' = e^(−2(R − level))
//! ```

use super::{Block, Constant, Formulas, Parameter, Snippets, StartScale, Uniform, tagged};
use crate::DesignError;
use crate::formula::Regime;
use crate::link::{DEGREE, Link};
use crate::penalty::Penalty;

/// z_i = ψ(s_i) ∈ ℝⁿ.
#[derive(Clone, Debug)]
pub struct Linked {
    /// n.
    pub size: usize,
    /// The link.
    pub link: Link,
    /// The penalty as the user wrote it, and the regime that it is meant for.
    pub penalty: Penalty,
    /// That regime.
    pub regime: Regime,
    /// Whether s = √(2uv).
    pub product: bool,
    /// Suffix of its names.
    pub tag: String,
}

impl Linked {
    /// R(w) of the horizontal law, constant beyond the domain.
    fn wanted(&self, w: &[f64]) -> Result<Vec<f64>, DesignError> {
        let (low, high) = self.link.domain;
        let inside: Vec<f64> = w.iter().map(|w| w.clamp(low, high)).collect();
        self.penalty.as_horizontal(self.regime, &inside)
    }

    /// R − level, which is what log ψ' has to be.
    fn log_slopes(&self, w: &[f64]) -> Vec<f64> {
        let values = self.wanted(w).expect("the penalty was evaluated on this domain before");
        values.into_iter().map(|r| r - self.link.level).collect()
    }

    fn arc(&self) -> (String, Vec<(String, String)>) {
        let s = tagged("s", &self.tag);
        if !self.product {
            return (s, Vec::new());
        }
        let [u, v] = ["u", "v"].map(|name| tagged(name, &self.tag));
        (s.clone(), vec![(s, format!("sqrt(2 * abs({u} * {v}) + 1e-30)"))])
    }

    /// s at the start: where w is `scale`, or the point of the domain nearest to it.
    fn start(&self, scale: f64) -> f64 {
        let (low, high) = self.link.domain;
        let inset = 0.05 * (high - low);
        self.link.arc_length(scale.clamp(low + inset, high - inset))
    }

    fn rows(&self) -> Vec<String> {
        let row = |piece: &crate::link::Piece| {
            let numbers = [piece.centre, piece.inverse_half].into_iter().chain(piece.coefficients);
            format!("[{}]", numbers.map(|x| format!("{x:?}")).collect::<Vec<_>>().join(", "))
        };
        self.link.pieces.iter().map(row).collect()
    }
}

fn numbers(values: &[f64]) -> String {
    format!("[{}]", values.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(", "))
}

impl Block for Linked {
    fn size(&self) -> usize {
        self.size
    }

    fn parameters(&self, _: Regime, scale: f64) -> Vec<Parameter> {
        let s = self.start(scale);
        let (names, value) = if self.product { (vec!["u", "v"], (0.5 * s * s).sqrt()) } else { (vec!["s"], s) };
        let start = format!("full({}, {value:?})", self.size);
        let parameter =
            |name: &str| Parameter { name: tagged(name, &self.tag), shape: vec![self.size], start: start.clone() };
        names.into_iter().map(parameter).collect()
    }

    fn constants(&self) -> Vec<Constant> {
        let knots = numbers(&self.link.knots);
        let table = format!("[{}]", self.rows().join(",\n  "));
        let of = |name: &str, text: String| Constant {
            name: tagged(name, &self.tag),
            spec: text.clone(),
            numpy: format!("np.array({text})"),
        };
        vec![of("knots", knots), of("pieces", table)]
    }

    /// The piece is found by counting the knots below s; the polynomial is Horner's.
    fn text(&self) -> (Vec<(String, String)>, String) {
        let (s, mut lines) = self.arc();
        let [knots, pieces, row, t] = ["knots", "pieces", "row", "t"].map(|name| tagged(name, &self.tag));
        lines.push((row.clone(), format!("{pieces}[sum({s}[:, None] > {knots}, axis=1)]")));
        lines.push((t.clone(), format!("({s} - {row}[:, 0]) * {row}[:, 1]")));
        let horner = (0..DEGREE).rev().fold(format!("{row}[:, {}]", DEGREE + 2), |inner, k| {
            let inner = if k == DEGREE - 1 { inner } else { format!("({inner})") };
            format!("{row}[:, {}] + {t} * {inner}", k + 2)
        });
        (lines, horner)
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        let lengths: Vec<f64> = z.iter().map(|w| self.link.arc_length(*w)).collect();
        if !self.product {
            return lengths;
        }
        let half = |s: &f64| s / std::f64::consts::SQRT_2;
        lengths.iter().chain(&lengths).map(half).collect()
    }

    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        let (low, high) = self.link.domain;
        let away = |w: f64| self.link.singular.iter().all(|at| (w - at).abs() > 2.0 * self.link.info.core);
        let mut one = || loop {
            let w = low + (high - low) * uniform();
            if away(w) {
                return w;
            }
        };
        (0..self.size).map(|_| one()).collect()
    }

    fn singular_points(&self) -> (&[f64], f64) {
        (&self.link.singular, self.link.info.core)
    }

    fn penalty(&self, z: &[f64]) -> f64 {
        self.log_slopes(z).iter().sum()
    }

    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64 {
        self.log_slopes(z).iter().zip(a).map(|(r, a)| (2.0 * r).exp() * a * a).sum()
    }

    fn potential(&self, _: &[f64]) -> Option<f64> {
        None
    }

    /// ∫ dz/ψ'² = ∫ ds/ψ' on the link as it is, cores of singularities included. u = v keeps s ≥ 0, the left end.
    fn escape_time(&self, reach: f64, _: Regime, scale: f64) -> Option<f64> {
        let (from, to) = (self.start(scale), self.link.arc_length(reach));
        if self.product && to < 0.0 {
            return None;
        }
        let begin = self.link.value(from);
        let passed = begin * reach > 0.0 && reach.abs() <= begin.abs();
        Some(if passed { 0.0 } else { self.link.time_between(from.min(to), from.max(to)) })
    }

    fn start_scale(&self) -> StartScale {
        StartScale::Place
    }

    fn formulas(&self, of: &str, a: &str) -> Formulas {
        let (text, level) = (self.penalty.text(), self.link.level);
        let w = |text: &str| if of == "w" { text.to_owned() } else { format!("[{text} at w = {of}_i]") };
        let text = w(&text);
        let constant = |x: f64| format!("{x:.6}");
        match self.regime {
            Regime::Noise => Formulas {
                noise: format!("Σ R({of}_i), R(w) = {text}"),
                minibatch: format!("¼ η Σ E[{a}_i²] e^(2 R({of}_i)) · {}", constant((-2.0 * level).exp())),
                flow: format!("φ'' = e^(−2 R) · {} in each {of}_i", constant((2.0 * level).exp())),
                ..Formulas::default()
            },
            Regime::Minibatch => Formulas {
                noise: format!("½ Σ log P({of}_i), P(w) = {text}"),
                minibatch: format!("¼ η Σ E[{a}_i²] P({of}_i) · {}, P(w) = {text}", constant((-2.0 * level).exp())),
                flow: format!("φ'' = {}/P in each {of}_i", constant((2.0 * level).exp())),
                ..Formulas::default()
            },
            Regime::Flow => Formulas {
                noise: format!("−½ Σ log φ''({of}_i), φ(w) = {text}"),
                minibatch: format!("¼ η Σ E[{a}_i²] {}/φ''({of}_i)", constant((-2.0 * level).exp())),
                flow: format!("{} Σ φ({of}_i), φ(w) = {text}", constant((2.0 * level).exp())),
                ..Formulas::default()
            },
        }
    }

    fn minibatch_factor(&self) -> f64 {
        0.25 * (-2.0 * self.link.level).exp()
    }

    fn shape(&self, regime: Regime) -> String {
        let shape = match (regime, self.regime) {
            (Regime::Minibatch, Regime::Minibatch) => "Σ P(z_i)",
            (Regime::Minibatch, _) => "Σ e^(2 R(z_i))",
            _ => "R",
        };
        shape.into()
    }

    fn component(&self, of: &str) -> String {
        let (low, high) = self.link.domain;
        match self.product {
            true => format!(
                "{of}_i ≥ {low}: the slice u = v is reflected at the left end; beyond {high} R stays at its value there"
            ),
            false => format!("all {of}; outside [{low}, {high}] R stays at its value at the end"),
        }
    }

    fn snippets(&self) -> Snippets {
        let [u, v, s] = ["u", "v", "s"].map(|name| tagged(name, &self.tag));
        let [knots, pieces] = ["KNOTS", "PIECES"].map(|name| format!("{name}{}", self.tag.to_uppercase()));
        let inverse = format!("_link_inverse(z, {knots}, {pieces})");
        if !self.product {
            return Snippets {
                forward: vec![format!("z = _link({s}, {knots}, {pieces})")],
                inverse: vec![format!("{s} = {inverse}")],
                charges: Vec::new(),
            };
        }
        let charge = format!("0.5 * ({u}**2 - {v}**2)");
        Snippets {
            forward: vec![format!("z = _link(xp.sqrt(2 * xp.abs({u} * {v}) + 1e-30), {knots}, {pieces})")],
            // s = 0 is the border of the component, from which no gradient leads away.
            inverse: vec![
                format!("{u} = xp.clip({inverse}, 1e-3 * float({knots}[-1]), None) / 2**0.5"),
                format!("{v} = {u}"),
            ],
            charges: vec![(charge.clone(), charge)],
        }
    }
}
