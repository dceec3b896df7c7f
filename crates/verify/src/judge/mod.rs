//! From a spec to its predicted laws, and from them and a run to a verdict.
//!
//! [`predict`] uses the spec alone (its predictor, loss, noise and start) and refuses what it cannot predict before anything is
//! simulated; the samples come from the run alone; they meet in [`Prediction::judge`] for the first time.

mod charges;
pub(crate) mod completion;
mod conditions;
mod densities;
mod flow;
mod functions;
mod gradient_noise;
mod label;
mod noise_law;
mod quotient;
mod table;

use gaugebias_dynamics::Run;
use gaugebias_geometry::GeometryError;
use gaugebias_geometry::balance;
use gaugebias_geometry::law::equilibrium::{NoiseEquilibrium, noise_equilibria};
use gaugebias_model::spec::{Law, Noise, Spec, Verify};
use gaugebias_model::{Parametrization, SpecError};
use gaugebias_symmetry::{SearchOptions, Symmetries, SymmetryError, find};
use serde_json::Value;
use thiserror::Error;

use crate::energy::EnergyTest;
use crate::student::standard_errors;
use crate::{Chains, Measured, PredictedCdf, Report, StatisticsError, compare};
pub use charges::ChargeReport;
use densities::{Densities, density_laws, gradient_noise_laws};
use flow::FlowPrediction;
use functions::{Functions, start};
pub(crate) use functions::{has_own_data, has_random_start};
pub use gradient_noise::NoiseEstimate;
pub use label::LawLabel;
pub use quotient::QuotientReport;

/// Charges of the start above this multiple of |θ|² are remarked upon.
const BALANCED: f64 = 1e-6;
/// Largest |tr(A P_H)| that counts as an invariant slice.
const INVARIANT: f64 = 1e-8;

/// A verdict with the curves that a figure shows.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The verdict.
    pub report: Report,
    /// Densities of the observable: the predicted law, then the alternatives.
    pub curves: Vec<LawCurve>,
    /// Cuts and conditions of the prediction.
    pub notes: Vec<String>,
}

impl Judgement {
    /// The object that `verify --json` prints: the report, and its notes.
    pub fn to_json(&self) -> Value {
        let mut object = serde_json::to_value(&self.report).expect("a report of plain values is JSON");
        object["notes"] = self.notes.iter().map(String::as_str).collect();
        object
    }
}

/// The density of an observable under a law.
#[derive(Clone, Debug)]
pub struct LawCurve {
    /// Name of the law.
    pub name: String,
    /// (observable, density), ascending.
    pub points: Vec<(f64, f64)>,
}

/// Why no verdict could be reached.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// The spec is at fault.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The symmetries could not be found.
    #[error(transparent)]
    Symmetry(#[from] SymmetryError),
    /// The law could not be predicted.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// The samples cannot be judged.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// Something that the comparison needs is missing.
    #[error("{0}")]
    Missing(String),
}

/// Judges the samples of a run by the law that its spec names, and by the alternatives.
///
/// # Errors
/// As [`predict`] and [`Prediction::judge`].
pub fn judge(spec: &Spec, run: &Run) -> Result<Judgement, JudgeError> {
    predict(spec)?.judge(run)
}

/// The laws of one spec.
pub struct Prediction {
    spec: Spec,
    functions: Functions,
    symmetries: Symmetries,
    start: Vec<f64>,
    laws: Laws,
    notes: Vec<String>,
    slice_invariant: Option<bool>,
    stationary: Option<bool>,
    charges: Option<Vec<f64>>,
    quotient: Option<QuotientReport>,
}

enum Laws {
    Densities(Box<Densities>),
    Flow(FlowPrediction),
}

/// Predicts the law that a spec names, and the alternatives, from the spec alone.
///
/// # Errors
/// [`JudgeError`] for a law that does not fit the training, for data or starts that differ between seeds, and where the law
/// cannot be computed.
pub fn predict(spec: &Spec) -> Result<Prediction, JudgeError> {
    let mut prediction = laws(spec)?;
    prediction.look_at_conditions()?;
    Ok(prediction)
}

