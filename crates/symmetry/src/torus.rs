//! The commuting part: rescalings, scales, boosts and plane rotations out of a centre.
//!
//! Commuting symmetric maps share eigenspaces; each generator is a vector of weights, one per eigenspace. The basis
//! shown is the sparsest that pairwise elimination finds ([`crate::sparse_rows`]): a unit's rescaling alone, not mixed
//! with its neighbours'. Rejected: the row echelon form, which depends on the order of the tensors.

use crate::SymmetryError;
use crate::blocks::{BlockMap, combination};
use crate::factor::FactorKind;
use crate::sparse_rows::{FLOOR, snap, sparse_basis};
use gaugebias_linalg::{Matrix, symmetric_eigen};

/// A recognised one-parameter group.
pub(crate) struct TorusGenerator {
    pub kind: FactorKind,
    pub size: usize,
    pub linear: BlockMap,
    pub canonical: bool,
}

/// An eigenspace of one block: a matrix on it (a projector or a complex structure), its dimension, copies counted.
struct Eigenspace {
    block: usize,
    matrix: Matrix,
    dimension: f64,
}

impl Eigenspace {
    fn weight(&self, element: &BlockMap) -> f64 {
        element.linear[self.block].frobenius_inner(&self.matrix) / self.matrix.frobenius_inner(&self.matrix)
    }
}

/// Sparse generators of the span of commuting symmetric maps, modulo those that gl factors have used already.
pub(crate) fn symmetric_generators(
    centre: &[BlockMap],
    used: &[BlockMap],
    noise: &mut impl FnMut() -> f64,
) -> Result<Vec<TorusGenerator>, SymmetryError> {
    let Some(first) = centre.first() else {
        return Ok(Vec::new());
    };
    let spaces =
        if centre.iter().all(is_diagonal) { coordinate_spaces(first) } else { joint_eigenspaces(centre, noise)? };
    let rows = sparse_weights(centre, used, &spaces);
    Ok(rows.iter().map(|row| classify_symmetric(row, &spaces, first)).collect())
}

/// Sparse generators of the span of commuting antisymmetric maps.
pub(crate) fn antisymmetric_generators(
    centre: &[BlockMap],
    noise: &mut impl FnMut() -> f64,
) -> Result<Vec<TorusGenerator>, SymmetryError> {
    let Some(first) = centre.first() else {
        return Ok(Vec::new());
    };
    let random = random_combination(centre, noise);
    let mut planes = Vec::new();
    for (block, r) in random.linear.iter().enumerate() {
        // On the eigenspace of −R² with value α², R/α is a complex structure, and every element is a multiple of it.
        for (value, projector, dimension) in eigen_clusters(&r.gram())? {
            if value > FLOOR {
                let matrix = projector.matmul(r).scaled(1.0 / value.sqrt());
                planes.push(Eigenspace { block, matrix, dimension: dimension as f64 * first.copies()[block] });
            }
        }
    }
    let rows = sparse_weights(centre, &[], &planes);
    let describe = |row: &Vec<f64>| {
        let mut linear = assemble(row, &planes, first);
        let used = || row.iter().zip(&planes).filter(|(w, _)| w.abs() > FLOOR);
        let equal = used().all(|(w, _)| (w.abs() - 1.0).abs() < FLOOR);
        let single = used().map(|(_, plane)| plane.dimension).sum::<f64>() == 2.0;
        let entries = || linear.linear.iter().flat_map(|a| a.data());
        let aligned = entries().all(|x| *x == 0.0 || x.abs() == 1.0);
        if aligned && entries().find(|x| **x != 0.0).is_some_and(|x| *x < 0.0) {
            linear = linear.scaled(-1.0);
        }
        let (kind, size) = match (equal, single) {
            (true, true) => (FactorKind::So, 2),
            (true, false) => (FactorKind::O, 2),
            (false, _) => (FactorKind::Other, 1),
        };
        TorusGenerator { kind, size, linear, canonical: equal && aligned }
    };
    Ok(rows.iter().map(describe).collect())
}

