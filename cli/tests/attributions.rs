//! `attribute` names the ingredient that a preference is due to, by ablation and by prediction.

mod common;

use common::Folder;
use serde_json::Value;

fn laws(name: &str) -> String {
    let path = format!("{}/../experiments/laws/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the spec is there")
}

fn attributed(folder: &Folder, arguments: &[&str]) -> Value {
    folder.run(&[&["attribute"], arguments, &["--json"]].concat()).ends_with(0).object()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The term of a name: its ablation, error and prediction.
fn term(object: &Value, name: &str) -> (f64, f64, f64) {
    let terms = object["terms"].as_array().expect("terms are a list");
    let term = terms.iter().find(|term| term["name"] == name).unwrap_or_else(|| panic!("no {name}: {object}"));
    (number(&term["ablation"]), number(&term["ablation_error"]), term["predicted"].as_f64().unwrap_or(f64::NAN))
}

/// The named term is there beyond three standard errors, as predicted within three, and is most of the change; the remainder is within its interval.
fn is_due_to(object: &Value, name: &str, rounding: f64) {
    let (ablation, error, predicted) = term(object, name);
    assert!(ablation.abs() > 3.0 * error, "{name}: {ablation} ± {error}: {object}");
    assert!(
        (ablation - predicted).abs() < 3.0 * error + rounding,
        "{name}: {ablation} ± {error}, {predicted}: {object}"
    );
    let others = object["terms"].as_array().expect("terms are a list").iter().filter(|term| term["name"] != name);
    for other in others {
        assert!(number(&other["ablation"]).abs() < 0.5 * ablation.abs(), "{object}");
    }
    assert_eq!(object["explained"], true, "{object}");
}

/// The effect of a setting: its change, standard error and prediction.
fn setting(object: &Value, name: &str) -> (f64, f64, f64) {
    let settings = object["settings"].as_array().expect("settings are a list");
    let setting =
        settings.iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("no {name}: {object}"));
    let [change, error, predicted] = ["change", "change_error", "predicted"].map(|key| number(&setting[key]));
    (change, error, predicted)
}

/// The setting's effect is there beyond three standard errors, and as predicted within three.
fn has_an_effect(object: &Value, name: &str, rounding: f64) {
    let (change, error, predicted) = setting(object, name);
    assert!(change.abs() > 3.0 * error, "{name}: {change} ± {error}: {object}");
    assert!((change - predicted).abs() < 3.0 * error + rounding, "{name}: {change} ± {error}, {predicted}: {object}");
}

/// The setting has no effect, as predicted; and the run would have shown a fifth of `visible`.
fn has_no_effect(object: &Value, name: &str, visible: f64) {
    let (change, error, predicted) = setting(object, name);
    let resolution = 0.2 * visible.abs();
    assert!(3.0 * error < resolution, "{name}: {error} is too large to see {visible}: {object}");
    assert!(change.abs() < 3.0 * error + 1e-9 && predicted.abs() < resolution, "{name}: {object}");
}

#[test]
fn injected_noise_acts_through_the_gauge_correction() {
    let folder = Folder::new();
    folder.write("law.toml", laws("hadamard"));
    let object = attributed(&folder, &["law.toml", "--seeds", "512", "--steps", "20000"]);
    is_due_to(&object, "gauge correction", 0.0);
    has_an_effect(&object, "temperature", 0.0);
}

/// Without noise each start has its own end, so that nothing of their scatter is left where they are held against their own predictions.
#[test]
fn random_starts_are_held_against_their_own_predictions() {
    let folder = Folder::new();
    let text = "[data]\nX = \"normal(6, 3)\"\ny = \"X @ [1.0, -0.5, 0.0]\"\n[param]\nu = \"0.3 * normal(3)\"\nv = \"0.3 * normal(3)\"\n\
        [model]\npredictor = \"u * v\"\nloss = \"mean((X @ predictor - y)**2)\"\n[train]\nstep_size = 1e-2\nsteps = 400\ndtype = \"f64\"\n\
        [ensemble]\nseeds = 24\nshared_data = true";
    folder.write("starts.toml", text);
    let object = attributed(&folder, &["starts.toml", "--of", "sum(abs(predictor))"]);
    let rest = &object["predicted_remainder"];
    assert_eq!((&rest["seeds"], &rest["failed"]), (&8.into(), &false.into()), "{object}");
    assert!(number(&rest["difference"]).abs() < 1e-4 && number(&rest["error"]) < 1e-4, "{object}");
    assert!(number(&object["change_error"]) > 0.01, "{object}");
    let (change, ..) = setting(&object, "initial scale");
    assert!(change.abs() > 0.01, "{object}");
}

