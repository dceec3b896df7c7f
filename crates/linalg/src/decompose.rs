//! Decompositions and solves; thin wrappers that check shapes and finiteness at the door.

use crate::{LinalgError, Matrix};
use faer::Side;
use faer::linalg::solvers::{DenseSolveCore, Solve};

/// M = U diag(σ) Vᵀ, thin; σ descending.
#[derive(Clone, Debug)]
pub struct Svd {
    /// rows × min(rows, columns), orthonormal columns.
    pub u: Matrix,
    /// Singular values, descending.
    pub singular_values: Vec<f64>,
    /// columns × min(rows, columns), orthonormal columns.
    pub v: Matrix,
}

/// M = V diag(λ) Vᵀ for a symmetric M; λ ascending.
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Eigenvectors as columns.
    pub vectors: Matrix,
}

/// M = QR, thin; the diagonal of R is not negative.
#[derive(Clone, Debug)]
pub struct Qr {
    /// rows × min(rows, columns), orthonormal columns.
    pub q: Matrix,
    /// min(rows, columns) × columns, upper triangular.
    pub r: Matrix,
}

pub(crate) fn require_finite(operation: &'static str, matrix: &Matrix) -> Result<(), LinalgError> {
    let count = matrix.data().iter().filter(|x| !x.is_finite()).count();
    let total = matrix.data().len();
    if count == 0 { Ok(()) } else { Err(LinalgError::NotFinite { operation, count, total }) }
}

pub(crate) fn require_square(operation: &'static str, matrix: &Matrix) -> Result<usize, LinalgError> {
    require_finite(operation, matrix)?;
    if matrix.rows() == matrix.columns() {
        return Ok(matrix.rows());
    }
    Err(LinalgError::Shape {
        operation,
        found_rows: matrix.rows(),
        found_columns: matrix.columns(),
        expected: "a square matrix".to_owned(),
    })
}

fn no_convergence(operation: &'static str, matrix: &Matrix) -> LinalgError {
    LinalgError::NoConvergence { operation, rows: matrix.rows(), columns: matrix.columns() }
}

/// Attempts at a singular value decomposition; each after the first reflects the columns at another plane.
const ATTEMPTS: usize = 4;

/// Thin singular value decomposition.
pub fn svd(matrix: &Matrix) -> Result<Svd, LinalgError> {
    require_finite("svd", matrix)?;
    for attempt in 0..ATTEMPTS {
        let (reflected, normal) = reflected(matrix, attempt);
        let Ok(thin) = reflected.as_faer().thin_svd() else {
            continue;
        };
        let values = thin.S().column_vector();
        let v = Matrix::from_faer(thin.V());
        return Ok(Svd {
            u: Matrix::from_faer(thin.U()),
            singular_values: (0..values.nrows()).map(|i| values[i]).collect(),
            v: if attempt == 0 { v } else { reflect_columns(&v.transpose(), &normal).transpose() },
        });
    }
    Err(no_convergence("svd", matrix))
}

/// Singular values, descending; min(rows, columns) of them.
pub fn svdvals(matrix: &Matrix) -> Result<Vec<f64>, LinalgError> {
    require_finite("svdvals", matrix)?;
    let values = |attempt| reflected(matrix, attempt).0.as_faer().singular_values().ok();
    (0..ATTEMPTS).find_map(values).ok_or_else(|| no_convergence("svdvals", matrix))
}

/// Singular values, descending, of a matrix that may fall into blocks: rows that share no non-zero column with others are
/// decomposed apart. As many as the blocks have, min(rows, columns) of each; what is left out is zero.
pub fn block_svdvals(matrix: &Matrix) -> Result<Vec<f64>, LinalgError> {
    require_finite("block_svdvals", matrix)?;
    let mut root: Vec<usize> = (0..matrix.columns()).collect();
    let used = |i: usize| (0..matrix.columns()).filter(move |&j| matrix[(i, j)] != 0.0);
    for i in 0..matrix.rows() {
        let mut columns = used(i);
        if let Some(first) = columns.next() {
            columns.for_each(|j| unite(&mut root, first, j));
        }
    }
    let mut blocks: Vec<(Vec<usize>, Vec<usize>)> = vec![(Vec::new(), Vec::new()); matrix.columns()];
    (0..matrix.columns()).for_each(|j| blocks[find(&mut root, j)].1.push(j));
    for i in 0..matrix.rows() {
        if let Some(first) = used(i).next() {
            blocks[find(&mut root, first)].0.push(i);
        }
    }
    let mut values = Vec::new();
    for (rows, columns) in blocks.iter().filter(|(rows, _)| !rows.is_empty()) {
        values.extend(svdvals(&matrix.submatrix(rows, columns))?);
    }
    values.sort_by(|a, b| b.total_cmp(a));
    Ok(values)
}

