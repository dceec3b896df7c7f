//! What one setting does: the run with that setting changed and nothing else, beside what its law says there.
//!
//! ```text
//! change = (O(run) − O(w itself)) with the setting changed − (O(run) − O(w itself)) as it is,  w itself trained alike, noise included;
//!          another start changes O(run) alone
//!
//! temperature     τ/2: the effect of injected noise is of its order
//! batch size      2k of n rows (k/2 where 2k > n): noise of gradients is of the order of (1/k)(n − k)/(n − 1)
//! step size       η/2 over twice the steps, hence the same time: noise of gradients is of its order, and else only what is lost
//!                 by finite steps
//! initial scale   θ₀/2
//! balanced start  the balanced point of each start's orbit: the same predictor, without charges
//! ```
//!
//! The terms of an attribution take an ingredient away and say how much is due to it; a setting is turned a little and says by what the
//! preference can be changed. Both trainings see the same draws, so that most of what is chance in one is taken away by the other. Settings do not add up, and a setting without an effect is a result. Rejected: a second
//! decomposition at each setting, which asks for five runs where one tells the same.

use gaugebias_dynamics::DynamicsError;
use gaugebias_geometry::balance;
use gaugebias_model::spec::{Constraint, Definition, Spec};
use gaugebias_model::{DataBinding, Setup, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, find};
use serde::Serialize;

use super::ablate::{NoiseKind, noise_of, reference};
use super::predicted::means_of;
use super::runs::{Mean, PREDICTED_STARTS, Runs, Unpredicted, combined, predicted};
use super::{AttributeError, Simulate};

/// |Q|/|θ|² of a start that is balanced already.
const BALANCED: f64 = 1e-9;

/// The effect of one setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingEffect {
    /// `temperature`, `batch size`, `step size`, `initial scale` or `balanced start`.
    pub name: String,
    /// What it is in the spec.
    pub from: String,
    /// What it was changed to.
    pub to: String,
    /// Mean of the observable there.
    pub value: f64,
    /// Its mean where w itself is trained with the same setting and noise, from where it started.
    pub reference: f64,
    /// Their difference, less the same difference as the spec stands. For another start the reference stays what it was.
    pub change: f64,
    /// Its standard error, from the differences of equal seeds.
    pub change_error: f64,
    /// The change by prediction; null where one of both laws is not predicted.
    pub predicted: Option<f64>,
    /// The change less its prediction, over the seeds that it is of; null where there is none.
    pub remainder: Option<Unpredicted>,
}

/// A spec with one setting changed.
struct Changed {
    name: &'static str,
    from: String,
    to: String,
    spec: Spec,
    /// Whether it starts elsewhere.
    moved: bool,
    /// θ of each seed, where that is not what `[param]` says.
    starts: Option<Vec<Vec<f64>>>,
}

