//! Null space of a tall matrix, with a relative rank decision that is allowed to say "undecided".
//!
//! Rows are normalised, because rows of very different length hide singular values (a factor of 20 in the
//! gap of a sixfold product). Columns are equilibrated, because unknowns of different unit otherwise pass for
//! zero. Rejected: the eigenvalues of the Gram matrix. They are faster, but their floor is at 1e-8.

use crate::decompose::require_finite;
use crate::inverse_iteration::smallest_right_singular;
use crate::{LinalgError, Matrix, qr, svd};

/// How the rank is decided.
#[derive(Clone, Debug)]
pub struct NullSpaceParams {
    /// Relative singular values at least this large count as non-zero.
    pub kept_floor: f64,
    /// Relative singular values at most this large count as zero.
    pub dropped_ceiling: f64,
    /// Rows shorter than this times the longest are rounding noise and are dropped.
    pub row_floor: f64,
    /// Up to this many columns a full SVD is taken, beyond it QR and inverse iteration.
    pub direct_limit: usize,
}

impl Default for NullSpaceParams {
    fn default() -> Self {
        Self { kept_floor: 1e-6, dropped_ceiling: 1e-11, row_floor: 1e-4, direct_limit: 600 }
    }
}

/// Which algorithm found the null space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullSpaceMethod {
    /// Full singular value decomposition.
    Svd,
    /// QR, then inverse subspace iteration on R.
    InverseIteration,
}

/// The numbers behind the decision.
#[derive(Clone, Debug)]
pub struct NullSpaceInfo {
    /// Rows used, after the short ones were dropped.
    pub rows_used: usize,
    /// Rows dropped as rounding noise.
    pub rows_dropped: usize,
    /// Columns minus nullity.
    pub rank: usize,
    /// Smallest singular value kept, relative to the largest; by inverse iteration a sharp bound from above. 1 at rank 0.
    pub last_kept: f64,
    /// Largest singular value dropped, relative to the largest; `None` when the null space is {0}.
    pub first_dropped: Option<f64>,
    /// The algorithm.
    pub method: NullSpaceMethod,
}

impl NullSpaceInfo {
    /// last kept / first dropped, the latter not below the rounding unit; `None` when nothing was dropped.
    pub fn gap(&self) -> Option<f64> {
        self.first_dropped.map(|d| self.last_kept / d.max(f64::EPSILON))
    }
}

/// An orthonormal basis of the null space and the numbers behind it.
#[derive(Clone, Debug)]
pub struct NullSpace {
    /// columns × nullity, orthonormal columns.
    pub basis: Matrix,
    /// Quality of the decision.
    pub info: NullSpaceInfo,
}

/// {x : Mx = 0}, with M's rows normalised and columns equilibrated.
///
/// # Errors
/// [`LinalgError::NoGap`] when a relative singular value lies between ceiling and floor;
/// [`LinalgError::NotFinite`] on infinities and NaN.
pub fn null_space(matrix: &Matrix, params: &NullSpaceParams) -> Result<NullSpace, LinalgError> {
    require_finite("null space", matrix)?;
    let columns = matrix.columns();
    let (mut prepared, rows_dropped) = normalised_rows(matrix, params.row_floor);
    let scales = equilibrate_columns(&mut prepared);
    let rows_used = prepared.rows();
    if rows_used == 0 {
        let info = NullSpaceInfo {
            rows_used,
            rows_dropped,
            rank: 0,
            last_kept: 1.0,
            first_dropped: (columns > 0).then_some(0.0),
            method: NullSpaceMethod::Svd,
        };
        return Ok(NullSpace { basis: Matrix::identity(columns), info });
    }
    let method = if columns <= params.direct_limit { NullSpaceMethod::Svd } else { NullSpaceMethod::InverseIteration };
    let smallest = match method {
        NullSpaceMethod::Svd => full_right_singular(prepared)?,
        NullSpaceMethod::InverseIteration => smallest_right_singular(prepared, params.kept_floor)?,
    };
    let nullity = decide(&smallest.values, params)?;
    let info = NullSpaceInfo {
        rows_used,
        rows_dropped,
        rank: columns - nullity,
        last_kept: smallest.values.get(nullity).copied().unwrap_or(1.0),
        first_dropped: nullity.checked_sub(1).map(|i| smallest.values[i]),
        method,
    };
    let unscaled = Matrix::from_fn(columns, nullity, |i, j| smallest.vectors[(i, j)] / scales[i]);
    Ok(NullSpace { basis: qr(&unscaled)?.q, info })
}

