//! Where a preference comes from: flow, the gauge correction, the noise of gradients, explicit penalties.
//!
//! ```text
//! O(run) − O(reference) = flow + noise of w itself + gauge or gradient noise + penalty + remainder
//!
//! reference   the predictor trained itself from the same place, without noise and weight decay
//! flow        O(run without noise and weight decay) − O(reference)
//! noise of w  O(reference with the run's noise) − O(reference)
//! noise       O(run) − O(run without noise), less the noise of w itself
//! penalty     O(run) − O(run without weight decay)
//! ```
//!
//! O is the mean of an observable over seeds (and over the samples after the burn-in, where there is noise). Each term is an ablation of
//! its own, so the remainder is what only ingredients together do; beside each stands what the theory predicts for it, where it does.
//! Rejected: taking ingredients away one after the other. The terms then add up by construction, their order decides what they are, and
//! nothing is left to tell that they interact.

mod ablate;

use gaugebias_dynamics::{DynamicsError, Run};
use gaugebias_model::spec::{Definition, Law, Noise, Spec};
use serde::Serialize;
use thiserror::Error;

use ablate::{NoiseKind, Window, has_penalty, noise_of, observed, reference, without_noise, without_penalty};

use crate::{JudgeError, predict};

/// Standard errors of an interval.
const INTERVAL: f64 = 3.0;

/// How a term is explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// `flow`, `noise of w itself`, `gauge correction`, `gradient noise` or `explicit penalty`.
    pub name: String,
    /// Change of the observable, by ablation.
    pub ablation: f64,
    /// Its standard error.
    pub ablation_error: f64,
    /// Change of the observable, by prediction; null where there is none.
    pub predicted: Option<f64>,
    /// Part of the whole change; null where the whole is zero within its error.
    pub share: Option<f64>,
}

/// A preference, taken apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribution {
    /// Title of the spec.
    pub title: String,
    /// The observable.
    pub observable: String,
    /// Its mean in the run.
    pub value: f64,
    /// Its mean in the reference.
    pub reference: f64,
    /// Their difference.
    pub change: f64,
    /// Its standard error.
    pub change_error: f64,
    /// The terms.
    pub terms: Vec<Term>,
    /// The change less all terms.
    pub remainder: f64,
    /// Three standard errors of it.
    pub remainder_interval: f64,
    /// Whether the remainder is within that.
    pub explained: bool,
    /// The change less all predictions; null where a term has none.
    pub predicted_remainder: Option<f64>,
    /// Conditions, in sentences.
    pub notes: Vec<String>,
}

/// Why nothing was attributed.
#[derive(Debug, Error)]
pub enum AttributeError {
    /// The spec does not lend itself to it.
    #[error("{0}")]
    Unfit(String),
    /// A run did not end well.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
}

/// Mean over seeds, its standard error, and the seeds' own means.
struct Mean {
    value: f64,
    seeds: Vec<f64>,
}

impl Mean {
    fn of(run: &Run) -> Result<Self, AttributeError> {
        let samples = run.samples.as_ref().filter(|samples| !samples.values.is_empty());
        let samples =
            samples.ok_or_else(|| AttributeError::Unfit(format!("{}: no samples after the burn-in", run.title)))?;
        let records = samples.values.len() / run.seeds;
        let at = |seed: usize| samples.values.iter().skip(seed).step_by(run.seeds).sum::<f64>() / records as f64;
        let seeds: Vec<f64> = (0..run.seeds).map(at).collect();
        if seeds.iter().any(|x| !x.is_finite()) {
            return Err(AttributeError::Unfit(format!("{}: the observable is not finite", run.title)));
        }
        Ok(Self { value: seeds.iter().sum::<f64>() / seeds.len() as f64, seeds })
    }
}

/// Σ c_i O_i over runs with the same seeds, and its standard error over seeds.
fn combined(parts: &[(f64, &Mean)]) -> (f64, f64) {
    let count = parts[0].1.seeds.len();
    let own: Vec<f64> = (0..count).map(|seed| parts.iter().map(|(c, mean)| c * mean.seeds[seed]).sum()).collect();
    let mean = own.iter().sum::<f64>() / count as f64;
    let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count.max(2) - 1) as f64;
    (mean, (variance / count as f64).sqrt())
}

