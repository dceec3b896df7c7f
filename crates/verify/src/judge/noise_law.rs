//! The law of SGD's own noise, and what would be expected of other noise at the same temperature.
//!
//! One coordinate: quadrature of the quotient SDE. Several: that SDE linearised at the minimum of the effective loss, whose
//! law is normal around a shifted centre,
//!
//! ```text
//! x* = argmin L + (η/4) tr(C M),   A = M H,   A S + S Aᵀ − η A S Aᵀ = η M C M
//! ```
//!
//! with M = JJᵀ on the level of the start, C the covariance of ∂ℓ_batch/∂w and H the curvature of L, all at x*. Noise that grows with
//! w also skews the law, in the same order as it shifts it; third central moments κ of drift f and noise N solve
//!
//! ```text
//! Σ_i A_ia κ_ajk = Σ_i (∂_a∂_b f_i) S_aj S_bk + Σ_ij (∂_a N_ij) S_ak    (sums over the places of the free indices)
//! ```
//!
//! and the table is the Gamma law with that mean, deviation and skewness (which in one coordinate of a product it is). An observable O that is not linear
//! in x has the mean O(E x) + ½ tr(O''S), and the cumulants of r·z + ½zᵀO''z with the same terms.

use gaugebias_geometry::GeometryError;
use gaugebias_geometry::law::level::{Level, Lifted};
use gaugebias_geometry::law::{LawOptions, Trace};
use gaugebias_linalg::{Matrix, inv, svdvals, symmetric_eigen};
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
/// Step of second differences of the observable, in standard deviations of the law.
const BEND: f64 = 0.1;
/// Most coordinates whose third moments are computed.
const MOST_SKEWED: usize = 10;

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

/// The law of an observable under gradient noise in several coordinates, by its first three moments.
pub(super) struct LinearLaw {
    /// θ where L is least on the level.
    pub minimum: Vec<f64>,
    /// Shift of the coordinates that the noise makes.
    pub shift: Vec<f64>,
    /// Shift that the gauge correction would make at the same temperature.
    pub gauge_shift: Vec<f64>,
    /// Covariance in the chart.
    pub covariance: Matrix,
    /// Third central moments in the chart, n³; zero beyond ten coordinates.
    third: Vec<f64>,
    /// η tr(CM)/2n: the temperature of isotropic horizontal noise with the same trace.
    pub temperature: f64,
    minimum_at: Lifted,
}

/// Noise of gradients below this share of its square at the start is rounding: the model fits every row.
const NO_NOISE: f64 = 1e-18;

fn mean_square(vectors: &[Vec<f64>]) -> f64 {
    vectors.iter().flatten().map(|x| x * x).sum::<f64>() / vectors.len() as f64
}

/// Curvatures below this share of the largest are rounding of differences.
const FLAT: f64 = 1e-6;