fn find(root: &mut [usize], mut a: usize) -> usize {
    while root[a] != a {
        root[a] = root[root[a]];
        a = root[a];
    }
    a
}

fn unite(root: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(root, a), find(root, b));
    root[a.max(b)] = a.min(b);
}

/// The iteration of the library stalls on rare matrices with many equal singular values in separate blocks. A
/// reflection x ↦ x − 2(x·n)n of the columns keeps the singular values and mixes the blocks; attempt 0 is the matrix.
fn reflected(matrix: &Matrix, attempt: usize) -> (Matrix, Vec<f64>) {
    if attempt == 0 {
        return (matrix.clone(), Vec::new());
    }
    let entry = |j: usize| (1.0 + (attempt + 3 * j) as f64 * 0.618_033_988_749_895).sin() + 0.1;
    let normal: Vec<f64> = (0..matrix.columns()).map(entry).collect();
    let length = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
    let normal: Vec<f64> = normal.into_iter().map(|x| x / length).collect();
    (reflect_columns(matrix, &normal), normal)
}

fn reflect_columns(matrix: &Matrix, normal: &[f64]) -> Matrix {
    let along = matrix.mul_vec(normal);
    Matrix::from_fn(matrix.rows(), matrix.columns(), |i, j| matrix[(i, j)] - 2.0 * along[i] * normal[j])
}

/// Eigenvalues and eigenvectors of a symmetric matrix (the lower triangle is read).
pub fn symmetric_eigen(matrix: &Matrix) -> Result<SymmetricEigen, LinalgError> {
    require_square("symmetric eigen", matrix)?;
    let eigen =
        matrix.as_faer().self_adjoint_eigen(Side::Lower).map_err(|_| no_convergence("symmetric eigen", matrix))?;
    let values = eigen.S().column_vector();
    Ok(SymmetricEigen {
        values: (0..values.nrows()).map(|i| values[i]).collect(),
        vectors: Matrix::from_faer(eigen.U()),
    })
}

/// Eigenvalues of a symmetric matrix, ascending (the lower triangle is read).
pub fn eigvalsh(matrix: &Matrix) -> Result<Vec<f64>, LinalgError> {
    require_square("eigvalsh", matrix)?;
    matrix.as_faer().self_adjoint_eigenvalues(Side::Lower).map_err(|_| no_convergence("eigvalsh", matrix))
}

/// Thin QR with a diagonal of R that is not negative, so that the factors are unique.
pub fn qr(matrix: &Matrix) -> Result<Qr, LinalgError> {
    require_finite("qr", matrix)?;
    let factored = matrix.as_faer().qr();
    let mut q = Matrix::from_faer(factored.compute_thin_Q().as_ref());
    let mut r = Matrix::from_faer(factored.thin_R());
    for k in 0..r.rows() {
        if r[(k, k)] < 0.0 {
            r.row_mut(k).iter_mut().for_each(|x| *x = -*x);
            (0..q.rows()).for_each(|i| q[(i, k)] = -q[(i, k)]);
        }
    }
    Ok(Qr { q, r })
}

/// Determinant of a square matrix.
pub fn det(matrix: &Matrix) -> Result<f64, LinalgError> {
    let size = require_square("det", matrix)?;
    if size == 0 {
        return Ok(1.0);
    }
    let found = matrix.as_faer().determinant();
    // A column of zeros below the diagonal makes the library divide by a pivot of zero.
    Ok(if found.is_nan() { eliminated(matrix) } else { found })
}

/// Determinant by elimination with the largest pivot of each column; without any the matrix is singular.
fn eliminated(matrix: &Matrix) -> f64 {
    let size = matrix.rows();
    let mut rows: Vec<Vec<f64>> = (0..size).map(|i| (0..size).map(|j| matrix[(i, j)]).collect()).collect();
    let mut found = 1.0;
    for column in 0..size {
        let largest = (column..size).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()));
        let largest = largest.expect("a column has at least its diagonal");
        if rows[largest][column] == 0.0 {
            return 0.0;
        }
        if largest != column {
            rows.swap(largest, column);
            found = -found;
        }
        found *= rows[column][column];
        let (above, below) = rows.split_at_mut(column + 1);
        let pivot = &above[column];
        for row in below {
            let share = row[column] / pivot[column];
            row.iter_mut().zip(pivot).skip(column).for_each(|(x, p)| *x -= share * p);
        }
    }
    found
}

