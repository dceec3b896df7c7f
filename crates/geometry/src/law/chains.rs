//! Draws of the horizontal law on a level by NUTS (the crate nuts-rs), for laws that no lattice carries.
//!
//! ```text
//! z ─► x = m + Az ─► θ, lifted from the nearest point of the trajectory ─► f(x), Aᵀ∇ₓf
//! ```
//!
//! m and A are mean and axes of the fitted proposal, so that the law is nearly a standard normal one in z and the sampler's own
//! adaptation has little to do. A place that no path reaches, or at which the loss is no number, has density zero: the trajectory ends
//! there, which leaves the law as it is. Eight chains start at different nodes of the proposal; whether they found one law
//! is judged by R̂, and what their draws are worth by their autocorrelation; a chain most of whose first trajectories end early is given up. Seeds are fixed, and a chain is the work of one thread.
//! Rejected: lifting every place from the minimum. Paths are ten times as long, and a level that covers the predictor more than once
//! would be sampled on one sheet only.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::GeometryError;
use crate::law::cloud::{CloudPoint, SHIFTS};
use crate::law::horizontal::HorizontalDensity;
use crate::law::level::Lifted;
use crate::law::mixing::Halves;
use crate::law::proposal::{Lattice, Proposal};
use nuts_rs::rand::Rng;
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

/// Draws of each chain that adapt it and are not kept.
const TUNING: u64 = 300;
/// Fewest draws of a chain that are kept.
const FEWEST_DRAWS: usize = 100;
/// Chains that disagree after fewer draws than this are run again for twice as many: ten independent draws alone make R̂ 1.05.
const ENOUGH_DRAWS: usize = 400;
/// A trajectory has fewer leapfrog steps than two to this power.
const DEEPEST: u64 = 8;
/// Nodes of the proposal that are tried for a start, the first half of them this much further out: chains that start nearby find
/// nearby modes only.
const STARTS: usize = 50;
const SPREAD: f64 = 2.0;
/// Mean acceptance that step sizes are adapted to: small steps follow bent valleys, where large ones end trajectories early.
const ACCEPTANCE: f64 = 0.9;
/// Draws after which a chain is given up if more than this share of their trajectories ended early: each of these is a path that
/// shrinks towards the border until it is given up, which takes longer than all others together.
const PROBATION: usize = 100;
const MOST_DIVERGENT: f64 = 0.5;
/// Largest R̂ of chains that agree.
const LARGEST_R_HAT: f64 = 1.05;

/// What chains say of themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainReport {
    /// Chains.
    pub chains: usize,
    /// Draws of each that are kept.
    pub draws: usize,
    /// Independent draws that all of them are worth: the least over the loss, det(JJᵀ) and the coordinates.
    pub independent: f64,
    /// The largest R̂ of the same.
    pub r_hat: f64,
    /// Share of the draws whose trajectory ended at a place without density or with a large error of energy.
    pub divergent: f64,
}

struct Draw {
    point: CloudPoint,
    coordinates: Vec<f64>,
    divergent: bool,
}

/// At least `count` draws of a density, `centre` a point of its level, by chains in the frame of a proposal.
pub(crate) fn sample(
    density: &HorizontalDensity<'_>,
    centre: &Lifted,
    frame: &Proposal,
    count: usize,
) -> Result<(Vec<CloudPoint>, ChainReport), GeometryError> {
    let mut draws = count.div_ceil(SHIFTS).max(FEWEST_DRAWS);
    loop {
        let chain = |index: usize| run(density, centre, frame, index, draws);
        let chains = (0..SHIFTS).into_par_iter().map(chain).collect::<Result<Vec<_>, _>>()?;
        match judge(&chains) {
            Ok(report) => return Ok((chains.into_iter().flat_map(distinct).collect(), report)),
            Err(GeometryError::ChainsDisagree { .. }) if draws < ENOUGH_DRAWS => draws *= 2,
            Err(error) => return Err(error),
        }
    }
}