/// Takes the preference of a spec apart; `simulate` runs a spec.
///
/// # Errors
/// [`AttributeError::Unfit`] for an observable that reads parameters, or a spec without a predictor of its own; and what the runs report.
pub fn attribute(
    spec: &Spec,
    observable: &Definition,
    simulate: &dyn Fn(&Spec) -> Result<Run, DynamicsError>,
) -> Result<Attribution, AttributeError> {
    let unfit = |what: String| AttributeError::Unfit(format!("{}: {what}", spec.title));
    if let Some(parameter) = spec.param.iter().find(|parameter| observable.expression.mentions(&parameter.name)) {
        return Err(unfit(format!(
            "the observable `{}` reads the parameter `{}`, which the reference does not have: name a function of `predictor`",
            observable.text, parameter.name
        )));
    }
    let window = Window::of(spec);
    let base = observed(spec, observable, window);
    let plain =
        reference(&base).ok_or_else(|| unfit("[model] names no `predictor`, so there is no reference".into()))?;
    let quiet = |spec: &Spec| {
        without_noise(spec).ok_or_else(|| {
            unfit(
                "the batches cannot be completed to all rows of [data], so there is no run without their noise".into(),
            )
        })
    };
    let run = |spec: &Spec| Mean::of(&simulate(spec)?);
    let (kind, penalised) = (noise_of(spec), has_penalty(spec));
    let noisy = kind != NoiseKind::None;
    let free = if penalised { without_penalty(&base) } else { base.clone() };
    let whole = run(&base)?;
    let nothing = run(&observed(&quiet(&plain)?, observable, window))?;
    let flow = if noisy || penalised { Some(run(&observed(&quiet(&free)?, observable, window))?) } else { None };
    let flow = flow.as_ref().unwrap_or(&whole);
    let (change, change_error) = combined(&[(1.0, &whole), (-1.0, &nothing)]);
    let mut parts: Vec<(&str, Vec<(f64, &Mean)>)> = vec![("flow", vec![(1.0, flow), (-1.0, &nothing)])];
    let (own, still);
    if noisy {
        own = run(&plain)?;
        still = if penalised { Some(run(&observed(&quiet(&base)?, observable, window))?) } else { None };
        let still = still.as_ref().unwrap_or(flow);
        let name = if kind == NoiseKind::Injected { "gauge correction" } else { "gradient noise" };
        parts.push(("noise of w itself", vec![(1.0, &own), (-1.0, &nothing)]));
        parts.push((name, vec![(1.0, &whole), (-1.0, still), (-1.0, &own), (1.0, &nothing)]));
    }
    let freed;
    if penalised {
        freed = if noisy { Some(run(&free)?) } else { None };
        parts.push(("explicit penalty", vec![(1.0, &whole), (-1.0, freed.as_ref().unwrap_or(flow))]));
    }
    let mut rest = vec![(1.0, &whole), (-1.0, &nothing)];
    rest.extend(parts.iter().flat_map(|(_, part)| part.iter().map(|&(c, mean)| (-c, mean))));
    let (remainder, remainder_error) = combined(&rest);
    let clear = change.abs() > INTERVAL * change_error && change != 0.0;
    let mut notes = Vec::new();
    let predicted = predictions(spec, &base, &nothing, &mut notes);
    let terms: Vec<Term> = parts
        .iter()
        .map(|(name, part)| {
            let (ablation, ablation_error) = combined(part);
            let predicted = predicted.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
            Term {
                name: (*name).to_owned(),
                ablation,
                ablation_error,
                predicted,
                share: clear.then(|| ablation / change),
            }
        })
        .collect();
    let all: Option<f64> = terms.iter().map(|term| term.predicted).sum();
    let remainder_interval = INTERVAL * remainder_error + 1e-9 * whole.value.abs();
    Ok(Attribution {
        title: spec.title.clone(),
        observable: observable.text.clone(),
        value: whole.value,
        reference: nothing.value,
        change,
        change_error,
        terms,
        remainder,
        remainder_interval,
        explained: remainder.abs() <= remainder_interval,
        predicted_remainder: all.map(|all| change - all),
        notes,
    })
}

/// What the theory says of each term.
fn predictions(spec: &Spec, base: &Spec, reference: &Mean, notes: &mut Vec<String>) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let with = |spec: &Spec, law: Law| -> Result<Vec<(String, f64)>, JudgeError> {
        let mut spec = spec.clone();
        if let Some(verify) = &mut spec.verify {
            verify.law = law;
        }
        Ok(predict(&spec)?.means())
    };
    let mut difference = |name: &str, law: Law, told: &str| match with(base, law) {
        Ok(means) => {
            let plain = means.iter().find(|(other, _)| other == "no correction").map(|(_, mean)| *mean);
            if let (Some((_, own)), Some(plain)) = (means.first(), plain) {
                found.push((name.to_owned(), own - plain));
                found.push(("noise of w itself".to_owned(), plain - reference.value));
            }
        }
        Err(error) => notes.push(format!("{told} is not predicted: {error}")),
    };
    match (noise_of(spec), &spec.train.noise) {
        (NoiseKind::Injected, Noise::Horizontal) => {
            difference("gauge correction", Law::Horizontal, "the gauge correction")
        }
        (NoiseKind::Injected, _) => difference("gauge correction", injected_law(spec), "the gauge correction"),
        (NoiseKind::Gradients, _) => difference("gradient noise", Law::Sgd, "the effect of gradient noise"),
        (NoiseKind::None, _) => {}
    }
    let flow_of = |spec: &Spec| without_noise(spec).map(|quiet| with(&quiet, Law::Flow));
    let end = |means: Result<Vec<(String, f64)>, JudgeError>| {
        means.map(|means| means.first().map_or(f64::NAN, |(_, mean)| *mean))
    };
    match flow_of(&without_penalty(base)).map(end) {
        Some(Ok(free)) => {
            found.push(("flow".into(), free - reference.value));
            if let (true, Some(Ok(kept))) = (has_penalty(spec), flow_of(base).map(end)) {
                found.push(("explicit penalty".into(), kept - free));
            }
        }
        Some(Err(error)) => notes.push(format!("the flow is not predicted: {error}")),
        None => {}
    }
    found
}

/// The law of injected noise that is not horizontal.
fn injected_law(spec: &Spec) -> Law {
    use gaugebias_model::spec::Constraint;
    match spec.train.constraint {
        Constraint::Rigid => Law::Rigid,
        Constraint::Conditioned | Constraint::Stiff { .. } => Law::Conditioned,
        Constraint::None | Constraint::Rebalanced => Law::Isotropic,
    }
}
