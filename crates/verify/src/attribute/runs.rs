//! The runs of an attribution: means of an observable over their seeds, what is predicted of them, and differences.

use gaugebias_dynamics::Run;
use gaugebias_model::SpecError;
use gaugebias_model::spec::{Definition, Spec};
use serde::Serialize;

use super::ablate::{NoiseKind, has_penalty, noise_of, reference, without_noise, without_penalty};
use super::predicted::{means_and_conditions, means_of};
use super::{AttributeError, INTERVAL, Simulate};
use crate::judge::completion::completion_is_the_mean;
use crate::judge::{has_own_data, has_random_start};
use crate::student::{mean_and_error, standard_errors};

/// Seeds whose flow is predicted, where they have starts of their own.
pub(super) const PREDICTED_STARTS: usize = 8;

/// Differences below this share of the observable are no failure of a prediction.
const NEGLIGIBLE: f64 = 1e-4;

/// Drifts below this share of the observable are let pass.
const SETTLED: f64 = 1e-3;

/// What the run of the spec as it stands is called.
const WHOLE: &str = "run";

/// Mean of an observable over seeds, the seeds' own means, and what is predicted of it.
pub(super) struct Mean {
    pub value: f64,
    pub seeds: Vec<f64>,
    /// Of the first seeds each, or one number for all.
    pub predicted: Option<Vec<f64>>,
    /// By what the mean moves from the first to the second half of the samples, where that is clear.
    pub drift: Option<f64>,
}

impl Mean {
    /// Runs a spec, from θ of each seed where they are given.
    pub fn of(spec: &Spec, starts: Option<&[Vec<f64>]>, simulate: &Simulate<'_>) -> Result<Self, AttributeError> {
        let failed = |error| AttributeError::Dynamics { run: spec.title.clone(), error };
        Self::of_samples(&simulate(spec, starts).map_err(failed)?)
    }

    /// With the first seeds in the place of a prediction: where w itself ends without noise is seen.
    pub fn with_what_was_seen(mut self, followed: usize) -> Self {
        self.predicted = Some(self.seeds[..followed].to_vec());
        self
    }

    fn of_samples(run: &Run) -> Result<Self, AttributeError> {
        let samples = run.samples.as_ref().filter(|samples| !samples.values.is_empty());
        let samples =
            samples.ok_or_else(|| AttributeError::Unfit(format!("{}: no samples after the burn-in", run.title)))?;
        let records = samples.values.len() / run.seeds;
        let at = |seed: usize| samples.values.iter().skip(seed).step_by(run.seeds).sum::<f64>() / records as f64;
        let seeds: Vec<f64> = (0..run.seeds).map(at).collect();
        if let Some(seed) = seeds.iter().position(|x| !x.is_finite()) {
            return Err(AttributeError::Unfit(format!(
                "{}: the observable is not finite in seed {seed}; take one that is finite wherever the predictor goes",
                run.title
            )));
        }
        let value = seeds.iter().sum::<f64>() / seeds.len() as f64;
        let drift = drift(&samples.values, run.seeds).filter(|drift| drift.abs() > SETTLED * value.abs());
        Ok(Self { value, seeds, predicted: None, drift })
    }
}

/// The change of the mean between the halves of the records, beyond four standard errors over seeds; `None` for fewer than four records.
fn drift(values: &[f64], seeds: usize) -> Option<f64> {
    let half = values.len() / seeds / 2;
    let part = |seed: usize, from: usize| {
        (from..from + half).map(|record| values[record * seeds + seed]).sum::<f64>() / half as f64
    };
    let own: Vec<f64> = (0..seeds).map(|seed| part(seed, values.len() / seeds - half) - part(seed, 0)).collect();
    let (drift, error) = mean_and_error(&own);
    (half >= 2 && drift.abs() > standard_errors(seeds, 4.0) * error).then_some(drift)
}

/// Σ c_i O_i over runs with the same seeds, and its standard error over seeds.
pub(super) fn combined(parts: &[(f64, &Mean)]) -> (f64, f64) {
    let of = |seed: usize| parts.iter().map(|(c, mean)| c * mean.seeds[seed]).sum();
    mean_and_error(&(0..parts[0].1.seeds.len()).map(of).collect::<Vec<f64>>())
}

