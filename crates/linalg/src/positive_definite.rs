//! Symmetric positive definite matrices: inverse, log determinant and condition, from one Cholesky factorisation.
//!
//! Rows and columns are scaled to a unit diagonal first, which brings the condition within a factor of the size of the
//! best that any scaling gives (van der Sluis 1969). Small matrices go through plain loops over contiguous rows: at the
//! sizes of the Gram matrix of a few generators, a library's blocking and its buffers cost more than the arithmetic.
//! Rejected: one solve for every right-hand side; where there are more of them than rows, the inverse is cheaper.

use crate::decompose::require_square;
use crate::{LinalgError, Matrix};
use faer::Side;
use faer::linalg::solvers::DenseSolveCore;

/// Up to this size plain loops are faster than the library.
const SMALL: usize = 48;

/// M⁻¹ and what the factorisation tells beside it.
#[derive(Clone, Debug)]
pub struct PositiveDefiniteInverse {
    /// M⁻¹, exactly symmetric.
    pub inverse: Matrix,
    /// log det M.
    pub log_det: f64,
    /// ‖S‖₁ ‖S⁻¹‖₁ of the scaled matrix S; the relative error of the inverse is about this times the rounding unit.
    pub condition: f64,
}

/// Inverse of a symmetric positive definite matrix (the lower triangle is read).
///
/// # Errors
/// [`LinalgError::NotPositiveDefinite`] where a pivot is not positive, and the checks of shape and finiteness.
pub fn inverse_positive_definite(matrix: &Matrix) -> Result<PositiveDefiniteInverse, LinalgError> {
    let size = require_square("inverse of a positive definite matrix", matrix)?;
    if size == 1 && matrix[(0, 0)] > 0.0 {
        let inverse = Matrix::from_row_major(1, 1, vec![1.0 / matrix[(0, 0)]]);
        return Ok(PositiveDefiniteInverse { inverse, log_det: matrix[(0, 0)].ln(), condition: 1.0 });
    }
    let (scaled, scales) = unit_diagonal(matrix)?;
    let (mut inverse, log_det) = if size <= SMALL { small_inverse(&scaled)? } else { large_inverse(&scaled)? };
    let condition = one_norm(&scaled) * one_norm(&inverse);
    for i in 0..size {
        let row = inverse.row_mut(i);
        row.iter_mut().zip(&scales).for_each(|(x, s)| *x *= s * scales[i]);
    }
    let log_det = log_det - 2.0 * scales.iter().map(|s| s.ln()).sum::<f64>();
    Ok(PositiveDefiniteInverse { inverse, log_det, condition })
}

/// A log determinant, and how near the matrix is to a singular one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositiveDefiniteLogDet {
    /// log det M.
    pub value: f64,
    /// Smallest pivot of the scaled matrix, in (0, 1]: what the most dependent row adds to those before it, squared.
    pub smallest_pivot: f64,
}

/// log det of a symmetric positive definite matrix (the lower triangle is read), without its inverse.
///
/// # Errors
/// As [`inverse_positive_definite`].
pub fn log_det_positive_definite(matrix: &Matrix) -> Result<PositiveDefiniteLogDet, LinalgError> {
    let size = require_square("log det of a positive definite matrix", matrix)?;
    let (scaled, scales) = unit_diagonal(matrix)?;
    let factor = scaled.as_faer().llt(Side::Lower).map_err(|_| LinalgError::NotPositiveDefinite { size })?;
    let lower = factor.L();
    let pivots = (0..size).map(|i| lower[(i, i)] * lower[(i, i)]);
    Ok(PositiveDefiniteLogDet {
        value: pivots.clone().map(f64::ln).sum::<f64>() - 2.0 * scales.iter().map(|s| s.ln()).sum::<f64>(),
        smallest_pivot: pivots.fold(1.0, f64::min),
    })
}

/// D M D with unit diagonal, and D.
fn unit_diagonal(matrix: &Matrix) -> Result<(Matrix, Vec<f64>), LinalgError> {
    let size = matrix.rows();
    let mut scales = Vec::with_capacity(size);
    for i in 0..size {
        if matrix[(i, i)] <= 0.0 {
            return Err(LinalgError::NotPositiveDefinite { size });
        }
        scales.push(1.0 / matrix[(i, i)].sqrt());
    }
    let mut scaled = matrix.clone();
    for i in 0..size {
        scaled.row_mut(i).iter_mut().zip(&scales).for_each(|(x, s)| *x *= s * scales[i]);
    }
    Ok((scaled, scales))
}

/// Largest absolute sum of a row, which is that of a column.
fn one_norm(symmetric: &Matrix) -> f64 {
    (0..symmetric.rows()).map(|i| symmetric.row(i).iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max)
}