/// Refuses a minimum that is a valley: moments around one of its points are those of no run.
fn refuse_flat(curvature: &Matrix) -> Result<(), GeometryError> {
    let values = svdvals(curvature)?;
    let largest = values.first().copied().unwrap_or(0.0);
    let flat = values.iter().filter(|&&value| value <= FLAT * largest).count();
    if flat == 0 { Ok(()) } else { Err(GeometryError::FlatMinimum { flat, of: values.len() }) }
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
        let drawn = deviations(functions, &minimum.theta, DRAWS);
        let own: Vec<Vec<f64>> = drawn.iter().map(|g| inverse.mul_vec(&minimum.jacobian.mul_vec(g))).collect();
        let c = Matrix::from_columns(n, &own).transpose().gram().scaled(1.0 / own.len() as f64);
        let at_start = deviations(functions, &start.theta, DRAWS / 64);
        if mean_square(&drawn) <= NO_NOISE * mean_square(&at_start) {
            return Err(GeometryError::NoGradientNoise { predictor: minimum.coordinates[0] }.into());
        }
        let step = 1e-4 * minimum.half_log_det.exp().powf(1.0 / n as f64).clamp(1e-6, 1e3);
        let slope = |at: &Lifted| -> Result<Vec<f64>, JudgeError> {
            let inverse = inv(&metric(at)).map_err(GeometryError::from)?;
            Ok(inverse.mul_vec(&at.jacobian.mul_vec(&gradient(functions, &at.theta))))
        };
        let (mut curvature, mut effective, mut gauge) = (Matrix::zeros(n, n), vec![0.0; n], vec![0.0; n]);
        for (k, (effective, gauge)) in effective.iter_mut().zip(&mut gauge).enumerate() {
            let side = |sign: f64| -> Result<Lifted, JudgeError> {
                let mut target = minimum.coordinates.clone();
                target[k] += sign * step;
                Ok(level
                    .lift(&minimum, &target)?
                    .ok_or(GeometryError::NotFinite { what: "the level near the minimum" })?)
            };
            let (up, down) = (side(1.0)?, side(-1.0)?);
            let (above, below) = (slope(&up)?, slope(&down)?);
            (0..n).for_each(|i| curvature[(i, k)] = (above[i] - below[i]) / (2.0 * step));
            let trace = |at: &Lifted| metric(at).matmul(&c).trace();
            *effective = 0.25 * eta * (trace(&up) - trace(&down)) / (2.0 * step);
            *gauge = (up.half_log_det - down.half_log_det) / (2.0 * step);
        }
        refuse_flat(&curvature)?;
        let noise = m.matmul(&c).matmul(&m).scaled(eta);
        let temperature = eta * m.matmul(&c).trace() / (2.0 * n as f64);
        let solve = |right: &[f64]| -> Result<Vec<f64>, GeometryError> {
            Ok(inv(&curvature)?.mul_vec(right).iter().map(|x| -x).collect())
        };
        let shift = solve(&effective)?;
        let gauge_shift = solve(&gauge.iter().map(|g| temperature * g).collect::<Vec<f64>>())?;
        let covariance = stationary_covariance(&m.matmul(&curvature), &noise, eta)?;
        let drift = |at: &Lifted| -> Result<Vec<f64>, JudgeError> {
            Ok(metric(at).mul_vec(&slope(at)?).iter().map(|x| -x).collect())
        };
        let noise_at = |at: &Lifted| {
            let m = metric(at);
            m.matmul(&c).matmul(&m).scaled(eta)
        };
        let local = Local { level, at: &minimum, step: 10.0 * step };
        let third = if n <= MOST_SKEWED {
            third_moments(&m.matmul(&curvature), &covariance, &local.second(&drift)?, &local.first(&noise_at)?)?
        } else {
            vec![0.0; n * n * n]
        };
        Ok(Self {
            third,
            minimum: minimum.theta.clone(),
            shift,
            gauge_shift,
            covariance,
            temperature,
            minimum_at: minimum,
        })
    }

    /// Laws of the observable: under the noise, without a shift, and with that of the gauge correction.
    pub fn tables(&self, functions: &Functions, level: &Level<'_>) -> Result<[Table; 3], JudgeError> {
        let n = self.shift.len();
        let centre = functions.observed(std::iter::once(self.minimum.as_slice()))[0];
        let value = |at: &Lifted| Ok(functions.observed(std::iter::once(at.theta.as_slice()))[0]);
        let local = Local { level, at: &self.minimum_at, step: 1e-4 };
        let mut slope = vec![0.0; n];
        for (k, slope) in slope.iter_mut().enumerate() {
            let side = |sign: f64| -> Result<f64, JudgeError> { value(&local.moved(&[(k, sign)])?) };
            *slope = (side(1.0)? - side(-1.0)?) / 2e-4;
        }
        let roots = roots(&self.covariance)?;
        let bend = local.bend(&roots, centre, &value)?;
        let spread = roots.transpose_mul_vec(&slope);
        let mut variance: f64 = spread.iter().map(|x| x * x).sum();
        let mut third: f64 = self
            .third
            .iter()
            .enumerate()
            .map(|(at, k)| k * slope[at / (n * n)] * slope[at / n % n] * slope[at % n])
            .sum();
        if n <= MOST_SKEWED {
            // Cumulants of r·z + ½zᵀGz for normal z.
            variance += 0.5 * bend.frobenius_norm().powi(2);
            let bent: f64 = bend.mul_vec(&spread).iter().zip(&spread).map(|(x, r)| x * r).sum();
            third += 3.0 * bent + bend.matmul(&bend).frobenius_inner(&bend);
        }
        let deviation = variance.sqrt();
        let skewness = if deviation > 0.0 { third / deviation.powi(3) } else { 0.0 };
        let bent_centre = centre + 0.5 * bend.trace();
        let along = |shift: &[f64]| bent_centre + slope.iter().zip(shift).map(|(a, b)| a * b).sum::<f64>();
        let table = |name: &str, mean: f64| Table::gamma(name, mean, deviation, skewness);
        Ok([
            table("sgd", along(&self.shift)),
            table("no correction", bent_centre),
            table("gauge correction", along(&self.gauge_shift)),
        ])
    }
}