/// The laws alone, without what is asked of charges and noise.
pub(crate) fn laws(spec: &Spec) -> Result<Prediction, JudgeError> {
    let missing = |what: &str| JudgeError::Missing(format!("{}: {what}", spec.title));
    let verify = spec.verify.as_ref().ok_or_else(|| missing("the spec has no [verify] section"))?;
    if let Some(obstacle) = obstacle(spec, verify.law) {
        return Err(missing(obstacle));
    }
    let found = expected_samples(spec, verify);
    if verify.law != Law::Flow && found < 2 {
        return Err(StatisticsError::TooFewSamples { found, needed: 2 }.into());
    }
    if verify.law != Law::Flow && has_random_start(spec)? {
        return Err(missing(
            "the seeds start at different points, hence on different levels of the charges and perhaps in different \
             components; give [param] a start without draws",
        ));
    }
    if verify.law != Law::Flow && has_own_data(spec)? {
        return Err(missing("the seeds have different data, hence different laws; set ensemble.shared_data = true"));
    }
    let functions = Functions::build(spec)?;
    let symmetries = find(&functions.predictor, &SearchOptions::default())?;
    let start = conditions::constrained_start(spec, &functions, &symmetries, start(spec, 0)?)?;
    let mut notes = Vec::new();
    if verify.law != Law::Flow {
        conditions::refuse_gauge_dependent(spec, &functions, &symmetries, &start)?;
        conditions::refuse_foreign_gauge(spec, verify.law, &functions, &symmetries, &start)?;
        notes.extend(conditions::remarks(spec, verify.law, &functions, &symmetries));
    }
    refuse_other_noise(spec, verify.law, &functions)?;
    let mut prediction = Prediction {
        spec: spec.clone(),
        slice_invariant: None,
        stationary: None,
        charges: None,
        quotient: None,
        laws: Laws::Flow(FlowPrediction::none()),
        notes: Vec::new(),
        functions,
        symmetries,
        start,
    };
    prediction.laws = match verify.law {
        Law::Flow => Laws::Flow(FlowPrediction::new(spec, &prediction.functions, &prediction.symmetries)?),
        Law::Sgd => Laws::Densities(Box::new(gradient_noise_laws(&prediction, &mut notes)?)),
        law => Laws::Densities(Box::new(density_laws(&prediction, law, &mut notes)?)),
    };
    prediction.notes = notes;
    Ok(prediction)
}

/// What is said of samples whose mean still moves: they are no stationary law's, whatever it is.
fn unsettled(records: &[&[f64]]) -> Option<String> {
    let (drift, error) = Chains::from_records(records).ok()?.drift()?;
    (drift.abs() > standard_errors(records[0].len(), SETTLED) * error).then(|| {
        format!(
            "from the first to the second half of the samples the mean moves by {drift:.6} ± {error:.6}: the run has not settled, so a verdict is \
             one of its start as well; take a longer verify.burn_in, and more train.steps"
        )
    })
}

/// Refuses a law that needs gradients with noise, or without, where the draws of a step say the opposite.
fn refuse_other_noise(spec: &Spec, law: Law, functions: &Functions) -> Result<(), JudgeError> {
    let what = match (law, functions.drawn_loss.is_some()) {
        (Law::Sgd, false) => {
            "every step sees all rows (or rows that do not change the gradient), so that its gradients have no noise, and the law `sgd` is that of \
             their noise: set verify.law = \"flow\", or draw fewer rows in [batch]"
        }
        (Law::Flow, true) => "the law `flow` is that of training without noise: this run draws batches or label noise",
        _ => return Ok(()),
    };
    Err(JudgeError::Missing(format!("{}: {what}", spec.title)))
}

/// Standard errors of a mean that moves.
const SETTLED: f64 = 4.0;

