//! `reproduce`.
//!
//! Every spec and variant is a job that saves itself and marks itself finished, in a folder of its own; jobs go to as many
//! workers as there are threads, the longest first, because one block of sixteen seeds keeps one core busy. What an
//! interruption leaves is what the next call finds finished, goes on with, or begins. Rejected: one simulation after the
//! other on all cores, which with sixteen seeds would leave all cores but one idle.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gaugebias::dynamics::{Run, files, predict_work};
use gaugebias::model::spec::{FigureKind, Spec};
use gaugebias::report::published::{Experiment, Row, check, page, reference, table};
use gaugebias::report::study::{Study, findings};
use serde_json::json;

use super::saved::{SavedRuns, predict};
use super::{derive, envelope, print_json, use_threads};
use crate::arguments::{Reproduce, SpecFlags, StageFlag, Threads};
use crate::outcome::Failure;
use crate::print;
use crate::specs;

/// Runs published experiments, or what is missing of them, and writes one report.
pub fn reproduce(flags: &Reproduce) -> Result<(), Failure> {
    let started = Instant::now();
    use_threads(flags.threads);
    let names: Vec<String> = match flags.name.as_str() {
        "all" => specs::published().map(str::to_owned).collect(),
        name => vec![name.to_owned()],
    };
    let plans = names.iter().map(|name| Plan::read(name, flags)).collect::<Result<Vec<_>, _>>()?;
    let memory = plans.iter().map(|plan| predict(&plan.specs, true)).collect::<Result<Vec<_>, _>>()?;
    let path = flags.out.clone().unwrap_or_else(|| Path::new("runs").join("reproduce"));
    check_folder(&path, flags.force)?;
    flags.reference_format.as_deref().map_or(Ok(()), reference::prepare)?;
    let folders = plans.iter().map(|plan| plan.take(&path, flags)).collect::<Result<Vec<_>, _>>()?;
    let mut outcomes = run_all(&jobs(&plans, &folders, &memory)?, flags.threads)?;
    let failure = first_failure(&mut outcomes);
    if let Some(failure @ Failure::Interrupted(_)) = failure {
        return Err(failure);
    }
    let mut results = outcomes.into_iter();
    let mut reproduced = Reproduced { experiments: Vec::new(), rows: Vec::new(), files: Vec::new() };
    for (plan, folders) in plans.into_iter().zip(&folders) {
        reproduced.add(plan, folders, &mut results, flags)?;
    }
    let provenance = vec![
        ("gaugebias".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("Wall times and machine".to_owned(), "in the run.json of each experiment".to_owned()),
    ];
    let page = page(&reproduced.experiments, &reproduced.rows, provenance);
    gaugebias::report::write(&path, &page)?;
    let record = reproduced.record(&path, started.elapsed().as_secs_f64());
    let text = serde_json::to_string_pretty(&record).map_err(|error| Failure::Ours(error.to_string()))?;
    gaugebias::report::replace_text(&path, RECORD, &text)?;
    reproduced.tell(&path, record, flags.json);
    failure.map_or(Ok(()), Err)
}

/// What a folder of reproductions holds besides the report.
const RECORD: &str = "reproduction.json";

/// A folder with somebody else's report is not ours to write to.
fn check_folder(path: &Path, force: bool) -> Result<(), Failure> {
    let foreign = path.join("report.html").exists() && !path.join(RECORD).exists();
    match foreign && !force {
        true => Err(Failure::Refused(format!(
            "{} holds a report that is not a reproduction; choose another folder with --out, or overwrite it with --force",
            path.display()
        ))),
        false => Ok(()),
    }
}

/// An experiment that is to be run.
struct Plan {
    name: String,
    plot_steps: u64,
    /// The base, then its variants.
    specs: Vec<Spec>,
    /// What the reference file needs at every step.
    every_step: Vec<Spec>,
}

/// Where an experiment's runs lie.
struct Folders {
    main: SavedRuns,
    every_step: Option<SavedRuns>,
}

impl Plan {
    fn read(name: &str, flags: &Reproduce) -> Result<Self, Failure> {
        let with = |steps| SpecFlags { seeds: flags.seeds, steps, set: Vec::new(), variant: None };
        let specs = specs::read(name, &with(None))?;
        let Some(published) = &specs[0].published else {
            let names: Vec<&str> = specs::published().collect();
            return Err(Failure::Refused(format!(
                "{name} has no [published] section, so there is nothing to compare with; the published experiments are {}",
                names.join(", ")
            )));
        };
        let plot_steps = specs[0].train.steps;
        let accurate = flags.stage.map_or(published.accuracy_by_default, |stage| stage == StageFlag::Accuracy);
        let steps = flags.steps.or(published.accuracy_steps.filter(|_| accurate));
        let specs = if steps.is_some() { specs::read(name, &with(steps))? } else { specs };
        check(&specs)?;
        let every_step = match flags.reference_format {
            Some(_) => reference::every_step_specs(&specs),
            None => Vec::new(),
        };
        let stem = Path::new(name).file_stem().map_or(name.to_owned(), |stem| stem.to_string_lossy().into_owned());
        Ok(Self { name: stem, plot_steps, specs, every_step })
    }

    fn take(&self, path: &Path, flags: &Reproduce) -> Result<Folders, Failure> {
        let own = path.join(&self.name);
        let take = |path: PathBuf, specs: &[Spec]| {
            if path.is_dir() {
                let fault = |error| Failure::Refused(format!("{} cannot be read: {error}", path.display()));
                files::sweep(&path).map_err(fault)?;
            }
            SavedRuns::begin_or_go_on(&path, flags.force, flags.json, specs)
        };
        let main = take(own.clone(), &self.specs)?;
        let every_step =
            if self.every_step.is_empty() { None } else { Some(take(own.join("every-step"), &self.every_step)?) };
        Ok(Folders { main, every_step })
    }
}

/// One simulation.
struct Job<'a> {
    spec: &'a Spec,
    runs: &'a SavedRuns,
    index: usize,
    memory: u64,
    work: u64,
}