/// The points of a chain: one that it stays at for m draws is one point of m times the weight.
fn distinct(chain: Vec<Draw>) -> Vec<CloudPoint> {
    let mut points: Vec<(CloudPoint, f64)> = Vec::with_capacity(chain.len());
    for Draw { point, .. } in chain {
        match points.last_mut().filter(|(last, _)| last.theta == point.theta) {
            Some((_, times)) => *times += 1.0,
            None => points.push((point, 1.0)),
        }
    }
    points.into_iter().map(|(p, times)| CloudPoint { log_proposal: p.log_proposal - times.ln(), ..p }).collect()
}

/// # Errors
/// [`GeometryError::ChainsDisagree`].
fn judge(chains: &[Vec<Draw>]) -> Result<ChainReport, GeometryError> {
    let (draws, n) = (chains[0].len(), chains[0][0].coordinates.len());
    let total = (draws * chains.len()) as f64;
    let divergent = chains.iter().flatten().filter(|draw| draw.divergent).count() as f64 / total;
    let along = |value: &dyn Fn(&Draw) -> f64| -> (f64, f64) {
        let values: Vec<Vec<f64>> = chains.iter().map(|chain| chain.iter().map(value).collect()).collect();
        let halves = Halves::new(&values);
        (halves.r_hat(), halves.independent())
    };
    let mut found = vec![
        ("the loss".to_owned(), along(&|draw| draw.point.loss)),
        ("log det JJᵀ".to_owned(), along(&|draw| draw.point.chart)),
    ];
    found.extend((0..n).map(|i| (format!("coordinate {i}"), along(&|draw| draw.coordinates[i]))));
    let independent = found.iter().map(|(_, (_, independent))| *independent).fold(total, f64::min);
    let worst = found.into_iter().max_by(|a, b| a.1.0.total_cmp(&b.1.0));
    let (of, (r_hat, _)) = worst.expect("the loss at least is judged");
    if r_hat.is_nan() || r_hat > LARGEST_R_HAT {
        return Err(GeometryError::ChainsDisagree { chains: chains.len(), draws, of, r_hat, divergent });
    }
    Ok(ChainReport { chains: chains.len(), draws, independent, r_hat, divergent })
}

fn run(
    density: &HorizontalDensity<'_>,
    centre: &Lifted,
    frame: &Proposal,
    index: usize,
    draws: usize,
) -> Result<Vec<Draw>, GeometryError> {
    let trail = RefCell::new(Trail { passed: vec![centre.clone()], failure: None });
    let target = Target { density, frame, trail: &trail };
    let mut settings =
        DiagNutsSettings { num_tune: TUNING, num_draws: draws as u64, maxdepth: DEEPEST, ..Default::default() };
    settings.adapt_options.step_size_settings.target_accept = ACCEPTANCE;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1 + index as u64);
    let stopped = |error: String| match trail.borrow_mut().failure.take() {
        Some(failure) => failure,
        None => GeometryError::ChainStopped { message: error },
    };
    let start = target.start(index)?;
    let mut chain =
        settings.new_chain(index as u64, CpuMath::new(target), &mut rng).map_err(|e| stopped(e.to_string()))?;
    chain.set_position(&start).map_err(|e| stopped(e.to_string()))?;
    let mut kept = Vec::with_capacity(draws);
    for draw in 0..TUNING as usize + draws {
        let (z, progress) = chain.draw().map_err(|e| stopped(e.to_string()))?;
        let lifted = trail.borrow_mut().rest_at(&frame.place(&z));
        if draw >= TUNING as usize {
            let loss = density.loss.value(&lifted.theta);
            let (volumes, chart) = (density.level.volumes(&lifted)?, lifted.half_log_det);
            let log_proposal = -loss / density.temperature - chart;
            let point = CloudPoint { theta: lifted.theta, loss, chart, volumes, log_proposal, shift: index };
            kept.push(Draw { point, coordinates: lifted.coordinates, divergent: progress.diverging });
            if kept.len() == PROBATION {
                refuse_border(&kept)?;
            }
        }
    }
    Ok(kept)
}

