//! The smallest singular values of a large matrix: QR, then inverse subspace iteration on R.

use crate::null_space::SmallestSingular;
use crate::{LinalgError, Matrix, svd};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Mat, MatRef, Par};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The null vectors come out after one step; the rest sharpens the smallest kept values.
const STEPS: usize = 5;

/// Block size of the first attempt; doubled until the block overshoots the null space.
const FIRST_BLOCK: usize = 16;

/// Right singular vectors of the smallest singular values. The block grows until its largest Ritz value,
/// relative to σ_max, is at least `kept_floor`, so that the whole null space is inside.
pub(crate) fn smallest_right_singular(matrix: Matrix, kept_floor: f64) -> Result<SmallestSingular, LinalgError> {
    let columns = matrix.columns();
    let mut r = triangular_factor(matrix);
    let largest = largest_singular(r.as_ref());
    lift_zero_pivots(&mut r, largest);
    let mut block = FIRST_BLOCK.min(columns);
    loop {
        let found = iterate(r.as_ref(), block, largest)?;
        let overshoots = found.values.last().is_some_and(|&s| s >= kept_floor);
        if overshoots || block == columns {
            return Ok(found);
        }
        block = (2 * block).min(columns);
    }
}

fn triangular_factor(matrix: Matrix) -> Mat<f64> {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let factored = matrix.as_faer().qr();
    drop(matrix);
    let thin = factored.thin_R();
    let mut r = Mat::zeros(columns, columns);
    for j in 0..columns {
        for i in 0..=j.min(rows.saturating_sub(1)) {
            r[(i, j)] = thin[(i, j)];
        }
    }
    r
}

/// Power iteration on RᵀR; a few per cent suffice, since it only sets the scale.
fn largest_singular(r: MatRef<'_, f64>) -> f64 {
    let mut x = random_block(r.ncols(), 1, 1);
    let mut norm = 0.0;
    for _ in 0..30 {
        let y = r * &x;
        norm = y.norm_l2() / x.norm_l2();
        x = r.transpose() * &y;
        let length = x.norm_l2();
        if length == 0.0 {
            return 0.0;
        }
        x *= faer::Scale(1.0 / length);
    }
    norm
}

/// A pivot that is exactly zero would divide by zero; one rounding unit leaves the null space as it is.
fn lift_zero_pivots(r: &mut Mat<f64>, largest: f64) {
    let floor = f64::EPSILON * 1e-2 * largest.max(f64::MIN_POSITIVE);
    for i in 0..r.nrows() {
        if r[(i, i)].abs() < floor {
            r[(i, i)] = floor;
        }
    }
}

fn iterate(r: MatRef<'_, f64>, block: usize, largest: f64) -> Result<SmallestSingular, LinalgError> {
    let parallelism = Par::rayon(0);
    let mut x = random_block(r.ncols(), block, 7);
    for _ in 0..STEPS {
        solve_lower_triangular_in_place(r.transpose(), x.as_mut(), parallelism);
        x = x.qr().compute_thin_Q();
        solve_upper_triangular_in_place(r, x.as_mut(), parallelism);
        x = x.qr().compute_thin_Q();
    }
    let image = Matrix::from_faer((r * &x).as_ref());
    let ritz = svd(&image)?;
    let x = Matrix::from_faer(x.as_ref());
    let rotated = x.matmul(&ritz.v);
    Ok(SmallestSingular {
        values: ritz.singular_values.iter().rev().map(|s| s / largest).collect(),
        vectors: Matrix::from_fn(rotated.rows(), block, |i, j| rotated[(i, block - 1 - j)]),
    })
}

/// Uniform in (−1, 1); a fixed seed makes the search reproducible.
fn random_block(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed);
    Mat::from_fn(rows, columns, |_, _| (stream.next_u64() >> 11) as f64 * 2.0_f64.powi(-52) - 1.0)
}
