//! What scripts read: the fields of `--json`, nothing else on standard output, silence in a pipe.

mod common;

use common::{BATCHES, Finished, Folder, LAW};
use serde_json::Value;

#[track_caller]
fn has_fields(object: &Value, fields: &[&str]) {
    for field in fields {
        assert!(object.get(field).is_some(), "no `{field}` in {object}");
    }
}

/// Nothing that only a terminal can show.
#[track_caller]
fn is_quiet(finished: &Finished) {
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains('\r') && !text.contains('\u{1b}'), "{text:?}");
    }
}

#[test]
fn derive_has_the_fields_of_the_contract() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    let finished = folder.run(&["derive", "spec.toml", "--json"]).ends_with(0);
    is_quiet(&finished);
    assert_eq!(finished.stderr, "");
    let objects = finished.objects();
    let titles: Vec<&str> = objects.iter().map(|object| object["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Batches", "Batches/vanilla", "Batches/fast"]);
    for object in &objects {
        has_fields(object, &["parameters", "fiber_dimension", "orbit_dimension", "unexplained"]);
        has_fields(&object["predictor"], &["dimension", "rank"]);
        let symmetries = &object["symmetries"];
        has_fields(symmetries, &["dimension", "noncompact", "compact", "closed", "spectral_gap", "max_residual"]);
        for factor in symmetries["factors"].as_array().unwrap() {
            has_fields(factor, &["kind", "size", "count", "acts_on"]);
        }
        has_fields(&object["charges"], &["independent", "names"]);
        let bias = ["at", "log_det_gram", "value", "basis", "basis_dependent", "coarea", "formula", "latex"];
        has_fields(&object["bias"], &bias);
        has_fields(&object["bias"], &["formula_error"]);
        assert!(["canonical", "orthonormal"].contains(&object["bias"]["basis"].as_str().unwrap()));
    }
    assert_eq!(objects[0]["parameters"], 6);
    assert_eq!(objects[0]["charges"]["names"].as_array().unwrap().len(), 3);
    let latex = folder.run(&["derive", "spec.toml", "--latex"]).ends_with(0).stdout;
    assert!(latex.contains("\\log"), "{latex}");
}

#[test]
fn verify_has_the_fields_of_the_contract() {
    let folder = Folder::new();
    folder.write("one.toml", LAW);
    folder.write("two.toml", LAW.replace("\"Law\"", "\"Other\"").replace("seeds = 40", "seeds = 24"));
    let finished = folder.run(&["verify", "one.toml", "two.toml", "--json"]);
    is_quiet(&finished);
    let objects = finished.objects();
    assert_eq!(objects.len(), 2);
    assert_eq!((&objects[0]["title"], &objects[1]["title"]), (&"Law".into(), &"Other".into()));
    for object in &objects {
        has_fields(object, &["law", "observable", "samples", "effective_samples", "ks", "ks_threshold", "wasserstein"]);
        has_fields(object, &["step_size_bias", "slice_invariant", "charge_drift"]);
        let verdicts = ["agrees", "disagrees", "undecided"];
        assert!(verdicts.contains(&object["verdict"].as_str().unwrap()), "{object}");
        let alternatives = object["alternatives"].as_array().unwrap();
        assert!(!alternatives.is_empty());
        for alternative in alternatives {
            has_fields(alternative, &["law", "ks"]);
            assert!(verdicts.contains(&alternative["verdict"].as_str().unwrap()), "{object}");
        }
    }
    // 0 exactly when every law agrees.
    let agree = objects.iter().all(|object| object["verdict"] == "agrees");
    assert_eq!(finished.status, Some(i32::from(!agree)));
}

#[test]
fn simulate_and_run_print_objects_alone() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    let simulated = folder.run(&["simulate", "spec.toml", "--json"]).ends_with(0);
    is_quiet(&simulated);
    assert_eq!(simulated.stderr, "");
    let objects = simulated.objects();
    assert_eq!(objects.len(), 3);
    for object in &objects {
        has_fields(object, &["title", "seeds", "steps", "dtype", "seconds", "us_per_seed_step"]);
        assert!(object["final_medians"]["loss"].is_f64(), "{object}");
    }

    let ran = folder.run(&["run", "spec.toml", "--json", "--out", "results"]).ends_with(0);
    is_quiet(&ran);
    assert_eq!(ran.stderr, "");
    let object = ran.object();
    has_fields(&object, &["title", "folder", "report", "summary", "runs"]);
    assert_eq!(object["runs"].as_array().unwrap().len(), 3);

    let balanced = ["balance", "spec.toml", "--at", "initial", "-o", "theta.safetensors", "--json"];
    let balanced = folder.run(&balanced).ends_with(0);
    is_quiet(&balanced);
    has_fields(&balanced.object(), &["title", "output", "steps", "relative_charge"]);
}

#[test]
fn words_for_people_are_quiet_in_a_pipe_too() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    folder.write("law.toml", LAW);
    let ran = folder.run(&["run", "spec.toml", "--out", "results"]).ends_with(0);
    is_quiet(&ran);
    assert!(ran.stdout.contains("results/report.html"), "{}", ran.stdout);
    for command in
        [&["simulate", "spec.toml"][..], &["verify", "law.toml"], &["report", "results"], &["derive", "law.toml"]]
    {
        is_quiet(&folder.run(command));
    }
    folder.write("wrong.toml", BATCHES.replace("u * v", "u * nothing"));
    is_quiet(&folder.run(&["run", "wrong.toml"]).ends_with(2));
}

#[test]
fn flags_that_do_not_exist_end_with_2() {
    let folder = Folder::new();
    folder.write("spec.toml", LAW);
    for wrong in [&["derive", "spec.toml", "--jason"][..], &["integrate", "spec.toml"], &["run"], &[]] {
        assert_eq!(folder.run(wrong).ends_with(2).stdout, "");
    }
    for wrong in ["0", "-1", "many"] {
        assert_eq!(folder.run(&["run", "spec.toml", "--threads", wrong]).ends_with(2).stdout, "");
    }
    for right in [&["--help"][..], &["--version"], &["run", "--help"]] {
        assert_ne!(folder.run(right).ends_with(0).stdout, "");
    }
}

#[test]
fn bench_has_the_fields_of_the_contract() {
    let folder = Folder::new();
    folder.write("spec.toml", BATCHES);
    let finished =
        folder.run(&["bench", "spec.toml", "--seeds", "20", "--threads", "1", "--json", "--explain"]).ends_with(0);
    let objects = finished.objects();
    assert_eq!(objects.len(), 3, "the base and two variants");
    for object in &objects {
        has_fields(object, &["gaugebias", "schema", "title", "steps", "dtype", "lanes", "gflops", "compile_seconds"]);
        assert_eq!((&object["seeds"], &object["threads"]), (&20.into(), &1.into()));
        assert!(object["us_per_seed_step"].as_f64().unwrap() > 0.0 && object["flops_per_step"].as_u64().unwrap() > 0);
    }
    assert!(finished.stderr.contains("each step:"), "{}", finished.stderr);
    assert!(objects.iter().all(|object| object["times_isotropic"].is_null()));
    folder.write("law.toml", LAW);
    let horizontal = ["bench", "law.toml", "--set", "train.noise=horizontal", "--seeds", "20", "--json"];
    let ratio = folder.run(&horizontal).ends_with(0).object()["times_isotropic"].as_f64().expect("a ratio");
    assert!(ratio > 0.1 && ratio < 100.0, "{ratio}");
}
