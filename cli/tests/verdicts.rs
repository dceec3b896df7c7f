//! `verify`: what it refuses before it simulates, run folders, half the step size, and what it says of charges.

mod common;

use common::Folder;

const LAW: &str = "title = \"Law\"\n[param]\nu = \"sqrt(1.2)\"\nv = \"sqrt(1.2)\"\n[model]\npredictor = \"u * v\"\n\
    loss = \"0.5 * (predictor - 1.2)**2\"\n[train]\noptimizer = \"langevin\"\nnoise = \"horizontal\"\ntemperature = 0.05\n\
    step_size = 0.02\nsteps = 400\ndtype = \"f64\"\n[ensemble]\nseeds = 64\n[log]\nw = \"predictor\"\n[verify]\nlaw = \"horizontal\"\n\
    observable = \"predictor\"\nburn_in = 200\nthin = 20\n";

/// With these steps and seeds a simulation would take days.
const FOREVER: [&str; 4] = ["--steps", "10000000000", "--seeds", "256"];

#[test]
fn what_has_no_law_is_refused_before_it_is_simulated() {
    let folder = Folder::new();
    let sgd = LAW
        .replace(
            "optimizer = \"langevin\"\nnoise = \"horizontal\"\ntemperature = 0.05\n",
            "optimizer = \"sgd\"\nTRAIN\n",
        )
        .replace("\"horizontal\"", "\"LAW\"");
    let with = |law: &str, train: &str| sgd.replace("LAW", law).replace("TRAIN", train);
    let cases = [
        (
            LAW.replace("law = \"horizontal\"", "law = \"sgd\""),
            "the law `sgd` is that of noise of the gradients themselves",
        ),
        (LAW.replace("law = \"horizontal\"", "law = \"flow\""), "set train.temperature = 0"),
        (with("sgd", ""), "without any, the law is `flow`"),
        (with("flow", "momentum = 0.9"), "momentum"),
        (with("horizontal", ""), "needs train.temperature > 0"),
        (
            with("flow", "noise = \"label\"\nlabel_noise = 0.1")
                .replace("[model]\n", "[model]\ny = 1.2\n")
                .replace("predictor - 1.2", "predictor - y"),
            "without noise",
        ),
        (LAW.replace("u = \"sqrt(1.2)\"", "u = \"normal()\""), "start at different points"),
    ];
    for (text, message) in cases {
        folder.write("law.toml", text);
        let refused = folder.run(&[&["verify", "law.toml"][..], &FOREVER].concat()).ends_with(2);
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn flags_that_would_change_a_finished_run_are_refused() {
    let folder = Folder::new();
    folder.write("law.toml", LAW.to_owned() + "[[variant]]\nname = \"warm\"\ntrain = { temperature = 0.06 }\n");
    // Sixty-four seeds decide nothing, so the status may be 1.
    folder.run(&["run", "law.toml", "--out", "results"]);
    for flags in [&["--seeds", "3"][..], &["--steps", "9"], &["--set", "train.step_size=1e-3"], &["--halve"]] {
        let refused = folder.run(&[&["verify", "results"], flags].concat()).ends_with(2);
        assert!(refused.stderr.contains(flags[0]) && refused.stderr.contains("run folder"), "{}", refused.stderr);
    }
    let both = folder.run(&["verify", "results", "--json"]).objects();
    assert_eq!(both.len(), 2);
    let one = folder.run(&["verify", "results", "--json", "--variant", "warm"]).objects();
    assert_eq!((one.len(), one[0]["title"].as_str()), (1, Some("Law/warm")));
    assert_eq!(one[0]["ks"], both[1]["ks"]);
    let unknown = folder.run(&["verify", "results", "--variant", "cold"]).ends_with(2);
    assert!(unknown.stderr.contains("no run of a variant `cold`; it has warm"), "{}", unknown.stderr);
}

#[test]
fn half_the_step_size_tells_the_bias_of_the_steps() {
    let folder = Folder::new();
    folder.write("law.toml", LAW.replace("step_size = 0.02", "step_size = 0.25").replace("seeds = 64", "seeds = 512"));
    let coarse = folder.run(&["verify", "law.toml", "--json", "--halve"]).object();
    let bias = coarse["step_size_bias"].as_f64().expect("it was measured");
    // Euler steps of 0.25 at a curvature of 2.4 are far off; half as long they are nearer.
    assert!(bias > 0.02 && bias < coarse["ks"].as_f64().expect("a distance"), "{coarse}");
    let plain = folder.run(&["verify", "law.toml", "--json"]).object();
    assert!(plain["step_size_bias"].is_null());
    assert_eq!(plain["ks"], coarse["ks"]);
}

#[test]
fn laws_are_labelled_by_noise_measure_slice_and_component() {
    let folder = Folder::new();
    folder.write("law.toml", LAW);
    let object = folder.run(&["verify", "law.toml", "--json"]).object();
    let labels = std::iter::once(&object).chain(object["alternatives"].as_array().expect("a list"));
    for label in labels.map(|law| &law["prediction"]) {
        for field in ["noise", "measure", "slice", "component", "method"] {
            assert!(label[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {object}");
        }
    }
    assert_eq!(object["prediction"]["slice"], "balanced: Q = 0");
    assert_eq!((&object["stationary"], &object["slice_invariant"]), (&true.into(), &true.into()));
    folder.write("law.toml", LAW.replace("u = \"sqrt(1.2)\"", "u = 2.0").replace("v = \"sqrt(1.2)\"", "v = 0.6"));
    let frozen = folder.run(&["verify", "law.toml", "--json"]).object();
    assert_eq!(frozen["prediction"]["slice"], "frozen charges: Q = Q₀ of the start");
    // Horizontal noise pulls the charge of a product towards 0: dQ/dt = −2τQ/(u² + v²).
    let charge = &frozen["charges"][0];
    let value = |name: &str| charge[name].as_f64().expect("a number");
    assert!(value("end").abs() < value("start").abs() - 3.0 * value("end_error"), "{frozen}");
    assert!((value("end") - value("predicted")).abs() < 3.0 * value("end_error") + 0.003, "{frozen}");
}

#[test]
fn a_law_that_no_noise_keeps_is_said_to_be_none() {
    let folder = Folder::new();
    let text = "title = \"Group\"\n[param]\ns = 1.0\nx = \"[1.0, 0.0, 0.0]\"\n[model]\npredictor = \"s * x\"\n\
        loss = \"0.5 * sum((predictor - [1.0, 0.0, 0.0])**2)\"\n[train]\noptimizer = \"langevin\"\nnoise = \"horizontal\"\n\
        temperature = 0.05\nstep_size = 0.004\nsteps = 1500\ndtype = \"f64\"\n[ensemble]\nseeds = 256\n[verify]\nlaw = \"horizontal\"\n\
        observable = \"norm(predictor)\"\nburn_in = 500\nthin = 100\n";
    folder.write("group.toml", text);
    let object = folder.run(&["verify", "group.toml", "--json"]).object();
    assert_eq!((&object["stationary"], &object["slice_invariant"]), (&false.into(), &false.into()));
    let notes = object["notes"].to_string();
    assert!(notes.contains("no stationary law exists") && notes.contains("|tr(A P_H)| = 2.00000"), "{notes}");
    let deviations = object["charges"][0]["deviations"].as_f64().expect("a drift is predicted");
    assert!(deviations.abs() < 4.0, "{object}");
    assert!(object["energy"]["p_value"].as_f64().expect("whole predictors are compared") > 0.0);
}
