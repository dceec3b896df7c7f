//! The log density of the horizontal law on a level and its gradient, for samplers that follow gradients.
//!
//! ```text
//! f(x) = −L/τ − ½ log det(JJᵀ),   ∇ₓf = (J⁺)ᵀ∇f,   ∇ ½ log det(JJᵀ) = Σᵢ ∇²xᵢ J⁺eᵢ      (J that of the chart)
//! ```
//!
//! No derivative goes through the lift. ∇Q is tangent to the orbit, hence orthogonal to the rows of J, so dθ = J⁺dx keeps the charges to
//! first order and is how θ moves with the coordinates, up to a compact rotation that f does not see. And since ∂ det(JJᵀ) is
//! 2 det(JJᵀ) tr(J⁺∂J), second derivatives of F in r directions are enough. Rejected: differences of f over lifts, 2r lifts for what
//! one point knows.

use crate::GeometryError;
use crate::law::level::{Level, Lifted};
use crate::law::loss::Loss;

/// f on a level at a temperature.
pub struct HorizontalDensity<'a> {
    /// The level.
    pub level: &'a Level<'a>,
    /// L.
    pub loss: &'a dyn Loss,
    /// τ, in units of the loss.
    pub temperature: f64,
}

impl HorizontalDensity<'_> {
    /// f with respect to dx at a point, up to a constant.
    pub fn log(&self, point: &Lifted) -> f64 {
        -self.loss.value(&point.theta) / self.temperature - point.half_log_det
    }

    /// ∇ₓf at a point, of length r.
    ///
    /// # Errors
    /// [`GeometryError::Linalg`] where J has no inverse.
    pub fn gradient(&self, point: &Lifted) -> Result<Vec<f64>, GeometryError> {
        let section = self.level.section(point)?;
        let volume = self.level.volume_gradient(point, &section);
        let slope = self.loss.gradient(&point.theta);
        let along: Vec<f64> = slope.iter().zip(volume).map(|(l, v)| -l / self.temperature - v).collect();
        Ok(section.transpose_mul_vec(&along))
    }
}