#[test]
fn label_noise_acts_through_the_gradients() {
    let folder = Folder::new();
    folder.write("law.toml", laws("label-noise"));
    let object = attributed(&folder, &["law.toml", "--seeds", "512"]);
    is_due_to(&object, "gradient noise", 2e-5);
    has_an_effect(&object, "step size", 2e-5);
    has_no_effect(&object, "initial scale", setting(&object, "step size").0);
    let terms = attributed(&folder, &["law.toml", "--seeds", "16", "--steps", "3000", "--terms-only"]);
    assert_eq!(terms["settings"].as_array().map(Vec::len), Some(0));
}

/// Noise of batches of k of n rows without replacement has a variance of (σ²/k)(n − k)/(n − 1): twice the rows leave (n − 2k)/2(n − k) of its effect.
#[test]
fn larger_batches_act_less() {
    let folder = Folder::new();
    folder.write("law.toml", laws("mini-batch"));
    let object = attributed(&folder, &["law.toml", "--seeds", "128"]);
    has_an_effect(&object, "batch size", 3e-5);
    has_an_effect(&object, "step size", 3e-5);
    let ((batch, ..), (noise, ..)) = (setting(&object, "batch size"), term(&object, "gradient noise"));
    assert!((batch / noise + 1.0 - 56.0 / 120.0).abs() < 0.1, "{batch} of {noise}");
}

/// Without noise, two products against one label: with charges w ends elsewhere than from a balanced start, and both as predicted.
#[test]
fn a_balanced_start_ends_where_its_flow_does() {
    let folder = Folder::new();
    let charged = DECAY
        .replace("u = 1.0\nv = 1.0", "u = \"[1.2, 0.3]\"\nv = \"[0.1, 0.4]\"")
        .replace("0.5 * (predictor - 1.0)**2", "0.5 * (sum(predictor) - 1.0)**2")
        .replace("weight_decay = 0.05\n", "")
        .replace("\"predictor\"", "\"predictor[0]\"");
    folder.write("charged.toml", charged);
    let object = attributed(&folder, &["charged.toml"]);
    for name in ["balanced start", "initial scale"] {
        has_an_effect(&object, name, 1e-4);
        assert!(setting(&object, name).0.abs() > 0.01, "{object}");
    }
    assert!(setting(&object, "step size").0.abs() < 1e-3, "{object}");
}

const DECAY: &str = "title = \"Weight decay\"\n[param]\nu = 1.0\nv = 1.0\n[model]\npredictor = \"u * v\"\nloss = \"0.5 * (predictor - 1.0)**2\"\n\
    [train]\nweight_decay = 0.05\nstep_size = 0.01\nsteps = 4000\ndtype = \"f64\"\n[ensemble]\nseeds = 16\n[verify]\nlaw = \"flow\"\n\
    observable = \"predictor\"";

/// u = v: 2wL' + 2λw = 0, so w = 1 − λ = 0.95.
#[test]
fn weight_decay_is_an_explicit_penalty() {
    let folder = Folder::new();
    folder.write("decay.toml", DECAY);
    let object = attributed(&folder, &["decay.toml"]);
    is_due_to(&object, "explicit penalty", 1e-6);
    assert!((term(&object, "explicit penalty").0 + 0.05).abs() < 1e-6, "{object}");
}

/// A penalty in the loss is one, also beside noise: w itself does not have it.
#[test]
fn a_penalty_in_the_loss_is_an_explicit_penalty() {
    let folder = Folder::new();
    let ridge = DECAY
        .replace("weight_decay = 0.05\n", "")
        .replace("[model]\n", "[model]\nsize = \"u**2 + v**2\"\n")
        .replace("0.5 * (predictor - 1.0)**2", "0.5 * (predictor - 1.0)**2 + 0.025 * size");
    folder.write("ridge.toml", &ridge);
    let object = attributed(&folder, &["ridge.toml"]);
    is_due_to(&object, "explicit penalty", 1e-6);
    assert!((term(&object, "explicit penalty").0 + 0.05).abs() < 1e-6, "{object}");
    let refused = folder.run(&["attribute", "ridge.toml", "--of", "size"]).ends_with(2).stderr;
    assert!(refused.contains("`size`"), "{refused}");
    let noisy = ridge
        .replace("[train]", "[train]\noptimizer = \"langevin\"\nnoise = \"horizontal\"\ntemperature = 0.02")
        .replace("law = \"flow\"", "law = \"horizontal\"\nburn_in = 1000\nthin = 50")
        .replace("seeds = 16", "seeds = 256");
    folder.write("noisy.toml", noisy);
    let object = attributed(&folder, &["noisy.toml", "--terms-only"]);
    for name in ["noise of w itself", "gauge correction", "explicit penalty"] {
        let (ablation, error, predicted) = term(&object, name);
        assert!((ablation - predicted).abs() < 4.0 * error + 1e-4, "{name}: {ablation} ± {error}, {predicted}");
    }
}

