//! Powers of a parameter: z = ε|x|^γ with a fixed sign ε, or z = sign(x)|x|^γ. There is no redundancy, hence no orbit and no slice: the
//! formulas hold under isotropic noise as well, and everywhere.
//!
//! ```text
//! (∂z/∂x)² = γ² |z|^(2 − 2/γ)
//! R = (1 − 1/γ) log|z| + log γ,  P = (η/4) E[a²] γ² |z|^(2 − 2/γ),  φ'' = |z|^(2/γ − 2)/γ²
//! ```

use super::{Block, Formulas, Motion, Parameter, Snippets, StartScale, Uniform, magnitude, signed, tagged};
use crate::escape::equal_factors;
use crate::formula::{Regime, exponent, factor, fraction};

/// z = ε|x|^γ ∈ ℝⁿ.
#[derive(Clone, Debug)]
pub struct Power {
    /// n.
    pub size: usize,
    /// γ > 1.
    pub exponent: f64,
    /// ε = ±1, or none: the sign is that of x.
    pub sign: Option<f64>,
    /// Suffix of its names.
    pub tag: String,
}

impl Power {
    fn name(&self) -> String {
        tagged("x", &self.tag)
    }

    /// As a function of x in the array language; `python` for Python.
    fn expression(&self, python: bool) -> String {
        let (x, gamma) = (self.name(), self.exponent);
        let (abs, sign) = if python { ("xp.abs", "xp.sign") } else { ("abs", "sign") };
        let minus = if self.sign == Some(-1.0) { "-" } else { "" };
        match self.sign {
            Some(_) if gamma == 2.0 => format!("{minus}{x}**2"),
            None if gamma == 2.0 => format!("{x} * {abs}({x})"),
            Some(_) if minus.is_empty() => format!("{abs}({x}) ** {gamma:?}"),
            Some(_) => format!("-({abs}({x}) ** {gamma:?})"),
            None => format!("{sign}({x}) * {abs}({x}) ** {gamma:?}"),
        }
    }
}

impl Block for Power {
    fn size(&self) -> usize {
        self.size
    }

    fn parameters(&self, _: Regime, scale: f64) -> Vec<Parameter> {
        vec![Parameter { name: self.name(), shape: vec![self.size], start: format!("full({}, {scale:?})", self.size) }]
    }