impl LinearLaw {
    /// θ at 2n points whose mean and covariance are those of the law: a mean over them is that over the law to second order.
    pub fn points(&self, level: &Level<'_>) -> Result<Vec<Vec<f64>>, JudgeError> {
        let (n, roots) = (self.shift.len(), roots(&self.covariance)?);
        let local = Local { level, at: &self.minimum_at, step: 1.0 };
        let point = |at: usize| -> Result<Vec<f64>, JudgeError> {
            let reach = if at < n { (n as f64).sqrt() } else { -(n as f64).sqrt() };
            let moves: Vec<(usize, f64)> = (0..n).map(|i| (i, self.shift[i] + reach * roots[(i, at % n)])).collect();
            Ok(local.moved(&moves)?.theta)
        };
        (0..2 * n).map(point).collect()
    }
}

/// R with RRᵀ = S: columns along the principal axes.
fn roots(covariance: &Matrix) -> Result<Matrix, GeometryError> {
    let parts = symmetric_eigen(covariance)?;
    let n = covariance.rows();
    Ok(Matrix::from_fn(n, n, |i, k| parts.vectors[(i, k)] * parts.values[k].max(0.0).sqrt()))
}

/// Differences around a point of a level.
struct Local<'a> {
    level: &'a Level<'a>,
    at: &'a Lifted,
    step: f64,
}

