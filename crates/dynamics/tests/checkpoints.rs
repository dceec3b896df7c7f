//! Runs that are stopped and gone on with, in one process.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gaugebias_dynamics::{
    CheckpointError, Checkpoints, DynamicsError, Observer, Options, RECORDS, RESUME, Run, Silent, Standing, simulate,
    simulate_saved,
};
use gaugebias_model::spec::{Spec, SpecFile};

fn spec(text: &str) -> Spec {
    SpecFile::parse("test.toml", text.to_owned(), PathBuf::new(), &[]).expect("a right spec").specs.remove(0)
}

/// Momentum, mini-batches, a verified observable, an observable that is now and then not a number, a log whose last
/// record is no multiple, and a block that is not full.
const SGD: &str = "[data]\nX = \"normal(20, 3)\"\ny = \"X @ [1, -2, 0.5]\"\n[param]\nw = \"0.1 * normal(3)\"\nidle = \"normal(2)\"\n\
    [batch]\ni = \"choice(20, 4)\"\n[model]\npredictor = \"w\"\nloss = \"mean((X[i] @ w - y[i])**2)\"\n[train]\nsteps = 100001\n\
    step_size = 0.002\nmomentum = 0.5\n[ensemble]\nseeds = 37\n[log]\nevery = 120\nw = \"w\"\nloss = \"loss\"\nroot = \"sqrt(w - w[0] + 1e-3)\"\n\
    [verify]\nlaw = \"conditioned\"\nobservable = \"w[0]\"\nburn_in = 900\nthin = 333";

/// Noise in f64.
const LANGEVIN: &str = "[param]\nu = \"1.0 * normal(2)\"\nv = 1.0\n[model]\npredictor = \"u * v\"\nloss = \"0.5 * sum((predictor - 1.2)**2)\"\n\
    [train]\noptimizer = \"langevin\"\nnoise = \"horizontal\"\ntemperature = 0.05\nstep_size = 1e-3\nsteps = 200000\ndtype = \"f64\"\n\
    [ensemble]\nseeds = 20\n[log]\nevery = 500\nu = \"u\"";

const ADAM: &str = "[param]\nu = \"normal(3)\"\n[batch]\nx = \"normal(3)\"\n[model]\nloss = \"sum((u - x)**2)\"\n[train]\noptimizer = \"adam\"\n\
    steps = 700000\nstep_size = 0.01\n[ensemble]\nseeds = 16\nshared_data = true\n[log]\nevery = 1000\nu = \"u\"";

/// Steps far below the last digit of a parameter: what rounding took is part of the state.
const COMPENSATED: &str = "[data]\nX = \"normal(20, 3)\"\n[param]\nw = \"1 + normal(3)\"\n[model]\nloss = \"mean((X @ w)**2)\"\n\
    [train]\nsteps = 600000\nstep_size = 1e-9\ncompensated = true\n[ensemble]\nseeds = 37\n[log]\nevery = 1200\nw = \"w\"";

/// Stops after some looks.
struct After(AtomicU64, u64);

impl Observer for After {
    fn progress(&self, _: u64, _: u64) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) < self.1
    }
}

fn threads(count: usize) -> Options {
    Options { threads: Some(count) }
}

/// Bits, so that what is not a number can be compared.
fn bits(run: &Run) -> Vec<(String, Vec<usize>, Vec<u64>)> {
    let series = run.observables.iter().chain(&run.parameters).map(|(name, series)| (name.clone(), series));
    let series = series.chain(run.samples.iter().map(|samples| ("samples".to_owned(), samples)));
    series.map(|(name, s)| (name, s.shape.clone(), s.values.iter().map(|x| x.to_bits()).collect())).collect()
}

fn saved(spec: &Spec, folder: &Path) -> Checkpoints {
    Checkpoints::new(folder, spec).expect("a right spec").every(Some(Duration::from_millis(20)))
}

/// Runs until the `looks`-th look, and leaves a checkpoint.
fn interrupt(spec: &Spec, folder: &Path, looks: u64, count: usize) -> Result<Run, DynamicsError> {
    simulate_saved(spec, threads(count), &After(AtomicU64::new(0), looks), &saved(spec, folder))
}