/// The predictor itself starts where the run's predictor does, seed by seed: w = u is its own reference.
#[test]
fn a_parameter_that_is_the_predictor_has_no_preference() {
    let folder = Folder::new();
    let same = "title = \"t\"\n[data]\nX = \"normal(2, 3)\"\n[param]\nu = \"1 + 0.3 * normal(3)\"\n[model]\npredictor = \"1.0 * u\"\n\
                loss = \"mean((X @ predictor - 1)**2)\"\n[train]\nstep_size = 0.02\nsteps = 500\ndtype = \"f64\"\n[ensemble]\nseeds = 12";
    folder.write("same.toml", same);
    let object = attributed(&folder, &["same.toml", "--of", "norm(predictor)"]);
    assert!(number(&object["change"]).abs() < 1e-12 && number(&object["change_error"]) < 1e-12, "{object}");
    let refused =
        folder.run(&["attribute", "same.toml", "--of", "norm(predictor)", "--seeds", "1"]).ends_with(2).stderr;
    assert!(refused.contains("two or more"), "{refused}");
}

/// Half of the variance ησ² is that of w itself, the other half that of two factors.
#[test]
fn what_noise_does_to_w_itself_is_predicted_by_its_own_law() {
    let folder = Folder::new();
    folder.write("law.toml", laws("label-noise"));
    let square = ["law.toml", "--seeds", "128", "--of", "(predictor - 1)**2", "--terms-only"];
    let object = attributed(&folder, &square);
    for name in ["noise of w itself", "gradient noise"] {
        let (ablation, error, predicted) = term(&object, name);
        assert!((predicted - 0.00125).abs() < 2e-5, "{name}: {predicted}");
        assert!((ablation - predicted).abs() < 4.0 * error + 1e-5, "{name}: {ablation} ± {error}");
    }
}

/// The published run is full-batch and noise-free: what it shows is the flow of a small start.
#[test]
fn the_published_sparse_spectrum_is_flow() {
    let folder = Folder::new();
    let sparsity = "sum(abs(predictor)) / norm(predictor)";
    let object =
        attributed(&folder, &["spectral-sparse", "--seeds", "4", "--steps", "8000", "--terms-only", "--of", sparsity]);
    let (flow, error, _) = term(&object, "flow");
    let change = number(&object["change"]);
    assert!(change < -1.0 && flow / change > 0.9 && flow.abs() > 10.0 * error, "{object}");
    // Each seed has data of its own, and ends where the flow of its own loss does.
    let rest = &object["predicted_remainder"];
    assert_eq!((&rest["seeds"], &rest["failed"]), (&4.into(), &false.into()), "{object}");
    assert!(number(&rest["difference"]).abs() < 1e-4 * change.abs(), "{object}");
}

/// Predictions are of stationary laws: a window in which the run still moves is told, and none of a law's own spec.
#[test]
fn a_run_that_still_moves_is_told() {
    let folder = Folder::new();
    folder.write("law.toml", laws("label-noise"));
    let told = |arguments: &[&str]| {
        let object = attributed(&folder, &[&["law.toml", "--seeds", "64", "--terms-only"], arguments].concat());
        object["notes"].to_string().contains("not settled")
    };
    assert!(!told(&[]));
    assert!(told(&[
        "--set",
        "param.u=0.5",
        "--set",
        "param.v=0.5",
        "--set",
        "verify.burn_in=0",
        "--set",
        "verify.thin=20",
        "--steps",
        "400"
    ]));
}

#[test]
fn preferences_that_cannot_be_taken_apart_are_refused() {
    let folder = Folder::new();
    folder.write("decay.toml", DECAY);
    let refused = |arguments: &[&str]| folder.run(&[&["attribute"], arguments].concat()).ends_with(2).stderr;
    assert!(refused(&["decay.toml", "--of", "abs(u) - abs(v)"]).contains("reads the parameter `u`"));
    folder.write("mute.toml", DECAY.split("[verify]").next().expect("a split has a first part"));
    assert!(refused(&["mute.toml"]).contains("--of"));
    folder
        .write("drawn.toml", DECAY.replace("[model]", "[batch]\nx = \"normal()\"\n[model]").replace("- 1.0)", "- x)"));
    assert!(refused(&["drawn.toml"]).contains("cannot be completed"));
}

/// A sum over the drawn rows is, on all rows, another loss: its noise cannot be taken away by them.
#[test]
fn batches_that_are_no_mean_are_refused() {
    let folder = Folder::new();
    folder.write("sum.toml", laws("mini-batch").replace("mean(", "sum("));
    let refused = folder.run(&["attribute", "sum.toml", "--seeds", "4"]).ends_with(2).stderr;
    assert!(refused.contains("mean loss"), "{refused}");
}