impl Local<'_> {
    fn moved(&self, moves: &[(usize, f64)]) -> Result<Lifted, JudgeError> {
        let mut target = self.at.coordinates.clone();
        moves.iter().for_each(|&(k, sign)| target[k] += sign * self.step);
        Ok(self.level.lift(self.at, &target)?.ok_or(GeometryError::NotFinite { what: "the level near the minimum" })?)
    }

    /// RᵀO''R of an observable that is `centre` at the point; beyond ten coordinates its diagonal alone, which has the trace.
    fn bend(
        &self,
        roots: &Matrix,
        centre: f64,
        value: &dyn Fn(&Lifted) -> Result<f64, JudgeError>,
    ) -> Result<Matrix, JudgeError> {
        let n = roots.rows();
        let at = |moves: &[(usize, f64)]| -> Result<f64, JudgeError> {
            let along = |i: usize| moves.iter().map(|&(k, sign)| sign * BEND * roots[(i, k)] / self.step).sum::<f64>();
            value(&self.moved(&(0..n).map(|i| (i, along(i))).collect::<Vec<_>>())?)
        };
        let mut bend = Matrix::zeros(n, n);
        for a in 0..n {
            bend[(a, a)] = (at(&[(a, 1.0)])? - 2.0 * centre + at(&[(a, -1.0)])?) / BEND.powi(2);
            for b in (0..a).filter(|_| n <= MOST_SKEWED) {
                let corner = |s: f64, t: f64| at(&[(a, s), (b, t)]);
                let sum = corner(1.0, 1.0)? - corner(1.0, -1.0)? - corner(-1.0, 1.0)? + corner(-1.0, -1.0)?;
                bend[(a, b)] = sum / (4.0 * BEND.powi(2));
                bend[(b, a)] = bend[(a, b)];
            }
        }
        Ok(bend)
    }

    /// ∂_a of a matrix, for every a.
    fn first(&self, of: &dyn Fn(&Lifted) -> Matrix) -> Result<Vec<Matrix>, JudgeError> {
        let slope = |a: usize| -> Result<Matrix, JudgeError> {
            let (up, down) = (of(&self.moved(&[(a, 1.0)])?), of(&self.moved(&[(a, -1.0)])?));
            Ok(up.add_scaled(-1.0, &down).scaled(0.5 / self.step))
        };
        (0..self.level.dimension()).map(slope).collect()
    }

    /// ∂_a ∂_b of a vector, for every a and b, at a·n + b.
    fn second(&self, of: &dyn Fn(&Lifted) -> Result<Vec<f64>, JudgeError>) -> Result<Vec<Vec<f64>>, JudgeError> {
        let n = self.level.dimension();
        let mut found = vec![vec![0.0; n]; n * n];
        let here = of(self.at)?;
        for a in 0..n {
            for b in 0..=a {
                let value = |s: f64, t: f64| of(&self.moved(&[(a, s), (b, t)])?);
                let second: Vec<f64> = if a == b {
                    let (up, down) = (value(1.0, 0.0)?, value(-1.0, 0.0)?);
                    (0..n).map(|i| (up[i] - 2.0 * here[i] + down[i]) / self.step.powi(2)).collect()
                } else {
                    let corners = [value(1.0, 1.0)?, value(1.0, -1.0)?, value(-1.0, 1.0)?, value(-1.0, -1.0)?];
                    let [pp, pm, mp, mm] = &corners;
                    (0..n).map(|i| (pp[i] - pm[i] - mp[i] + mm[i]) / (4.0 * self.step.powi(2))).collect()
                };
                found[b * n + a].clone_from(&second);
                found[a * n + b] = second;
            }
        }
        Ok(found)
    }
}

/// κ of Σ_i A_ia κ_ajk = sources, by one linear system of n³ unknowns.
fn third_moments(
    a: &Matrix,
    covariance: &Matrix,
    drift: &[Vec<f64>],
    noise: &[Matrix],
) -> Result<Vec<f64>, GeometryError> {
    let n = a.rows();
    let split = |at: usize| (at / (n * n), at / n % n, at % n);
    let delta = |i: usize, j: usize| f64::from(u8::from(i == j));
    let system = Matrix::from_fn(n * n * n, n * n * n, |row, column| {
        let ((i, j, k), (l, m, o)) = (split(row), split(column));
        a[(i, l)] * delta(j, m) * delta(k, o)
            + a[(j, m)] * delta(i, l) * delta(k, o)
            + a[(k, o)] * delta(i, l) * delta(j, m)
    });
    let bent = |i: usize, j: usize, k: usize| -> f64 {
        (0..n * n).map(|at| drift[at][i] * covariance[(at / n, j)] * covariance[(at % n, k)]).sum()
    };
    let fed = |i: usize, j: usize, k: usize| -> f64 { (0..n).map(|b| noise[b][(i, j)] * covariance[(b, k)]).sum() };
    let source = |at: usize| {
        let (i, j, k) = split(at);
        bent(i, j, k) + bent(j, i, k) + bent(k, i, j) + fed(i, j, k) + fed(i, k, j) + fed(j, k, i)
    };
    let sources: Vec<f64> = (0..n * n * n).map(source).collect();
    Ok(gaugebias_linalg::least_squares(&system, &sources, 1e-12)?)
}

/// The minimum of the mean loss on the level, by natural gradient steps in the chart with a line search.
fn descend(functions: &Functions, level: &Level<'_>, start: &Lifted) -> Result<Lifted, JudgeError> {
    Ok(gaugebias_geometry::law::minimum::minimum_on_level(level, start, &|theta| functions.loss_at(theta))?)
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
