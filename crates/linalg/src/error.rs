//! What can go wrong, with the numbers that show it.

/// Failure of a dense linear-algebra operation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LinalgError {
    /// The shapes do not fit the operation.
    #[error("{operation}: found a {found_rows}×{found_columns} matrix, expected {expected}")]
    Shape {
        /// The operation that was asked for.
        operation: &'static str,
        /// Rows found.
        found_rows: usize,
        /// Columns found.
        found_columns: usize,
        /// What would have fitted.
        expected: String,
    },
    /// The input holds infinities or NaN.
    #[error("{operation}: {count} of {total} entries are not finite; remove them before the decomposition")]
    NotFinite {
        /// The operation that was asked for.
        operation: &'static str,
        /// Number of entries that are not finite.
        count: usize,
        /// Number of entries.
        total: usize,
    },
    /// A square matrix has no inverse to working precision.
    #[error(
        "{operation}: the matrix is singular to working precision (reciprocal condition {reciprocal_condition:.1e})"
    )]
    Singular {
        /// The operation that was asked for.
        operation: &'static str,
        /// Smallest over largest singular value.
        reciprocal_condition: f64,
    },
    /// Cholesky found a pivot that is not positive.
    #[error("Cholesky: the {size}×{size} matrix is not positive definite")]
    NotPositiveDefinite {
        /// Rows of the matrix.
        size: usize,
    },
    /// The iteration inside a decomposition did not converge.
    #[error("{operation}: the iteration did not converge on a {rows}×{columns} matrix")]
    NoConvergence {
        /// The operation that was asked for.
        operation: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// Some singular value is neither clearly zero nor clearly non-zero.
    #[error(
        "null space: relative singular value {value:.2e} lies between {dropped_ceiling:.0e} (zero) and \
         {kept_floor:.0e} (not zero), so the rank is not decided; {clear_kept} values are above and {clear_dropped} below"
    )]
    NoGap {
        /// The undecided singular value, relative to the largest.
        value: f64,
        /// Values at least this large are kept.
        kept_floor: f64,
        /// Values at most this large are dropped.
        dropped_ceiling: f64,
        /// Number of values above the floor (among those computed).
        clear_kept: usize,
        /// Number of values below the ceiling.
        clear_dropped: usize,
    },
}
