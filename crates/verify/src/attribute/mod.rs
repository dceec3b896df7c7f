//! Where a preference comes from: flow, the gauge correction, the noise of gradients, explicit penalties.
//!
//! ```text
//! O(run) − O(reference) = flow + noise of w itself + gauge or gradient noise + penalty + remainder
//!
//! reference   the predictor trained itself from the same place, without noise and penalties
//! flow        O(run without noise and penalties) − O(reference)
//! noise of w  O(reference with the run's noise) − O(reference)
//! noise       O(run) − O(run without noise), less the noise of w itself
//! penalty     O(run) − O(run without penalties): weight decay, and what the loss reads of the parameters beside the predictor
//! ```
//!
//! O is the mean of an observable over seeds (and over the samples after the burn-in, where there is noise). Each term is an ablation of
//! its own, so the remainder is what only ingredients together do. The same combination of the runs' predicted means stands beside each.
//! Beside the terms, what one setting does: [`settings`]. Rejected: taking ingredients away one after the other. The terms then add up by construction, their order decides what they are, and
//! nothing is left to tell that they interact.

mod ablate;
mod frozen;
mod predicted;
mod runs;
mod settings;

use std::collections::HashSet;

use gaugebias_dynamics::{DynamicsError, Run};
use gaugebias_model::spec::{Definition, Spec};
use serde::Serialize;
use thiserror::Error;

use ablate::{Window, observed};
use frozen::not_of_predictor;
pub use runs::Unpredicted;
use runs::{Part, Runs, combined, predicted};
pub use settings::SettingEffect;

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
    /// The change less its prediction, over the seeds that it is of; null where there is none.
    pub remainder: Option<Unpredicted>,
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
    /// The change less its prediction, over the seeds that it is of; null where there is none.
    pub predicted_remainder: Option<Unpredicted>,
    /// What the observable does where one setting is changed; empty where that was not asked for.
    pub settings: Vec<SettingEffect>,
    /// Conditions, in sentences.
    pub notes: Vec<String>,
}

/// Why nothing was attributed.
#[derive(Debug, Error)]
pub enum AttributeError {
    /// The spec does not lend itself to it.
    #[error("{0}")]
    Unfit(String),
    /// A run did not end well: the spec's own, or one of its ablations.
    #[error("{run}: {error}")]
    Dynamics {
        /// Its title.
        run: String,
        /// Why.
        error: DynamicsError,
    },
}

/// Runs a spec, from its own starts or from θ of each seed.
pub type Simulate<'a> = dyn Fn(&Spec, Option<&[Vec<f64>]>) -> Result<Run, DynamicsError> + 'a;

/// Takes the preference of a spec apart; `simulate` runs a spec. With `settings` it also runs the spec with each of its settings changed.
///
/// # Errors
/// [`AttributeError::Unfit`] for an observable that reads parameters, or a spec without a predictor of its own; and what the runs report.
pub fn attribute(
    spec: &Spec,
    observable: &Definition,
    simulate: &Simulate<'_>,
    settings: bool,
) -> Result<Attribution, AttributeError> {
    if let Some(name) = not_of_predictor(spec, observable) {
        let parameter = spec.param.iter().any(|parameter| parameter.name == name);
        let what = if parameter { "the parameter" } else { "what the parameters give beside the predictor," };
        return Err(AttributeError::Unfit(format!(
            "{}: the observable `{}` reads {what} `{name}`, which the reference does not have: name a function of `predictor`",
            spec.title, observable.text
        )));
    }
    let window = Window::of(spec);
    let base = observed(spec, observable, window);
    let mut notes = Vec::from_iter(window.note(spec));
    let runs = Runs::of(&base, simulate, &mut notes)?;
    let parts = runs.parts();
    let whole = [(1.0, &runs.whole), (-1.0, &runs.reference)];
    let (change, change_error) = combined(&whole);
    let rest = parts.iter().flat_map(|(_, part)| part.iter().map(|&(c, mean)| (-c, mean)));
    let (remainder, remainder_error) = combined(&whole.into_iter().chain(rest).collect::<Vec<_>>());
    let clear = change.abs() > INTERVAL * change_error + 1e-9 * runs.whole.value.abs();
    let term = |(name, part): &Part<'_>| {
        let (ablation, ablation_error) = combined(part);
        Term {
            name: (*name).to_owned(),
            ablation,
            ablation_error,
            predicted: predicted(part),
            remainder: Unpredicted::of(part, runs.followed),
            share: clear.then(|| ablation / change),
        }
    };
    let terms: Vec<Term> = parts.iter().map(term).collect();
    let remainder_interval = INTERVAL * remainder_error + 1e-9 * runs.whole.value.abs();
    let settings = if settings { settings::effects(&base, &runs, simulate, &mut notes)? } else { Vec::new() };
    let mut seen = HashSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    Ok(Attribution {
        title: spec.title.clone(),
        observable: observable.text.clone(),
        value: runs.whole.value,
        reference: runs.reference.value,
        change,
        change_error,
        terms,
        remainder,
        remainder_interval,
        explained: remainder.abs() <= remainder_interval,
        predicted_remainder: Unpredicted::of(&whole, runs.followed),
        settings,
        notes,
    })
}