    fn text(&self) -> (Vec<(String, String)>, String) {
        (Vec::new(), self.expression(false))
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        let root = |z: &f64| {
            let size = z.abs().powf(1.0 / self.exponent);
            if self.sign.is_some() { size } else { size * z.signum() }
        };
        z.iter().map(root).collect()
    }

    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        let one = |_| match self.sign {
            Some(sign) => sign * magnitude(uniform),
            None => signed(uniform),
        };
        (0..self.size).map(one).collect()
    }

    fn penalty(&self, z: &[f64]) -> f64 {
        let gamma = self.exponent;
        z.iter().map(|z| (1.0 - 1.0 / gamma) * z.abs().ln() + gamma.ln()).sum()
    }

    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64 {
        let gamma = self.exponent;
        z.iter().zip(a).map(|(z, a)| gamma * gamma * z.abs().powf(2.0 - 2.0 / gamma) * a * a).sum()
    }

    fn potential(&self, z: &[f64]) -> Option<f64> {
        let gamma = self.exponent;
        let one = |z: &f64| {
            if gamma == 2.0 {
                return 0.25 * (z.abs() * z.abs().ln() - z.abs());
            }
            z.abs().powf(2.0 / gamma) / (2.0 * (2.0 - gamma))
        };
        Some(z.iter().map(one).sum())
    }

    /// For γ < 2, R weaker than ½ log|z|, ∫ dz/M is finite at 0 (M ~ |z|^(2 − 2/γ), below 1 for γ < 2): descent comes to 0 in finite time and goes on.
    fn kept_sign(&self, _: Regime) -> Option<f64> {
        self.sign.or((self.exponent >= 2.0).then_some(1.0))
    }

    fn has_one_sign(&self) -> bool {
        self.sign.is_some()
    }

    /// dx/dt = γ |x|^(γ−1). With one sign z is even in x, which stays above 0 for γ ≥ 2.
    fn motion(&self, _: Regime, scale: f64) -> Option<Motion> {
        let (power, sign) = (self.exponent - 1.0, self.sign.unwrap_or(1.0));
        let odd = self.sign.is_none() || self.exponent >= 2.0;
        odd.then_some(Motion { start: scale, charge: 0.0, others: 0.0, power, speed: self.exponent, sign })
    }

    /// dx/dt = γ |x|^(γ−1) from x = scale; to the other sign it is the way to 0 and the way on.
    fn escape_time(&self, reach: f64, _: Regime, scale: f64) -> Option<f64> {
        let (gamma, end) = (self.exponent, reach.abs().powf(1.0 / self.exponent));
        if self.sign.is_none() && reach < 0.0 {
            return (gamma < 2.0).then(|| (scale.powf(2.0 - gamma) + end.powf(2.0 - gamma)) / (gamma * (2.0 - gamma)));
        }
        Some(equal_factors(scale, end, gamma) / gamma)
    }

    /// For γ < 2 φ' is finite at 0, and a smaller start leaves φ what it is.
    fn start_scale(&self) -> StartScale {
        if self.exponent < 2.0 { StartScale::Place } else { StartScale::Width(self.exponent) }
    }

    fn formulas(&self, of: &str, a: &str) -> Formulas {
        let gamma = self.exponent;
        let flow = if gamma == 2.0 {
            format!("¼ Σ (|{of}_i| log|{of}_i| − |{of}_i|)")
        } else {
            let weight = 1.0 / (2.0 * (2.0 - gamma));
            let sign = if weight < 0.0 { "−" } else { "" };
            format!("{sign}{}Σ |{of}_i|{}", factor(weight.abs()), exponent(2.0 / gamma))
        };
        Formulas {
            noise: format!("{} Σ log|{of}_i|", fraction(1.0 - 1.0 / gamma)),
            minibatch: format!("{}η Σ E[{a}_i²] |{of}_i|{}", factor(0.25 * gamma * gamma), exponent(2.0 - 2.0 / gamma)),
            flow,
            ..Formulas::default()
        }
    }

    fn strength(&self) -> f64 {
        1.0 - 1.0 / self.exponent
    }

    fn minibatch_factor(&self) -> f64 {
        0.25 * self.exponent * self.exponent
    }

    fn shape(&self, regime: Regime) -> String {
        match regime {
            Regime::Minibatch => format!("Σ |z_i|{}", exponent(2.0 - 2.0 / self.exponent)),
            _ => "Σ log|z_i|".into(),
        }
    }

    fn component(&self, of: &str) -> String {
        match self.sign {
            Some(sign) if sign > 0.0 => format!("{of}_i ≥ 0, all of it"),
            Some(_) => format!("{of}_i ≤ 0, all of it"),
            None if self.exponent < 2.0 => {
                format!("all {of}: noise crosses {of}_i = 0, and gradient flow, which comes to 0 in finite time, too")
            }
            None => format!("all {of}: noise crosses {of}_i = 0; gradient flow does not"),
        }
    }

    fn snippets(&self) -> Snippets {
        let name = self.name();
        let root = format!("xp.clip(xp.abs(z) ** (1 / {:?}), floor, None)", self.exponent);
        let inverse = match self.sign {
            Some(_) => format!("{name} = {root}"),
            None => format!("{name} = xp.where(z < 0, -1.0, 1.0) * {root}"),
        };
        Snippets {
            forward: vec![format!("z = {}", self.expression(true))],
            inverse: vec![inverse],
            charges: Vec::new(),
        }
    }
}