#[test]
fn a_run_that_is_stopped_again_and_again_gives_the_same_bits() {
    for text in [SGD, LANGEVIN, ADAM, COMPENSATED] {
        let spec = spec(text);
        let whole = simulate(&spec, threads(2), &Silent).expect("the simulation ends well");
        let folder = tempfile::tempdir().unwrap();
        let (mut stops, mut furthest) = (0, 0);
        let resumed = loop {
            match interrupt(&spec, folder.path(), 5, 1 + stops % 2) {
                Ok(run) => break run,
                Err(DynamicsError::Interrupted { steps, .. }) => {
                    assert_eq!(saved(&spec, folder.path()).standing().unwrap(), Standing::UnderWay { steps });
                    assert!(steps >= furthest, "{steps} after {furthest}");
                    (stops, furthest) = (stops + 1, steps);
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert!(stops >= 2, "the run was stopped {stops} times only");
        assert_eq!(bits(&resumed), bits(&whole));
        assert_eq!((&resumed.record_steps, &resumed.sample_steps), (&whole.record_steps, &whole.sample_steps));
    }
}

/// What stands behind the saved length is of a save that did not end.
#[test]
fn records_that_were_not_committed_are_cut_off() {
    let spec = spec(SGD);
    let whole = simulate(&spec, threads(1), &Silent).expect("the simulation ends well");
    let folder = tempfile::tempdir().unwrap();
    interrupt(&spec, folder.path(), 2, 1).expect_err("it is stopped");
    let records = folder.path().join(RECORDS);
    let mut bytes = std::fs::read(&records).unwrap();
    bytes.extend([7; 1000]);
    std::fs::write(&records, bytes).unwrap();
    // The next save takes their place.
    interrupt(&spec, folder.path(), 4, 1).expect_err("it is stopped again");
    let resumed = simulate_saved(&spec, threads(1), &Silent, &saved(&spec, folder.path())).expect("it goes on");
    assert_eq!(bits(&resumed), bits(&whole));
}

#[test]
fn damage_is_told_and_nothing_is_touched() {
    let spec = spec(SGD);
    let folder = tempfile::tempdir().unwrap();
    interrupt(&spec, folder.path(), 2, 1).expect_err("it is stopped");
    let whole = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    for name in [RESUME, RECORDS] {
        let bytes = whole(name);
        let other = whole(if name == RESUME { RECORDS } else { RESUME });
        assert!(bytes.len() > 200, "{name} holds something");
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for damaged in [&bytes[..bytes.len() / 2], &bytes[..5], &[], &flipped] {
            std::fs::write(folder.path().join(name), damaged).unwrap();
            let told = saved(&spec, folder.path()).standing();
            assert!(matches!(told, Err(CheckpointError::Read { .. })), "{name}: {told:?}");
            let told = simulate_saved(&spec, threads(1), &Silent, &saved(&spec, folder.path()));
            assert!(matches!(told, Err(DynamicsError::Checkpoint(CheckpointError::Read { .. }))), "{name}");
            assert_eq!(whole(name), damaged);
            assert_eq!(whole(if name == RESUME { RECORDS } else { RESUME }), other);
        }
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    std::fs::remove_file(folder.path().join(RECORDS)).unwrap();
    assert!(saved(&spec, folder.path()).standing().unwrap_err().to_string().contains(RECORDS));
}

#[test]
fn a_checkpoint_of_another_run_is_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    interrupt(&spec(SGD), folder.path(), 2, 1).expect_err("it is stopped");
    for (from, to, told) in [
        ("seeds = 37", "seeds = 38", "its seeds is 37, expected 38"),
        ("seeds = 37", "seeds = 37\nseed = 5", "its seed is 0, expected 5"),
        ("momentum = 0.5", "momentum = 0.5\ndtype = \"f64\"", "its dtype is f32, expected f64"),
        ("steps = 100001", "steps = 100002", "its steps is 100001, expected 100002"),
        ("0.002", "0.003", "its spec, line 14, is `step_size = 0.002`, expected `step_size = 0.003`"),
    ] {
        let other = spec(&SGD.replace(from, to));
        let error = saved(&other, folder.path()).standing().expect_err("refused").to_string();
        assert!(error.contains(told), "{told}: {error}");
        assert!(error.contains("--force"), "{error}");
    }
}

/// The content of a file that a spec loads is part of what it is.
#[test]
fn loaded_files_are_part_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[data]\ny = \"load('y.csv')\"\n[param]\nw = 0.0\n[model]\nloss = \"mean((w - y)**2)\"";
    let read = |content: &str| {
        std::fs::write(folder.path().join("y.csv"), content).unwrap();
        let file = SpecFile::parse("test.toml", text.to_owned(), folder.path().to_owned(), &[]).expect("a right spec");
        Checkpoints::new(folder.path(), &file.specs[0]).expect("a right spec")
    };
    read("1\n2\n").begin().unwrap();
    assert_eq!(read("1\n2\n").standing().unwrap(), Standing::Begun);
    let error = read("1\n3\n").standing().expect_err("refused").to_string();
    assert!(error.contains("content of a file that the spec loads"), "{error}");
}

#[test]
fn a_finished_run_says_so_and_its_records_go() {
    let spec = spec(SGD);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(saved(&spec, folder.path()).standing().unwrap(), Standing::Absent);
    interrupt(&spec, folder.path(), 2, 1).expect_err("it is stopped");
    saved(&spec, folder.path()).finish(12.5).unwrap();
    assert_eq!(saved(&spec, folder.path()).standing().unwrap(), Standing::Finished { seconds: 12.5 });
    assert!(!folder.path().join(RECORDS).exists());
    Checkpoints::remove(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_divergence_is_the_same_after_a_stop() {
    // Seeds run away late, and one after the other within a round: how many are told does not depend on where stretches end.
    let text = "[param]\nw = \"0.004 + 0.000004 * abs(normal())\"\n[model]\nloss = \"-w**4\"\n[train]\nstep_size = 0.01\nsteps = 2000000\n\
                dtype = \"f64\"\n[ensemble]\nseeds = 40\n[log]\nevery = 500\nw = \"w\"";
    let spec = spec(text);
    let found = |result| match result {
        Err(DynamicsError::Diverged { diverged, run }) => Some((diverged, bits(&run))),
        Err(DynamicsError::Interrupted { .. }) => None,
        other => panic!("expected a divergence, found {:?}", other.map(|run: Run| run.steps)),
    };
    let whole = found(simulate(&spec, threads(2), &Silent)).expect("it diverges");
    let folder = tempfile::tempdir().unwrap();
    let mut stops = 0;
    let resumed = loop {
        match found(interrupt(&spec, folder.path(), 3, 1)) {
            Some(resumed) => break resumed,
            None => stops += 1,
        }
    };
    assert!(stops > 0, "the run was not stopped");
    assert!((2..40).contains(&whole.0.seeds), "{:?}", whole.0);
    assert_eq!(resumed, whole);
}
