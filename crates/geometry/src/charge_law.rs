//! What an optimiser does to a charge: exactly where there is an identity, to first order where there is none.
//!
//! For a charge Q = ½ θᵀAθ and a gradient g at θ, gᵀAθ = 0. A step θ' = (1 − ηλ)θ − ηg therefore gives
//! Q' = (1 − ηλ)² Q + (η²/2) gᵀAg, and nothing is neglected. With momentum the update is no gradient at θ, and with
//! Adam it is no multiple of a gradient at all: gᵀAθ = 0 does not carry over to g/√v. Rejected: continuous-time laws for
//! all of them (Kunin et al. 2021), which hide the second-order term that the identity keeps.

use gaugebias_model::spec::{Noise, Optimizer, Train};
use serde::Serialize;

/// The law of a quadratic charge under a training rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChargeLaw {
    /// Whether it is an identity, step by step.
    pub exact: bool,
    /// Factor of Q in one step, the gradient's and the noise's part apart; null where there is no such factor.
    pub decay: Option<f64>,
    /// The law in words and symbols.
    pub text: String,
}

/// The law for the settings of `[train]`.
pub fn charge_law(train: &Train) -> ChargeLaw {
    let eta = train.step_size;
    match train.optimizer {
        Optimizer::Sgd { momentum: 0.0, weight_decay } => {
            let decay = (1.0 - eta * weight_decay).powi(2);
            let factor = if weight_decay == 0.0 { "Q".to_owned() } else { format!("(1 − ηλ)² Q = {decay} Q") };
            let text = format!("Q' = {factor} + (η²/2) gᵀAg, exactly in every step");
            ChargeLaw { exact: true, decay: Some(decay), text }
        }
        Optimizer::Sgd { momentum, weight_decay } => {
            let rate = 2.0 * eta * weight_decay / (1.0 - momentum);
            let kept = if weight_decay == 0.0 {
                "Q is kept to first order in η".to_owned()
            } else {
                format!("to first order in η, Q decays by 2ηλ/(1 − μ) = {rate} in a step")
            };
            let text = format!("{kept}; exactly, Q' = Q − η(μ θᵀAm + 2λQ) + (η²/2) m'ᵀAm' with the momenta m, m'");
            ChargeLaw { exact: false, decay: Some(1.0 - rate), text }
        }
        Optimizer::Adam { .. } => ChargeLaw {
            exact: false,
            decay: None,
            text: "no charge is kept: Q' = Q − η θᵀAu + (η²/2) uᵀAu with Adam's update u, and θᵀAu is not zero, because u \
                   is the gradient divided by a different number in every coordinate"
                .to_owned(),
        },
        Optimizer::Langevin => {
            let noise = match train.noise {
                Noise::Isotropic => "τ tr A",
                Noise::Horizontal => "τ tr(A P_H), zero on an invariant slice",
                _ => "0",
            };
            let text = format!("to first order in the time step h, the mean of Q moves at the rate {noise}");
            ChargeLaw { exact: false, decay: Some(1.0), text }
        }
    }
}