/// What a prediction leaves: Σ c_i (O_i − predicted) over the seeds that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Unpredicted {
    /// The difference.
    pub difference: f64,
    /// Its standard error, over those seeds.
    pub error: f64,
    /// How many they are.
    pub seeds: usize,
    /// Whether it is beyond what three standard errors are for many seeds (Student's distribution for few), and more than a
    /// share 10⁻⁴ of the observable.
    pub failed: bool,
}

impl Unpredicted {
    /// Of a combination with a prediction, over the first `followed` seeds.
    pub(super) fn of(parts: &[(f64, &Mean)], followed: usize) -> Option<Self> {
        let told = each_predicted(parts, followed)?;
        let seen = |seed: usize| parts.iter().map(|(c, mean)| c * mean.seeds[seed]).sum::<f64>();
        let rest: Vec<f64> = told.iter().enumerate().map(|(seed, told)| seen(seed) - told).collect();
        let ((difference, error), size) = (mean_and_error(&rest), parts[0].1.value.abs());
        let failed = difference.abs() > standard_errors(followed, INTERVAL) * error + NEGLIGIBLE * size;
        Some(Self { difference, error, seeds: followed, failed })
    }
}

/// Σ c_i times what is predicted of each, on average over starts; `None` where a prediction is missing that does not cancel.
pub(super) fn predicted(parts: &[(f64, &Mean)]) -> Option<f64> {
    let longest = parts.iter().filter_map(|(_, mean)| mean.predicted.as_ref()).map(Vec::len).max().unwrap_or(1);
    let each = each_predicted(parts, longest)?;
    Some(each.iter().sum::<f64>() / longest as f64)
}

/// That, of the first seeds each.
fn each_predicted(parts: &[(f64, &Mean)], count: usize) -> Option<Vec<f64>> {
    let weight =
        |mean: &Mean| parts.iter().filter(|(_, other)| std::ptr::eq(*other, mean)).map(|(c, _)| c).sum::<f64>();
    let counting: Vec<_> = parts.iter().filter(|(_, mean)| weight(mean) != 0.0).collect();
    let at = |mean: &Mean, seed: usize| mean.predicted.as_ref().map(|told| told[seed.min(told.len() - 1)]);
    (0..count).map(|seed| counting.iter().map(|(c, mean)| Some(c * at(mean, seed)?)).sum()).collect()
}

/// A spec's run and its ablations. A run that would be the same as another one is not made.
pub(super) struct Runs {
    /// As the spec stands.
    pub whole: Mean,
    /// w itself, without noise and penalties.
    pub reference: Mean,
    /// w at the start of each seed.
    pub starts: Vec<Vec<f64>>,
    /// The first seeds, of which something is predicted: all of them, unless they have starts of their own.
    pub followed: usize,
    kind: NoiseKind,
    penalised: bool,
    itself: Option<Mean>,
    flow: Option<Mean>,
    quiet: Option<Mean>,
    free: Option<Mean>,
}

