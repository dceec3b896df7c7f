//! The commuting part: rescalings, scales, boosts and plane rotations out of a centre.
//!
//! Commuting symmetric matrices share eigenspaces; each generator is a vector of weights, one per eigenspace.
//! The reduced row echelon form of the weights is sparse where the group is a product of independent factors, has
//! pivots 1, and spans the same lattice for any chain of rescalings, so its Gram determinant is canonical.

use crate::factor::FactorKind;
use crate::{SymmetryError, search::orthonormal_matrices};
use gaugebias_linalg::{Matrix, symmetric_eigen};

/// Pivots, off-diagonal entries and weights below this are zero (elements have unit length).
const FLOOR: f64 = 1e-7;

/// Weights this near to a multiple of 1/12 are that multiple.
const SNAP: f64 = 1e-9;

/// A recognised one-parameter group.
pub(crate) struct TorusGenerator {
    pub kind: FactorKind,
    pub size: usize,
    pub linear: Matrix,
    pub canonical: bool,
}

/// Sparse generators of the span of commuting symmetric matrices.
pub(crate) fn symmetric_generators(
    centre: &[Matrix],
    noise: &mut impl FnMut() -> f64,
) -> Result<Vec<TorusGenerator>, SymmetryError> {
    if centre.is_empty() {
        return Ok(Vec::new());
    }
    let (weights, projectors) = if centre.iter().all(is_diagonal) {
        let n = centre[0].rows();
        let weights = Matrix::from_fn(centre.len(), n, |a, i| centre[a][(i, i)]);
        (weights, (0..n).map(|i| unit(n, i)).collect())
    } else {
        joint_eigenspaces(centre, noise)?
    };
    let echelon = row_echelon(&weights);
    Ok((0..echelon.rows()).map(|a| classify_symmetric(echelon.row(a), &projectors)).collect())
}

/// Sparse generators of the span of commuting antisymmetric matrices.
pub(crate) fn antisymmetric_generators(
    centre: &[Matrix],
    noise: &mut impl FnMut() -> f64,
) -> Result<Vec<TorusGenerator>, SymmetryError> {
    if centre.is_empty() {
        return Ok(Vec::new());
    }
    let random = random_combination(centre, noise);
    let clusters = eigen_clusters(&random.gram())?;
    // On the eigenspace of −R² with value α², R/α is a complex structure, and every element is a multiple of it.
    let planes: Vec<(Matrix, usize)> = clusters
        .into_iter()
        .filter(|(value, _, _)| *value > FLOOR)
        .map(|(value, projector, dimension)| (projector.matmul(&random).scaled(1.0 / value.sqrt()), dimension))
        .collect();
    let weight = |a: usize, c: usize| centre[a].frobenius_inner(&planes[c].0) / planes[c].1 as f64;
    let echelon = row_echelon(&Matrix::from_fn(centre.len(), planes.len(), weight));
    let describe = |a: usize| {
        let row = echelon.row(a);
        let mut linear = combination(row, planes.iter().map(|(j, _)| j));
        let used = || row.iter().zip(&planes).filter(|(w, _)| w.abs() > FLOOR);
        let equal = used().all(|(w, _)| (w.abs() - 1.0).abs() < FLOOR);
        let single = used().map(|(_, (_, dimension))| dimension).sum::<usize>() == 2;
        linear.data_mut().iter_mut().for_each(|x| *x = snap(*x));
        let aligned = linear.data().iter().all(|x| *x == 0.0 || x.abs() == 1.0);
        let (kind, size) = match (equal, single) {
            (true, true) => (FactorKind::So, 2),
            (true, false) => (FactorKind::O, 2),
            (false, _) => (FactorKind::Other, 1),
        };
        TorusGenerator { kind, size, linear, canonical: equal && aligned }
    };
    Ok((0..echelon.rows()).map(describe).collect())
}

/// Those generators that, added in order, are independent of `used` and of each other.
pub(crate) fn independent_of(
    used: &[Matrix],
    generators: Vec<TorusGenerator>,
) -> Result<Vec<TorusGenerator>, SymmetryError> {
    let mut span = used.to_vec();
    let mut kept = Vec::new();
    for generator in generators {
        let basis = orthonormal_matrices(&span)?;
        let mut rest = generator.linear.clone();
        for e in &basis {
            rest = rest.add_scaled(-e.frobenius_inner(&generator.linear), e);
        }
        if rest.frobenius_norm() > 1e-6 * generator.linear.frobenius_norm() {
            span.push(generator.linear.clone());
            kept.push(generator);
        }
    }
    Ok(kept)
}

/// Sparse basis of a span of vectors: reduced row echelon form, weights snapped.
pub(crate) fn sparse_span(vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let Some(first) = vectors.first() else {
        return Vec::new();
    };
    let rows = Matrix::from_fn(vectors.len(), first.len(), |i, j| vectors[i][j]);
    let echelon = row_echelon(&rows);
    (0..echelon.rows()).map(|i| echelon.row(i).to_vec()).collect()
}

