//! Whether horizontal noise leaves the balanced slice where it is.

use crate::GeometryError;
use crate::orbit::{RANK_CUTOFF, fields};
use gaugebias_linalg::{Matrix, eigvalsh, svd};
use gaugebias_symmetry::{BasisKind, FactorKind, Generator, Nature, Symmetries};

/// Largest |tr(A P_H)| over the symmetric elements A, P_H the projector on the complement of the orbit. Under
/// horizontal noise of temperature τ the charge of A drifts by τ tr(A P_H); the slice is invariant where this is zero
/// at every balanced point, and the horizontal law on the slice is exact there. 0 without symmetric elements.
///
/// Of a gl factor the elements are the rank-one projectors in every orthonormal frame, that is, the value is the
/// largest eigenvalue of the matrix tr(E_ij P_H). The largest of its entries would depend on the frame, which
/// balancing leaves free.
pub fn slice_drift(symmetries: &Symmetries, theta: &[f64]) -> Result<f64, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(0.0);
    }
    let basis = vertical_basis(&fields(&symmetries.generators, theta))?;
    let mut largest = 0.0_f64;
    if symmetries.basis == BasisKind::Orthonormal {
        for charge in &symmetries.charges {
            largest = largest.max(horizontal_trace(charge.generator(), &basis).abs());
        }
        return Ok(largest);
    }
    for factor in &symmetries.factors {
        let own = &symmetries.generators[factor.generators.clone()];
        let traces = own.iter().map(|g| horizontal_trace(g, &basis));
        if factor.kind == FactorKind::Gl {
            let entries = Matrix::from_row_major(factor.size, factor.size, traces.collect());
            let symmetric = entries.add_scaled(1.0, &entries.transpose()).scaled(0.5);
            largest = eigvalsh(&symmetric)?.iter().fold(largest, |m, x| m.max(x.abs()));
        } else {
            let symmetric = own.iter().zip(traces).filter(|(g, _)| g.nature() == Nature::Symmetric);
            largest = symmetric.fold(largest, |m, (_, trace)| m.max(trace.abs()));
        }
    }
    Ok(largest)
}

/// tr(A P_H) = tr A − Σ eᵀAe over an orthonormal basis of the vertical space.
fn horizontal_trace(generator: &Generator, vertical: &Matrix) -> f64 {
    let along = |j: usize| {
        let e = vertical.column(j);
        generator.apply_linear(&e).iter().zip(&e).map(|(a, b)| a * b).sum::<f64>()
    };
    generator.trace() - (0..vertical.columns()).map(along).sum::<f64>()
}

/// Orthonormal basis of the span of the fields.
fn vertical_basis(columns: &Matrix) -> Result<Matrix, GeometryError> {
    let s = svd(columns)?;
    let largest = s.singular_values[0];
    let rank = s.singular_values.iter().take_while(|&&x| x > RANK_CUTOFF * largest).count();
    Ok(s.u.column_range(0..rank))
}