/// Sparse weights of the span of `centre` modulo `used`.
fn sparse_weights(centre: &[BlockMap], used: &[BlockMap], spaces: &[Eigenspace]) -> Vec<Vec<f64>> {
    let weights = Matrix::from_fn(centre.len(), spaces.len(), |a, c| spaces[c].weight(&centre[a]));
    let costs: Vec<f64> = spaces.iter().map(|s| s.dimension).collect();
    let fixed: Vec<Vec<f64>> = used.iter().map(|z| spaces.iter().map(|s| s.weight(z)).collect()).collect();
    sparse_basis(&weights, &fixed, &costs)
}

fn is_diagonal(map: &BlockMap) -> bool {
    let diagonal = |a: &Matrix| (0..a.rows()).all(|i| (0..a.rows()).all(|j| i == j || a[(i, j)].abs() < FLOOR));
    map.linear.iter().all(diagonal)
}

/// Every coordinate of every block.
fn coordinate_spaces(like: &BlockMap) -> Vec<Eigenspace> {
    let sizes = like.linear.iter().map(Matrix::rows).enumerate();
    sizes
        .flat_map(|(block, n)| (0..n).map(move |i| (block, n, i)))
        .map(|(block, n, at)| Eigenspace {
            block,
            matrix: Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == at && j == at))),
            dimension: like.copies()[block],
        })
        .collect()
}

fn random_combination(elements: &[BlockMap], noise: &mut impl FnMut() -> f64) -> BlockMap {
    let weights: Vec<f64> = elements.iter().map(|_| noise()).collect();
    combination(&weights, elements)
}

/// Σ weight · matrix of each eigenspace, near-whole entries made whole.
fn assemble(weights: &[f64], spaces: &[Eigenspace], like: &BlockMap) -> BlockMap {
    let mut map = like.zeros_like();
    for (&w, space) in weights.iter().zip(spaces).filter(|(w, _)| **w != 0.0) {
        let target = map.linear[space.block].data_mut().iter_mut();
        target.zip(space.matrix.data()).for_each(|(x, y)| *x += w * y);
    }
    map.linear.iter_mut().flat_map(|a| a.data_mut()).for_each(|x| *x = snap(*x));
    map
}

/// Joint eigenspaces of commuting symmetric maps, block by block.
fn joint_eigenspaces(centre: &[BlockMap], noise: &mut impl FnMut() -> f64) -> Result<Vec<Eigenspace>, SymmetryError> {
    let random = random_combination(centre, noise);
    let first = |p: &Matrix| (0..p.rows()).position(|i| p[(i, i)] > FLOOR).unwrap_or(0);
    let mut spaces = Vec::new();
    for (block, r) in random.linear.iter().enumerate() {
        let mut clusters = eigen_clusters(r)?;
        clusters.sort_by_key(|(_, projector, _)| first(projector));
        spaces.extend(clusters.into_iter().map(|(_, matrix, dimension)| Eigenspace {
            block,
            matrix,
            dimension: dimension as f64 * centre[0].copies()[block],
        }));
    }
    Ok(spaces)
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

fn classify_symmetric(weights: &[f64], spaces: &[Eigenspace], like: &BlockMap) -> TorusGenerator {
    let mut linear = assemble(weights, spaces, like);
    let largest = linear.max_abs();
    let hollow = linear.linear.iter().all(|a| (0..a.rows()).all(|i| a[(i, i)].abs() < FLOOR * largest));
    let positive = weights.iter().any(|w| *w > FLOOR);
    let negative = weights.iter().any(|w| *w < -FLOOR);
    let (kind, size) = match (hollow, positive && negative) {
        (true, _) => (FactorKind::Boost, 2),
        (false, true) => (FactorKind::Rescaling, 1),
        (false, false) => (FactorKind::Scale, 1),
    };
    // A boost and its negative differ by the order of its eigenspaces only.
    let mut entries = linear.linear.iter().flat_map(|a| a.data());
    if hollow && entries.find(|x| x.abs() > FLOOR).is_some_and(|x| *x < 0.0) {
        linear = linear.scaled(-1.0);
    }
    TorusGenerator { kind, size, linear, canonical: true }
}