/// # Errors
/// [`GeometryError::BorderInReach`] where most trajectories ended early.
fn refuse_border(draws: &[Draw]) -> Result<(), GeometryError> {
    let divergent = draws.iter().filter(|draw| draw.divergent).count() as f64 / draws.len() as f64;
    if divergent > MOST_DIVERGENT {
        return Err(GeometryError::BorderInReach { draws: draws.len(), divergent });
    }
    Ok(())
}

/// The points of one trajectory.
struct Trail {
    passed: Vec<Lifted>,
    /// Why a chain had to stop.
    failure: Option<GeometryError>,
}

impl Trail {
    fn nearest(&self, x: &[f64]) -> &Lifted {
        let square = |at: &Lifted| at.coordinates.iter().zip(x).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
        let nearest = self.passed.iter().min_by(|a, b| square(a).total_cmp(&square(b)));
        nearest.expect("a trail has a start")
    }

    /// The point of a draw, from which the next trajectory starts.
    fn rest_at(&mut self, x: &[f64]) -> Lifted {
        let point = self.nearest(x).clone();
        self.passed = vec![point.clone()];
        point
    }
}

/// What NUTS sees of the law.
struct Target<'a> {
    density: &'a HorizontalDensity<'a>,
    frame: &'a Proposal,
    trail: &'a RefCell<Trail>,
}

impl Target<'_> {
    /// The first of the chain's nodes at which the density is positive, or the centre of the proposal.
    fn start(&self, chain: usize) -> Result<Vec<f64>, GeometryError> {
        let n = self.density.level.dimension();
        let lattice = Lattice::new(n + 1, 13);
        let mut gradient = vec![0.0; n];
        for node in 0..STARTS {
            let spread = if node < STARTS / 2 { SPREAD } else { 1.0 };
            let z: Vec<f64> = self.frame.standard(&lattice.node(chain, node)).iter().map(|z| spread * z).collect();
            if self.evaluate(&z, &mut gradient)?.is_some() {
                return Ok(z);
            }
        }
        Ok(vec![0.0; n])
    }

    /// f and its gradient at a place; `None` where the density is zero.
    fn evaluate(&self, z: &[f64], gradient: &mut [f64]) -> Result<Option<f64>, GeometryError> {
        let x = self.frame.place(z);
        let from = self.trail.borrow().nearest(&x).clone();
        let Some(point) = self.density.level.lift(&from, &x)? else { return Ok(None) };
        let log = self.density.log(&point);
        let slope = self.frame.axes.transpose_mul_vec(&self.density.gradient(&point)?);
        if !log.is_finite() || slope.iter().any(|x| !x.is_finite()) {
            return Ok(None);
        }
        gradient.copy_from_slice(&slope);
        self.trail.borrow_mut().passed.push(point);
        Ok(Some(log))
    }
}

/// Why a place has no log density.
#[derive(Debug, thiserror::Error)]
enum NoDensity {
    #[error("no path of the level leads there")]
    Outside,
    #[error("the level failed")]
    Failed,
}

impl LogpError for NoDensity {
    fn is_recoverable(&self) -> bool {
        matches!(self, Self::Outside)
    }
}

impl HasDims for Target<'_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.dim() as u64)])
    }
}

impl CpuLogpFunc for Target<'_> {
    type LogpError = NoDensity;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.density.level.dimension()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, NoDensity> {
        match self.evaluate(position, gradient) {
            Ok(log) => log.ok_or(NoDensity::Outside),
            Err(error) => {
                self.trail.borrow_mut().failure = Some(error);
                Err(NoDensity::Failed)
            }
        }
    }

    fn expand_vector<R: Rng + ?Sized>(&mut self, _: &mut R, position: &[f64]) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}
