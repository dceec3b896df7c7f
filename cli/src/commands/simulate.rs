//! `simulate`.

use gaugebias::dynamics::{DynamicsError, Options, Run, simulate as simulate_spec};
use gaugebias::model::spec::Spec;
use gaugebias::report::study::RunFolder;
use serde_json::{Value, json};

use super::{envelope, print_json, use_threads};
use crate::arguments::{Simulate, Threads};
use crate::outcome::Failure;
use crate::progress::Progress;
use crate::specs;

/// Simulates each spec of a file; writes tensors if asked to.
pub fn simulate(flags: &Simulate) -> Result<(), Failure> {
    use_threads(flags.threads);
    let specs = specs::read(&flags.spec, &flags.flags)?;
    let folder = flags.out.as_ref().map(|path| RunFolder::create(path, flags.force)).transpose()?;
    for spec in &specs {
        let (run, failure) = attempt(spec, flags.threads)?;
        if let Some(folder) = &folder {
            folder.write_tensors(spec, &run)?;
        }
        if flags.json {
            print_json(envelope(summary(&run)));
        } else {
            eprintln!("{}: {} seeds, {} steps in {:.2} s", run.title, run.seeds, run.steps, run.seconds);
        }
        failure.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// Runs one spec; a divergence or interruption comes back with what was logged.
pub(super) fn attempt(spec: &Spec, threads: Threads) -> Result<(Run, Option<Failure>), Failure> {
    let options = Options { threads: threads.threads.map(usize::from) };
    let progress = Progress::new(&spec.title);
    let result = simulate_spec(spec, options, &progress);
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
fn summary(run: &Run) -> Value {
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
        "final_medians": medians,
    })
}
