//! Stationary laws of a predictor with several coordinates: weighted points on a level of the charges.
//!
//! ```text
//! density with respect to dx:  e^{−L/τ} · (volumes of the law) · det(JJᵀ)^{−1/2},   x the coordinates of the chart
//! weight of a point:           that, over the density that the points were drawn from
//! ```
//!
//! The loss is minimised on the level; its curvature there gives a normal proposal, which is fitted again to the weighted
//! points twice. Proposals are Richtmyer's lattices in the unit cube (steps of the roots of primes), mapped by
//! normal quantiles: in few dimensions a cubature, whose error eight random shifts measure. Each point is lifted to the level
//! ([`Level`]); one that no path reaches lies in another component and has no weight. In many coordinates, or where the law is
//! far from normal, hardly any of these points carries weight; there the points are draws of the horizontal law by NUTS
//! (`chains`). All laws are weights on the same points. Where too few points carry the weight, the law is refused
//! rather than reported. Rejected: chains everywhere. Where half of a lattice's points are worth an independent one, chains take six
//! to nine times as long for the same. (NUTS was once rejected here altogether, for a gradient that would go through the lift; it does
//! not: see [`horizontal`](super::horizontal).)

use crate::GeometryError;
use crate::law::Law;
use crate::law::chains::{self, ChainReport};
use crate::law::horizontal::HorizontalDensity;
use crate::law::level::{Level, Lifted, LogVolumes};
use crate::law::loss::Loss;
use crate::law::minimum::{inverse, minimum};
use crate::law::mixing::Halves;
use crate::law::proposal::{Lattice, Proposal};
use gaugebias_linalg::Matrix;
use rayon::prelude::*;

/// Random shifts of the lattice, or chains, whose spread is the error of the law.
pub(crate) const SHIFTS: usize = 8;
/// Least number of effective points of a law.
const FEWEST: f64 = 200.0;
/// A lattice of whose proposals a smaller share is worth independent points gives way to chains, which are then as good in the same
/// time: on UV 3×3 (4×4) the lattice finds 1,540 (410) independent points a second where 0.65 (0.49) of its proposals are worth one, NUTS
/// 180 (60).
const CARRIED: f64 = 0.1;

/// Most draws of all chains: one takes some ten times as long as a point of a lattice.
const MOST_DRAWS: usize = 16_384;

/// Where points come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampler {
    /// A lattice, or chains where it would carry too little.
    #[default]
    Auto,
    /// Richtmyer's lattices.
    Lattice,
    /// NUTS.
    Nuts,
}

/// Options of the points.
#[derive(Clone, Copy, Debug)]
pub struct CloudOptions {
    /// Points of the lattice, or draws of the chains (16,384 at most), in all shifts or chains together.
    pub points: usize,
    /// Where they come from.
    pub sampler: Sampler,
}

impl Default for CloudOptions {
    fn default() -> Self {
        Self { points: 32_768, sampler: Sampler::Auto }
    }
}

/// How the points of a cloud were found.
#[derive(Clone, Debug)]
pub enum Method {
    /// On a lattice.
    Lattice {
        /// Share of the proposals that no path reached.
        outside: f64,
    },
    /// By NUTS.
    Nuts(ChainReport),
}

/// Points on a level, with what every law needs to weigh them.
pub struct Cloud {
    temperature: f64,
    points: Vec<CloudPoint>,
    /// Where they come from.
    pub method: Method,
}

pub(crate) struct CloudPoint {
    pub theta: Vec<f64>,
    pub loss: f64,
    /// ½ log det of the chart's Jacobian.
    pub chart: f64,
    pub volumes: LogVolumes,
    /// Logarithm of the density that the point was drawn from, up to a constant.
    pub log_proposal: f64,
    /// Its shift or chain.
    pub shift: usize,
}

/// A law as weights on the points of a cloud.
#[derive(Clone, Debug)]
pub struct WeightedLaw {
    /// Which density.
    pub law: Law,
    /// One for each point, of sum 1.
    pub weights: Vec<f64>,
    /// (Σw)²/Σw², relative to that of the draws and times what these are worth where they are draws of chains: independent points that they are worth.
    pub effective_points: f64,
    shifts: Vec<usize>,
}

