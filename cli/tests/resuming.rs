//! Runs that are killed and gone on with, and folders that stand in the way.

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{BATCHES, Folder, files, tensor_files as tensors};

/// Long enough to be killed: a base and two variants of a second or less each.
fn long() -> String {
    BATCHES.replace("steps = 600", "steps = 120000")
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("gaugebias"));
    command.current_dir(folder.path("")).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// A fixed stream of numbers in 0..range (a linear congruence).
struct Moments(u64);

impl Moments {
    fn draw(&mut self, range: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % range
    }
}

#[test]
fn a_killed_run_ends_with_the_same_bytes() {
    let folder = Folder::new();
    folder.write("spec.toml", long());
    let mut moments = Moments(3);
    for command in ["run", "simulate"] {
        let whole = format!("{command}-whole");
        folder.run(&[command, "spec.toml", "--out", &whole, "--threads", "2"]).ends_with(0);
        let out = format!("{command}-killed");
        let arguments = [command, "spec.toml", "--out", &out, "--save-every", "0.02"];
        let mut kills = 0;
        for attempt in 0..4 {
            let resume = folder.path(&out).join("resume.safetensors").exists();
            let threads = if attempt % 2 == 0 { "1" } else { "2" };
            let flags = [&arguments[..], &["--threads", threads], &["--resume"][..usize::from(resume)]].concat();
            let mut child = start(&folder, &flags);
            std::thread::sleep(Duration::from_millis(20 + moments.draw(300)));
            // SIGKILL.
            child.kill().expect("a child can be killed");
            kills += usize::from(!child.wait().expect("it ends").success());
        }
        assert!(kills > 0, "{command}: every run ended before it was killed");
        let flags = [&arguments[..], &["--resume"]].concat();
        folder.run(&flags).ends_with(0);
        let (whole, killed) = (tensors(&folder.path(&whole)), tensors(&folder.path(&out)));
        assert!(whole.keys().eq(killed.keys()), "{:?}", killed.keys());
        for (name, bytes) in &whole {
            assert!(*bytes == killed[name], "{command}: {name} differs after {kills} kills");
        }
        assert_eq!(whole.len(), 6, "{:?}", whole.keys());
        // It is finished, and says so.
        let again = folder.run(&flags).ends_with(0);
        assert!(again.stderr.contains("finished"), "{}", again.stderr);
        assert_eq!(tensors(&folder.path(&out)), killed);
    }
}

