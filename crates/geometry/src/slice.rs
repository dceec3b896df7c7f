//! Whether horizontal noise leaves the balanced slice where it is.

use crate::GeometryError;
use crate::orbit::{RANK_CUTOFF, fields};
use gaugebias_linalg::{Matrix, svd};
use gaugebias_symmetry::{Generator, Symmetries};

/// Largest |tr(A P_H)| over the symmetric elements A, P_H the projector on the complement of the orbit. Under
/// horizontal noise of temperature τ the charge of A drifts by τ tr(A P_H); the slice is invariant where this is zero
/// at every balanced point, and the horizontal law on the slice is exact there. 0 without symmetric elements.
pub fn slice_drift(symmetries: &Symmetries, theta: &[f64]) -> Result<f64, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(0.0);
    }
    let basis = vertical_basis(&fields(&symmetries.generators, theta))?;
    let drift = |generator: &Generator| {
        let vertical: f64 = (0..basis.columns())
            .map(|j| {
                let e = basis.column(j);
                generator.apply_linear(&e).iter().zip(&e).map(|(a, b)| a * b).sum::<f64>()
            })
            .sum();
        (generator.linear().trace() - vertical).abs()
    };
    Ok(symmetries.charges.iter().map(|c| drift(c.generator())).fold(0.0, f64::max))
}

/// Orthonormal basis of the span of the fields.
fn vertical_basis(columns: &Matrix) -> Result<Matrix, GeometryError> {
    let s = svd(columns)?;
    let largest = s.singular_values[0];
    let rank = s.singular_values.iter().take_while(|&&x| x > RANK_CUTOFF * largest).count();
    Ok(s.u.column_range(0..rank))
}