/// Runs a spec with each of its settings changed; `runs` are those of the spec as it stands.
pub(super) fn effects(
    base: &Spec,
    runs: &Runs,
    simulate: &Simulate<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<SettingEffect>, AttributeError> {
    let mut changes: Vec<Changed> =
        [temperature(base), batch_size(base), step_size(base), initial_scale(base)].into_iter().flatten().collect();
    notes.extend(batch_size_note(base));
    match balanced_start(base) {
        Ok(balanced) => changes.extend(balanced),
        Err(why) => notes.push(format!("there is no run from a balanced start: {why}")),
    }
    let mut found = Vec::new();
    for changed in changes {
        match run_both(&changed, runs, simulate, notes) {
            Ok((mean, itself)) => found.push(effect(&changed, runs, &mean, itself.as_ref().unwrap_or(runs.itself()))),
            Err(AttributeError::Dynamics { run, error: error @ DynamicsError::Interrupted { .. } }) => {
                return Err(AttributeError::Dynamics { run, error });
            }
            Err(error) => notes.push(format!("{} {}: {error}", changed.name, changed.to)),
        }
    }
    Ok(found)
}

/// The means of a changed run and of w itself, trained alike; `None` for that where the start alone is another.
fn run_both(
    changed: &Changed,
    runs: &Runs,
    simulate: &Simulate<'_>,
    notes: &mut Vec<String>,
) -> Result<(Mean, Option<Mean>), AttributeError> {
    let mut run = Mean::of(&changed.spec, changed.starts.as_deref(), simulate)?;
    let plain = (!changed.moved).then(|| reference(&changed.spec)).flatten();
    let mut itself = plain.as_ref().map(|plain| Mean::of(plain, Some(&runs.starts), simulate)).transpose()?;
    // Why nothing is predicted of the run as it stands is told of the terms.
    if runs.whole.predicted.is_some() {
        let mut told = |predicted: Result<Vec<f64>, String>| {
            predicted.map_err(|why| notes.push(format!("{} {} is not predicted: {why}", changed.name, changed.to))).ok()
        };
        run.predicted = told(predicted_means(changed));
        if let (Some(own), Some(plain)) = (itself.take(), &plain) {
            let quiet = noise_of(plain) == NoiseKind::None;
            let means = || means_of(plain).map_err(|error| error.to_string());
            itself = Some(if quiet {
                own.with_what_was_seen(runs.followed)
            } else {
                Mean { predicted: told(means()), ..own }
            });
        }
    }
    Ok((run, itself))
}

fn effect(changed: &Changed, runs: &Runs, mean: &Mean, itself: &Mean) -> SettingEffect {
    let parts = [(1.0, mean), (-1.0, itself), (-1.0, &runs.whole), (1.0, runs.itself())];
    let (change, change_error) = combined(&parts);
    SettingEffect {
        name: changed.name.into(),
        from: changed.from.clone(),
        to: changed.to.clone(),
        value: mean.value,
        reference: itself.value,
        change,
        change_error,
        predicted: predicted(&parts),
        remainder: Unpredicted::of(&parts, runs.followed),
    }
}

/// The means under the law of a changed spec, of the first starts where they differ.
fn predicted_means(changed: &Changed) -> Result<Vec<f64>, String> {
    let means = |spec: &Spec| means_of(spec).map_err(|error| error.to_string());
    let Some(starts) = &changed.starts else { return means(&changed.spec) };
    let equal = starts.iter().all(|theta| theta == &starts[0]);
    let followed = &starts[..if equal { 1 } else { starts.len().min(PREDICTED_STARTS) }];
    let mut all = Vec::new();
    for (seed, theta) in followed.iter().enumerate() {
        let found = means(&starting_at(&changed.spec, theta).ok_or("its start cannot be written out")?)?;
        match found.as_slice() {
            _ if equal => return Ok(found),
            [only] => all.push(*only),
            // Seeds with data of their own: this start is that of one of them.
            each => all.push(each[seed]),
        }
    }
    Ok(all)
}

fn temperature(base: &Spec) -> Option<Changed> {
    let tau = base.train.temperature;
    (noise_of(base) == NoiseKind::Injected).then(|| {
        let mut spec = base.clone();
        spec.train.temperature = 0.5 * tau;
        changed("temperature", format!("{tau}"), format!("{}", 0.5 * tau), spec)
    })
}

fn batch_size(base: &Spec) -> Option<Changed> {
    let (size, rows) = base.batch_size()?;
    let other = if 2 * size <= rows { 2 * size } else { size / 2 };
    let spec = (other > 0).then(|| base.with_batch_size(other))??;
    Some(changed("batch size", format!("{size}"), format!("{other}"), spec))
}

/// Why the batch size of a spec with batches is left alone.
fn batch_size_note(base: &Spec) -> Option<String> {
    let drawn = base.batch.first().filter(|_| batch_size(base).is_none())?;
    Some(format!(
        "the batch size is not changed: `{} = \"{}\"` is no choice(n, k) of more than one row with n and k written as whole numbers",
        drawn.name, drawn.text
    ))
}

fn step_size(base: &Spec) -> Option<Changed> {
    let mut spec = base.clone();
    let eta = spec.train.step_size;
    spec.train.step_size = 0.5 * eta;
    spec.train.steps = spec.train.steps.checked_mul(2)?;
    if let Some(verify) = &mut spec.verify {
        (verify.burn_in, verify.thin) = (2 * verify.burn_in, 2 * verify.thin);
    }
    Some(changed("step size", format!("{eta}"), format!("{}", 0.5 * eta), spec))
}

fn initial_scale(base: &Spec) -> Option<Changed> {
    let mut spec = base.clone();
    for parameter in &mut spec.param {
        *parameter = Definition::new(&parameter.name, &format!("0.5 * ({})", parameter.text)).ok()?;
    }
    Some(Changed { moved: true, ..changed("initial scale", "1".into(), "1/2".into(), spec) })
}

fn changed(name: &'static str, from: String, to: String, mut spec: Spec) -> Changed {
    spec.title = format!("{}, {name} {to}", spec.title);
    Changed { name, from, to, spec, moved: false, starts: None }
}

/// The run from the balanced points of its starts; `None` where nothing is to be balanced.
fn balanced_start(base: &Spec) -> Result<Option<Changed>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    if base.train.constraint != Constraint::None {
        return Ok(None);
    }
    let whole = base.full_batch().unwrap_or_else(|| base.clone());
    let setup = Setup::build(&whole).map_err(|error| text(&error))?;
    let random = setup.graph.is_random(&setup.params.iter().map(|(_, node)| *node).collect::<Vec<_>>());
    let (data, _) = setup.evaluate(base.ensemble.seed, 0);
    let map = SpecParametrization::predictor(&whole, DataBinding::Values(&data)).map_err(|error| text(&error))?;
    let symmetries = find(&map, &SearchOptions::default()).map_err(|error| text(&error))?;
    let seeds = if random { base.ensemble.seeds } else { 1 };
    let start = |seed| {
        let (_, values) = setup.evaluate(base.ensemble.seed, seed);
        base.param.iter().flat_map(|parameter| values[&parameter.name].values.clone()).collect::<Vec<f64>>()
    };
    let starts: Vec<Vec<f64>> = (0..seeds).map(start).collect();
    let charged = |theta: &Vec<f64>| {
        let size: f64 = theta.iter().map(|x| x * x).sum();
        symmetries.charges.iter().any(|charge| charge.value(theta).abs() > BALANCED * size)
    };
    if !starts.iter().any(charged) {
        return Ok(None);
    }
    let balanced: Result<Vec<Vec<f64>>, String> = starts
        .iter()
        .map(|theta| balance(&symmetries, theta).map(|point| point.theta).map_err(|error| text(&error)))
        .collect();
    let mut starts = balanced?;
    starts.resize(base.ensemble.seeds, starts[0].clone());
    let mut found = changed("balanced start", "Q₀".into(), "0".into(), base.clone());
    (found.moved, found.starts) = (true, Some(starts));
    Ok(Some(found))
}

/// The spec with a start that is written out.
fn starting_at(spec: &Spec, theta: &[f64]) -> Option<Spec> {
    let setup = Setup::build(spec).ok()?;
    let mut spec = spec.clone();
    let mut rest = theta;
    for (parameter, (_, node)) in spec.param.iter_mut().zip(&setup.params) {
        let shape = setup.graph.shape(*node);
        let (own, others) = rest.split_at_checked(shape.count())?;
        rest = others;
        let numbers = own.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(", ");
        let text = match shape.0.as_slice() {
            [] => numbers,
            [_] => format!("[{numbers}]"),
            sizes => {
                format!("reshape([{numbers}], {})", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
            }
        };
        *parameter = Definition::new(&parameter.name, &text).ok()?;
    }
    Some(spec)
}