/// Right singular vectors of the smallest singular values; both ascending, values relative to the largest.
pub(crate) struct SmallestSingular {
    pub values: Vec<f64>,
    pub vectors: Matrix,
}

fn decide(ascending: &[f64], params: &NullSpaceParams) -> Result<usize, LinalgError> {
    let dropped = |&s: &f64| s <= params.dropped_ceiling;
    let kept = |&s: &f64| s >= params.kept_floor;
    match ascending.iter().find(|s| !dropped(s) && !kept(s)) {
        None => Ok(ascending.iter().filter(|s| dropped(s)).count()),
        Some(&value) => Err(LinalgError::NoGap {
            value,
            kept_floor: params.kept_floor,
            dropped_ceiling: params.dropped_ceiling,
            clear_kept: ascending.iter().filter(|s| kept(s)).count(),
            clear_dropped: ascending.iter().filter(|s| dropped(s)).count(),
        }),
    }
}

fn normalised_rows(matrix: &Matrix, row_floor: f64) -> (Matrix, usize) {
    let norm = |row: &[f64]| {
        // Scaled by the largest entry, so that squares neither overflow nor vanish.
        let largest = row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        if largest == 0.0 {
            return 0.0;
        }
        largest * row.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
    };
    let norms: Vec<f64> = (0..matrix.rows()).map(|i| norm(matrix.row(i))).collect();
    let longest = norms.iter().copied().fold(0.0, f64::max);
    let mut data = Vec::with_capacity(matrix.data().len());
    let mut used = 0;
    for (i, &length) in norms.iter().enumerate() {
        if length > 0.0 && length >= row_floor * longest {
            data.extend(matrix.row(i).iter().map(|x| x / length));
            used += 1;
        }
    }
    (Matrix::from_row_major(used, matrix.columns(), data), matrix.rows() - used)
}

/// Scales columns to unit length; a zero column (an unknown that no row sees) keeps scale 1.
fn equilibrate_columns(matrix: &mut Matrix) -> Vec<f64> {
    let mut squares = vec![0.0; matrix.columns()];
    for i in 0..matrix.rows() {
        squares.iter_mut().zip(matrix.row(i)).for_each(|(s, x)| *s += x * x);
    }
    let scales: Vec<f64> = squares.iter().map(|s| if *s > 0.0 { s.sqrt() } else { 1.0 }).collect();
    for i in 0..matrix.rows() {
        matrix.row_mut(i).iter_mut().zip(&scales).for_each(|(x, s)| *x /= s);
    }
    scales
}

fn full_right_singular(mut matrix: Matrix) -> Result<SmallestSingular, LinalgError> {
    let columns = matrix.columns();
    if matrix.rows() < columns {
        // Zero rows change no singular value and make the thin factor complete.
        let missing = columns - matrix.rows();
        let rows = matrix.rows() + missing;
        let mut data = matrix.into_data();
        data.resize(rows * columns, 0.0);
        matrix = Matrix::from_row_major(rows, columns, data);
    } else if matrix.rows() > 2 * columns {
        matrix = qr(&matrix)?.r;
    }
    let decomposition = svd(&matrix)?;
    let largest = decomposition.singular_values[0];
    Ok(SmallestSingular {
        values: decomposition.singular_values.iter().rev().map(|s| s / largest).collect(),
        vectors: Matrix::from_fn(columns, columns, |i, j| decomposition.v[(i, columns - 1 - j)]),
    })
}