impl WeightedLaw {
    /// Mean of values at the points, and its standard error over the shifts of the lattice, or over the chains.
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
    /// [`GeometryError`] of the level, [`GeometryError::NotConverged`] where the loss has no minimum that the search reaches, and
    /// [`GeometryError::ChainsDisagree`] and [`GeometryError::BorderInReach`].
    pub fn new(
        level: &Level<'_>,
        start: &Lifted,
        temperature: f64,
        loss: &dyn Loss,
        options: CloudOptions,
    ) -> Result<Self, GeometryError> {
        let density = HorizontalDensity { level, loss, temperature };
        let (centre, curvature) = minimum(level, start, &|theta| loss.value(theta))?;
        let mut proposal = Proposal::new(centre.coordinates.clone(), &inverse(&curvature, temperature)?)?;
        let pilot = (options.points / 8).max(256);
        for round in 0..2 {
            let cloud = Self::on_lattice(&density, &centre, &proposal, pilot, 101 + round)?;
            if let Some(fitted) = cloud.fitted(level, &proposal)? {
                proposal = fitted;
            }
        }
        let mut lattice = None;
        if options.sampler != Sampler::Nuts {
            let cloud = Self::on_lattice(&density, &centre, &proposal, options.points, 7)?;
            if options.sampler == Sampler::Lattice || cloud.is_carried(options.points) {
                return Ok(cloud);
            }
            lattice = Some(cloud).filter(|cloud| cloud.weigh(Law::Horizontal).is_ok());
        }
        match (chains::sample(&density, &centre, &proposal, options.points.min(MOST_DRAWS)), lattice) {
            (Ok((points, report)), _) => Ok(Self { temperature, points, method: Method::Nuts(report) }),
            // At a border that the noise reaches, where trajectories end, a few points of a lattice are better than none.
            (Err(GeometryError::ChainsDisagree { .. } | GeometryError::BorderInReach { .. }), Some(cloud)) => Ok(cloud),
            (Err(error), _) => Err(error),
        }
    }

    fn on_lattice(
        density: &HorizontalDensity<'_>,
        centre: &Lifted,
        proposal: &Proposal,
        count: usize,
        seed: u64,
    ) -> Result<Self, GeometryError> {
        let each = count.div_ceil(SHIFTS);
        let lattice = Lattice::new(density.level.dimension() + 1, seed);
        let point = |index: usize| -> Result<Option<CloudPoint>, GeometryError> {
            let shift = index / each;
            let (x, log_proposal) = proposal.point(&lattice.node(shift, index % each));
            let Some(lifted) = density.level.lift(centre, &x)? else { return Ok(None) };
            let loss = density.loss.value(&lifted.theta);
            if !loss.is_finite() {
                return Err(GeometryError::NotFinite { what: "the loss" });
            }
            let (volumes, chart) = (density.level.volumes(&lifted)?, lifted.half_log_det);
            Ok(Some(CloudPoint { theta: lifted.theta, loss, chart, volumes, log_proposal, shift }))
        };
        let all = (0..each * SHIFTS).into_par_iter().map(point).collect::<Result<Vec<_>, _>>()?;
        let total = all.len();
        let points: Vec<CloudPoint> = all.into_iter().flatten().collect();
        let outside = 1.0 - points.len() as f64 / total as f64;
        Ok(Self { temperature: density.temperature, points, method: Method::Lattice { outside } })
    }

    /// Whether enough of the proposals are worth independent points under the horizontal law.
    fn is_carried(&self, proposals: usize) -> bool {
        self.law(Law::Horizontal, FEWEST.max(CARRIED * proposals as f64)).is_ok()
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

    /// Independent draws of the horizontal law that chains are worth for the distribution of a function, given at the points: the least over
    /// the function and its being below each of its quartiles. `None` of a lattice.
    pub fn independent_draws(&self, values: &[f64]) -> Option<f64> {
        let Method::Nuts(_) = &self.method else { return None };
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quartile = |k: usize| sorted[k * sorted.len() / 4];
        let worth = |of: &dyn Fn(f64) -> f64| {
            let mut chains = vec![Vec::new(); SHIFTS];
            for (point, value) in self.points.iter().zip(values) {
                let times = self.times(point).round() as usize;
                chains[point.shift].extend(std::iter::repeat_n(of(*value), times));
            }
            Halves::new(&chains).independent()
        };
        let below = |k: usize| worth(&|x| f64::from(u8::from(x <= quartile(k))));
        Some((1..4).map(below).fold(worth(&|x| x), f64::min))
    }

    /// How often the chains drew a point.
    fn times(&self, point: &CloudPoint) -> f64 {
        (-point.loss / self.temperature - point.chart - point.log_proposal).exp()
    }

    /// Σ (share of the draws that a point stands for)².
    fn squared_shares(&self) -> f64 {
        let times = self.points.iter().map(|point| self.times(point));
        let (sum, squares) = times.fold((0.0, 0.0), |(sum, squares), m| (sum + m, squares + m * m));
        squares / (sum * sum)
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
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        let effective_points = match &self.method {
            Method::Lattice { .. } => 1.0 / squares,
            Method::Nuts(report) => report.independent * self.squared_shares() / squares,
        };
        if effective_points < fewest {
            return Err(refused(effective_points));
        }
        Ok(WeightedLaw { law, weights, effective_points, shifts: self.points.iter().map(|p| p.shift).collect() })
    }
}
