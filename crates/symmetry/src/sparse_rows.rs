//! The sparsest basis of a row space, as far as pairwise elimination finds it.
//!
//! Start from the reduced row echelon form; while some row gets cheaper by subtracting a multiple of another one that
//! cancels one of its entries, do it. The cost counts the dimensions that a row moves, so the result hardly depends on
//! the order of columns. Rejected: one linear program for each column, which is exact for the L1 cost and needs a solver.

use gaugebias_linalg::Matrix;

/// Pivots, off-diagonal entries and weights below this are zero (elements have unit length).
pub(crate) const FLOOR: f64 = 1e-7;

/// Weights this near to a multiple of 1/12 are that multiple.
const SNAP: f64 = 1e-9;

/// Sweeps over all pairs; each one lowers the cost, and a few suffice.
const SWEEPS: usize = 50;

/// A sparse basis of the span of the rows modulo the `fixed` ones, which lie in it and are known already; ordered by
/// first non-zero column. The largest entry of each row is ±1, and the first one is positive. `costs` weigh the columns.
pub(crate) fn sparse_basis(rows: &Matrix, fixed: &[Vec<f64>], costs: &[f64]) -> Vec<Vec<f64>> {
    let mut basis = independent_rows(&row_echelon(rows), fixed);
    let cost = |row: &[f64]| row.iter().zip(costs).filter(|(x, _)| **x != 0.0).map(|(_, c)| c).sum::<f64>();
    for _ in 0..SWEEPS {
        let mut changed = false;
        for a in 0..basis.len() {
            for b in 0..basis.len() + fixed.len() {
                let other = if b < basis.len() { &basis[b] } else { &fixed[b - basis.len()] };
                if b != a
                    && let Some(cheaper) = reduced(&basis[a], other, &cost)
                {
                    basis[a] = cheaper;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    basis.iter_mut().for_each(|row| normalise(row));
    basis.sort_by_key(|row| row.iter().position(|x| *x != 0.0));
    basis
}

/// Rows of an echelon form that are independent of the fixed ones and of each other.
fn independent_rows(echelon: &Matrix, fixed: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut known = fixed.to_vec();
    let rank = |rows: &[Vec<f64>]| row_echelon(&Matrix::from_fn(rows.len(), echelon.columns(), |i, j| rows[i][j])).rows();
    let mut kept = Vec::new();
    for i in 0..echelon.rows() {
        known.push(echelon.row(i).to_vec());
        if fixed.is_empty() || rank(&known) == known.len() {
            kept.push(echelon.row(i).to_vec());
        } else {
            known.pop();
        }
    }
    kept
}

/// The cheapest row − t·other with t cancelling one entry, if it is cheaper than the row.
fn reduced(row: &[f64], other: &[f64], cost: &impl Fn(&[f64]) -> f64) -> Option<Vec<f64>> {
    let mut ratios: Vec<f64> =
        row.iter().zip(other).filter(|(x, y)| **x != 0.0 && **y != 0.0).map(|(x, y)| x / y).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.dedup_by(|a, b| (*a - *b).abs() < SNAP);
    let mut best: Option<(f64, Vec<f64>)> = None;
    for t in ratios {
        let candidate: Vec<f64> = row.iter().zip(other).map(|(x, y)| clean(x - t * y)).collect();
        let price = cost(&candidate);
        if best.as_ref().is_none_or(|(least, _)| price < *least) {
            best = Some((price, candidate));
        }
    }
    best.filter(|(price, _)| *price < cost(row)).map(|(_, candidate)| candidate)
}

fn clean(x: f64) -> f64 {
    if x.abs() < FLOOR { 0.0 } else { snap(x) }
}

fn normalise(row: &mut [f64]) {
    let largest = row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let first = row.iter().find(|x| **x != 0.0).copied().unwrap_or(1.0);
    let factor = 1.0 / (largest * first.signum());
    row.iter_mut().filter(|x| **x != 0.0).for_each(|x| *x = snap(*x * factor));
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
    Matrix::from_fn(rank, columns, |i, j| clean(m[(i, j)]))
}

pub(crate) fn snap(x: f64) -> f64 {
    let nearest = (12.0 * x).round() / 12.0;
    if (x - nearest).abs() < SNAP { nearest } else { x }
}
