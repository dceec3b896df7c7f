//! The law of one coordinate under the noise of its own gradient: mini-batches, or noise on labels.
//!
//! A gradient is g = aJᵀ with a random a = ∂ℓ_batch/∂w of variance C, so a step of size η moves w by
//!
//! ```text
//! dw = (−Mℓ' + ¼ηC M M')dt + √(ηC) M dB,    M = |J|², ' = d/dw  (½ tr(Σ∇²F) = ¼ηC M M' for Σ = ηC JᵀJ)
//! density with respect to arc length:  (C M)⁻¹ exp(−∫ 2 dℓ / (ηCM))
//! ```
//!
//! to first order in η: ηCM/2 is a temperature that changes along the curve. Nothing but |J| and the variance of a enters.

use super::{Law, PredictedLaw, Trace};
use crate::GeometryError;
use gaugebias_symmetry::Symmetries;

/// Density at an end of the curve, relative to its largest, above which the curve was cut too early.
const CUT_TOO_EARLY: f64 = 1e-6;

impl Trace<'_> {
    /// |J|² at the nodes.
    ///
    /// # Errors
    /// [`GeometryError::NotFinite`].
    pub fn squared_gradients(&self) -> Result<Vec<f64>, GeometryError> {
        self.thetas.iter().map(|theta| Ok(self.curve.gradient_norm(theta)?.powi(2))).collect()
    }

    /// The law of an observable under gradient noise, where `variance` is C at the nodes and `step_size` is η.
    ///
    /// # Errors
    /// [`GeometryError::WrongLength`]; [`GeometryError::NoGradientNoise`] where C vanishes;
    /// [`GeometryError::CutTooEarly`] where the law reaches beyond the curve: trace it at a higher temperature.
    pub fn gradient_noise_law(
        &self,
        symmetries: &Symmetries,
        step_size: f64,
        variance: &[f64],
        observed: Vec<f64>,
    ) -> Result<PredictedLaw, GeometryError> {
        self.check_observed(&observed)?;
        if variance.len() != self.thetas.len() {
            return Err(GeometryError::WrongLength { found: variance.len(), expected: self.thetas.len() });
        }
        let squares = self.squared_gradients()?;
        let products: Vec<f64> = variance.iter().zip(&squares).map(|(c, m)| c * m).collect();
        if let Some(at) = products.iter().position(|x| x.is_nan() || *x <= 0.0) {
            return Err(GeometryError::NoGradientNoise { predictor: self.curve.predictor(&self.thetas[at]) });
        }
        let mut logs = Vec::with_capacity(products.len());
        let mut exponent = 0.0;
        for (i, product) in products.iter().enumerate() {
            if i > 0 {
                let inverse = 0.5 * (1.0 / product + 1.0 / products[i - 1]);
                exponent -= 2.0 / step_size * inverse * (self.losses[i] - self.losses[i - 1]);
            }
            logs.push(exponent - product.ln());
        }
        let density = self.normalised(&logs)?;
        let top = density.iter().copied().fold(0.0, f64::max);
        let ends = [density[0], density[density.len() - 1]].map(|end| end / top);
        let open = self.ends.distances();
        for (share, border) in ends.into_iter().zip(open) {
            if border.is_none() && share > CUT_TOO_EARLY {
                return Err(GeometryError::CutTooEarly { share });
            }
        }
        self.assemble(symmetries, Law::Horizontal, density, observed)
    }
}
