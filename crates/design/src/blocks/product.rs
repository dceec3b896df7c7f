//! The Hadamard product z = u₁∘…∘u_D.
//!
//! ```text
//! |u_k| = |z|^(1/D) on the slice,  JJᵀ = Σ_k (z/u_k)² = D |z|^(2 − 2/D)
//! R = (1 − 1/D) log|z| + ½ log D,  P = (η/4) E[a²] D |z|^(2 − 2/D),  φ'' = |z|^(2/D − 2)/D
//! ```

use super::{Block, Formulas, Motion, Parameter, Snippets, StartScale, Uniform, signed, tagged};
use crate::escape::{equal_factors, one_at_zero};
use crate::formula::{Regime, exponent, factor, fraction};

/// z = u₁∘…∘u_D ∈ ℝⁿ.
#[derive(Clone, Debug)]
pub struct Product {
    /// n.
    pub size: usize,
    /// D ≥ 2.
    pub depth: usize,
    /// Suffix of its names.
    pub tag: String,
}

impl Product {
    fn names(&self) -> Vec<String> {
        match self.depth {
            2 => ["u", "v"].map(|name| tagged(name, &self.tag)).to_vec(),
            _ => (1..=self.depth).map(|k| tagged(&format!("u{k}"), &self.tag)).collect(),
        }
    }
}

impl Block for Product {
    fn size(&self) -> usize {
        self.size
    }

    /// Under noise balanced at `scale`, which fixes the sign; otherwise the first factor at 0 and the others at `scale`: the charges keep
    /// w = 0 from being a border, so that w can take either sign.
    fn parameters(&self, regime: Regime, scale: f64) -> Vec<Parameter> {
        let start = |k: usize| match (regime, k) {
            (Regime::Minibatch | Regime::Flow, 0) => format!("zeros({})", self.size),
            _ => format!("full({}, {scale:?})", self.size),
        };
        let parameter = |(k, name): (usize, String)| Parameter { name, shape: vec![self.size], start: start(k) };
        self.names().into_iter().enumerate().map(parameter).collect()
    }

    fn text(&self) -> (Vec<(String, String)>, String) {
        (Vec::new(), self.names().join(" * "))
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        let root = |z: &f64| z.abs().powf(1.0 / self.depth as f64);
        let first = z.iter().map(|z| z.signum() * root(z));
        first.chain((1..self.depth).flat_map(|_| z.iter().map(root))).collect()
    }

    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        (0..self.size).map(|_| signed(uniform)).collect()
    }

    fn penalty(&self, z: &[f64]) -> f64 {
        let depth = self.depth as f64;
        z.iter().map(|z| (1.0 - 1.0 / depth) * z.abs().ln() + 0.5 * depth.ln()).sum()
    }

    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64 {
        let depth = self.depth as f64;
        z.iter().zip(a).map(|(z, a)| depth * z.abs().powf(2.0 - 2.0 / depth) * a * a).sum()
    }

    fn potential(&self, z: &[f64]) -> Option<f64> {
        let depth = self.depth as f64;
        let one = |z: &f64| match self.depth {
            2 => 0.5 * (z.abs() * z.abs().ln() - z.abs()),
            _ => -depth / (2.0 * (depth - 2.0)) * z.abs().powf(2.0 / depth),
        };
        Some(z.iter().map(one).sum())
    }

    fn kept_sign(&self, regime: Regime) -> Option<f64> {
        (regime == Regime::Noise).then_some(1.0)
    }

    /// u₁ moves from 0 with the others at (s² + u₁²)^½, or all as one from s.
    fn motion(&self, regime: Regime, scale: f64) -> Option<Motion> {
        let others = self.depth as f64 - 1.0;
        let motion = Motion { start: scale, charge: 0.0, others: 0.0, power: others, speed: 1.0, sign: 1.0 };
        Some(match regime {
            Regime::Noise => motion,
            _ => Motion { start: 0.0, charge: scale * scale, others: 0.5 * others, power: 0.0, ..motion },
        })
    }

    fn escape_time(&self, reach: f64, regime: Regime, scale: f64) -> Option<f64> {
        let (depth, reach) = (self.depth as f64, reach.abs());
        Some(match regime {
            Regime::Noise => equal_factors(scale, reach.powf(1.0 / depth), depth),
            Regime::Minibatch | Regime::Flow if self.depth == 2 => 0.5 * (2.0 * reach / (scale * scale)).asinh(),
            Regime::Minibatch | Regime::Flow => one_at_zero(scale, reach, depth),
        })
    }

    fn start_scale(&self) -> StartScale {
        StartScale::Width(self.depth as f64)
    }

    fn formulas(&self, of: &str, a: &str) -> Formulas {
        let depth = self.depth as f64;
        let flow = match self.depth {
            2 => format!(
                "½ Σ ({of}_i arcsinh({of}_i/|Q_i|) − √({of}_i² + Q_i²) + |Q_i|), Q = (u² − v²)/2 at the start; ½ Σ (|{of}_i| log|{of}_i| − |{of}_i|) at Q = 0"
            ),
            _ => format!("−{}Σ |{of}_i|{} at balance", factor(depth / (2.0 * (depth - 2.0))), exponent(2.0 / depth)),
        };
        Formulas {
            noise: format!("{} Σ log|{of}_i|", fraction(1.0 - 1.0 / depth)),
            minibatch: format!("{}η Σ E[{a}_i²] |{of}_i|{}", factor(depth / 4.0), exponent(2.0 - 2.0 / depth)),
            flow,
            ..Formulas::default()
        }
    }

    fn strength(&self) -> f64 {
        1.0 - 1.0 / self.depth as f64
    }

    fn minibatch_factor(&self) -> f64 {
        0.25 * self.depth as f64
    }

    fn shape(&self, regime: Regime) -> String {
        match regime {
            Regime::Minibatch => format!("Σ |z_i|{}", exponent(2.0 - 2.0 / self.depth as f64)),
            _ => "Σ log|z_i|".into(),
        }
    }

    fn component(&self, of: &str) -> String {
        let end = match self.depth % 2 {
            0 => "",
            // On the line u₁ = … = u_D the arc length goes through 0, and w = u^D with it.
            _ => "; noise that reaches it goes on to the other sign, since the number of factors is odd",
        };
        format!("each {of}_i keeps the sign of its balanced start: at {of}_i = 0 the factors vanish together{end}")
    }

    fn snippets(&self) -> Snippets {
        let names = self.names();
        let root = format!("xp.clip(xp.abs(z) ** (1 / {}), floor, None)", self.depth);
        let power = if self.depth == 2 { "root".to_owned() } else { format!("root**{}", self.depth - 1) };
        let mut inverse = vec![format!("root = {root}"), format!("{} = _divide(z, {power})", names[0])];
        inverse.extend(names[1..].iter().map(|name| format!("{name} = root")));
        let charge = |pair: &[String]| {
            let text = format!("0.5 * ({0}**2 - {1}**2)", pair[0], pair[1]);
            (text.clone(), text)
        };
        Snippets {
            forward: vec![format!("z = {}", names.join(" * "))],
            inverse,
            charges: names.windows(2).map(charge).collect(),
        }
    }
}
