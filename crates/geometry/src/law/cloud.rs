//! Stationary laws of a predictor with several coordinates: weighted points on a level of the charges.
//!
//! ```text
//! density with respect to dx:  e^{−L/τ} · (volumes of the law) · det(JJᵀ)^{−1/2},   x the coordinates of the chart
//! weight of a point:           that, over the density of the proposal
//! ```
//!
//! The loss is minimised on the level; its curvature there gives a normal proposal, which is fitted again to the weighted
//! points twice. Proposals are Richtmyer's lattices in the unit cube (steps of the roots of primes), mapped by
//! normal quantiles: in few dimensions a cubature, whose error eight random shifts measure, and beyond an importance sample. Each
//! point is lifted to the level ([`Level`]); one that no path reaches lies in another component and has no weight. All
//! laws are weights on the same points. Rejected: NUTS (nuts-rs) on x. It asks for the gradient of log det JJᵀ through the lift,
//! third derivatives of a model, for every leapfrog step; its chains are correlated, and they start again for each
//! law. Where too few points carry the weight, the law is refused rather than reported.

use crate::GeometryError;
use crate::law::level::{Level, Lifted, LogVolumes};
use crate::law::{Law, ThetaFunction};
use gaugebias_linalg::{Matrix, symmetric_eigen};
use rayon::prelude::*;
use statrs::function::erf::erf_inv;

/// Random shifts of the lattice, whose spread is the error of the cubature.
const SHIFTS: usize = 8;
/// Standard deviations of the proposal relative to the fitted ones, and their shares.
const MIXTURE: [(f64, f64); 2] = [(1.15, 0.85), (2.5, 0.15)];
/// Least number of effective points of a law.
const FEWEST: f64 = 200.0;

/// Options of the cubature.
#[derive(Clone, Copy, Debug)]
pub struct CloudOptions {
    /// Points, in all shifts together.
    pub points: usize,
}

impl Default for CloudOptions {
    fn default() -> Self {
        Self { points: 16_384 }
    }
}

/// A parallel function of θ.
pub type SharedFunction<'a> = &'a (dyn Fn(&[f64]) -> f64 + Sync);

/// Points on a level, with what every law needs to weigh them.
pub struct Cloud {
    temperature: f64,
    points: Vec<CloudPoint>,
    /// Share of the proposals that no path reached.
    pub outside: f64,
}

struct CloudPoint {
    theta: Vec<f64>,
    loss: f64,
    /// ½ log det of the chart's Jacobian.
    chart: f64,
    volumes: LogVolumes,
    log_proposal: f64,
    shift: usize,
}

/// A law as weights on the points of a cloud.
#[derive(Clone, Debug)]
pub struct WeightedLaw {
    /// Which density.
    pub law: Law,
    /// One for each point, of sum 1.
    pub weights: Vec<f64>,
    /// (Σw)²/Σw²: independent points that they are worth.
    pub effective_points: f64,
    shifts: Vec<usize>,
}

impl WeightedLaw {
    /// Mean of values at the points, and its standard error over the shifts of the lattice.
    pub fn mean(&self, values: &[f64]) -> (f64, f64) {
        let mut sums = [(0.0, 0.0); SHIFTS];
        for ((weight, value), &shift) in self.weights.iter().zip(values).zip(&self.shifts) {
            sums[shift].0 += weight * value;
            sums[shift].1 += weight;
        }
        let mean = sums.iter().map(|sum| sum.0).sum::<f64>();
        // Each shift is an estimate of its own; their ratio's error is that of the residuals.
        let residuals = sums.iter().map(|(value, weight)| value - mean * weight);
        let variance = residuals.map(|x| x * x).sum::<f64>() * SHIFTS as f64 / (SHIFTS - 1) as f64;
        (mean, variance.sqrt())
    }
}