/// Stops a run by Ctrl-C when it has been saved once.
#[cfg(target_os = "linux")]
fn interrupted(folder: &Folder, arguments: &[&str], saved: &str) -> String {
    let child = start(folder, arguments);
    let records = folder.path(saved);
    while !records.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs").success());
    common::Finished::from(child.wait_with_output().expect("it ends")).ends_with(130).stderr
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupted_run_goes_on_and_refuses_what_is_not_its_own() {
    let folder = Folder::new();
    let spec = long().replace("steps = 120000", "steps = 400000");
    folder.write("spec.toml", &spec);
    let arguments = ["run", "spec.toml", "--out", "results", "--variant", "fast"];
    let saving = [&arguments[..], &["--save-every", "0.02"]].concat();
    let told = interrupted(&folder, &saving, "results/fast/resume.records");
    assert!(told.contains("--resume") && told.contains("MiB"), "{told}");
    let before = files(&folder.path("results"));
    assert!(before.contains_key("fast/resume.safetensors"), "{:?}", before.keys());

    // What is not this run is refused, and nothing is touched.
    let refused = |arguments: &[&str], expected: &[&str]| {
        let finished = folder.run(arguments).ends_with(2);
        for part in expected {
            assert!(finished.stderr.contains(part), "{arguments:?}: {part}\n{}", finished.stderr);
        }
        assert!(files(&folder.path("results")) == before, "{arguments:?} changed something");
    };
    refused(&arguments, &["--resume", "--force"]);
    let resume = [&arguments[..], &["--resume"]].concat();
    for (flags, expected) in [
        (["--seeds", "20"], "its seeds is 21, expected 20"),
        (["--steps", "500000"], "its steps is 400000, expected 500000"),
        (["--set", "train.dtype=\"f64\""], "its dtype is f32, expected f64"),
        (["--set", "log.every=50"], "`log.every=50`"),
    ] {
        refused(&[&resume[..], &flags].concat(), &[expected, "fast/resume.safetensors"]);
    }
    refused(&["run", "spec.toml", "--out", "results", "--resume"], &["list of variants", "`fast`", "`the base, "]);
    folder.write("spec.toml", spec.replace("X = \"normal", "X = \"2 * normal"));
    refused(&resume, &["its spec, line ", "X = \"2 * normal"]);
    folder.write("spec.toml", &spec);
    refused(&[&resume[..], &["--force"]].concat(), &["--force", "--resume"]);

    // Damage is told.
    for name in ["resume.safetensors", "resume.records"] {
        let path = folder.path("results/fast").join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
        let finished = folder.run(&resume).ends_with(2);
        assert!(finished.stderr.contains("fast/resume.safetensors is not a checkpoint"), "{}", finished.stderr);
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(files(&folder.path("results")) == before, "something was touched");

    folder.run(&resume).ends_with(0);
    folder.run(&[&["run", "spec.toml", "--out", "whole", "--variant", "fast"][..]].concat()).ends_with(0);
    assert!(tensors(&folder.path("results")) == tensors(&folder.path("whole")));
    assert!(!folder.path("results/fast/resume.records").exists());
    // Another spec's finished run is not taken for this one's.
    folder.write("spec.toml", spec.replace("X = \"normal", "X = \"2 * normal"));
    assert!(folder.run(&resume).ends_with(2).stderr.contains("results of another spec"));
}

#[test]
fn a_finished_run_is_told_again_and_one_that_was_simulated_is_drawn() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    folder.write("other.toml", BATCHES.replace("X = \"normal", "X = \"2 * normal"));
    let told = folder.run(&["simulate", "spec.toml", "--out", "results", "--json"]).ends_with(0).stdout;
    assert!(!folder.path("results/report.html").exists());
    let before = files(&folder.path("results"));
    let seconds_apart =
        |text: &str| text.lines().map(|line| line.split("\"seconds\"").next().map(str::len)).collect::<Vec<_>>();
    let again = folder.run(&["simulate", "spec.toml", "--out", "results", "--json", "--resume"]).ends_with(0);
    assert_eq!(seconds_apart(&again.stdout), seconds_apart(&told), "{}", again.stdout);
    for other in [&["simulate", "other.toml"][..], &["run", "other.toml"], &["run", "spec.toml", "--seeds", "5"]] {
        let refused = folder.run(&[other, &["--out", "results", "--resume", "--json"]].concat()).ends_with(2);
        assert!(refused.stderr.contains("results of another spec") && refused.stdout.is_empty(), "{}", refused.stderr);
    }
    assert!(files(&folder.path("results")) == before, "nothing was touched");
    // `run` derives and draws what was simulated, and simulates nothing again.
    let run = folder.run(&["run", "spec.toml", "--out", "results", "--resume", "--json"]).ends_with(0);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    assert!(folder.path("results/report.html").exists());
    assert!(tensors(&folder.path("results")).into_iter().all(|(name, bytes)| before[&name] == bytes));
}

#[test]
fn there_has_to_be_something_to_go_on_with() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    std::fs::create_dir(folder.path("empty")).unwrap();
    std::fs::create_dir(folder.path("thesis")).unwrap();
    folder.write("thesis/thesis.txt", "three years of work");
    for out in ["absent", "empty", "thesis", "spec.toml"] {
        for command in ["run", "simulate"] {
            let finished = folder.run(&[command, "spec.toml", "--out", out, "--resume"]).ends_with(2);
            assert!(finished.stderr.contains("no saved run") && finished.stderr.contains(out), "{}", finished.stderr);
        }
    }
    assert!(!folder.path("absent").exists());
    assert!(folder.run(&["simulate", "spec.toml", "--resume"]).ends_with(2).stderr.contains("--out"));
}

#[test]
fn force_leaves_no_results_of_another_run() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    folder.run(&["run", "spec.toml", "--out", "results"]).ends_with(0);
    folder.write("results/fast/notes.txt", "mine");
    let one = BATCHES[..BATCHES.find("[[variant]]").unwrap()].to_owned();
    folder.write("one.toml", one);
    folder.run(&["run", "one.toml", "--out", "results", "--force"]).ends_with(0);
    folder.run(&["run", "one.toml", "--out", "fresh"]).ends_with(0);
    let (mut forced, fresh) = (files(&folder.path("results")), files(&folder.path("fresh")));
    assert_eq!(forced.remove("fast/notes.txt").as_deref(), Some(&b"mine"[..]));
    assert!(forced.keys().eq(fresh.keys()), "{:?} and {:?}", forced.keys(), fresh.keys());
}

