//! Without noise: on a level of the charges ẇ = −JJᵀ∇ℓ, a mirror flow wherever (JJᵀ)⁻¹ is a Hessian ∇²φ.
//!
//! ```text
//! one coordinate:  φ'' = 1/|J|², always;  with arc length s, φ' = ∫ ds/|J| and φ = ∫ φ' |J| ds
//! several:         ∂_k (JJᵀ)⁻¹_ij is symmetric in all three indices; its largest asymmetry is the defect
//! ```

use super::Trace;
use super::level::{Level, Lifted};
use crate::GeometryError;
use gaugebias_linalg::{Matrix, inv};

impl Trace<'_> {
    /// The mirror potential φ at the nodes, zero with its derivative at the node that is nearest to the start.
    ///
    /// # Errors
    /// [`GeometryError::NotFinite`].
    pub fn mirror_potential(&self) -> Result<Vec<f64>, GeometryError> {
        let lengths: Vec<f64> = self.squared_gradients()?.iter().map(|square| square.sqrt()).collect();
        let s = &self.grid.arc_length;
        let origin = s.partition_point(|s| *s < 0.0).min(s.len() - 1);
        let inverse: Vec<f64> = lengths.iter().map(|length| 1.0 / length).collect();
        let slope = integral(s, &inverse, origin);
        let change: Vec<f64> = slope.iter().zip(&lengths).map(|(slope, length)| slope * length).collect();
        Ok(integral(s, &change, origin))
    }
}

/// ∫ f ds from node `origin` to every node, by the trapezoidal rule.
fn integral(s: &[f64], f: &[f64], origin: usize) -> Vec<f64> {
    let mut sums = vec![0.0; s.len()];
    for i in 1..s.len() {
        sums[i] = sums[i - 1] + 0.5 * (f[i] + f[i - 1]) * (s[i] - s[i - 1]);
    }
    let at_origin = sums[origin];
    sums.iter_mut().for_each(|x| *x -= at_origin);
    sums
}

/// Largest asymmetry of ∂_k (JJᵀ)⁻¹_ij over its largest entry: 0 for a mirror flow, and where JJᵀ does not change.
///
/// # Errors
/// [`GeometryError`] of the level; [`GeometryError::NotFinite`] next to a singular stratum.
pub fn mirror_defect(level: &Level<'_>, at: &Lifted) -> Result<f64, GeometryError> {
    let n = level.dimension();
    let h = 1e-4 * at.half_log_det.exp().powf(1.0 / n as f64).clamp(1e-6, 1e3);
    let metric = |k: usize, by: f64| -> Result<Matrix, GeometryError> {
        let mut target = at.coordinates.clone();
        target[k] += by;
        let lifted = level.lift(at, &target)?.ok_or(GeometryError::NotFinite { what: "the metric of the level" })?;
        Ok(inv(&lifted.jacobian.transpose().gram())?)
    };
    let slopes = (0..n)
        .map(|k| Ok(metric(k, h)?.add_scaled(-1.0, &metric(k, -h)?).scaled(0.5 / h)))
        .collect::<Result<Vec<Matrix>, GeometryError>>()?;
    let (mut largest, mut defect) = (0.0_f64, 0.0_f64);
    for (k, i, j) in (0..n * n * n).map(|at| (at / (n * n), at / n % n, at % n)) {
        largest = largest.max(slopes[k][(i, j)].abs());
        defect = defect.max((slopes[k][(i, j)] - slopes[i][(k, j)]).abs());
    }
    // Differences of a metric that does not change are rounding.
    let rounding = 1e-9 * inv(&at.jacobian.transpose().gram())?.max_abs() / h;
    Ok(if largest <= rounding { 0.0 } else { defect / largest })
}