impl Cloud {
    /// Points for the laws at a temperature on the level of `start`.
    ///
    /// # Errors
    /// [`GeometryError`] of the level, and [`GeometryError::NotConverged`] where the loss has no minimum that the search reaches.
    pub fn new(
        level: &Level<'_>,
        start: &Lifted,
        temperature: f64,
        loss: SharedFunction<'_>,
        options: CloudOptions,
    ) -> Result<Self, GeometryError> {
        let (centre, curvature) = minimum(level, start, loss)?;
        let mut proposal = Proposal::new(centre.coordinates.clone(), &inverse(&curvature, temperature)?)?;
        let pilot = (options.points / 8).max(256);
        for round in 0..2 {
            let cloud = Self::draw(level, &centre, temperature, loss, &proposal, pilot, 101 + round)?;
            if let Some(fitted) = cloud.fitted(level, &proposal)? {
                proposal = fitted;
            }
        }
        Self::draw(level, &centre, temperature, loss, &proposal, options.points, 7)
    }

    fn draw(
        level: &Level<'_>,
        centre: &Lifted,
        temperature: f64,
        loss: SharedFunction<'_>,
        proposal: &Proposal,
        count: usize,
        seed: u64,
    ) -> Result<Self, GeometryError> {
        let each = count.div_ceil(SHIFTS);
        let lattice = Lattice::new(level.dimension() + 1, seed);
        let point = |index: usize| -> Result<Option<CloudPoint>, GeometryError> {
            let shift = index / each;
            let (x, log_proposal) = proposal.point(&lattice.node(shift, index % each));
            let Some(lifted) = level.lift(centre, &x)? else { return Ok(None) };
            let value = loss(&lifted.theta);
            if !value.is_finite() {
                return Err(GeometryError::NotFinite { what: "the loss" });
            }
            let volumes = level.volumes(&lifted)?;
            Ok(Some(CloudPoint {
                theta: lifted.theta,
                loss: value,
                chart: lifted.half_log_det,
                volumes,
                log_proposal,
                shift,
            }))
        };
        let all = (0..each * SHIFTS).into_par_iter().map(point).collect::<Result<Vec<_>, _>>()?;
        let total = all.len();
        let points: Vec<CloudPoint> = all.into_iter().flatten().collect();
        let outside = 1.0 - points.len() as f64 / total as f64;
        Ok(Self { temperature, points, outside })
    }

    /// A proposal with the mean and covariance of the horizontal law; none where too few points carry it.
    fn fitted(&self, level: &Level<'_>, last: &Proposal) -> Result<Option<Proposal>, GeometryError> {
        let Ok(law) = self.law(Law::Horizontal, 30.0) else { return Ok(None) };
        let n = level.dimension();
        let coordinates: Vec<Vec<f64>> = self.points.iter().map(|point| level.coordinates(&point.theta)).collect();
        let mut mean = vec![0.0; n];
        for (x, weight) in coordinates.iter().zip(&law.weights) {
            mean.iter_mut().zip(x).for_each(|(m, x)| *m += weight * x);
        }
        let product = |i: usize, j: usize| {
            let each = coordinates.iter().zip(&law.weights);
            each.map(|(x, weight)| weight * (x[i] - mean[i]) * (x[j] - mean[j])).sum()
        };
        let covariance = Matrix::from_fn(n, n, product);
        // A few points can make a covariance too thin; the last one keeps it from collapsing.
        let trust = law.effective_points / (law.effective_points + 10.0 * n as f64);
        let mixed = covariance.scaled(trust).add_scaled(1.0 - trust, &last.covariance);
        Proposal::new(mean, &mixed).map(Some)
    }

    /// θ of the points.
    pub fn thetas(&self) -> impl Iterator<Item = &[f64]> {
        self.points.iter().map(|point| point.theta.as_slice())
    }

    /// The weights of a law.
    ///
    /// # Errors
    /// [`GeometryError::TooFewPoints`] where fewer than 200 points would carry it.
    pub fn weigh(&self, law: Law) -> Result<WeightedLaw, GeometryError> {
        self.law(law, FEWEST)
    }

