//! The folder that a run is saved in.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gaugebias_model::SpecError;
use gaugebias_model::spec::Spec;
use sha2::{Digest, Sha256};

use super::states::{BEGUN, FINISHED, States, UNDER_WAY};
use super::{CheckpointError, Identity, hexadecimal};
use crate::files::{remove_file, replace_file, sync_folder};

/// States and streams.
pub const RESUME: &str = "resume.safetensors";

/// Records so far.
pub const RECORDS: &str = "resume.records";

/// Seconds between saves, unless a caller says otherwise.
const EVERY: Duration = Duration::from_secs(5);

/// Where and how often a run is saved.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    pub(super) folder: PathBuf,
    pub(super) identity: Identity,
    /// Time between saves; `None` for the default, which makes way where saving takes long.
    pub(super) every: Option<Duration>,
}

/// How far a saved run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// Nothing is saved.
    Absent,
    /// Nothing but that it began.
    Begun,
    /// It can go on from here.
    UnderWay {
        /// Steps that every seed has made.
        steps: u64,
    },
    /// Its results are written.
    Finished {
        /// Wall time that it took.
        seconds: f64,
    },
}

impl Checkpoints {
    /// Of a spec, in the folder of its results.
    ///
    /// # Errors
    /// [`SpecError`] for an expression that does not make sense.
    pub fn new(folder: &Path, spec: &Spec) -> Result<Self, SpecError> {
        Ok(Self { folder: folder.to_owned(), identity: Identity::of(spec)?, every: None })
    }

    /// As one of several runs that belong together, all named.
    pub fn among(mut self, names: &[&str]) -> Self {
        self.identity.fields.insert("runs", names.join(", "));
        self
    }

    /// With a time between saves, whatever they cost.
    pub fn every(self, every: Option<Duration>) -> Self {
        Self { every, ..self }
    }

    /// Time to the next save, where the last took `cost`.
    pub(super) fn pause(&self, cost: Duration) -> Duration {
        self.every.unwrap_or_else(|| EVERY.max(cost * 30))
    }

    /// How far the saved run is; every byte of it is checked, none is changed.
    ///
    /// # Errors
    /// [`CheckpointError::Read`] and [`CheckpointError::Other`].
    pub fn standing(&self) -> Result<Standing, CheckpointError> {
        let Some(states) = self.states()? else { return Ok(Standing::Absent) };
        match states.standing.as_str() {
            BEGUN => Ok(Standing::Begun),
            FINISHED => Ok(Standing::Finished { seconds: states.seconds }),
            UNDER_WAY => {
                self.check_records(&states)?;
                Ok(Standing::UnderWay { steps: states.steps().into_iter().min().unwrap_or(0) })
            }
            other => Err(self.damaged(format!("its standing is `{other}`"))),
        }
    }

    /// Saves that a run has begun, and forgets what was recorded before.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    pub fn begin(&self) -> Result<(), CheckpointError> {
        self.put_bare(&States::bare(BEGUN, 0.0))
    }

    /// Saves that the results of a run are written.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    pub fn finish(&self, seconds: f64) -> Result<(), CheckpointError> {
        self.put_bare(&States::bare(FINISHED, seconds))
    }

    /// Removes what was saved in a folder.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    pub fn remove(folder: &Path) -> Result<(), CheckpointError> {
        let fault = |path: PathBuf| move |source| CheckpointError::Write { path, source };
        for name in [RESUME, RECORDS] {
            remove_file(&folder.join(name)).map_err(fault(folder.join(name)))?;
        }
        Ok(())
    }

    fn put_bare(&self, states: &States) -> Result<(), CheckpointError> {
        let result = std::fs::create_dir_all(&self.folder)
            .and_then(|()| DiskStorage { folder: &self.folder }.replace(&states.encode(&self.identity)))
            .and_then(|()| remove_file(&self.folder.join(RECORDS)));
        result.map_err(|source| self.unwritten(source))
    }

    pub(super) fn unwritten(&self, source: io::Error) -> CheckpointError {
        CheckpointError::Write { path: self.folder.join(RESUME), source }
    }

    pub(super) fn damaged(&self, reason: String) -> CheckpointError {
        CheckpointError::Read { path: self.folder.join(RESUME), reason }
    }

    /// What the states' file says.
    pub(super) fn states(&self) -> Result<Option<States>, CheckpointError> {
        let path = self.folder.join(RESUME);
        match std::fs::read(&path) {
            Ok(bytes) => States::decode(&path, &bytes, &self.identity).map(Some),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(self.damaged(format!("it cannot be read ({error})"))),
        }
    }

    /// The records' file; an empty one where there is none.
    pub(super) fn open_records(&self) -> Result<Box<dyn Read>, CheckpointError> {
        match File::open(self.folder.join(RECORDS)) {
            Ok(file) => Ok(Box::new(io::BufReader::with_capacity(1 << 20, file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
            Err(error) => Err(self.damaged(format!("its records in {RECORDS} cannot be read ({error})"))),
        }
    }

    fn check_records(&self, states: &States) -> Result<(), CheckpointError> {
        let mut reader = self.open_records()?.take(states.records);
        let (mut digest, mut length, mut part) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let count = reader.read(&mut part).map_err(|error| self.damaged(format!("{RECORDS}: {error}")))?;
            if count == 0 {
                break;
            }
            digest.update(&part[..count]);
            length += count as u64;
        }
        if length < states.records {
            let reason = format!("{RECORDS} has {length} bytes, {} belong to it", states.records);
            return Err(self.damaged(reason));
        }
        if hexadecimal(&digest.finalize()) != states.records_digest {
            return Err(self.damaged(format!("{RECORDS} is damaged (its digest does not fit its content)")));
        }
        Ok(())
    }
}

/// What a run is saved to; tests put in a disk that fails.
pub(crate) trait Storage: Send {
    /// Cuts the records' file to `at` bytes, appends, and syncs.
    fn append(&mut self, at: u64, parts: &mut dyn Iterator<Item = Vec<u8>>) -> io::Result<()>;

    /// Replaces the states' file.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// A folder.
pub(crate) struct DiskStorage<F> {
    pub folder: F,
}

impl<F: AsRef<Path> + Send> Storage for DiskStorage<F> {
    fn append(&mut self, at: u64, parts: &mut dyn Iterator<Item = Vec<u8>>) -> io::Result<()> {
        let folder = self.folder.as_ref();
        let path = folder.join(RECORDS);
        let created = !path.exists();
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        for part in parts {
            writer.write_all(&part)?;
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        if created { sync_folder(folder) } else { Ok(()) }
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        replace_file(self.folder.as_ref(), RESUME, |file| file.write_all(bytes))
    }
}
