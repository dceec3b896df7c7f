//! What a run did to its charges, against what its noise should do.
//!
//! ```text
//! horizontal noise:  dE Q_A/dt = τ tr(A P_H)          isotropic:  τ tr A
//! gradient noise:    E ΔQ_A = (η²/2) E gᵀAg, exactly, in every step
//! ```
//!
//! The rates depend on where the predictor is; it follows its law on the current level of charges much faster than the
//! charges move. So Q(t) is integrated over rates that are averaged over that law, level by level. Of gradient noise in several coordinates the rate is
//! that around the minimum on the level, and on the way there that of the flow.

use gaugebias_dynamics::Run;
use gaugebias_geometry::law::cloud::{Cloud, CloudOptions};
use gaugebias_geometry::law::equilibrium::charge_drifts;
use gaugebias_geometry::law::level::{Level, Lifted};
use gaugebias_geometry::law::minimum::minimum_on_level;
use gaugebias_geometry::law::{Law as Density, LawOptions, Trace};
use gaugebias_model::Parametrization;
use gaugebias_model::spec::{Noise, Optimizer, Spec};
use gaugebias_symmetry::Symmetries;
use serde::Serialize;

use super::flow::Flow;
use super::functions::Functions;
use super::gradient_noise::{deviations, gradient, mean_and_error};
use super::{JudgeError, noise_law};

/// Steps of the classical Runge–Kutta method in time, more where fewer do not agree.
const STEPS: [usize; 3] = [2, 4, 8];
/// Charges have settled when they differ by this share of what they moved.
const SETTLED: f64 = 2e-3;
/// Points of a cloud, and intervals of a curve, for an average over a law.
const POINTS: usize = 2048;
const INTERVALS: usize = 400;
/// Rates below this times τ (or the noise) are zero.
const ZERO: f64 = 1e-8;
/// Places of a descent at which rates are evaluated.
const PLACES: usize = 40;
/// Gradients drawn for a rate of gradient noise.
const DRAWS: u64 = 8192;

/// One charge over a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChargeReport {
    /// Its name.
    pub name: String,
    /// Its value at the start.
    pub start: f64,
    /// Its mean over seeds at the end.
    pub end: f64,
    /// Standard error of that mean.
    pub end_error: f64,
    /// What its drift predicts for the end; null where that is not predicted.
    pub predicted: Option<f64>,
    /// (end − predicted) in standard errors, of the seeds and of drawn gradients that a rate is estimated from; null where nothing is predicted,
    /// or nothing varies.
    pub deviations: Option<f64>,
}

/// The charges at the end of a run, with predictions where there are some.
pub(super) fn reports(
    symmetries: &Symmetries,
    start: &[f64],
    run: &Run,
    predicted: Option<&[f64]>,
    relative_error: f64,
) -> Vec<ChargeReport> {
    let ends: Vec<Vec<f64>> = (0..run.seeds).map(|seed| run.end(seed)).collect();
    let scale: f64 = start.iter().map(|x| x * x).sum();
    let report = |(index, charge): (usize, &gaugebias_symmetry::Charge)| {
        let values: Vec<f64> = ends.iter().map(|theta| charge.value(theta)).collect();
        let (end, end_error) = mean_and_error(&values);
        let predicted = predicted.map(|values| values[index]);
        let error = |value: f64| end_error.hypot(relative_error * (value - charge.value(start)));
        let varies = end_error > 1e-12 * scale;
        let deviations = predicted.filter(|_| varies).map(|value| (end - value) / error(value));
        let name = symmetries.charge_names.get(index).cloned().unwrap_or_else(|| format!("charge {index}"));
        ChargeReport { name, start: charge.value(start), end, end_error, predicted, deviations }
    };
    symmetries.charges.iter().enumerate().map(report).collect()
}

/// Relative standard error of a rate, where it is a mean of squares of drawn gradients.
pub(super) fn relative_error(functions: &Functions) -> f64 {
    if functions.drawn_loss.is_some() { (2.0 / DRAWS as f64).sqrt() } else { 0.0 }
}

