//! Runs that do not reach their end: divergence and Ctrl-C keep what was logged.

mod common;

use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Folder, read_tensors};

/// w' = w + 4·0.01·w³ from w = 1 runs away; the first numbers that f64 cannot hold are those of w⁴ in the loss.
const RUNAWAY: &str = "\
[param]
w = \"START\"
[model]
loss = \"-w**4\"
[train]
step_size = 0.01
steps = 5000
dtype = \"f64\"
[ensemble]
seeds = 40
[log]
every = 2
w = \"w\"
";

/// The states of the runaway, and the first step at which the loss is not finite.
fn runaway(start: f64) -> (Vec<f64>, usize) {
    let mut path = vec![start];
    while path[path.len() - 1].powi(4).is_finite() {
        let w = path[path.len() - 1];
        path.push(w + 0.04 * w.powi(3));
    }
    let step = path.len() - 1;
    (path, step)
}

#[test]
fn divergence_names_seed_step_and_tensor_and_keeps_the_log() {
    // Diverges within the first steps, and late.
    for start in [1.0, 0.12] {
        let (path, step) = runaway(start);
        for command in ["run", "simulate"] {
            let folder = Folder::new();
            folder.write("spec.toml", RUNAWAY.replace("START", &start.to_string()));
            let finished = folder.run(&[command, "spec.toml", "--out", "results"]).ends_with(1);
            let expected = format!("seed 0, step {step}: loss is not finite");
            assert!(finished.stderr.contains(&expected), "{command}: {expected}\n{}", finished.stderr);
            assert!(finished.stderr.contains("40 of the"), "{}", finished.stderr);
            let logged = read_tensors(&folder.path("results/log.safetensors"));
            let records = step.div_ceil(2);
            assert_eq!(logged["step"].values, (0..records).map(|record| 2.0 * record as f64).collect::<Vec<_>>());
            assert_eq!(logged["w"].shape, [records, 40]);
            for (record, seeds) in logged["w"].values.chunks(40).enumerate() {
                let w = path[2 * record];
                assert!(seeds.iter().all(|x| (x / w - 1.0).abs() < 1e-9), "record {record}: {} and {w}", seeds[0]);
            }
            assert_eq!(folder.path("results/report.html").exists(), command == "run");
            // What was only simulated can be drawn later.
            assert!(folder.path("results/run.json").exists());
            folder.run(&["report", "results"]).ends_with(0);
        }
    }
}

/// One seed of many diverges; which, when, and what is kept of the others does not depend on the threads.
#[test]
fn a_divergence_does_not_depend_on_threads() {
    let spec = RUNAWAY.replace("START", "0.1 * abs(normal())");
    let folder = Folder::new();
    folder.write("spec.toml", spec);
    let messages = ["1", "2"].map(|threads| {
        let said = folder.run(&["simulate", "spec.toml", "--out", threads, "--threads", threads]).ends_with(1).stderr;
        // The line before it holds the wall time.
        said.lines().last().expect("a divergence is told").to_owned()
    });
    assert_eq!(messages[0], messages[1]);
    assert!(!messages[0].contains("seed 0,"), "another seed starts higher: {}", messages[0]);
    let logged = read_tensors(&folder.path("1/log.safetensors"));
    assert!(logged["w"].shape[0] > 1, "{:?}", logged["w"].shape);
    assert!(logged["w"].values.iter().all(|w| w.is_finite()));
    assert_eq!(common::tensor_files(&folder.path("1")), common::tensor_files(&folder.path("2")));
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_saves_the_run_and_ends_with_130() {
    let folder = Folder::new();
    let spec = common::BATCHES.replace("steps = 600", "steps = 2000000000").replace("every = 100", "every = 1000000");
    folder.write("spec.toml", spec);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("gaugebias"));
    command.current_dir(folder.path("")).args(["run", "spec.toml", "--out", "results", "--variant", "fast"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    while !folder.path("results/fast/resume.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Into the run: how far does not matter.
    std::thread::sleep(Duration::from_millis(300));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill can be run");
    assert!(killed.success());
    let finished = common::Finished::from(child.wait_with_output().expect("the program ends")).ends_with(130);
    assert!(finished.stderr.contains("interrupted after"), "{}", finished.stderr);
    let logged = read_tensors(&folder.path("results/fast/log.safetensors"));
    let records = logged["step"].values.len();
    assert!((1..2001).contains(&records), "{records}");
    assert_eq!(logged["w"].shape, [records, 21, 3]);
    assert!(folder.path("results/fast/final.safetensors").exists());
    assert!(folder.path("results/report.html").exists());
    let record: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path("results/run.json")).unwrap()).unwrap();
    assert!(record["runs"][0]["ended_early"].as_str().unwrap().contains("interrupted"), "{record}");
    // The folder reads again.
    folder.run(&["report", "results"]).ends_with(0);
}
