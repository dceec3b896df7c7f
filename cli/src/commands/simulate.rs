//! `simulate`.

use gaugebias::dynamics::{Checkpoints, DynamicsError, Options, Run, simulate as simulate_spec, simulate_saved};
use gaugebias::model::spec::Spec;
use gaugebias::report::study::Study;
use serde_json::{Value, json};

use super::saved::{SavedRuns, predict};
use super::{envelope, print_json, use_threads};
use crate::arguments::{Simulate, Threads};
use crate::outcome::Failure;
use crate::progress::Progress;
use crate::specs;

/// Simulates each spec of a file; writes tensors if asked to.
pub fn simulate(flags: &Simulate) -> Result<(), Failure> {
    use_threads(flags.threads);
    let specs = specs::read(&flags.spec, &flags.flags)?;
    let memory = predict(&specs, flags.out.is_some())?;
    let saved = match &flags.out {
        Some(path) => Some(SavedRuns::take(path, flags.saving, flags.json, &specs)?),
        None if flags.saving.resume => {
            return Err(Failure::Refused("--resume goes on with the run in a folder: name it with --out".into()));
        }
        None => None,
    };
    let mut ended = None;
    let mut studies = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let (run, failure) = match &saved {
            Some(saved) => saved.run(index, spec, memory[index], flags.threads)?,
            None => attempt(spec, flags.threads, None)?,
        };
        if flags.json {
            print_json(envelope(summary(&run, memory[index])));
        } else {
            eprintln!("{}: {} seeds, {} steps in {:.2} s", run.title, run.seeds, run.steps, run.seconds);
        }
        studies.push(Study::simulated(spec, run, failure.as_ref().and_then(Failure::early_end)));
        if failure.is_some() {
            ended = failure;
            break;
        }
    }
    if let Some(saved) = &saved {
        saved.write_record(&studies)?;
        saved.end(&specs, ended.as_ref())?;
    }
    ended.map_or(Ok(()), Err)
}

/// Runs one spec; a divergence or interruption comes back with what was logged.
pub(super) fn attempt(
    spec: &Spec,
    threads: Threads,
    checkpoints: Option<&Checkpoints>,
) -> Result<(Run, Option<Failure>), Failure> {
    let options = Options { threads: threads.threads.map(usize::from) };
    let progress = Progress::new(&spec.title);
    let result = match checkpoints {
        Some(checkpoints) => simulate_saved(spec, options, &progress, checkpoints),
        None => simulate_spec(spec, options, &progress),
    };
    drop(progress);
    match result {
        Ok(run) => Ok((run, None)),
        Err(error @ (DynamicsError::Diverged { .. } | DynamicsError::Interrupted { .. })) => {
            let message = error.to_string();
            let (run, failure) = match error {
                DynamicsError::Diverged { run, .. } => (run, Failure::No(message)),
                DynamicsError::Interrupted { run, .. } => (run, Failure::Interrupted(message)),
                other => return Err(other.into()),
            };
            Ok((*run, Some(failure)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What `simulate --json` prints: each scalar observable's median over seeds at the last record.
fn summary(run: &Run, memory: u64) -> Value {
    let last = |values: &[f64]| {
        let mut last = values[values.len() - run.seeds..].to_vec();
        last.sort_by(f64::total_cmp);
        0.5 * (last[(last.len() - 1) / 2] + last[last.len() / 2])
    };
    let scalars = run.observables.iter().filter(|(_, series)| series.elements() == 1 && !series.values.is_empty());
    let medians: serde_json::Map<String, Value> =
        scalars.map(|(name, series)| (name.clone(), json!(last(&series.values)))).collect();
    json!({
        "title": run.title,
        "seeds": run.seeds,
        "steps": run.steps,
        "dtype": run.dtype.name(),
        "seconds": run.seconds,
        "us_per_seed_step": run.seconds * 1e6 / (run.steps.max(1) * run.seeds as u64) as f64,
        "memory_predicted_bytes": memory,
        "final_medians": medians,
    })
}