/// Largest change of a charge over the run, as a share of |θ|² at the start.
pub(super) fn largest_change(symmetries: &Symmetries, start: &[f64], run: &Run) -> Option<f64> {
    if symmetries.charges.is_empty() {
        return None;
    }
    let scale: f64 = start.iter().map(|x| x * x).sum();
    let change = |seed: usize| {
        let end = run.end(seed);
        let charges = symmetries.charges.iter();
        charges.map(|charge| (charge.value(&end) - charge.value(start)).abs()).fold(0.0, f64::max)
    };
    Some((0..run.seeds).map(change).fold(0.0, f64::max) / scale)
}

/// The charges at the end of training, from their rates; `None` where the rates are not known.
pub(super) fn predicted(
    spec: &Spec,
    functions: &Functions,
    symmetries: &Symmetries,
    start: &[f64],
) -> Result<Option<Vec<f64>>, JudgeError> {
    let held: Vec<f64> = symmetries.charges.iter().map(|charge| charge.value(start)).collect();
    if held.is_empty() || spec.train.constraint.keeps_charges() {
        return Ok((!held.is_empty()).then_some(held));
    }
    let mut rates = Rates { spec, functions, symmetries, spread: vec![0.0; held.len()] };
    if !rates.are_known() {
        return Ok(None);
    }
    let (level, mut lifted) = Level::new(&functions.predictor, symmetries, start)?;
    let mut descent = vec![0.0; held.len()];
    if rates.are_at_minima() {
        lifted = minimum_on_level(&level, &lifted, &|theta| functions.loss_at(theta))?;
        descent = rates.of_descent(start, &lifted.theta)?;
    }
    // Averaged, not at the start alone: a drift may vanish at one point by its symmetry.
    let here = rates.averaged(&level, &lifted)?;
    let time = spec.train.step_size * spec.train.steps.max(1) as f64;
    let scale: f64 = start.iter().map(|x| x * x).sum::<f64>() / time;
    let largest = here.iter().zip(&descent).fold(0.0_f64, |m, (rate, moved)| m.max(rate.abs()).max(moved.abs() / time));
    if largest <= ZERO * scale.max(spec.train.temperature) {
        return Ok(Some(held));
    }
    if functions.drawn_loss.is_some() && rates.are_at_minima() {
        // It is a correction of the order of the step size, so that one level's is that of all.
        rates.spread = rates.of_spread(&level, &lifted).unwrap_or_else(|_| vec![0.0; held.len()]);
    }
    let here = here.iter().zip(&rates.spread).map(|(rate, spread)| rate + spread).collect::<Vec<f64>>();
    let with_descent = |charges: Vec<f64>| charges.iter().zip(&descent).map(|(q, moved)| q + moved).collect();
    let mut coarse: Option<Vec<f64>> = None;
    for steps in STEPS {
        let Some(fine) = integrated((&rates, steps), (&level, &lifted), &held, &here)? else { return Ok(None) };
        if let Some(coarse) = coarse {
            let moved = fine.iter().zip(&held).fold(0.0_f64, |m, (q, from)| m.max((q - from).abs()));
            let differ = fine.iter().zip(&coarse).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
            if differ <= SETTLED * moved {
                return Ok(Some(with_descent(fine)));
            }
        }
        coarse = Some(fine);
    }
    // Charges that relax many times over the run are beyond these steps.
    Ok(None)
}

