//! The smallest singular values of a large matrix: QR, then inverse subspace iteration on R.
//!
//! Columns are mixed by random rotations first. Without that a column that depends on its predecessors leaves a zero
//! pivot with a full row behind it, a chain of k such pivots makes R⁻¹ grow like 1e16ᵏ, and the iteration overflows.
//! After mixing, the deficiency sits in the last k rows of R, where all entries are at rounding level. Rejected: QR
//! with column pivoting, which shows the same but runs at the speed of memory.

use crate::null_space::SmallestSingular;
use crate::{LinalgError, Matrix, svd};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Mat, MatRef, Par};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The null vectors come out after one step; a second one cleans them.
const NULL_STEPS: usize = 3;

/// Steps for the smallest singular values that are kept; each one contracts by the square of their ratio.
const KEPT_STEPS: usize = 8;

/// Vectors in the block for the values that are kept.
const KEPT_BLOCK: usize = 8;

/// Block size of the first attempt; doubled until the block overshoots the null space.
const FIRST_BLOCK: usize = 16;

/// Rounds of random plane rotations of the columns; 2^rounds should exceed their number.
const MIXING_ROUNDS: usize = 16;

/// Right singular vectors of the smallest singular values, ascending, relative to σ_max. The block grows until its
/// largest Ritz value is at least `kept_floor`, so that the whole null space is inside.
pub(crate) fn smallest_right_singular(mut matrix: Matrix, kept_floor: f64) -> Result<SmallestSingular, LinalgError> {
    let columns = matrix.columns();
    let mixing = Mixing::new(columns);
    for i in 0..matrix.rows() {
        mixing.forward(matrix.row_mut(i));
    }
    let mut r = triangular_factor(matrix);
    let largest = largest_singular(r.as_ref());
    lift_zero_pivots(&mut r, largest);
    let mut block = FIRST_BLOCK.min(columns);
    let mut found = loop {
        let found = smallest(r.as_ref(), block, largest, kept_floor)?;
        let overshoots = found.values.last().is_some_and(|&s| s >= kept_floor);
        if overshoots || block == columns {
            break found;
        }
        block = (2 * block).min(columns);
    };
    let mut rows = found.vectors.transpose();
    for i in 0..rows.rows() {
        mixing.backward(rows.row_mut(i));
    }
    found.vectors = rows.transpose();
    Ok(found)
}

/// An orthogonal map of the coordinates: rounds of rotations in random disjoint planes.
struct Mixing {
    rotations: Vec<(usize, usize, f64, f64)>,
}

impl Mixing {
    fn new(size: usize) -> Self {
        let mut stream = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut order: Vec<usize> = (0..size).collect();
        let mut rotations = Vec::with_capacity(MIXING_ROUNDS * size / 2);
        for _ in 0..MIXING_ROUNDS {
            for i in (1..size).rev() {
                order.swap(i, (stream.next_u64() % (i as u64 + 1)) as usize);
            }
            for pair in order.chunks_exact(2) {
                let angle = std::f64::consts::PI * symmetric_unit(&mut stream);
                rotations.push((pair[0], pair[1], angle.cos(), angle.sin()));
            }
        }
        Self { rotations }
    }

    fn forward(&self, x: &mut [f64]) {
        for &(i, j, c, s) in &self.rotations {
            (x[i], x[j]) = (c * x[i] - s * x[j], s * x[i] + c * x[j]);
        }
    }

    fn backward(&self, x: &mut [f64]) {
        for &(i, j, c, s) in self.rotations.iter().rev() {
            (x[i], x[j]) = (c * x[i] + s * x[j], c * x[j] - s * x[i]);
        }
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

/// Null vectors by plain inverse iteration, then the smallest kept values with both null spaces projected out:
/// in a common block the null vectors would drown the others in their rounding noise.
fn smallest(r: MatRef<'_, f64>, block: usize, largest: f64, kept_floor: f64) -> Result<SmallestSingular, LinalgError> {
    let nothing = Mat::zeros(r.ncols(), 0);
    let first = iterate(r, block, NULL_STEPS, (nothing.as_ref(), nothing.as_ref()));
    let first = ritz(r, first, largest)?;
    let nullity = first.values.iter().filter(|&&s| s < kept_floor).count();
    if nullity == block || nullity == 0 {
        return Ok(first);
    }
    let right = first.vectors.column_range(0..nullity).to_faer();
    let left = left_null_vectors(r, &right);
    let others = KEPT_BLOCK.min(r.ncols() - nullity);
    let rest = iterate(r, others, KEPT_STEPS, (left.as_ref(), right.as_ref()));
    let rest = ritz(r, rest, largest)?;
    let mut values = first.values[..nullity].to_vec();
    values.extend(&rest.values);
    let vectors = Matrix::from_fn(r.ncols(), nullity + others, |i, j| {
        if j < nullity { right[(i, j)] } else { rest.vectors[(i, j - nullity)] }
    });
    Ok(SmallestSingular { values, vectors })
}

/// Orthonormal basis of the left null space: one half-step from the right one.
fn left_null_vectors(r: MatRef<'_, f64>, right: &Mat<f64>) -> Mat<f64> {
    let mut z = right.clone();
    solve_lower_triangular_in_place(r.transpose(), z.as_mut(), Par::rayon(0));
    z.qr().compute_thin_Q()
}

/// Subspace iteration with (RᵀR)⁻¹ in the complement of the given (left, right) null vectors.
fn iterate(
    r: MatRef<'_, f64>,
    block: usize,
    steps: usize,
    (left, right): (MatRef<'_, f64>, MatRef<'_, f64>),
) -> Mat<f64> {
    let parallelism = Par::rayon(0);
    let mut x = outside(right, random_block(r.ncols(), block, 7));
    for _ in 0..steps {
        solve_lower_triangular_in_place(r.transpose(), x.as_mut(), parallelism);
        x = outside(left, x).qr().compute_thin_Q();
        solve_upper_triangular_in_place(r, x.as_mut(), parallelism);
        x = outside(right, x).qr().compute_thin_Q();
    }
    x
}

/// x minus its projection on orthonormal columns, twice for accuracy.
fn outside(basis: MatRef<'_, f64>, mut x: Mat<f64>) -> Mat<f64> {
    if basis.ncols() > 0 {
        for _ in 0..2 {
            let overlap = basis.transpose() * &x;
            x -= basis * overlap;
        }
    }
    x
}

/// Singular values of R on the span of orthonormal columns, ascending, and the vectors.
fn ritz(r: MatRef<'_, f64>, x: Mat<f64>, largest: f64) -> Result<SmallestSingular, LinalgError> {
    let block = x.ncols();
    let image = svd(&Matrix::from_faer((r * &x).as_ref()))?;
    let rotated = Matrix::from_faer(x.as_ref()).matmul(&image.v);
    Ok(SmallestSingular {
        values: image.singular_values.iter().rev().map(|s| s / largest).collect(),
        vectors: Matrix::from_fn(rotated.rows(), block, |i, j| rotated[(i, block - 1 - j)]),
    })
}

/// Uniform in (−1, 1); a fixed seed makes the search reproducible.
fn random_block(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed);
    Mat::from_fn(rows, columns, |_, _| symmetric_unit(&mut stream))
}

fn symmetric_unit(stream: &mut Xoshiro256PlusPlus) -> f64 {
    (stream.next_u64() >> 11) as f64 * 2.0_f64.powi(-52) - 1.0
}