/// A name, and the runs whose combination is its effect.
pub(super) type Part<'a> = (&'static str, Vec<(f64, &'a Mean)>);

impl Runs {
    pub fn of(base: &Spec, simulate: &Simulate<'_>, notes: &mut Vec<String>) -> Result<Self, AttributeError> {
        let unfit = |what: &str| AttributeError::Unfit(format!("{}: {what}", base.title));
        let unnamed = || unfit("[model] names no `predictor`, so there is no reference");
        let plain = reference(base).ok_or_else(unnamed)?;
        let free = without_penalty(base).ok_or_else(unnamed)?;
        let quiet = |spec: &Spec| {
            without_noise(spec).ok_or_else(|| {
                unfit("the batches cannot be completed to all rows of [data], so there is no run without their noise")
            })
        };
        completion_is_the_mean(base).map_err(|error| AttributeError::Unfit(error.to_string()))?;
        let (kind, penalised) = (noise_of(base), has_penalty(base));
        let noisy = kind != NoiseKind::None;
        let starts = starts_of_predictor(base, simulate)?;
        let differ = |error: SpecError| AttributeError::Unfit(error.to_string());
        let random = has_random_start(base).map_err(differ)? || has_own_data(base).map_err(differ)?;
        if base.ensemble.seeds < 2 && (noisy || random) {
            return Err(unfit(
                "one seed tells nothing of chance: an attribution of a random run needs two or more (--seeds)",
            ));
        }
        let mut run = |spec: &Spec, from: Option<&[Vec<f64>]>, what: &str| -> Result<Mean, AttributeError> {
            let mut mean = Mean::of(spec, from, simulate)?;
            if !what.is_empty() {
                mean.predicted = told(spec, what, notes);
            }
            Ok(mean)
        };
        let whole = run(base, None, WHOLE)?;
        let seeds = base.ensemble.seeds;
        let followed = if random { PREDICTED_STARTS.min(seeds) } else { seeds };
        let reference = run(&quiet(&plain)?, Some(&starts), "")?.with_what_was_seen(followed);
        let both = noisy && penalised;
        let runs = Self {
            itself: noisy.then(|| run(&plain, Some(&starts), "noise of w itself")).transpose()?,
            flow: (noisy || penalised).then(|| run(&quiet(&free)?, None, "flow")).transpose()?,
            quiet: both.then(|| run(&quiet(base)?, None, "flow with its penalty")).transpose()?,
            free: both.then(|| run(&free, None, "run without its penalty")).transpose()?,
            whole,
            reference,
            starts,
            followed,
            kind,
            penalised,
        };
        notes.extend(runs.unsettled());
        if random && runs.whole.predicted.is_some() {
            notes.push(format!(
                "the seeds have starts or data of their own: predictions are of the first {followed} and are held against these, ablations are of all"
            ));
        }
        Ok(runs)
    }

    /// What is said where a run still moves: predictions are of laws, and of ends.
    fn unsettled(&self) -> Option<String> {
        let moving = |name: &'static str, mean: &Mean| mean.drift.map(|drift| format!("{drift:+.6} in {name}"));
        let named = [("the run", &self.whole), ("w itself without noise", &self.reference)];
        let found: Vec<String> = named.into_iter().filter_map(|(name, mean)| moving(name, mean)).collect();
        (!found.is_empty()).then(|| {
            format!(
                "not settled: from the first to the second half of the samples the mean moves by {}. Predictions are of stationary laws and of ends, so they \
                 are not those of this window; take a longer verify.burn_in, and more train.steps",
                found.join(", ")
            )
        })
    }

    /// w itself with the run's noise.
    pub fn itself(&self) -> &Mean {
        self.itself.as_ref().unwrap_or(&self.reference)
    }

    /// What each ingredient does.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let (whole, reference, itself) = (&self.whole, &self.reference, self.itself());
        let flow = self.flow.as_ref().unwrap_or(whole);
        let mut parts = vec![("flow", vec![(1.0, flow), (-1.0, reference)])];
        if self.kind != NoiseKind::None {
            let quiet = self.quiet.as_ref().unwrap_or(flow);
            parts.push(("noise of w itself", vec![(1.0, itself), (-1.0, reference)]));
            parts.push((self.kind.term(), vec![(1.0, whole), (-1.0, quiet), (-1.0, itself), (1.0, reference)]));
        }
        if self.penalised {
            parts.push(("explicit penalty", vec![(1.0, whole), (-1.0, self.free.as_ref().unwrap_or(flow))]));
        }
        parts
    }
}

/// The means that are predicted of a spec's run, with its conditions among the notes for the spec as it stands; else the reason.
fn told(spec: &Spec, what: &str, notes: &mut Vec<String>) -> Option<Vec<f64>> {
    let found =
        if what == WHOLE { means_and_conditions(spec) } else { means_of(spec).map(|means| (means, Vec::new())) };
    match found {
        Ok((means, conditions)) => {
            notes.extend(conditions);
            Some(means)
        }
        Err(error) => {
            notes.push(format!("the {what} is not predicted: {error}"));
            None
        }
    }
}

/// The predictor before the first step, of each seed: where w itself is to start.
fn starts_of_predictor(base: &Spec, simulate: &Simulate<'_>) -> Result<Vec<Vec<f64>>, AttributeError> {
    let failed = |error| AttributeError::Dynamics { run: base.title.clone(), error };
    let mut still = base.clone();
    still.train.steps = 0;
    still.verify = None;
    still.log.every = 1;
    still.log.observables = vec![Definition::new("predictor", "predictor").map_err(|error| failed(error.into()))?];
    let run = simulate(&still, None).map_err(failed)?;
    Ok((0..run.seeds).map(|seed| run.observables["predictor"].record(0, seed).to_vec()).collect())
}