    fn law(&self, law: Law, fewest: f64) -> Result<WeightedLaw, GeometryError> {
        let refused = |found: f64| GeometryError::TooFewPoints { found, points: self.points.len(), needed: fewest };
        let lowest = self.points.iter().map(|point| point.loss).fold(f64::INFINITY, f64::min);
        let log = |point: &CloudPoint| {
            let v = &point.volumes;
            let volumes = match law {
                Law::Horizontal => 0.0,
                Law::Rigid => v.compact,
                Law::Conditioned => v.compact - v.noncompact,
                Law::Isotropic => v.orbit,
                Law::Uncorrected => v.coarea,
                Law::ConstraintGram => v.coarea - v.noncompact,
            };
            (lowest - point.loss) / self.temperature + volumes - point.chart - point.log_proposal
        };
        let logs: Vec<f64> = self.points.iter().map(log).collect();
        let top = logs.iter().copied().filter(|x| x.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = logs.iter().map(|x| (x - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        if !(total.is_finite() && total > 0.0) {
            return Err(refused(0.0));
        }
        weights.iter_mut().for_each(|weight| *weight /= total);
        let effective_points = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        if effective_points < fewest {
            return Err(refused(effective_points));
        }
        Ok(WeightedLaw { law, weights, effective_points, shifts: self.points.iter().map(|p| p.shift).collect() })
    }
}

/// A mixture of two normal densities with one centre.
struct Proposal {
    mean: Vec<f64>,
    covariance: Matrix,
    /// Columns: eigenvectors times standard deviations.
    axes: Matrix,
    log_det: f64,
}

impl Proposal {
    fn new(mean: Vec<f64>, covariance: &Matrix) -> Result<Self, GeometryError> {
        let eigen = symmetric_eigen(covariance)?;
        let largest = eigen.values.iter().copied().fold(0.0, f64::max);
        let deviations: Vec<f64> = eigen.values.iter().map(|x| x.max(1e-8 * largest).sqrt()).collect();
        let axes = Matrix::from_fn(mean.len(), mean.len(), |i, j| eigen.vectors[(i, j)] * deviations[j]);
        let log_det = deviations.iter().map(|s| s.ln()).sum();
        Ok(Self { mean, covariance: covariance.clone(), axes, log_det })
    }

    /// The point of a node of the unit cube, and the log density there.
    fn point(&self, node: &[f64]) -> (Vec<f64>, f64) {
        let n = self.mean.len();
        let width = if node[n] < MIXTURE[0].1 { MIXTURE[0].0 } else { MIXTURE[1].0 };
        let z: Vec<f64> = node[..n].iter().map(|u| width * std::f64::consts::SQRT_2 * erf_inv(2.0 * u - 1.0)).collect();
        let moved = self.axes.mul_vec(&z);
        let square: f64 = z.iter().map(|z| z * z).sum();
        let parts = MIXTURE.map(|(width, share)| {
            share.ln()
                - 0.5 * square / (width * width)
                - n as f64 * (width.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln())
        });
        let top = parts[0].max(parts[1]);
        let log = top + parts.iter().map(|part| (part - top).exp()).sum::<f64>().ln() - self.log_det;
        (self.mean.iter().zip(moved).map(|(m, x)| m + x).collect(), log)
    }
}

/// Richtmyer's lattices in the unit cube: node k is the fractional part of shift + kα, with α_j the root of the j-th prime. (Powers
/// of the generalised golden ratio were tried: in four and five dimensions the distribution function of a norm came out no better
/// than by random points.)
struct Lattice {
    steps: Vec<f64>,
    seed: u64,
}

impl Lattice {
    fn new(dimension: usize, seed: u64) -> Self {
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        let steps = (2_u64..).filter(is_prime).take(dimension).map(|prime| (prime as f64).sqrt().fract()).collect();
        Self { steps, seed }
    }

    fn node(&self, shift: usize, index: usize) -> Vec<f64> {
        let at = |(j, step): (usize, &f64)| {
            let offset = uniform(self.seed, shift as u64, j as u64);
            (offset + index as f64 * step).fract().clamp(1e-12, 1.0 - 1e-12)
        };
        self.steps.iter().enumerate().map(at).collect()
    }
}

/// A number in [0, 1) of three whole numbers, by SplitMix64.
fn uniform(seed: u64, shift: u64, axis: u64) -> f64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (shift << 32 | axis).wrapping_mul(0xd134_2543_de82_ef95);
    for multiplier in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
        z = (z ^ (z >> 30)).wrapping_mul(multiplier);
    }
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// τ times the inverse of a curvature, whose small or negative eigenvalues are raised.
fn inverse(curvature: &Matrix, temperature: f64) -> Result<Matrix, GeometryError> {
    let eigen = symmetric_eigen(curvature)?;
    let largest = eigen.values.iter().copied().fold(0.0_f64, |m, x| m.max(x.abs()));
    if !(largest > 0.0 && largest.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the curvature of the loss on the level" });
    }
    let n = curvature.rows();
    let weight = |k: usize| temperature / eigen.values[k].abs().max(1e-4 * largest);
    Ok(Matrix::from_fn(n, n, |i, j| (0..n).map(|k| weight(k) * eigen.vectors[(i, k)] * eigen.vectors[(j, k)]).sum()))
}

/// The minimum of the loss on the level that descent from the start reaches, and its curvature in the chart.
fn minimum(level: &Level<'_>, start: &Lifted, loss: ThetaFunction<'_>) -> Result<(Lifted, Matrix), GeometryError> {
    let mut at = start.clone();
    let mut value = loss(&at.theta);
    for _ in 0..60 {
        let (gradient, curvature) = derivatives(level, &at, loss)?;
        let direction = inverse(&curvature, 1.0)?.mul_vec(&gradient);
        let slope: f64 = direction.iter().zip(&gradient).map(|(d, g)| d * g).sum();
        let mut moved = None;
        let mut share = 1.0_f64;
        while share > 1e-6 {
            let target: Vec<f64> = at.coordinates.iter().zip(&direction).map(|(x, d)| x - share * d).collect();
            if let Some(next) = level.lift(&at, &target)? {
                let found = loss(&next.theta);
                if found < value {
                    moved = Some((next, found));
                    break;
                }
            }
            share *= 0.5;
        }
        let Some((next, found)) = moved else { return Ok((at, curvature)) };
        let gained = value - found;
        (at, value) = (next, found);
        if gained <= 1e-10 * slope.max(1e-300) || slope < 1e-14 {
            break;
        }
    }
    let (_, curvature) = derivatives(level, &at, loss)?;
    Ok((at, curvature))
}

/// The minimum of a loss on a level that descent from a point of it reaches.
///
/// # Errors
/// [`GeometryError`] of the level; [`GeometryError::NotFinite`] where the loss has no curvature.
pub fn minimum_on_level(level: &Level<'_>, start: &Lifted, loss: ThetaFunction<'_>) -> Result<Lifted, GeometryError> {
    Ok(minimum(level, start, loss)?.0)
}

/// First and second differences of the loss in the chart.
fn derivatives(level: &Level<'_>, at: &Lifted, loss: ThetaFunction<'_>) -> Result<(Vec<f64>, Matrix), GeometryError> {
    let n = level.dimension();
    let scale = at.half_log_det.exp().powf(1.0 / n as f64).clamp(1e-6, 1e3);
    let h = 1e-3 * scale;
    let value = |moves: &[(usize, f64)]| -> Result<f64, GeometryError> {
        let mut target = at.coordinates.clone();
        moves.iter().for_each(|&(i, by)| target[i] += by);
        Ok(level.lift(at, &target)?.map_or(f64::NAN, |lifted| loss(&lifted.theta)))
    };
    let here = loss(&at.theta);
    let mut gradient = vec![0.0; n];
    let mut curvature = Matrix::zeros(n, n);
    let mut sides = Vec::with_capacity(n);
    for (i, slope) in gradient.iter_mut().enumerate() {
        let (up, down) = (value(&[(i, h)])?, value(&[(i, -h)])?);
        *slope = (up - down) / (2.0 * h);
        curvature[(i, i)] = (up - 2.0 * here + down) / (h * h);
        sides.push((up, down));
    }
    for i in 0..n {
        for j in 0..i {
            let (both, neither) = (value(&[(i, h), (j, h)])?, value(&[(i, -h), (j, -h)])?);
            let mixed =
                (both + neither + 2.0 * here - sides[i].0 - sides[i].1 - sides[j].0 - sides[j].1) / (2.0 * h * h);
            (curvature[(i, j)], curvature[(j, i)]) = (mixed, mixed);
        }
    }
    if gradient.iter().chain(curvature.data()).any(|x| !x.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the curvature of the loss on the level" });
    }
    Ok((gradient, curvature))
}