/// The jobs of all plans: of each, its specs and then what is needed at every step.
fn jobs<'a>(plans: &'a [Plan], folders: &'a [Folders], memory: &[Vec<u64>]) -> Result<Vec<Job<'a>>, Failure> {
    let mut jobs = Vec::new();
    for ((plan, folders), memory) in plans.iter().zip(folders).zip(memory) {
        for (index, (spec, &memory)) in plan.specs.iter().zip(memory).enumerate() {
            jobs.push(Job { spec, runs: &folders.main, index, memory, work: predict_work(spec)? });
        }
        for (index, spec) in plan.every_step.iter().enumerate() {
            let runs = folders.every_step.as_ref().expect("what is needed at every step has a folder");
            let memory = predict(std::slice::from_ref(spec), true)?[0];
            jobs.push(Job { spec, runs, index, memory, work: predict_work(spec)? });
        }
    }
    Ok(jobs)
}

type Outcome = (Run, Option<Failure>);

/// Runs all jobs, the longest first; what became of each, in the order of the jobs.
fn run_all(jobs: &[Job<'_>], threads: Threads) -> Result<Vec<Outcome>, Failure> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&job| std::cmp::Reverse(jobs[job].work));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = threads.threads.map_or(cores, usize::from).min(jobs.len());
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Option<Result<Outcome, Failure>>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let job = &jobs[at];
                    let outcome = job.runs.run(job.index, job.spec, job.memory, threads);
                    // After an interruption every other job stops at once too, and is saved as far as it was.
                    let stops = !matches!(outcome, Ok((_, None | Some(Failure::No(_)))));
                    outcomes.lock().expect("a job's panic ends the program")[at] = Some(outcome);
                    if stops {
                        next.store(usize::MAX / 2, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().expect("a job's panic ends the program");
    // One that was never begun stands behind the one that stopped everything.
    let mut ended = outcomes.into_iter().flatten().collect::<Vec<_>>();
    if let Some(at) = ended.iter().position(Result::is_err) {
        return Err(ended.swap_remove(at).err().expect("it is an error"));
    }
    ended.into_iter().collect()
}

fn first_failure(outcomes: &mut [Outcome]) -> Option<Failure> {
    let interrupted = outcomes.iter().position(|(_, failure)| matches!(failure, Some(Failure::Interrupted(_))));
    if let Some(at) = interrupted {
        return match outcomes[at].1.take() {
            Some(Failure::Interrupted(_)) => {
                let message = "interrupted; what was done is saved: the same command goes on with the rest";
                Some(Failure::Interrupted(message.to_owned()))
            }
            other => other,
        };
    }
    let diverged = outcomes.iter().filter_map(|(_, failure)| match failure {
        Some(Failure::No(message)) => Some(message.clone()),
        _ => None,
    });
    let diverged: Vec<String> = diverged.collect();
    (!diverged.is_empty()).then(|| Failure::No(diverged.join("; ")))
}

/// What came out.
struct Reproduced {
    experiments: Vec<Experiment>,
    rows: Vec<Row>,
    files: Vec<PathBuf>,
}

impl Reproduced {
    fn add(
        &mut self,
        plan: Plan,
        folders: &Folders,
        results: &mut impl Iterator<Item = Outcome>,
        flags: &Reproduce,
    ) -> Result<(), Failure> {
        let studies = plan.specs.iter().zip(results.by_ref()).map(|(spec, outcome)| study(spec, outcome, &plan.name));
        let studies: Vec<Study> = studies.collect::<Result<_, _>>()?;
        let every_step: Vec<(Spec, Run)> =
            plan.every_step.into_iter().zip(results.by_ref().map(|(run, _)| run)).collect();
        folders.main.folder.write_record(&studies)?;
        let experiment = Experiment::new(&plan.name, plan.plot_steps, studies);
        self.rows.extend(experiment.rows()?);
        if let Some(folder) = &flags.reference_format {
            self.files.extend(reference::write(folder, &experiment, &every_step)?);
        }
        self.experiments.push(experiment);
        Ok(())
    }

    fn record(&self, path: &Path, seconds: f64) -> serde_json::Value {
        envelope(json!({
            "title": "The published experiments, reproduced",
            "folder": path,
            "report": path.join("report.html"),
            "seconds": seconds,
            "numbers": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "findings": self.findings(),
            "files": self.files,
        }))
    }

    fn findings(&self) -> Vec<String> {
        let stages = self.experiments.iter().flat_map(|one| one.stages.iter().map(move |stage| (one, stage)));
        let found = stages.flat_map(|(one, stage)| {
            findings(&stage.studies).into_iter().map(move |sentence| format!("{}: {sentence}", one.name))
        });
        found.collect()
    }

    fn tell(&self, path: &Path, record: serde_json::Value, as_json: bool) {
        if as_json {
            print_json(record);
            return;
        }
        let table = table(&self.rows);
        print::line(table.to_text().trim_end_matches('\n'));
        self.findings().iter().for_each(|sentence| print::line(format!("  {sentence}")));
        self.files.iter().for_each(|file| print::line(format!("  file: {}", file.display())));
        print::line(format!("  report: {}", path.join("report.html").display()));
    }
}

/// Only the picture of level sets needs a derivation, for the slice in it.
fn study(spec: &Spec, (run, ended): Outcome, name: &str) -> Result<Study, Failure> {
    let derivation = if spec.figures.iter().any(|figure| figure.kind == FigureKind::Levels) {
        Ok(derive::derivation(spec, "balanced", false)?)
    } else {
        Err(format!("it is not part of a reproduction; `gaugebias derive {name}` derives"))
    };
    let early_end = match ended {
        Some(Failure::No(message)) => Some(message),
        _ => None,
    };
    Ok(Study { spec: spec.clone(), derivation, run, early_end, judgement: None })
}
