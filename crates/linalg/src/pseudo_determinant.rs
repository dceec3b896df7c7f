//! Logarithm of the product of the non-zero eigenvalues of a Gram matrix.

use crate::{LinalgError, Matrix, eigvalsh};

/// A log pseudo-determinant and the eigenvalues on both sides of the cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogPseudoDet {
    /// Sum of the logarithms of the `rank` largest eigenvalues; −∞ when one of them is not positive.
    pub value: f64,
    /// How many eigenvalues were taken.
    pub rank: usize,
    /// Smallest eigenvalue taken, relative to the largest (1 when none is taken).
    pub last_kept: f64,
    /// Largest eigenvalue left out, relative to the largest (0 when none is left out).
    pub first_dropped: f64,
}

/// log of the product of the `rank` largest eigenvalues of a symmetric positive semidefinite matrix.
/// At full rank this is the log determinant. The caller states the rank: it is a property of the orbit,
/// not of one matrix.
pub fn log_pseudo_det(gram: &Matrix, rank: usize) -> Result<LogPseudoDet, LinalgError> {
    if rank > gram.rows() {
        return Err(LinalgError::Shape {
            operation: "log_pseudo_det",
            found_rows: gram.rows(),
            found_columns: gram.columns(),
            expected: format!("at least {rank} rows"),
        });
    }
    let mut values = eigvalsh(gram)?;
    values.reverse();
    let largest = values.first().copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
    let log = |&x: &f64| {
        if x > 0.0 { x.ln() } else { f64::NEG_INFINITY }
    };
    Ok(LogPseudoDet {
        value: values[..rank].iter().map(log).sum(),
        rank,
        last_kept: rank.checked_sub(1).map_or(1.0, |i| values[i] / largest),
        first_dropped: values.get(rank).map_or(0.0, |x| x.max(0.0) / largest),
    })
}
