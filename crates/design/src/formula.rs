//! The three biases of a design in words and symbols, and which of them a way of training shows.

use serde::Serialize;

/// How a model is trained, which decides the bias that it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Injected noise that is isotropic across the orbits (horizontal Langevin dynamics; isotropic where there is no orbit).
    #[default]
    Noise,
    /// Mini-batch SGD, or noise on labels.
    Minibatch,
    /// Full batch and no noise: gradient flow from its start.
    Flow,
}

impl Regime {
    /// The word of the flag and of JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Minibatch => "minibatch",
            Self::Flow => "flow",
        }
    }

    /// What the bias of the regime is added to, or what it does.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Noise => "stationary law e^(−L/τ − R(w)) dw, that is L + τR",
            Self::Minibatch => "to first order in the step size η, descent of L + P(w)",
            Self::Flow => "of all w that fit the data, the one nearest to the start in the Bregman distance of φ",
        }
    }
}

/// The biases of a parametrization as functions of w, on the balanced slice.
///
/// η is the step size, τ the temperature, a = ∂ℓ_batch/∂w the gradient that a batch shows, E over batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Biases {
    /// R(w) = ½ log det(JJᵀ), nats, up to a constant.
    pub noise: String,
    /// P(w) = (η/4) E‖∇_θ ℓ_batch‖² = (η/4) E(aᵀ JJᵀ a), in units of the loss (Smith et al. 2021; theory of SGD's modified loss).
    pub minibatch: String,
    /// φ(w) with ∇²φ = (JJᵀ)⁻¹, or why there is none.
    pub flow: String,
}

impl Biases {
    /// That of a regime.
    pub fn of(&self, regime: Regime) -> &str {
        match regime {
            Regime::Noise => &self.noise,
            Regime::Minibatch => &self.minibatch,
            Regime::Flow => &self.flow,
        }
    }

    /// Several blocks side by side: their biases add up.
    pub fn sum(parts: &[Self]) -> Self {
        let joined = |of: fn(&Self) -> &String| {
            let texts: Vec<&str> = parts.iter().map(|part| of(part).as_str()).filter(|text| *text != "0").collect();
            if texts.is_empty() { "0".to_owned() } else { texts.join(" + ") }
        };
        Self { noise: joined(|b| &b.noise), minibatch: joined(|b| &b.minibatch), flow: joined(|b| &b.flow) }
    }
}

/// A number as a short fraction where it is one of small denominator, else with six digits.
pub(crate) fn fraction(x: f64) -> String {
    for below in 1..=12_u32 {
        let above = (x * f64::from(below)).round();
        if (x * f64::from(below) - above).abs() < 1e-12 * f64::from(below) {
            return if below == 1 { format!("{above}") } else { format!("{above}/{below}") };
        }
    }
    format!("{x:.6}").trim_end_matches('0').to_owned()
}

/// As a factor before a symbol: nothing for 1.
pub(crate) fn factor(x: f64) -> String {
    match fraction(x) {
        one if one == "1" => String::new(),
        text => format!("{text} "),
    }
}

/// As an exponent: nothing for 1.
pub(crate) fn exponent(x: f64) -> String {
    match fraction(x) {
        one if one == "1" => String::new(),
        text if text.contains('/') || text.starts_with('-') => format!("^({text})"),
        text => format!("^{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_fractions() {
        assert_eq!([0.5, 2.0 / 3.0, 4.0, 0.3].map(fraction), ["1/2", "2/3", "4", "3/10"]);
        assert_eq!(fraction(0.123_456_7), "0.123457");
        assert_eq!((factor(1.0), exponent(1.0)), (String::new(), String::new()));
        assert_eq!(
            (exponent(2.0), exponent(4.0 / 3.0), exponent(-0.5)),
            ("^2".into(), "^(4/3)".into(), "^(-1/2)".into())
        );
    }
}
