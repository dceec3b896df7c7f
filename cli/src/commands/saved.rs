//! Runs that leave results in a folder, and can be gone on with: what `run` and `simulate` share.

use std::path::Path;

use gaugebias::dynamics::{Checkpoints, Run, Standing, predict_memory};
use gaugebias::model::spec::Spec;
use gaugebias::report::ReportError;
use gaugebias::report::study::{Resumption, RunFolder, Study};

use super::simulate::attempt;
use crate::arguments::{Saving, Threads};
use crate::outcome::Failure;

/// A folder that is taken, with the checkpoints of its runs.
pub struct SavedRuns {
    pub folder: RunFolder,
    checkpoints: Vec<Checkpoints>,
    /// Say nothing but results.
    quiet: bool,
    /// Whether the simulations had ended before.
    finished: bool,
}

impl SavedRuns {
    /// Takes a folder as the flags say.
    pub fn take(path: &Path, saving: Saving, quiet: bool, specs: &[Spec]) -> Result<Self, Failure> {
        let checkpoints = RunFolder::checkpoints(path, specs)?;
        let checkpoints = checkpoints.into_iter().map(|own| own.every(saving.save_every)).collect::<Vec<_>>();
        if !saving.resume {
            let folder = RunFolder::create(path, saving.force)?;
            // From here on a killed run can be gone on with, even if nothing is simulated yet.
            checkpoints[0].begin()?;
            return Ok(Self { folder, checkpoints, quiet, finished: false });
        }
        let (folder, finished) = match RunFolder::resume(path, specs, &checkpoints)? {
            Resumption::GoOn(folder) => (folder, false),
            Resumption::Finished(folder) => (folder, true),
        };
        if finished {
            eprintln!("{} holds a finished run: there is nothing to go on with, its results are read", path.display());
        }
        Ok(Self { folder, checkpoints, quiet, finished })
    }

    /// Writes `run.json`, figures and the page; of a finished run only where there is no page.
    pub fn write_report(&self, studies: &[Study]) -> Result<(), Failure> {
        if self.finished && self.folder.has_page() {
            return Ok(());
        }
        Ok(self.folder.write_report(studies)?)
    }

    /// Writes `run.json` of runs that are simulated and no more.
    pub fn write_record(&self, studies: &[Study]) -> Result<(), Failure> {
        if self.finished { Ok(()) } else { Ok(self.folder.write_record(studies)?) }
    }

    /// Takes a folder for a new run, or to go on with the one in it, whose finished parts stay what they are.
    pub fn begin_or_go_on(path: &Path, force: bool, quiet: bool, specs: &[Spec]) -> Result<Self, Failure> {
        let checkpoints = RunFolder::checkpoints(path, specs)?;
        let holds_files = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        let folder = match holds_files && !force {
            true => match RunFolder::resume(path, specs, &checkpoints)? {
                Resumption::GoOn(folder) => folder,
                Resumption::Finished(_) => {
                    return Err(ReportError::Exists { path: path.to_owned(), resumable: false }.into());
                }
            },
            false => {
                let folder = RunFolder::create(path, force)?;
                checkpoints[0].begin()?;
                folder
            }
        };
        Ok(Self { folder, checkpoints, quiet, finished: false })
    }

    /// Simulates the spec with the given number, or reads what it left; its tensors are then written.
    pub fn run(
        &self,
        index: usize,
        spec: &Spec,
        memory: u64,
        threads: Threads,
    ) -> Result<(Run, Option<Failure>), Failure> {
        if self.finished {
            let run = self.folder.read_one(spec)?;
            let early = run.steps < spec.train.steps;
            let message = format!("{}: the run ended after {} of {} steps", spec.title, run.steps, spec.train.steps);
            return Ok((run, early.then_some(Failure::No(message))));
        }
        let checkpoints = &self.checkpoints[index];
        match checkpoints.standing()? {
            Standing::Finished { seconds } => return Ok((self.folder.read_finished(spec, seconds)?, None)),
            Standing::UnderWay { steps } if !self.quiet => {
                eprintln!("{}: going on after {steps} of {} steps", spec.title, spec.train.steps)
            }
            Standing::Absent => checkpoints.begin()?,
            Standing::UnderWay { .. } | Standing::Begun => {}
        }
        let (seeds, steps) = (spec.ensemble.seeds, spec.train.steps);
        if !self.quiet {
            let every = if spec.log.every == 1 { ", every step recorded" } else { "" };
            let seeds = if seeds == 1 { "1 seed".to_owned() } else { format!("{seeds} seeds") };
            eprintln!("{}: {seeds} × {steps} steps{every}, at most {} MiB of memory", spec.title, memory >> 20);
        }
        let (run, failure) = attempt(spec, threads, Some(checkpoints))?;
        self.folder.write_tensors(spec, &run)?;
        let failure = match failure {
            None => {
                checkpoints.finish(run.seconds)?;
                None
            }
            Some(Failure::Interrupted(message)) => {
                Some(Failure::Interrupted(format!("{message}; it is saved: go on with --resume")))
            }
            other => other,
        };
        Ok((run, failure))
    }

    /// All is written. An interrupted run keeps its checkpoints.
    pub fn end(&self, specs: &[Spec], failure: Option<&Failure>) -> Result<(), Failure> {
        match failure {
            Some(Failure::Interrupted(_)) => Ok(()),
            _ => Ok(self.folder.end(specs)?),
        }
    }
}

/// Checks all specs before anything is done for one of them; bytes of memory that each takes at most.
pub fn predict(specs: &[Spec], saved: bool) -> Result<Vec<u64>, Failure> {
    Ok(specs.iter().map(|spec| predict_memory(spec, saved)).collect::<Result<_, _>>()?)
}