/// Samples that a run to the end takes: at every `thin`-th step from the burn-in on, but not of the start.
fn expected_samples(spec: &Spec, verify: &Verify) -> usize {
    let (steps, thin) = (spec.train.steps, verify.thin.max(1));
    let first = if verify.burn_in == 0 { thin } else { verify.burn_in };
    let records = if first > steps { 0 } else { (steps - first) / thin + 1 };
    usize::try_from(records).unwrap_or(usize::MAX).saturating_mul(spec.ensemble.seeds)
}

/// Why a law does not fit a spec's training; `None` where it does.
fn obstacle(spec: &Spec, law: Law) -> Option<&'static str> {
    let noisy = matches!(spec.train.noise, Noise::Isotropic | Noise::Horizontal);
    match law {
        Law::Flow => flow::obstacle(spec),
        Law::Sgd if noisy => Some(
            "the law `sgd` is that of noise of the gradients themselves; this run injects noise: its laws are horizontal, isotropic, \
             rigid and conditioned",
        ),
        Law::Sgd if !spec.draws_at_every_step() => Some(
            "the law `sgd` needs noise of the gradients: a [batch] of rows, or noise = \"label\"; without any, the law is `flow`",
        ),
        Law::Sgd => match spec.train.optimizer {
            gaugebias_model::spec::Optimizer::Sgd { momentum: 0.0, weight_decay: 0.0 } => None,
            gaugebias_model::spec::Optimizer::Sgd { .. } => Some(
                "the law `sgd` is predicted without momentum and without weight decay; put a penalty into the loss instead",
            ),
            _ => Some("the law `sgd` is that of plain SGD; the noise of Adam has no law that is predicted"),
        },
        _ if matches!(spec.train.noise, Noise::Label(_)) => {
            Some("these laws are for Langevin dynamics; the one of label noise is `sgd`")
        }
        _ if spec.train.temperature <= 0.0 => Some(
            "a stationary law of Langevin dynamics needs train.temperature > 0; the noise of mini-batches and labels has the law `sgd`, \
             training without noise the law `flow`",
        ),
        _ => None,
    }
}

impl Prediction {
    fn look_at_conditions(&mut self) -> Result<(), JudgeError> {
        let law = self.spec.verify.as_ref().map_or(Law::Flow, |verify| verify.law);
        if law != Law::Flow {
            let mut notes = std::mem::take(&mut self.notes);
            notes.extend(unbalanced(&self.symmetries, &self.start));
            let Self { spec, functions, symmetries, start, .. } = &*self;
            let moved = conditions::moved_by_the_loss(spec, functions, symmetries, start);
            if moved.is_none() {
                self.charges = charges::predicted(spec, functions, symmetries, start).unwrap_or(None);
            }
            notes.extend(moved);
            self.conditions(law, &mut notes)?;
            self.notes = notes;
            let Self { spec, functions, symmetries, start, .. } = &*self;
            self.quotient = quotient::report(spec, law, functions, symmetries, start)?;
        }
        self.notes.dedup();
        Ok(())
    }

