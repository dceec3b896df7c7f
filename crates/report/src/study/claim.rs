//! Taking a folder: for a new run, or to go on with one.
//!
//! What stands in a folder is somebody's result, so that it is looked at wholly before anything of it is touched. A
//! folder that is taken is locked, because two programs that go on with one run would spoil it for both; the lock goes with the
//! process, however that ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaugebias_dynamics::files::{remove_file, sweep};
use gaugebias_dynamics::{Checkpoints, RECORDS, RESUME, Run, Standing};
use gaugebias_model::spec::Spec;
use serde_json::json;

use super::RunFolder;
use super::folder::written_figures;
use crate::ReportError;

/// The lock on a folder.
#[derive(Clone, Debug)]
pub(super) struct Claim(#[expect(dead_code, reason = "held, not read")] Arc<File>);

/// What there is to go on with.
#[derive(Debug)]
pub enum Resumption {
    /// The run goes on.
    GoOn(RunFolder),
    /// The simulations have ended; their results are there.
    Finished(RunFolder),
}

const RESULTS: [&str; 2] = ["final.safetensors", "log.safetensors"];

impl RunFolder {
    /// Takes a folder for a new run; one that holds files is only taken with `force`, and then the results in it go.
    ///
    /// # Errors
    /// [`ReportError::Exists`], [`ReportError::Busy`], and [`ReportError::Write`] where the folder cannot be made or
    /// written to.
    pub fn create(path: &Path, force: bool) -> Result<Self, ReportError> {
        let fault = |source| ReportError::Write { path: path.to_owned(), source };
        let holds_files = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if holds_files && !force {
            let resumable = run_folders(path).map_err(fault)?.iter().any(|folder| folder.join(RESUME).exists());
            return Err(ReportError::Exists { path: path.to_owned(), resumable });
        }
        fs::create_dir_all(path).map_err(fault)?;
        let claim = claim(path)?;
        // Found out now, not after an hour of simulation.
        tempfile::NamedTempFile::new_in(path).map_err(fault)?;
        clear(path).map_err(fault)?;
        Ok(Self { path: path.to_owned(), claim: Some(claim) })
    }

    /// Takes a folder to go on with the run of the given specs. Every checkpoint is read and checked first.
    ///
    /// # Errors
    /// [`ReportError::Checkpoint`] for one that is damaged or of another run, [`ReportError::NothingSaved`] where there is
    /// none, and as [`RunFolder::create`].
    pub fn resume(path: &Path, specs: &[Spec], checkpoints: &[Checkpoints]) -> Result<Resumption, ReportError> {
        let folder = Self { path: path.to_owned(), claim: None };
        let nothing = || ReportError::NothingSaved { path: path.to_owned() };
        let standings: Vec<Standing> = checkpoints.iter().map(Checkpoints::standing).collect::<Result<_, _>>()?;
        if standings.iter().all(|&standing| standing == Standing::Absent) {
            let finished = specs.first().is_some_and(|spec| folder.of(spec).join(RESULTS[0]).exists());
            if !finished {
                return Err(nothing());
            }
            folder.check_record(specs)?;
            return Ok(Resumption::Finished(Self { claim: Some(claim(path)?), ..folder }));
        }
        let claim = claim(path)?;
        let swept = run_folders(path).and_then(|folders| folders.iter().try_for_each(|folder| sweep(folder)));
        swept.map_err(|source| ReportError::Write { path: path.to_owned(), source })?;
        Ok(Resumption::GoOn(Self { path: path.to_owned(), claim: Some(claim) }))
    }

    /// The checkpoints of the specs of one run, in its folder.
    ///
    /// # Errors
    /// [`SpecError`](gaugebias_model::SpecError) for an expression that does not make sense.
    pub fn checkpoints(path: &Path, specs: &[Spec]) -> Result<Vec<Checkpoints>, gaugebias_model::SpecError> {
        let names: Vec<&str> = specs.iter().map(|spec| spec.variant.as_deref().unwrap_or("the base")).collect();
        let folder = Self { path: path.to_owned(), claim: None };
        specs.iter().map(|spec| Ok(Checkpoints::new(&folder.of(spec), spec)?.among(&names))).collect()
    }

    /// The run of a spec whose results are written, and took the given wall time.
    ///
    /// # Errors
    /// [`ReportError::Read`].
    pub fn read_finished(&self, spec: &Spec, seconds: f64) -> Result<Run, ReportError> {
        let entry = json!({
            "seeds": spec.ensemble.seeds,
            "steps": spec.train.steps,
            "dtype": spec.train.dtype.name(),
            "seconds": seconds,
        });
        self.read_run(spec, &entry)
    }

    /// Removes the checkpoints: the run has ended.
    ///
    /// # Errors
    /// [`ReportError::Checkpoint`].
    pub fn end(&self, specs: &[Spec]) -> Result<(), ReportError> {
        // The last first: as long as one is there, the first one is, and the run can be gone on with.
        specs.iter().rev().try_for_each(|spec| Ok(Checkpoints::remove(&self.of(spec))?))
    }

    /// Whether `run.json` is of these specs.
    fn check_record(&self, specs: &[Spec]) -> Result<(), ReportError> {
        let record = self.record()?;
        let ran = |spec: &Spec| self.entry(&record, spec).is_ok();
        if record["spec"] != json!(specs[0].source.text)
            || record["overrides"] != json!(specs[0].overrides)
            || !specs.iter().all(ran)
        {
            return Err(ReportError::Other { path: self.path.clone() });
        }
        Ok(())
    }
}

fn claim(path: &Path) -> Result<Claim, ReportError> {
    let fault = |source| ReportError::Write { path: path.to_owned(), source };
    // A folder can be locked where it can be opened.
    let file = if cfg!(unix) { File::open(path) } else { tempfile::tempfile() }.map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(Claim(Arc::new(file))),
        Err(fs::TryLockError::WouldBlock) => Err(ReportError::Busy { path: path.to_owned() }),
        // Some network file systems have no locks.
        Err(fs::TryLockError::Error(_)) => Ok(Claim(Arc::new(file))),
    }
}

/// The folder itself, and the folders in it that hold results of a variant.
fn run_folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![path.to_owned()];
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let ours = || RESULTS.iter().chain(&[RESUME, RECORDS]).any(|name| entry.path().join(name).is_file());
        if entry.file_type()?.is_dir() && ours() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Removes the results of an earlier run, and nothing else: of figures, those that its `run.json` names.
fn clear(path: &Path) -> io::Result<()> {
    let figures = path.join("figures");
    let written = RunFolder::open(path).record().map_or(Vec::new(), |record| written_figures(&record));
    for folder in run_folders(path)? {
        for name in RESULTS.iter().chain(&[RESUME, RECORDS]) {
            remove_file(&folder.join(name))?;
        }
        sweep(&folder)?;
        remove_empty(&folder, path)?;
    }
    for name in ["run.json", "report.html"] {
        remove_file(&path.join(name))?;
    }
    if figures.is_dir() {
        for name in written {
            remove_file(&figures.join(format!("{name}.svg")))?;
            remove_file(&figures.join(format!("{name}.png")))?;
        }
        remove_empty(&figures, path)?;
    }
    Ok(())
}

/// Removes a folder within `root` that holds nothing any more.
fn remove_empty(folder: &Path, root: &Path) -> io::Result<()> {
    if folder != root && fs::read_dir(folder)?.next().is_none() {
        fs::remove_dir(folder)?;
    }
    Ok(())
}
