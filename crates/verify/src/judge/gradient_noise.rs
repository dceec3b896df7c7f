//! The noise of a spec's own gradients: its variance along a curve, and what it is at the end of a run.
//!
//! Gradients are drawn as training draws them, many at one θ, around the gradient of the mean loss, which is exact. Equal
//! draws are used at every θ, so that what is estimated changes smoothly along a curve.

use gaugebias_dynamics::Run;
use gaugebias_geometry::orbit::jacobian;
use gaugebias_geometry::{GeometryError, orbit};
use gaugebias_linalg::{Matrix, eigvalsh};
use gaugebias_model::spec::Spec;
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::Symmetries;
use serde::Serialize;

use super::functions::{Functions, at};

/// Draws at each θ of a curve: the variance is then known to 0.8 %.
const DRAWS: u64 = 32_768;
/// Places of a curve at which the variance is estimated; between them it is interpolated.
const PLACES: usize = 17;
/// Seeds and draws of the estimate at the end of a run.
const SEEDS: usize = 48;
const END_DRAWS: u64 = 256;
/// Largest number of parameters whose covariance is decomposed.
const MOST_PARAMETERS: usize = 128;

/// What the gradients of a run are at its end: means over seeds, with standard errors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseEstimate {
    /// Temperature of isotropic horizontal noise with the same trace: η tr Σ_g / (2 rank J).
    pub temperature: f64,
    /// Its standard error.
    pub temperature_error: f64,
    /// Largest eigenvalue of the covariance over its mean one on the horizontal space; null for large models.
    pub anisotropy: Option<f64>,
    /// Its standard error.
    pub anisotropy_error: Option<f64>,
    /// Share of the trace that is orthogonal to the orbits.
    pub horizontal_share: f64,
}

/// Deviations of drawn gradients from the mean gradient at θ.
pub(super) fn deviations(functions: &Functions, theta: &[f64], draws: u64) -> Vec<Vec<f64>> {
    let Some(drawn) = &functions.drawn_loss else { return Vec::new() };
    let mean = gradient(functions, theta);
    let mut found = Vec::with_capacity(draws as usize);
    for first in (0..draws).step_by(4096) {
        let points: Vec<Point> =
            (first..draws.min(first + 4096)).map(|draw| Point { theta: theta.to_vec(), draw }).collect();
        let covectors = vec![vec![1.0]; points.len()];
        found.extend(drawn.covector_gradients(&points, &covectors));
    }
    found.iter_mut().for_each(|g| g.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m));
    found
}

/// The gradient of the mean loss.
pub(super) fn gradient(functions: &Functions, theta: &[f64]) -> Vec<f64> {
    functions.loss.covector_gradients(&[at(theta)], &[vec![1.0]]).swap_remove(0)
}

/// Variance of ∂ℓ_batch/∂w at each θ of a curve of a predictor with one coordinate.
pub(super) fn variance_along(functions: &Functions, thetas: &[Vec<f64>]) -> Result<Vec<f64>, GeometryError> {
    let last = thetas.len() - 1;
    let places: Vec<usize> = (0..PLACES).map(|k| k * last / (PLACES - 1)).collect();
    let mut known = Vec::with_capacity(PLACES);
    for &place in &places {
        known.push(variance(functions, &thetas[place])?);
    }
    let mut variances = vec![0.0; thetas.len()];
    for (pair, values) in places.windows(2).zip(known.windows(2)) {
        for (index, variance) in variances.iter_mut().enumerate().take(pair[1] + 1).skip(pair[0]) {
            let share = (index - pair[0]) as f64 / (pair[1] - pair[0]) as f64;
            *variance = values[0] + share * (values[1] - values[0]);
        }
    }
    Ok(variances)
}

/// Variance of ∂ℓ_batch/∂w at θ; the component of the gradient along J, over |J|².
pub(super) fn variance(functions: &Functions, theta: &[f64]) -> Result<f64, GeometryError> {
    let j = jacobian(&functions.predictor, &at(theta))?.into_data();
    let square: f64 = j.iter().map(|x| x * x).sum();
    let deviations = deviations(functions, theta, DRAWS);
    let a = |g: &Vec<f64>| g.iter().zip(&j).map(|(g, j)| g * j).sum::<f64>() / square;
    Ok(deviations.iter().map(|g| a(g).powi(2)).sum::<f64>() / deviations.len().max(1) as f64)
}

/// The noise of the gradients where the run ended; `None` where gradients have none.
pub(super) fn estimate(
    spec: &Spec,
    functions: &Functions,
    symmetries: &Symmetries,
    run: &Run,
) -> Result<Option<NoiseEstimate>, GeometryError> {
    if functions.drawn_loss.is_none() {
        return Ok(None);
    }
    let rank = symmetries.generic_rank.max(1);
    let (mut temperatures, mut anisotropies, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..run.seeds.min(SEEDS) {
        let theta = run.end(seed);
        let deviations = deviations(functions, &theta, END_DRAWS);
        let trace = deviations.iter().flatten().map(|x| x * x).sum::<f64>() / deviations.len() as f64;
        if trace == 0.0 {
            continue;
        }
        temperatures.push(spec.train.step_size * trace / (2.0 * rank as f64));
        shares.push(1.0 - vertical_share(symmetries, &theta, &deviations)?);
        if theta.len() <= MOST_PARAMETERS {
            let columns = Matrix::from_columns(theta.len(), &deviations);
            let covariance = columns.transpose().gram().scaled(1.0 / deviations.len() as f64);
            let largest = eigvalsh(&covariance)?.last().copied().unwrap_or(0.0);
            anisotropies.push(largest * rank as f64 / trace);
        }
    }
    if temperatures.is_empty() {
        return Ok(None);
    }
    let (temperature, temperature_error) = mean_and_error(&temperatures);
    let anisotropy = (!anisotropies.is_empty()).then(|| mean_and_error(&anisotropies));
    Ok(Some(NoiseEstimate {
        temperature,
        temperature_error,
        anisotropy: anisotropy.map(|(mean, _)| mean),
        anisotropy_error: anisotropy.map(|(_, error)| error),
        horizontal_share: mean_and_error(&shares).0,
    }))
}

/// Share of Σ|g|² along the orbit.
fn vertical_share(symmetries: &Symmetries, theta: &[f64], gradients: &[Vec<f64>]) -> Result<f64, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(0.0);
    }
    let parts = gaugebias_linalg::svd(&orbit::fields(&symmetries.generators, theta))?;
    let largest = parts.singular_values[0];
    let rank = parts.singular_values.iter().take_while(|&&s| s > orbit::RANK_CUTOFF * largest && s > 0.0).count();
    let basis = parts.u.column_range(0..rank);
    let total: f64 = gradients.iter().flatten().map(|x| x * x).sum();
    let along: f64 = gradients.iter().flat_map(|g| basis.transpose_mul_vec(g)).map(|x| x * x).sum();
    Ok(along / total)
}

/// Mean of independent values, and its standard error.
pub(super) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}
