//! A disk that fills up while a run is saved.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gaugebias_model::spec::{Spec, SpecFile};

use super::folder::{DiskStorage, Storage};
use super::{CheckpointError, Checkpoints, RESUME, Saver, Standing};
use crate::{DynamicsError, Ensemble, Options, Silent, simulate, simulate_saved};

fn spec() -> Spec {
    let text = "[param]\nw = \"normal(3)\"\n[batch]\nx = \"normal(3)\"\n[model]\nloss = \"sum((w - x)**2)\"\n[train]\n\
                steps = 1000000\nstep_size = 0.01\n[ensemble]\nseeds = 20\n[log]\nevery = 100\nw = \"w\"";
    SpecFile::parse("test.toml", text.to_owned(), PathBuf::new(), &[]).expect("a right spec").specs.remove(0)
}

/// Has room for some saves; then either the records or the states are written by half.
struct Full {
    disk: DiskStorage<PathBuf>,
    saves: usize,
    in_records: bool,
}

impl Storage for Full {
    fn append(&mut self, at: u64, parts: &mut dyn Iterator<Item = Vec<u8>>) -> io::Result<()> {
        if self.saves > 0 || !self.in_records {
            return self.disk.append(at, parts);
        }
        let mut bytes = parts.flatten().collect::<Vec<u8>>();
        bytes.truncate(bytes.len() / 2);
        self.disk.append(at, &mut std::iter::once(bytes))?;
        Err(ErrorKind::StorageFull.into())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.saves == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        self.saves -= 1;
        self.disk.replace(bytes)
    }
}

fn run_on(disk: Full, folder: &Path) -> Result<crate::Run, DynamicsError> {
    let checkpoints = Checkpoints::new(folder, &spec()).expect("a right spec").every(Some(Duration::from_millis(1)));
    let mut ensemble = Ensemble::<f32>::build(&spec()).expect("a right spec");
    let saver = Saver::new(&checkpoints, Box::new(disk), ensemble.blocks().len());
    ensemble.run_with(Options::default(), &Silent, Some(saver))
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_the_last_good_state() {
    let whole = simulate(&spec(), Options::default(), &Silent).expect("it ends well");
    for in_records in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Full { disk: DiskStorage { folder: folder.path().to_owned() }, saves: 2, in_records };
        let error = match run_on(disk, folder.path()) {
            Err(DynamicsError::Checkpoint(error @ CheckpointError::Write { .. })) => error.to_string(),
            other => panic!("expected a full disk, found {:?}", other.map(|run| run.steps)),
        };
        assert!(error.contains(RESUME) && error.contains("--resume"), "{error}");
        let checkpoints = Checkpoints::new(folder.path(), &spec()).expect("a right spec");
        let standing = checkpoints.standing().expect("it is whole");
        assert!(matches!(standing, Standing::UnderWay { steps } if steps < 1_000_000), "{standing:?}");
        let resumed = simulate_saved(&spec(), Options::default(), &Silent, &checkpoints).expect("it goes on");
        assert_eq!(resumed.parameters, whole.parameters);
        assert_eq!(resumed.observables, whole.observables);
    }
}