fn is_diagonal(matrix: &Matrix) -> bool {
    let off = |i: usize| (0..matrix.columns()).all(|j| i == j || matrix[(i, j)].abs() < FLOOR);
    (0..matrix.rows()).all(off)
}

fn unit(n: usize, at: usize) -> Matrix {
    Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == at && j == at)))
}

fn random_combination(elements: &[Matrix], noise: &mut impl FnMut() -> f64) -> Matrix {
    let n = elements[0].rows();
    elements.iter().fold(Matrix::zeros(n, n), |sum, e| sum.add_scaled(noise(), e))
}

fn combination<'a>(weights: &[f64], matrices: impl Iterator<Item = &'a Matrix>) -> Matrix {
    let mut sum: Option<Matrix> = None;
    for (&w, m) in weights.iter().zip(matrices) {
        sum = Some(sum.map_or_else(|| m.scaled(w), |s| s.add_scaled(w, m)));
    }
    sum.unwrap_or_default()
}

/// Weights of commuting symmetric matrices on their joint eigenspaces, and the projectors on these.
fn joint_eigenspaces(
    centre: &[Matrix],
    noise: &mut impl FnMut() -> f64,
) -> Result<(Matrix, Vec<Matrix>), SymmetryError> {
    let mut clusters = eigen_clusters(&random_combination(centre, noise))?;
    let first = |p: &Matrix| (0..p.rows()).position(|i| p[(i, i)] > FLOOR).unwrap_or(0);
    clusters.sort_by_key(|(_, projector, _)| first(projector));
    let weight = |a: usize, c: usize| centre[a].frobenius_inner(&clusters[c].1) / clusters[c].2 as f64;
    let weights = Matrix::from_fn(centre.len(), clusters.len(), weight);
    Ok((weights, clusters.into_iter().map(|(_, projector, _)| projector).collect()))
}

/// Eigenvalue, projector and dimension of each eigenspace of a symmetric matrix.
fn eigen_clusters(matrix: &Matrix) -> Result<Vec<(f64, Matrix, usize)>, SymmetryError> {
    let eigen = symmetric_eigen(matrix)?;
    let scale = eigen.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let n = eigen.values.len();
    let mut clusters = Vec::new();
    let mut start = 0;
    for end in 1..=n {
        if end == n || eigen.values[end] - eigen.values[end - 1] > FLOOR * scale {
            let frame = eigen.vectors.column_range(start..end);
            let mean = eigen.values[start..end].iter().sum::<f64>() / (end - start) as f64;
            clusters.push((mean, frame.matmul(&frame.transpose()), end - start));
            start = end;
        }
    }
    Ok(clusters)
}

fn classify_symmetric(weights: &[f64], projectors: &[Matrix]) -> TorusGenerator {
    let mut linear = combination(weights, projectors.iter());
    let norm = linear.max_abs();
    let n = linear.rows();
    let hollow = (0..n).all(|i| linear[(i, i)].abs() < FLOOR * norm);
    let positive = weights.iter().any(|w| *w > FLOOR);
    let negative = weights.iter().any(|w| *w < -FLOOR);
    let (kind, size) = match (hollow, positive && negative) {
        (true, _) => (FactorKind::Boost, 2),
        (false, true) => (FactorKind::Rescaling, 1),
        (false, false) => (FactorKind::Scale, 1),
    };
    // A boost and its negative differ by the order of its eigenspaces only.
    if hollow && linear.data().iter().find(|x| x.abs() > FLOOR).is_some_and(|x| *x < 0.0) {
        linear = linear.scaled(-1.0);
    }
    linear.data_mut().iter_mut().for_each(|x| *x = snap(*x));
    TorusGenerator { kind, size, linear, canonical: true }
}

/// Reduced row echelon form with pivots 1; columns are taken in order.
fn row_echelon(matrix: &Matrix) -> Matrix {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let mut m = matrix.clone();
    let mut rank = 0;
    for column in 0..columns {
        if rank == rows {
            break;
        }
        let size = |i: usize| m[(i, column)].abs();
        let best = (rank..rows).max_by(|&i, &j| size(i).total_cmp(&size(j))).unwrap_or(rank);
        if size(best) < FLOOR {
            continue;
        }
        for j in 0..columns {
            let swapped = m[(best, j)];
            m[(best, j)] = m[(rank, j)];
            m[(rank, j)] = swapped;
        }
        let pivot = m[(rank, column)];
        m.row_mut(rank).iter_mut().for_each(|x| *x /= pivot);
        let pivot_row = m.row(rank).to_vec();
        for i in (0..rows).filter(|&i| i != rank) {
            let factor = m[(i, column)];
            m.row_mut(i).iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
        }
        rank += 1;
    }
    Matrix::from_fn(rank, columns, |i, j| snap(m[(i, j)]))
}

fn snap(x: f64) -> f64 {
    let nearest = (12.0 * x).round() / 12.0;
    if (x - nearest).abs() < SNAP { nearest } else { x }
}
