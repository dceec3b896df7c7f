//! Run folders: their files and shapes, that they do not depend on threads, that they are read again, and the flags.

mod common;

use common::{BATCHES, Folder, LAW, files, read_tensors};
use serde_json::{Value, json};

fn with(specs: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (name, text) in specs {
        folder.write(name, text);
    }
    folder
}

/// Runs a spec into a folder; a law that is not confirmed by few samples is no failure of the run.
#[track_caller]
fn run(folder: &Folder, spec: &str, out: &str, flags: &[&str]) {
    let finished = folder.run(&[&["run", spec, "--out", out][..], flags].concat());
    assert!(matches!(finished.status, Some(0 | 1)), "{}", finished.stderr);
    assert!(!finished.stderr.contains("diverged"), "{}", finished.stderr);
}

fn run_json(folder: &Folder, out: &str) -> Value {
    let text = std::fs::read_to_string(folder.path(out).join("run.json")).expect("run.json is written");
    serde_json::from_str(&text).expect("run.json is JSON")
}

#[test]
fn the_number_of_threads_changes_nothing_but_the_wall_time() {
    for spec in [LAW, BATCHES] {
        let folder = with(&[("spec.toml", spec)]);
        for threads in ["1", "2"] {
            run(&folder, "spec.toml", threads, &["--threads", threads]);
        }
        let (mut one, mut two) = (files(&folder.path("1")), files(&folder.path("2")));
        one.remove("run.json").expect("run.json is written");
        two.remove("run.json").expect("run.json is written");
        let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&one), names(&two));
        for (name, bytes) in &one {
            assert!(*bytes == two[name], "{name} differs");
        }
        // What run.json says of results is the same too.
        let results = |out: &str| {
            let record = run_json(&folder, out);
            let runs = record["runs"].as_array().unwrap().iter();
            runs.map(|run| (run["verify"].clone(), run["derivation"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(results("1"), results("2"));
    }
}

#[test]
fn a_run_folder_holds_what_the_contract_says() {
    let folder = with(&[("spec.toml", LAW)]);
    run(&folder, "spec.toml", "results", &[]);
    let written = files(&folder.path("results"));
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    for name in ["final.safetensors", "log.safetensors", "report.html", "run.json"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for figure in ["figures/1-w", "figures/2-w"] {
        assert!(names.contains(&format!("{figure}.svg").as_str()), "{names:?}");
        assert!(written[&format!("{figure}.png")].starts_with(b"\x89PNG"), "{names:?}");
    }
    let logged = read_tensors(&folder.path("results/log.safetensors"));
    assert_eq!(logged["step"].values, (0..=10).map(|record| f64::from(record) * 300.0).collect::<Vec<_>>());
    assert_eq!(logged["w"].shape, [11, 40]);
    assert_eq!(logged["pair"].shape, [11, 40, 2]);
    assert_eq!(logged["verify.samples"].shape, [11, 40]);
    for (w, pair) in logged["w"].values.iter().zip(logged["pair"].values.chunks(2)) {
        assert!((w - pair[0] * pair[1]).abs() < 1e-15);
    }
    let last = read_tensors(&folder.path("results/final.safetensors"));
    assert_eq!((&last["u"].shape[..], &last["v"].shape[..]), (&[40][..], &[40][..]));
    let end: Vec<f64> = last["u"].values.iter().zip(&last["v"].values).map(|(u, v)| u * v).collect();
    assert_eq!(logged["w"].values[400..], end);
    let record = run_json(&folder, "results");
    assert_eq!(record["spec"], LAW);
    assert_eq!(record["gaugebias"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["runs"][0]["seeds"], 40);
    assert!(record["runs"][0]["seconds"].is_f64());
    assert!(record["runs"][0]["verify"]["verdict"].is_string());
    let page = String::from_utf8(written["report.html"].clone()).unwrap();
    assert!(
        page.contains("<title>Law") && !page.contains("src=\"http") && !page.contains("href=\"http"),
        "{page:.400}"
    );
}

#[test]
fn variants_have_folders_of_their_own() {
    let folder = with(&[("spec.toml", BATCHES)]);
    run(&folder, "spec.toml", "results", &[]);
    let base = read_tensors(&folder.path("results/log.safetensors"));
    let vanilla = read_tensors(&folder.path("results/vanilla/log.safetensors"));
    let fast = read_tensors(&folder.path("results/fast/log.safetensors"));
    assert_eq!(base["w"].shape, [7, 21, 3]);
    assert_eq!(vanilla["w"].shape, [7, 21, 3]);
    assert!(base.contains_key("charge") && fast.contains_key("charge") && !vanilla.contains_key("charge"));
    // Same start, another training; another parametrization.
    assert_eq!(base["w"].values[..63], fast["w"].values[..63]);
    assert_ne!(base["w"].values[63..], fast["w"].values[63..]);
    assert!(read_tensors(&folder.path("results/vanilla/final.safetensors")).keys().eq(["w"]));
    let record = run_json(&folder, "results");
    let titles: Vec<&str> = record["runs"].as_array().unwrap().iter().map(|r| r["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Batches", "Batches/vanilla", "Batches/fast"]);

    run(&folder, "spec.toml", "one", &["--variant", "vanilla"]);
    let record = run_json(&folder, "one");
    assert_eq!(record["runs"].as_array().unwrap().len(), 1);
    assert_eq!(record["runs"][0]["title"], "Batches/vanilla");
    assert_eq!(read_tensors(&folder.path("one/vanilla/log.safetensors")), vanilla);
    folder.run(&["report", "one"]).ends_with(0);
}

#[test]
fn a_report_is_drawn_again_identically() {
    for spec in [LAW, BATCHES] {
        let folder = with(&[("spec.toml", spec)]);
        run(&folder, "spec.toml", "results", &["--set", "train.step_size=0.015"]);
        let before = files(&folder.path("results"));
        std::fs::remove_file(folder.path("results/report.html")).unwrap();
        std::fs::remove_dir_all(folder.path("results/figures")).unwrap();
        folder.run(&["report", "results"]).ends_with(0);
        let after = files(&folder.path("results"));
        assert!(before.keys().eq(after.keys()), "{:?}", after.keys());
        for (name, bytes) in &before {
            assert!(*bytes == after[name], "{name} differs");
        }
    }
}

/// The samples of the folder are judged: the verdict repeats, and follows the samples when they are moved.
#[test]
fn a_run_folder_is_verified_from_its_samples() {
    let folder = with(&[("spec.toml", LAW)]);
    run(&folder, "spec.toml", "results", &[]);
    let first = run_json(&folder, "results")["runs"][0]["verify"].clone();
    let again = folder.run(&["verify", "results", "--json"]).object();
    for field in ["title", "law", "observable", "samples", "effective_samples", "ks", "wasserstein", "verdict"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    assert_eq!(again["samples"], 11 * 40);

    let path = folder.path("results/log.safetensors");
    let mut logged = read_tensors(&path);
    logged.get_mut("verify.samples").unwrap().values.iter_mut().for_each(|w| *w += 0.7);
    common::write_tensors(&path, &logged);
    let moved = folder.run(&["verify", "results", "--json"]).ends_with(1).object();
    assert_eq!(moved["verdict"], "disagrees");
    assert!(moved["ks"].as_f64().unwrap() > 0.5, "{moved}");
}

#[test]
fn damaged_run_folders_are_refused() {
    let folder = with(&[("spec.toml", LAW)]);
    run(&folder, "spec.toml", "results", &["--steps", "1200"]);
    let log = folder.path("results/log.safetensors");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..whole.len() / 2]).unwrap();
    for command in ["report", "verify"] {
        let finished = folder.run(&[command, "results"]).ends_with(2);
        assert!(finished.stderr.contains("log.safetensors"), "{}", finished.stderr);
    }
    std::fs::remove_file(&log).unwrap();
    assert!(folder.run(&["verify", "results"]).ends_with(2).stderr.contains("log.safetensors"));
    std::fs::write(&log, &whole).unwrap();
    std::fs::write(folder.path("results/run.json"), "{}").unwrap();
    assert!(folder.run(&["report", "results"]).ends_with(2).stderr.contains("run.json"));
}

#[test]
fn flags_change_the_spec() {
    let folder = with(&[("spec.toml", BATCHES)]);
    let flags = ["--seeds", "5", "--steps", "40", "--set", "log.every=20", "--set", "train.dtype=\"f64\""];
    let simulated = folder.run(&[&["simulate", "spec.toml", "--json", "--out", "a"][..], &flags].concat());
    for object in simulated.ends_with(0).objects() {
        assert_eq!((&object["seeds"], &object["steps"], &object["dtype"]), (&json!(5), &json!(40), &json!("f64")));
    }
    let changed = read_tensors(&folder.path("a/log.safetensors"));
    assert_eq!(changed["step"].values, [0.0, 20.0, 40.0]);
    assert_eq!(changed["w"].shape, [3, 5, 3]);

    // The same as a file that says so.
    let text = BATCHES.replace("seeds = 21", "seeds = 5").replace("steps = 600", "steps = 40\ndtype = \"f64\"");
    folder.write("changed.toml", text.replace("every = 100", "every = 20"));
    folder.run(&["simulate", "changed.toml", "--out", "b"]).ends_with(0);
    assert_eq!(common::tensor_files(&folder.path("a")), common::tensor_files(&folder.path("b")));

    // Expressions too, and a number for one.
    folder
        .run(&["simulate", "spec.toml", "--out", "c", "--steps", "0", "--set", "param.u=\"2 * ones(3)\""])
        .ends_with(0);
    assert!(read_tensors(&folder.path("c/final.safetensors"))["u"].values.iter().all(|&u| u == 2.0));
    let one =
        folder.run(&["simulate", "spec.toml", "--json", "--steps", "3", "--variant", "fast"]).ends_with(0).object();
    assert_eq!(one["title"], "Batches/fast");
}

/// Another base seed gives another ensemble; the same one the same.
#[test]
fn seeds_decide_everything() {
    let folder = with(&[("spec.toml", BATCHES)]);
    for (out, seed) in [("a", "0"), ("b", "0"), ("c", "1")] {
        let seed = format!("ensemble.seed={seed}");
        folder.run(&["simulate", "spec.toml", "--steps", "50", "--out", out, "--set", &seed]).ends_with(0);
    }
    assert_eq!(common::tensor_files(&folder.path("a")), common::tensor_files(&folder.path("b")));
    let w = |out: &str| read_tensors(&folder.path(out).join("final.safetensors"))["u"].values.clone();
    assert_ne!(w("a"), w("c"));
    assert_ne!(w("a")[..3], w("a")[3..6]);
}

#[test]
fn a_published_experiment_has_a_name() {
    let folder = Folder::new();
    let command = ["simulate", "shallow-relu", "--json", "--seeds", "2", "--steps", "20"];
    assert_eq!(folder.run(&command).ends_with(0).object()["steps"], 20);
}

/// Where the direct search refuses for size, the report has what smaller copies tell.
#[test]
fn a_run_of_a_large_model_lifts_its_derivation() {
    let folder = Folder::new();
    folder.write(
        "spec.toml",
        "[param]\nU = \"normal(30, 20)\"\nV = \"normal(20, 40)\"\n[model]\npredictor = \"U @ V\"\n\
         loss = \"sum(predictor**2)\"\n[train]\nsteps = 2\nstep_size = 1e-6\n",
    );
    folder.run(&["run", "spec.toml", "--out", "out"]).ends_with(0);
    let record: Value = serde_json::from_slice(&std::fs::read(folder.path("out/run.json")).unwrap()).unwrap();
    let derivation = &record["runs"][0]["derivation"];
    assert_eq!(
        (&derivation["symmetries"]["dimension"], &record["runs"][0]["not_derived"]),
        (&400.into(), &Value::Null)
    );
    assert!(derivation["lifted"].is_object());
    let page = std::fs::read_to_string(folder.path("out/report.html")).unwrap();
    assert!(page.contains("class=\"tree\"") && page.contains("sl(20) of GL(20) on U, V"), "the tree is in the page");
    folder.run(&["report", "out"]).ends_with(0);
}
