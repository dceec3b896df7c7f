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

    /// Parts of w side by side, each with its place.
    pub(crate) fn side_by_side(parts: &[(Self, String)]) -> Self {
        let joined = |of: fn(&Self) -> &String| {
            let own = parts.iter().filter(|(part, _)| of(part) != "0");
            let texts: Vec<String> = own.map(|(part, place)| format!("[{}] on {place}", of(part))).collect();
            if texts.is_empty() { "0".to_owned() } else { texts.join(" + ") }
        };
        Self { noise: joined(|b| &b.noise), minibatch: joined(|b| &b.minibatch), flow: joined(|b| &b.flow) }
    }
}

/// The biases of a block before they are put together: `Σ_g` runs over its groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Formulas {
    /// R.
    pub noise: String,
    /// P.
    pub minibatch: String,
    /// P where the gradient has equal, uncorrelated entries, if that is another formula.
    pub equal: Option<String>,
    /// φ, or `none: ` and the reason.
    pub flow: String,
    /// Entries of a group, where there are groups.
    pub width: Option<usize>,
}

impl Formulas {
    /// Blocks side by side behind one operator; `a` is the name of the gradient. A formula that groups of several sizes share is written once,
    /// one that depends on the size once for each.
    pub fn sum(parts: &[Self], a: &str) -> Biases {
        let terms = |of: &dyn Fn(&Self) -> Option<String>| terms(parts, of);
        let mut minibatch = terms(&|part| Some(part.minibatch.clone())).join(" + ");
        let equal = terms(&|part| part.equal.clone()).join(" + ");
        if !equal.is_empty() {
            minibatch = format!("{minibatch}; {equal} where {a} has equal, uncorrelated entries");
        }
        let mut flow = terms(&|part| Some(part.flow.clone()));
        // A sum with a term that is not there is not there.
        if flow.iter().any(|text| text.starts_with("none")) {
            flow.retain(|text| text.starts_with("none"));
            let rest: Vec<String> =
                flow.iter().skip(1).map(|text| text.rsplit("; ").next().unwrap_or(text).to_owned()).collect();
            flow = vec![[&flow[..1], rest.as_slice()].concat().join("; ")];
        }
        let written = |text: String| if text.is_empty() { "0".to_owned() } else { text };
        Biases {
            noise: written(terms(&|part| Some(part.noise.clone())).join(" + ")),
            minibatch: written(minibatch),
            flow: written(flow.join(" + ")),
        }
    }
}

/// Different terms of a sum; what groups of one size say alone is marked with the size.
fn terms(parts: &[Formulas], of: &dyn Fn(&Formulas) -> Option<String>) -> Vec<String> {
    let widths = |text: &str| {
        let mut found: Vec<usize> =
            parts.iter().filter(|part| of(part).as_deref() == Some(text)).filter_map(|part| part.width).collect();
        found.sort_unstable();
        found.dedup();
        found.len()
    };
    let several = parts.iter().filter_map(|part| part.width).collect::<std::collections::BTreeSet<_>>().len();
    let mut found: Vec<String> = Vec::new();
    for part in parts {
        let Some(text) = of(part).filter(|text| text != "0") else { continue };
        let text = match part.width {
            Some(width) if widths(&text) < several => {
                text.replace("Σ_g", &format!("Σ_(g of {width})")).replace("_g/dt", &format!("_g/dt (g of {width})"))
            }
            _ => text,
        };
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
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
    fn groups_of_several_sizes_share_what_is_the_same() {
        let block = |width, minibatch: &str| Formulas {
            noise: format!("{width} Σ_g R"),
            minibatch: minibatch.into(),
            equal: Some(format!("{width} η Σ_g N")),
            flow: "none: no Hessian; dw_g/dt = X".into(),
            width: Some(width),
        };
        let free =
            Formulas { noise: "0".into(), minibatch: "0".into(), flow: "½ Σ w²".into(), ..Formulas::default() };
        let sum = Formulas::sum(&[free.clone(), block(3, "P"), block(2, "P"), block(3, "P")], "a");
        assert_eq!(sum.noise, "3 Σ_(g of 3) R + 2 Σ_(g of 2) R");
        assert_eq!(sum.minibatch, "P; 3 η Σ_(g of 3) N + 2 η Σ_(g of 2) N where a has equal, uncorrelated entries");
        assert_eq!(sum.flow, "none: no Hessian; dw_g/dt = X");
        assert_eq!(Formulas::sum(&[free], "a").flow, "½ Σ w²");
        assert_eq!(
            Formulas::sum(&[block(3, "Σ_g P"), block(3, "Σ_g P")], "a").minibatch.split(';').next(),
            Some("Σ_g P")
        );
    }

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
