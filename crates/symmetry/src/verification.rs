//! Fresh points: every generator against the full Jacobian, and the dimensions of orbit and fiber.

use crate::charges::Charge;
use crate::find::acting_on;
use crate::generator::Generator;
use crate::sampling::{FRESH_SCALES, SEARCH_SCALES, Sampler};
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{Matrix, relative_rank};
use gaugebias_model::ParameterTensor;

/// Jacobians shorter than this times the longest are rounding noise of a saturated model.
const SATURATED: f64 = 1e-4;

/// Jacobians held at a time.
const BLOCK: usize = 25;

/// Largest |Jξ|/(|J||ξ|) over fresh points and generators; refused above the ceiling.
pub(crate) fn verify(
    sampler: &mut Sampler<'_>,
    generators: &[Generator],
    tensors: &[ParameterTensor],
    options: &SearchOptions,
) -> Result<f64, SymmetryError> {
    let mut checks: Vec<(f64, f64, usize)> = Vec::new();
    let mut left = options.fresh_points;
    while left > 0 && !generators.is_empty() {
        let block = BLOCK.min(left);
        for (point, jacobian) in sampler.jacobians(block, FRESH_SCALES)? {
            let norm = jacobian.frobenius_norm();
            let (residual, worst) = worst_residual(&jacobian, &point.theta, generators);
            checks.push((norm, residual / norm.max(f64::MIN_POSITIVE), worst));
        }
        left -= block;
    }
    let longest = checks.iter().map(|c| c.0).fold(0.0, f64::max);
    let (_, residual, generator) = checks
        .into_iter()
        .filter(|c| c.0 > SATURATED * longest)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0.0, 0.0, 0));
    if residual <= options.residual_ceiling {
        return Ok(residual);
    }
    Err(SymmetryError::Unverified {
        tensors: acting_on(generators[generator].support(), tensors).join(", "),
        residual,
        ceiling: options.residual_ceiling,
    })
}

/// Largest |Jξ|/|ξ| over the generators, and which one it is.
fn worst_residual(jacobian: &Matrix, theta: &[f64], generators: &[Generator]) -> (f64, usize) {
    let mut worst = (0.0, 0);
    for (a, generator) in generators.iter().enumerate() {
        let field = generator.field_on_support(theta);
        let length = norm(&field);
        if length == 0.0 {
            continue;
        }
        let image = |row: &[f64]| -> f64 { generator.support().iter().zip(&field).map(|(&i, x)| row[i] * x).sum() };
        let images: Vec<f64> = (0..jacobian.rows()).map(|r| image(jacobian.row(r))).collect();
        let residual = norm(&images) / length;
        if residual > worst.0 || residual.is_nan() {
            worst = (residual, a);
        }
    }
    worst
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Generic ranks.
pub(crate) struct Dimensions {
    pub predictor: usize,
    pub orbit: usize,
    pub independent_charges: usize,
}

/// Maximal ranks over several random θ; J is stacked over draws until it has 3p rows.
pub(crate) fn measure_dimensions(
    sampler: &mut Sampler<'_>,
    generators: &[Generator],
    charges: &[Charge],
    options: &SearchOptions,
) -> Result<Dimensions, SymmetryError> {
    let mut found = Dimensions { predictor: 0, orbit: 0, independent_charges: 0 };
    let mut measured = 0;
    while measured < options.rank_points.max(1) {
        let theta = sampler.point(SEARCH_SCALES).theta;
        let jacobian = sampler.stacked_jacobian(&theta, 3 * sampler.parameters)?;
        if jacobian.rows() == 0 {
            continue;
        }
        measured += 1;
        found.predictor = found.predictor.max(relative_rank(&jacobian, options.rank_cutoff)?);
        let fields: Vec<Vec<f64>> = generators.iter().map(|g| g.field(&theta)).collect();
        found.orbit = found.orbit.max(direction_rank(&fields, &theta, options)?);
        let gradients: Vec<Vec<f64>> = charges.iter().map(|c| c.gradient(&theta)).collect();
        found.independent_charges = found.independent_charges.max(direction_rank(&gradients, &theta, options)?);
    }
    Ok(found)
}

/// Rank of a set of vectors, each scaled to unit length.
fn direction_rank(vectors: &[Vec<f64>], theta: &[f64], options: &SearchOptions) -> Result<usize, SymmetryError> {
    if vectors.is_empty() {
        return Ok(0);
    }
    let unit: Vec<Vec<f64>> = vectors
        .iter()
        .map(|v| {
            let length = norm(v).max(f64::MIN_POSITIVE);
            v.iter().map(|x| x / length).collect()
        })
        .collect();
    Ok(relative_rank(&Matrix::from_columns(theta.len(), &unit), options.rank_cutoff)?)
}