fn large_inverse(matrix: &Matrix) -> Result<(Matrix, f64), LinalgError> {
    let size = matrix.rows();
    let factor = matrix.as_faer().llt(Side::Lower).map_err(|_| LinalgError::NotPositiveDefinite { size })?;
    let lower = factor.L();
    let log_det = 2.0 * (0..size).map(|i| lower[(i, i)].ln()).sum::<f64>();
    let inverse = factor.inverse();
    Ok((Matrix::from_fn(size, size, |i, j| 0.5 * (inverse[(i, j)] + inverse[(j, i)])), log_det))
}

/// Every inner loop adds a multiple of one row's start to another's.
fn small_inverse(matrix: &Matrix) -> Result<(Matrix, f64), LinalgError> {
    let size = matrix.rows();
    let mut lower = matrix.clone().into_data();
    let mut column = vec![0.0; size];
    let mut log_det = 0.0;
    for j in 0..size {
        let pivot = lower[j * size + j];
        if pivot.is_nan() || pivot <= 0.0 {
            return Err(LinalgError::NotPositiveDefinite { size });
        }
        log_det += pivot.ln();
        let root = pivot.sqrt();
        lower[j * size + j] = root;
        for i in j + 1..size {
            let factor = lower[i * size + j] / root;
            lower[i * size + j] = factor;
            column[i] = factor;
            subtract(&mut lower[i * size + j + 1..=i * size + i], factor, &column[j + 1..=i]);
        }
    }
    // L⁻¹, row by row.
    let mut reciprocal = vec![0.0; size * size];
    for i in 0..size {
        let (done, rest) = reciprocal.split_at_mut(i * size);
        let row = &mut rest[..=i];
        row[i] = 1.0;
        for j in 0..i {
            subtract(&mut row[..=j], lower[i * size + j], &done[j * size..=j * size + j]);
        }
        let pivot = lower[i * size + i];
        row.iter_mut().for_each(|x| *x /= pivot);
    }
    // L⁻ᵀL⁻¹ in the place of L.
    let mut inverse = lower;
    inverse.iter_mut().for_each(|x| *x = 0.0);
    for c in 0..size {
        let row = &reciprocal[c * size..=c * size + c];
        for (a, &factor) in row.iter().enumerate() {
            subtract(&mut inverse[a * size..=a * size + a], -factor, &row[..=a]);
        }
    }
    for a in 0..size {
        for b in 0..a {
            inverse[b * size + a] = inverse[a * size + b];
        }
    }
    Ok((Matrix::from_row_major(size, size, inverse), log_det))
}

fn subtract(target: &mut [f64], factor: f64, source: &[f64]) {
    target.iter_mut().zip(source).for_each(|(x, y)| *x -= factor * y);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positive_definite(size: usize) -> Matrix {
        let entry = |i: usize, j: usize| (1.3 * (i * i) as f64 + 0.7 * (i * j * j) as f64 + j as f64).sin();
        let columns = Matrix::from_fn(size + 9, size, |i, j| entry(i, j) * 10f64.powi(j as i32 % 5));
        columns.gram()
    }

    #[test]
    fn the_inverse_undoes_the_matrix_at_sizes_of_both_kinds() {
        for size in [1, 2, 7, SMALL, SMALL + 1, 70] {
            let matrix = positive_definite(size);
            let found = inverse_positive_definite(&matrix).unwrap();
            // Scaled as the matrix itself is: entries of the product are compared in units of its columns.
            for i in 0..size {
                for j in 0..size {
                    let entry: f64 = (0..size).map(|c| matrix[(i, c)] * found.inverse[(c, j)]).sum();
                    let unit = (matrix[(i, i)] * found.inverse[(j, j)]).sqrt();
                    let expected = f64::from(u8::from(i == j));
                    assert!((entry - expected).abs() <= 1e-15 * found.condition * unit, "{size}: ({i}, {j}) {entry}");
                }
            }
            let log_det: f64 = crate::eigvalsh(&matrix).unwrap().iter().map(|x| x.ln()).sum();
            assert!((found.log_det - log_det).abs() < 1e-6 * (1.0 + log_det.abs()), "{size}");
            let alone = log_det_positive_definite(&matrix).unwrap();
            assert!((found.log_det - alone.value).abs() < 1e-9 * (1.0 + alone.value.abs()), "{size}");
            assert!(alone.smallest_pivot > 0.0 && alone.smallest_pivot <= 1.0, "{}", alone.smallest_pivot);
        }
    }

    #[test]
    fn a_singular_matrix_is_refused_or_has_a_condition_that_says_so() {
        for size in [3, SMALL + 3] {
            let columns = Matrix::from_fn(2, size, |i, j| ((i + 3 * j) as f64).cos());
            match inverse_positive_definite(&columns.gram()) {
                Ok(found) => assert!(found.condition > 1e12, "{}", found.condition),
                Err(error) => assert_eq!(error, LinalgError::NotPositiveDefinite { size }),
            }
        }
        let zero = Matrix::zeros(2, 2);
        assert!(inverse_positive_definite(&zero).is_err() && log_det_positive_definite(&zero).is_err());
    }
}
