//! Matrix exponential by scaling and squaring with the [13/13] Padé approximant
//! (N. Higham, "The scaling and squaring method for the matrix exponential revisited", 2005).

use crate::decompose::require_finite;
use crate::{LinalgError, Matrix};
use faer::linalg::solvers::Solve;

const PADE_13: [f64; 14] = [
    64_764_752_532_480_000.0,
    32_382_376_266_240_000.0,
    7_771_770_303_897_600.0,
    1_187_353_796_428_800.0,
    129_060_195_264_000.0,
    10_559_470_521_600.0,
    670_442_572_800.0,
    33_522_128_640.0,
    1_323_241_920.0,
    40_840_800.0,
    960_960.0,
    16_380.0,
    182.0,
    1.0,
];

/// Largest 1-norm at which the [13/13] approximant is accurate to rounding (Higham's θ₁₃).
const PADE_13_NORM: f64 = 5.371_920_351_148_152;

/// exp(M) of a square matrix, accurate to rounding for normal matrices.
pub fn exponential(matrix: &Matrix) -> Result<Matrix, LinalgError> {
    require_finite("matrix exponential", matrix)?;
    let size = matrix.rows();
    if size != matrix.columns() {
        return Err(LinalgError::Shape {
            operation: "matrix exponential",
            found_rows: size,
            found_columns: matrix.columns(),
            expected: "a square matrix".to_owned(),
        });
    }
    let norm = one_norm(matrix);
    let squarings = if norm > PADE_13_NORM { (norm / PADE_13_NORM).log2().ceil() as i32 } else { 0 };
    let mut result = pade_13(&matrix.scaled(0.5_f64.powi(squarings)));
    for _ in 0..squarings {
        result = result.matmul(&result);
    }
    require_finite("matrix exponential", &result)?;
    Ok(result)
}

fn one_norm(matrix: &Matrix) -> f64 {
    (0..matrix.columns()).map(|j| (0..matrix.rows()).map(|i| matrix[(i, j)].abs()).sum::<f64>()).fold(0.0, f64::max)
}

fn pade_13(a: &Matrix) -> Matrix {
    let b = PADE_13;
    let identity = Matrix::identity(a.rows());
    let a2 = a.matmul(a);
    let a4 = a2.matmul(&a2);
    let a6 = a4.matmul(&a2);
    let combine = |c6: f64, c4: f64, c2: f64, c0: f64| {
        a6.scaled(c6).add_scaled(c4, &a4).add_scaled(c2, &a2).add_scaled(c0, &identity)
    };
    let odd = a6.matmul(&combine(b[13], b[11], b[9], 0.0)).add_scaled(1.0, &combine(b[7], b[5], b[3], b[1]));
    let u = a.matmul(&odd);
    let v = a6.matmul(&combine(b[12], b[10], b[8], 0.0)).add_scaled(1.0, &combine(b[6], b[4], b[2], b[0]));
    let solution = v.add_scaled(-1.0, &u).as_faer().partial_piv_lu().solve(v.add_scaled(1.0, &u).to_faer());
    Matrix::from_faer(solution.as_ref())
}
