//! The law of SGD's own noise, and what would be expected of other noise at the same temperature.
//!
//! One coordinate: quadrature of the quotient SDE. Several: that SDE linearised at the minimum of the effective loss, whose
//! law is normal to first order in η,
//!
//! ```text
//! x* = argmin L + (η/4) tr(C M),   A = M H,   A S + S Aᵀ − η A S Aᵀ = η M C M
//! ```
//!
//! with M = JJᵀ on the level of the start, C the covariance of ∂ℓ_batch/∂w and H the curvature of L, all at x*.

use gaugebias_geometry::GeometryError;
use gaugebias_geometry::law::level::{Level, Lifted};
use gaugebias_geometry::law::{LawOptions, Trace};
use gaugebias_linalg::{Matrix, inv};
use gaugebias_model::spec::Spec;
use gaugebias_symmetry::Symmetries;

use super::JudgeError;
use super::functions::{Functions, at};
use super::gradient_noise::{deviations, gradient, variance, variance_along};
use super::table::Table;

/// The curve is traced at this multiple of the temperature at the start, then at a longer one if that is too short.
const REACH: [f64; 3] = [4.0, 16.0, 64.0];
/// Gradients drawn at a point.
const DRAWS: u64 = 32_768;

/// A curve that holds the law of gradient noise, and the variance of ∂ℓ_batch/∂w along it.
pub(super) fn trace<'a>(
    spec: &Spec,
    functions: &'a Functions,
    symmetries: &Symmetries,
    start: &[f64],
    options: &LawOptions,
) -> Result<(Trace<'a>, Vec<f64>), JudgeError> {
    let loss = |theta: &[f64]| functions.loss_at(theta);
    let here = temperature(spec, functions, start)?;
    if here <= 0.0 {
        let predictor = functions.value_at(start);
        return Err(GeometryError::NoGradientNoise { predictor }.into());
    }
    let mut refused = GeometryError::NotFinite { what: "the law of gradient noise" };
    for reach in REACH {
        let trace = Trace::new(&functions.predictor, reach * here, start, &loss, options)?;
        let variance = variance_along(functions, trace.thetas())?;
        let observed = vec![0.0; variance.len()];
        // Whether the law fits on the curve does not depend on the observable.
        match trace.gradient_noise_law(symmetries, spec.train.step_size, &variance, observed) {
            Ok(_) => return Ok((trace, variance)),
            Err(error @ GeometryError::CutTooEarly { .. }) => refused = error,
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.into())
}

/// ηCM/2, the temperature of gradient noise at θ.
pub(super) fn temperature(spec: &Spec, functions: &Functions, theta: &[f64]) -> Result<f64, GeometryError> {
    let j = gaugebias_geometry::orbit::jacobian(&functions.predictor, &at(theta))?;
    let square = j.frobenius_norm().powi(2);
    Ok(0.5 * spec.train.step_size * variance(functions, theta)? * square)
}

/// The normal law of an observable under gradient noise, in several coordinates.
pub(super) struct LinearLaw {
    /// θ where L is least on the level.
    pub minimum: Vec<f64>,
    /// Shift of the coordinates that the noise makes.
    pub shift: Vec<f64>,
    /// Shift that the gauge correction would make at the same temperature.
    pub gauge_shift: Vec<f64>,
    /// Covariance in the chart.
    pub covariance: Matrix,
    /// tr(η M C M)/(2 tr M): the temperature of isotropic horizontal noise with the same trace.
    pub temperature: f64,
    minimum_at: Lifted,
}

impl LinearLaw {
    pub fn new(spec: &Spec, functions: &Functions, level: &Level<'_>, start: &Lifted) -> Result<Self, JudgeError> {
        let eta = spec.train.step_size;
        let minimum = descend(functions, level, start)?;
        let metric = |at: &Lifted| at.jacobian.transpose().gram();
        let m = metric(&minimum);
        let inverse = inv(&m).map_err(GeometryError::from)?;
        let n = level.dimension();
        // a = M⁻¹Jg in the chart.
        let mut c = Matrix::zeros(n, n);
        let drawn = deviations(functions, &minimum.theta, DRAWS);
        for g in &drawn {
            let a = inverse.mul_vec(&minimum.jacobian.mul_vec(g));
            for i in 0..n {
                (0..n).for_each(|j| c[(i, j)] += a[i] * a[j] / drawn.len() as f64);
            }
        }
        if c.trace() <= 0.0 {
            return Err(GeometryError::NoGradientNoise { predictor: minimum.coordinates[0] }.into());
        }
        let step = 1e-4 * minimum.half_log_det.exp().powf(1.0 / n as f64).clamp(1e-6, 1e3);
        let slope = |at: &Lifted| -> Result<Vec<f64>, JudgeError> {
            let inverse = inv(&metric(at)).map_err(GeometryError::from)?;
            Ok(inverse.mul_vec(&at.jacobian.mul_vec(&gradient(functions, &at.theta))))
        };
        let (mut curvature, mut effective, mut gauge) = (Matrix::zeros(n, n), vec![0.0; n], vec![0.0; n]);
        for k in 0..n {
            let side = |sign: f64| -> Result<Lifted, JudgeError> {
                let mut target = minimum.coordinates.clone();
                target[k] += sign * step;
                Ok(level.lift(&minimum, &target)?.ok_or(GeometryError::NotFinite { what: "the level near the minimum" })?)
            };
            let (up, down) = (side(1.0)?, side(-1.0)?);
            let (above, below) = (slope(&up)?, slope(&down)?);
            (0..n).for_each(|i| curvature[(i, k)] = (above[i] - below[i]) / (2.0 * step));
            let trace = |at: &Lifted| metric(at).matmul(&c).trace();
            effective[k] = 0.25 * eta * (trace(&up) - trace(&down)) / (2.0 * step);
            gauge[k] = (up.half_log_det - down.half_log_det) / (2.0 * step);
        }
        let noise = m.matmul(&c).matmul(&m).scaled(eta);
        let temperature = noise.trace() / (2.0 * m.trace());
        let solve = |right: &[f64]| -> Result<Vec<f64>, GeometryError> {
            Ok(inv(&curvature)?.mul_vec(right).iter().map(|x| -x).collect())
        };
        let shift = solve(&effective)?;
        let gauge_shift = solve(&gauge.iter().map(|g| temperature * g).collect::<Vec<f64>>())?;
        let covariance = stationary_covariance(&m.matmul(&curvature), &noise, eta)?;
        Ok(Self {
            minimum: minimum.theta.clone(),
            shift,
            gauge_shift,
            covariance,
            temperature,
            minimum_at: minimum,
        })
    }

    /// Normal laws of the observable: under the noise, without a shift, and with that of the gauge correction.
    pub fn tables(&self, functions: &Functions, level: &Level<'_>) -> Result<[Table; 3], JudgeError> {
        let n = self.shift.len();
        let value = |theta: &[f64]| functions.observed(std::iter::once(theta))[0];
        let mut slope = vec![0.0; n];
        let step = 1e-4;
        for (k, slope) in slope.iter_mut().enumerate() {
            let side = |sign: f64| -> Result<f64, JudgeError> {
                let mut target = self.minimum_at.coordinates.clone();
                target[k] += sign * step;
                let lifted = level.lift(&self.minimum_at, &target)?;
                Ok(value(&lifted.ok_or(GeometryError::NotFinite { what: "the level near the minimum" })?.theta))
            };
            *slope = (side(1.0)? - side(-1.0)?) / (2.0 * step);
        }
        let spread = self.covariance.mul_vec(&slope);
        let deviation = slope.iter().zip(spread).map(|(a, b)| a * b).sum::<f64>().sqrt();
        let centre = value(&self.minimum);
        let along = |shift: &[f64]| centre + slope.iter().zip(shift).map(|(a, b)| a * b).sum::<f64>();
        Ok([
            Table::normal("sgd", along(&self.shift), deviation),
            Table::normal("no correction", centre, deviation),
            Table::normal("gauge correction", along(&self.gauge_shift), deviation),
        ])
    }
}

/// The minimum of the mean loss on the level, by natural gradient steps in the chart with a line search.
fn descend(functions: &Functions, level: &Level<'_>, start: &Lifted) -> Result<Lifted, JudgeError> {
    Ok(gaugebias_geometry::law::cloud::minimum_on_level(level, start, &|theta| functions.loss_at(theta))?)
}

/// S of A S + S Aᵀ − η A S Aᵀ = N: the covariance of x' = x − ηA x + √η N^½ z.
fn stationary_covariance(a: &Matrix, noise: &Matrix, eta: f64) -> Result<Matrix, GeometryError> {
    let n = a.rows();
    let size = n * n;
    let delta = |i: usize, j: usize| f64::from(u8::from(i == j));
    let system = Matrix::from_fn(size, size, |row, column| {
        let ((i, j), (k, l)) = ((row / n, row % n), (column / n, column % n));
        a[(i, k)] * delta(j, l) + delta(i, k) * a[(j, l)] - eta * a[(i, k)] * a[(j, l)]
    });
    let solution = inv(&system)?.mul_vec(noise.data());
    Ok(Matrix::from_row_major(n, n, solution))
}