    /// Judges the samples of a run of the spec.
    ///
    /// # Errors
    /// [`JudgeError::Missing`] where the run has no samples or is not of this spec; [`JudgeError::Statistics`].
    pub fn judge(&self, run: &Run) -> Result<Judgement, JudgeError> {
        let missing = |what: &str| JudgeError::Missing(format!("{}: {what}", self.spec.title));
        let parameters: usize = run.parameters.values().map(|series| series.values.len()).sum();
        if run.seeds == 0 || parameters != self.start.len() * run.seeds {
            return Err(missing("the run's parameters or samples do not have the shapes of its spec"));
        }
        let densities = match &self.laws {
            Laws::Flow(flow) => return Ok(flow.judge(&self.spec, &self.functions, run, self.notes.clone())),
            Laws::Densities(densities) => densities,
        };
        let samples =
            run.samples.as_ref().ok_or_else(|| missing("the run has no samples of the verified observable"))?;
        if !samples.values.len().is_multiple_of(run.seeds) {
            return Err(missing("the run's parameters or samples do not have the shapes of its spec"));
        }
        let observable = self.spec.verify.as_ref().map_or(String::new(), |verify| verify.observable.text.clone());
        if let Some((value, mass)) = densities.law.0.atom() {
            return Err(missing(&format!(
                "the observable `{observable}` takes the value {value} with probability {mass:.4} under the law `{}`, whose mean is {:.6}: the \
                 Kolmogorov–Smirnov distance is for observables without such values; take one that varies wherever the predictor does, as the \
                 predictor itself in place of a step or a maximum of it",
                densities.law.0.name,
                densities.law.0.mean()
            )));
        }
        let measured = Measured {
            title: self.spec.title.clone(),
            observable,
            step_size_bias: None,
            slice_invariant: self.slice_invariant,
            charge_drift: charges::largest_change(&self.symmetries, &self.start, run),
            prediction_error: densities.error,
        };
        let records: Vec<&[f64]> = samples.values.chunks_exact(run.seeds).collect();
        let others: Vec<&dyn PredictedCdf> =
            densities.others.iter().map(|(table, _)| table as &dyn PredictedCdf).collect();
        let mut report = compare(measured, &records, &densities.law.0, &others)?;
        report.prediction = Some(densities.law.1.clone());
        report.predicted_mean = Some(densities.law.0.mean());
        for (alternative, (_, label)) in report.alternatives.iter_mut().zip(&densities.others) {
            alternative.prediction = Some(label.clone());
        }
        report.stationary = self.stationary;
        report.charges = charges::reports(
            &self.symmetries,
            &self.start,
            run,
            self.charges.as_deref(),
            charges::relative_error(&self.functions),
        );
        report.quotient.clone_from(&self.quotient);
        report.noise_estimate = gradient_noise::estimate(&self.spec, &self.functions, &self.symmetries, run)?;
        report.energy = densities.cloud.as_ref().map(|cloud| self.energy(cloud, run)).transpose()?;
        let shown = std::iter::once(&densities.law).chain(&densities.others);
        let notes = self.notes.iter().cloned().chain(unsettled(&records)).collect();
        Ok(Judgement { report, curves: shown.map(|(table, _)| table.curve()).collect(), notes })
    }

    /// Conditions and limits of the predicted law, in sentences.
    pub fn conditions_of_the_law(&self) -> Vec<String> {
        let open = self.quotient.as_ref().filter(|quotient| !quotient.closes).map(QuotientReport::text);
        // What is said of the alternatives is for a verdict.
        let own = self.notes.iter().filter(|note| !note.starts_with('`') && !note.starts_with("conditioned law:"));
        own.cloned().chain(open).collect()
    }

    /// Names of the laws and their means of the observable: the predicted one first.
    pub fn means(&self) -> Vec<(String, f64)> {
        match &self.laws {
            Laws::Densities(densities) => std::iter::once(&densities.law)
                .chain(&densities.others)
                .map(|(table, _)| (table.name.clone(), table.mean()))
                .collect(),
            Laws::Flow(flow) => vec![("flow".into(), flow.mean())],
        }
    }

    /// Means of the predicted law, one for each of the first seeds where it depends on their starts, else one for all.
    pub(crate) fn means_of_starts(&self) -> Vec<f64> {
        match &self.laws {
            Laws::Densities(densities) => vec![densities.law.0.mean()],
            Laws::Flow(flow) => flow.means(),
        }
    }

    /// The energy distance of whole predictors: those of the run's end against those of the law.
    fn energy(&self, cloud: &densities::Predictors, run: &Run) -> Result<EnergyTest, JudgeError> {
        let ends: Vec<_> = (0..run.seeds.min(EnergyTest::MOST)).map(|seed| functions::at(&run.end(seed))).collect();
        let found = self.functions.predictor.predictor(&ends);
        Ok(EnergyTest::new(&found, &cloud.sample(found.len()))?)
    }