/// Figures of one's own beside those of the run, before and after it was drawn again.
#[test]
fn force_leaves_figures_that_no_run_wrote() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    folder.run(&["run", "spec.toml", "--out", "results"]).ends_with(0);
    folder.run(&["report", "results"]).ends_with(0);
    let (first, plain) = (files(&folder.path("results")), BATCHES.split("[[figure]]").next().unwrap());
    assert!(first.contains_key("figures/2-w.png"), "{:?}", first.keys());
    folder.write("results/figures/mine.svg", "drawn by hand");
    folder.write("results/figures/2-w-annotated.png", "annotated");
    folder.write("plain.toml", plain);
    folder.run(&["run", "plain.toml", "--out", "results", "--force"]).ends_with(0);
    let after = files(&folder.path("results"));
    let left: Vec<&str> = after.keys().filter_map(|name| name.strip_prefix("figures/")).collect();
    assert_eq!(left, ["2-w-annotated.png", "mine.svg"]);
    // Names in a damaged run.json lead nowhere outside of figures/.
    folder.write("results/precious.svg", "mine");
    folder.write("results/run.json", "{\"figures\": [\"../precious\", \"..\", \"\", 3]}");
    folder.run(&["run", "plain.toml", "--out", "results", "--force"]).ends_with(0);
    assert!(folder.path("results/precious.svg").exists());
}

#[test]
fn a_wrong_shape_is_found_before_a_folder_is_made() {
    let folder = Folder::new();
    // The base is right, a variant is not.
    folder.write("spec.toml", BATCHES.replace("predictor = \"w\"", "predictor = \"concat(w, w)\""));
    for command in ["run", "simulate"] {
        folder.run(&[command, "spec.toml", "--out", "results"]).ends_with(2);
        assert!(!folder.path("results").exists(), "{command}");
    }
}

/// Every write below a folder that has become a file fails, whoever asks.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_can_no_longer_be_written_to_ends_the_run() {
    let folder = Folder::new();
    folder.write(
        "spec.toml",
        BATCHES.replace("steps = 600", "steps = 2000000000").replace("every = 100", "every = 1000000"),
    );
    let arguments = ["run", "spec.toml", "--out", "results", "--save-every", "0.05"];
    let child = start(&folder, &arguments);
    while !folder.path("results/resume.records").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::fs::rename(folder.path("results"), folder.path("moved")).unwrap();
    folder.write("results", "in the way");
    let finished = common::Finished::from(child.wait_with_output().expect("it ends")).ends_with(2);
    assert!(finished.stderr.contains("cannot save the run"), "{}", finished.stderr);
    // What was saved before is whole.
    std::fs::remove_file(folder.path("results")).unwrap();
    std::fs::rename(folder.path("moved"), folder.path("results")).unwrap();
    let mut child = start(&folder, &["run", "spec.toml", "--out", "results", "--resume"]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("it can be asked").is_none(), "it goes on");
    let busy = folder.run(&["run", "spec.toml", "--out", "results", "--resume"]).ends_with(2);
    assert!(busy.stderr.contains("another gaugebias"), "{}", busy.stderr);
    child.kill().expect("a child can be killed");
    child.wait().expect("it ends");
}

/// A derivation has nothing to save: Ctrl-C ends it at once.
#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_ends_a_derivation_too() {
    let folder = Folder::new();
    // Symmetries of twice 400 parameters, nearly as many as are searched directly: seconds of null spaces.
    folder.write(
        "spec.toml",
        "[param]\nU = \"normal(20, 20)\"\nV = \"normal(20, 20)\"\n[model]\npredictor = \"U @ V\"\nloss = \"sum(predictor**2)\"",
    );
    for command in [&["derive", "spec.toml"][..], &["run", "spec.toml", "--out", "results"]] {
        let child = start(&folder, command);
        std::thread::sleep(Duration::from_millis(300));
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
        common::Finished::from(child.wait_with_output().expect("it ends")).ends_with(130);
    }
    // Nothing was simulated, and yet it can be gone on with.
    assert!(folder.path("results/resume.safetensors").exists());
}