/// The charges after the run by so many steps of the classical Runge–Kutta method; `None` where a level is not reached.
fn integrated(
    (rates, steps): (&Rates<'_>, usize),
    (level, lifted): (&Level<'_>, &Lifted),
    held: &[f64],
    first: &[f64],
) -> Result<Option<Vec<f64>>, JudgeError> {
    let h = rates.spec.train.step_size * rates.spec.train.steps as f64 / steps as f64;
    let mut q = held.to_vec();
    let mut slope = first.to_vec();
    let mut here: Option<(Level<'_>, Lifted)> = None;
    for step in 0..steps {
        let at = |q: &[f64]| match &here {
            Some((level, lifted)) => level.moved(lifted, q),
            None => level.moved(lifted, q),
        };
        if step > 0 {
            let Some((level, lifted)) = &here else { return Ok(None) };
            slope = rates.averaged(level, lifted)?;
        }
        let mut sum = vec![0.0; q.len()];
        for (weight, share) in [(1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0)] {
            sum.iter_mut().zip(&slope).for_each(|(sum, r)| *sum += weight / 6.0 * r);
            if share > 0.0 {
                let next: Vec<f64> = q.iter().zip(&slope).map(|(q, r)| q + share * h * r).collect();
                let Some((there, lifted)) = at(&next)? else { return Ok(None) };
                slope = rates.averaged(&there, &lifted)?;
            }
        }
        q.iter_mut().zip(&sum).for_each(|(q, r)| *q += h * r);
        match at(&q)? {
            Some(next) => here = Some(next),
            None => return Ok(None),
        }
    }
    Ok(Some(q))
}

struct Rates<'a> {
    spec: &'a Spec,
    functions: &'a Functions,
    symmetries: &'a Symmetries,
    /// Mean of the rates over the law around a minimum, less those at the minimum.
    spread: Vec<f64>,
}

impl Rates<'_> {
    fn are_known(&self) -> bool {
        match self.spec.train.optimizer {
            Optimizer::Sgd { momentum, weight_decay } => momentum == 0.0 && weight_decay == 0.0,
            Optimizer::Langevin => true,
            Optimizer::Adam { .. } => false,
        }
    }

    /// Whether the rates are those at the minimum of the loss on a level: the law of gradient noise in several coordinates is around it.
    fn are_at_minima(&self) -> bool {
        let several = self.functions.predictor.predictor_dimension() > 1;
        several && (self.functions.drawn_loss.is_some() || self.spec.train.temperature == 0.0)
    }

    /// The mean of the rates over the law of the noise around a minimum, less the rates at it.
    fn of_spread(&self, level: &Level<'_>, minimum: &Lifted) -> Result<Vec<f64>, JudgeError> {
        let law = noise_law::LinearLaw::new(self.spec, self.functions, level, minimum)?;
        let points = law.points(level)?;
        let mut mean: Vec<f64> = self.at(&minimum.theta)?.iter().map(|rate| -rate).collect();
        for theta in &points {
            mean.iter_mut().zip(self.at(theta)?).for_each(|(sum, rate)| *sum += rate / points.len() as f64);
        }
        Ok(mean)
    }

    /// What the noise does to the charges on the way to the minimum, beyond what it would do there in the same time: ∫ (rate(θ(t)) − rate at the
    /// minimum) dt along the flow, which keeps the charges itself.
    fn of_descent(&self, start: &[f64], minimum: &[f64]) -> Result<Vec<f64>, JudgeError> {
        let flow = Flow::new(self.spec, self.functions, 0.0);
        let time = self.spec.train.step_size * self.spec.train.steps as f64;
        // Times spaced like those of a decay: from a step of the run to its whole length.
        let spread = (self.spec.train.steps.max(2) as f64).ln();
        let when = |k: usize| time * ((spread * k as f64 / PLACES as f64).exp_m1() / spread.exp_m1());
        let there = self.at(minimum)?;
        let excess = |theta: &[f64]| -> Result<Vec<f64>, JudgeError> {
            Ok(self.at(theta)?.iter().zip(&there).map(|(rate, there)| rate - there).collect())
        };
        let mut sum = vec![0.0; there.len()];
        let (mut theta, mut before) = (start.to_vec(), excess(start)?);
        for k in 0..PLACES {
            let step = when(k + 1) - when(k);
            theta = flow.end(&theta, step, false)?;
            let after = excess(&theta)?;
            for (sum, (a, b)) in sum.iter_mut().zip(before.iter().zip(&after)) {
                *sum += 0.5 * step * (a + b);
            }
            before = after;
        }
        Ok(sum)
    }

    /// dQ/dt of every charge at θ; t counts η a step.
    fn at(&self, theta: &[f64]) -> Result<Vec<f64>, JudgeError> {
        let eta = self.spec.train.step_size;
        let mean = gradient(self.functions, theta);
        let forms = |g: &[f64]| -> Vec<f64> {
            let form = |charge: &gaugebias_symmetry::Charge| {
                let image = charge.generator().apply_linear(g);
                image.iter().zip(g).map(|(x, y)| x * y).sum::<f64>()
            };
            self.symmetries.charges.iter().map(form).collect()
        };
        // A step along the mean gradient changes a charge too, in second order.
        let mut rates: Vec<f64> = forms(&mean).iter().map(|form| 0.5 * eta * form).collect();
        let tau = self.spec.train.temperature;
        match (&self.spec.train.noise, self.spec.train.optimizer) {
            (Noise::Horizontal, _) => {
                let drifts = charge_drifts(self.symmetries, theta)?;
                rates.iter_mut().zip(drifts).for_each(|(rate, drift)| *rate += tau * drift);
            }
            (Noise::Isotropic, _) => {
                let charges = self.symmetries.charges.iter();
                rates.iter_mut().zip(charges).for_each(|(rate, charge)| *rate += tau * charge.generator().trace());
            }
            _ => {
                let deviations = deviations(self.functions, theta, DRAWS);
                for g in &deviations {
                    let share = 0.5 * eta / deviations.len() as f64;
                    rates.iter_mut().zip(forms(g)).for_each(|(rate, form)| *rate += share * form);
                }
            }
        }
        Ok(rates)
    }

    /// The rates averaged over the law on a level.
    fn averaged(&self, level: &Level<'_>, at: &Lifted) -> Result<Vec<f64>, JudgeError> {
        let gradient_noise = self.functions.drawn_loss.is_some();
        if self.functions.predictor.predictor_dimension() == 1 {
            return self.averaged_on_curve(&at.theta, gradient_noise);
        }
        let loss = |theta: &[f64]| self.functions.loss_at(theta);
        if self.are_at_minima() {
            let there = self.at(&minimum_on_level(level, at, &loss)?.theta)?;
            return Ok(there.iter().zip(&self.spread).map(|(rate, spread)| rate + spread).collect());
        }
        let tau = self.spec.train.temperature;
        let cloud =
            Cloud::new(level, at, tau, self.functions, CloudOptions { points: POINTS, ..CloudOptions::default() })?;
        let law = cloud.weigh(Density::Horizontal)?;
        let mut mean = vec![0.0; self.symmetries.charges.len()];
        for (theta, weight) in cloud.thetas().zip(&law.weights) {
            if *weight > 1e-9 {
                mean.iter_mut().zip(self.at(theta)?).for_each(|(sum, rate)| *sum += weight * rate);
            }
        }
        Ok(mean)
    }

    fn averaged_on_curve(&self, theta: &[f64], gradient_noise: bool) -> Result<Vec<f64>, JudgeError> {
        let options = LawOptions { intervals: INTERVALS, ..LawOptions::default() };
        let loss = |theta: &[f64]| self.functions.loss_at(theta);
        let charges = self.symmetries.charges.len();
        let mean_of =
            |law: &dyn Fn(Vec<f64>) -> Result<f64, JudgeError>, thetas: &[Vec<f64>]| -> Result<Vec<f64>, JudgeError> {
                // Rates of gradient noise take draws: at a few places, linearly between them.
                let intervals = if gradient_noise { 16 } else { thetas.len() - 1 };
                let places: Vec<usize> = (0..=intervals).map(|k| k * (thetas.len() - 1) / intervals).collect();
                let known: Vec<Vec<f64>> = places.iter().map(|&i| self.at(&thetas[i])).collect::<Result<_, _>>()?;
                let at = |i: usize, a: usize| {
                    let cell = places.partition_point(|&p| p <= i).clamp(1, places.len() - 1);
                    let share = (i - places[cell - 1]) as f64 / (places[cell] - places[cell - 1]) as f64;
                    known[cell - 1][a] + share * (known[cell][a] - known[cell - 1][a])
                };
                (0..charges).map(|a| law((0..thetas.len()).map(|i| at(i, a)).collect())).collect()
            };
        if gradient_noise {
            let (trace, variance) = noise_law::trace(self.spec, self.functions, self.symmetries, theta, &options)?;
            let law = |values: Vec<f64>| -> Result<f64, JudgeError> {
                let eta = self.spec.train.step_size;
                Ok(trace.gradient_noise_law(self.symmetries, eta, &variance, values)?.mean)
            };
            return mean_of(&law, trace.thetas());
        }
        if self.spec.train.temperature == 0.0 {
            return self.at(theta);
        }
        let trace = Trace::new(&self.functions.predictor, self.spec.train.temperature, theta, &loss, &options)?;
        let law = |values: Vec<f64>| -> Result<f64, JudgeError> {
            Ok(trace.law_of_values(self.symmetries, Density::Horizontal, values)?.mean)
        };
        mean_of(&law, trace.thetas())
    }
}