    /// Slice invariance, and whether the noise leaves the charges a stationary law.
    fn conditions(&mut self, law: Law, notes: &mut Vec<String>) -> Result<(), JudgeError> {
        let constrained = self.spec.train.constraint.keeps_charges();
        self.stationary = match law {
            _ if constrained || self.symmetries.charges.is_empty() => Some(true),
            Law::Isotropic => Some(false),
            Law::Conditioned | Law::Rigid | Law::Sgd => None,
            _ => Some(true),
        };
        if self.stationary == Some(true) && !conditions::fibers_are_known(&self.symmetries) {
            self.stationary = None;
        }
        if law == Law::Isotropic && self.stationary == Some(false) {
            notes.push(
                "under isotropic noise the charges diffuse for ever (the orbits are not compact): θ has no stationary law".into(),
            );
        }
        if law != Law::Horizontal || self.symmetries.charges.is_empty() {
            return Ok(());
        }
        let drift = conditions::largest_drift(&self.symmetries, &self.start)?;
        self.slice_invariant = Some(drift <= INVARIANT);
        if drift <= INVARIANT || constrained {
            return Ok(());
        }
        notes.push(format!(
            "the slice is not invariant: largest |tr(A P_H)| = {drift:.5}, so charges drift at τ tr(A P_H); the law is exact at frozen charges"
        ));
        let Ok(balanced) = balance(&self.symmetries, &self.start) else {
            self.stationary = None;
            if let Some(charge) = conditions::grows_for_ever(&self.symmetries, &self.start)? {
                self.stationary = Some(false);
                notes.push(format!(
                    "no stationary law exists: {charge} cannot vanish, and horizontal noise makes it grow for ever"
                ));
            }
            return Ok(());
        };
        let equilibria = noise_equilibria(&self.symmetries, &balanced.theta)?;
        for (name, equilibrium) in self.symmetries.charge_names.iter().zip(equilibria) {
            match equilibrium {
                NoiseEquilibrium::Never(sign) => {
                    self.stationary = Some(false);
                    let towards = if sign > 0.0 { "+∞" } else { "−∞" };
                    notes.push(format!(
                        "no stationary law exists: the drift of {name} keeps its sign along the whole orbit (no noise equilibrium), Q → {towards}"
                    ));
                }
                NoiseEquilibrium::At(charge) => {
                    notes.push(format!("noise equilibrium of {name} at Q = {charge:.5}, not at 0"));
                }
                NoiseEquilibrium::Balanced | NoiseEquilibrium::Everywhere => {}
            }
        }
        Ok(())
    }
}

/// A remark where the start does not lie on the balanced slice.
fn unbalanced(symmetries: &Symmetries, start: &[f64]) -> Option<String> {
    let largest = largest_charge(symmetries, start);
    let scale: f64 = start.iter().map(|x| x * x).sum();
    (largest > BALANCED * scale).then(|| {
        format!(
            "the start is not balanced (largest charge {largest:.2e}): the laws are those of its own level of charges"
        )
    })
}

fn largest_charge(symmetries: &Symmetries, start: &[f64]) -> f64 {
    symmetries.charges.iter().map(|charge| charge.value(start).abs()).fold(0.0, f64::max)
}

/// Where the laws of a spec are evaluated, in words.
fn place(prediction: &Prediction, component: String, method: &str) -> label::Place {
    let scale: f64 = prediction.start.iter().map(|x| x * x).sum();
    let slice = if prediction.symmetries.charges.is_empty() {
        "none is needed: there are no charges".to_owned()
    } else if largest_charge(&prediction.symmetries, &prediction.start) > BALANCED * scale {
        "frozen charges: Q = Q₀ of the start".to_owned()
    } else {
        "balanced: Q = 0".to_owned()
    };
    label::Place { slice, component, method: method.into() }
}
