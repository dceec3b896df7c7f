//! The sparsest basis of a row space, as far as elimination in several orders finds it.
//!
//! A reduced row echelon form has rows of small support, and which ones depends on the order of its columns. So: several
//! orders, the columns that cost most first among them; in each, while some row gets cheaper by subtracting a multiple
//! of another one that cancels one of its entries, do it; of all rows found, the cheapest independent ones. The cost
//! counts the dimensions that a row moves, so the result hardly depends on the order of tensors. Rejected: one linear
//! program for each column, which is exact for the L1 cost and needs a solver.

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
    let columns = rows.columns();
    let natural: Vec<usize> = (0..columns).collect();
    let mut dearest = natural.clone();
    dearest.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]));
    let reversed = dearest.iter().rev().copied().collect();
    let cost = |row: &[f64]| row.iter().zip(costs).filter(|(x, _)| **x != 0.0).map(|(_, c)| c).sum::<f64>();
    let mut candidates: Vec<Vec<f64>> = Vec::new();
    let mut rank = 0;
    for order in [dearest, natural, reversed] {
        let mut found = row_echelon(rows, &order);
        rank = found.len();
        descend(&mut found, fixed, &cost);
        candidates.extend(found);
    }
    candidates.iter_mut().for_each(|row| normalise(row));
    candidates.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let mut basis = cheapest_independent(candidates, fixed, rank);
    basis.sort_by_key(|row| row.iter().position(|x| *x != 0.0));
    basis
}

/// Subtracts multiples of rows and fixed rows from each other for as long as that makes a row cheaper.
fn descend(basis: &mut [Vec<f64>], fixed: &[Vec<f64>], cost: &impl Fn(&[f64]) -> f64) {
    for _ in 0..SWEEPS {
        let mut changed = false;
        for a in 0..basis.len() {
            for b in 0..basis.len() + fixed.len() {
                let other = if b < basis.len() { &basis[b] } else { &fixed[b - basis.len()] };
                if b != a
                    && let Some(cheaper) = reduced(&basis[a], other, cost)
                {
                    basis[a] = cheaper;
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

/// The first rows that are independent of the fixed ones and of each other, up to the rank.
fn cheapest_independent(candidates: Vec<Vec<f64>>, fixed: &[Vec<f64>], rank: usize) -> Vec<Vec<f64>> {
    // Rows with unit pivots, each zero at the pivots before it.
    let mut known: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut is_new = |row: &[f64]| {
        let mut rest = row.to_vec();
        for (pivot, reducer) in &known {
            let factor = rest[*pivot];
            if factor != 0.0 {
                rest.iter_mut().zip(reducer).for_each(|(x, y)| *x -= factor * y);
            }
        }
        let Some(pivot) = (0..rest.len()).max_by(|&i, &j| rest[i].abs().total_cmp(&rest[j].abs())) else {
            return false;
        };
        let size = rest[pivot];
        if size.abs() < FLOOR {
            return false;
        }
        known.push((pivot, rest.iter().map(|x| x / size).collect()));
        true
    };
    fixed.iter().for_each(|row| {
        is_new(row);
    });
    let wanted = rank.saturating_sub(fixed.len());
    candidates.into_iter().filter(|row| is_new(row)).take(wanted).collect()
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

/// Reduced row echelon form with pivots 1; columns are taken in the given order.
fn row_echelon(matrix: &Matrix, order: &[usize]) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = (0..matrix.rows()).map(|i| matrix.row(i).to_vec()).collect();
    let mut rank = 0;
    for &column in order {
        if rank == rows.len() {
            break;
        }
        let size = |i: usize| rows[i][column].abs();
        let best = (rank..rows.len()).max_by(|&i, &j| size(i).total_cmp(&size(j))).unwrap_or(rank);
        if size(best) < FLOOR {
            continue;
        }
        rows.swap(best, rank);
        let pivot = rows[rank][column];
        rows[rank].iter_mut().for_each(|x| *x /= pivot);
        let pivot_row = rows[rank].clone();
        for row in rows.iter_mut().enumerate().filter(|(i, _)| *i != rank).map(|(_, row)| row) {
            let factor = row[column];
            if factor != 0.0 {
                row.iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
            }
        }
        rank += 1;
    }
    rows.truncate(rank);
    rows.iter_mut().flatten().for_each(|x| *x = clean(*x));
    rows
}

pub(crate) fn snap(x: f64) -> f64 {
    let nearest = (12.0 * x).round() / 12.0;
    if (x - nearest).abs() < SNAP { nearest } else { x }
}