/// Inverse of a square matrix; refused below a reciprocal condition of 1e-15.
pub fn inv(matrix: &Matrix) -> Result<Matrix, LinalgError> {
    let size = require_square("inv", matrix)?;
    if size == 0 {
        return Ok(matrix.clone());
    }
    let values = svdvals(matrix)?;
    let reciprocal_condition = values[size - 1] / values[0];
    if reciprocal_condition.is_nan() || reciprocal_condition < 1e-15 {
        let reciprocal_condition = if values[0] > 0.0 { reciprocal_condition } else { 0.0 };
        return Err(LinalgError::Singular { operation: "inv", reciprocal_condition });
    }
    let inverse = matrix.as_faer().partial_piv_lu().inverse();
    Ok(Matrix::from_faer(inverse.as_ref()))
}

/// X with M X = B for a symmetric positive definite M.
pub fn cholesky_solve(matrix: &Matrix, right: &Matrix) -> Result<Matrix, LinalgError> {
    let size = require_square("cholesky_solve", matrix)?;
    require_finite("cholesky_solve", right)?;
    if right.rows() != size {
        return Err(LinalgError::Shape {
            operation: "cholesky_solve",
            found_rows: right.rows(),
            found_columns: right.columns(),
            expected: format!("{size} rows on the right-hand side"),
        });
    }
    let factor = matrix.as_faer().llt(Side::Lower).map_err(|_| LinalgError::NotPositiveDefinite { size })?;
    Ok(Matrix::from_faer(factor.solve(right.as_faer().to_owned()).as_ref()))
}

/// Moore–Penrose inverse; singular values at most `relative_cutoff` times the largest count as zero.
pub fn pseudo_inverse(matrix: &Matrix, relative_cutoff: f64) -> Result<Matrix, LinalgError> {
    let Svd { u, singular_values, v } = svd(matrix)?;
    let rank = rank_of(&singular_values, relative_cutoff);
    let scaled = Matrix::from_fn(v.rows(), rank, |i, j| v[(i, j)] / singular_values[j]);
    Ok(scaled.matmul(&u.column_range(0..rank).transpose()))
}

/// The x of least norm among those that minimise |Mx − y|; `relative_cutoff` as in [`pseudo_inverse`].
pub fn least_squares(matrix: &Matrix, right: &[f64], relative_cutoff: f64) -> Result<Vec<f64>, LinalgError> {
    if right.len() != matrix.rows() {
        return Err(LinalgError::Shape {
            operation: "least_squares",
            found_rows: matrix.rows(),
            found_columns: matrix.columns(),
            expected: format!("{} rows, as the right-hand side has", right.len()),
        });
    }
    let Svd { u, singular_values, v } = svd(matrix)?;
    let rank = rank_of(&singular_values, relative_cutoff);
    let mut coefficients = u.transpose_mul_vec(right);
    coefficients.truncate(rank);
    for (c, s) in coefficients.iter_mut().zip(&singular_values) {
        *c /= s;
    }
    Ok(v.column_range(0..rank).mul_vec(&coefficients))
}

/// Number of singular values above `relative_cutoff` times the largest.
pub fn relative_rank(matrix: &Matrix, relative_cutoff: f64) -> Result<usize, LinalgError> {
    Ok(rank_of(&svdvals(matrix)?, relative_cutoff))
}

fn rank_of(descending: &[f64], relative_cutoff: f64) -> usize {
    let Some(&largest) = descending.first() else {
        return 0;
    };
    descending.iter().take_while(|&&s| s > 0.0 && s > relative_cutoff * largest).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_singular_values_of_the_whole() {
        // Two blocks, interleaved, a zero row and a zero column.
        let entry =
            |i: usize, j: usize| if i == 4 || j == 3 || i % 2 != j % 2 { 0.0 } else { ((5 * i + 3 * j) as f64).cos() };
        let matrix = Matrix::from_fn(7, 8, entry);
        let (whole, blocks) = (svdvals(&matrix).unwrap(), block_svdvals(&matrix).unwrap());
        assert!(blocks.len() < whole.len());
        for (at, value) in whole.iter().enumerate() {
            assert!((value - blocks.get(at).copied().unwrap_or(0.0)).abs() < 1e-14);
        }
    }

    #[test]
    fn a_reflection_keeps_singular_values_and_gives_the_vectors_back() {
        let matrix = Matrix::from_fn(5, 4, |i, j| ((3 * i + 7 * j) as f64).sin());
        let plain = svd(&matrix).unwrap();
        for attempt in 1..ATTEMPTS {
            let (mixed, normal) = reflected(&matrix, attempt);
            let other = svd(&mixed).unwrap();
            for (a, b) in plain.singular_values.iter().zip(&other.singular_values) {
                assert!((a - b).abs() < 1e-13);
            }
            let v = reflect_columns(&other.v.transpose(), &normal).transpose();
            let back = other.u.matmul(&Matrix::from_diagonal(&other.singular_values)).matmul(&v.transpose());
            assert!(back.add_scaled(-1.0, &matrix).max_abs() < 1e-13, "attempt {attempt}");
        }
    }
}
