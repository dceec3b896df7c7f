//! `derive` on the catalogue of parametrizations: dimensions, names, biases and closed forms.

mod common;

use std::collections::BTreeMap;

use common::{Folder, Tensor, specs_in, write_tensors};
use serde_json::{Value, json};

/// Independent numbers: shapes, points, ranks and log-determinants.
fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../../crates/geometry/tests/data/catalogue.json")).expect("valid JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

fn shape(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|x| x as usize).collect()
}

/// The entry as a spec: parameters that start at random, and the predictor; fixed inputs are data.
fn spec(entry: &Value) -> String {
    let mut text = String::new();
    let mut predictor = entry["predictor_expression"].as_str().unwrap().to_owned();
    if let Some(inputs) = entry.get("inputs_columns") {
        text += &format!("[data]\nx = \"{inputs}\"\n");
        predictor = predictor.split(',').next().unwrap().to_owned();
    }
    text += "[param]\n";
    for (name, dimensions) in entry["params"].as_object().unwrap() {
        let dimensions: Vec<String> = shape(dimensions).iter().map(usize::to_string).collect();
        text += &format!("{name} = \"normal({})\"\n", dimensions.join(", "));
    }
    text + &format!("[model]\npredictor = \"{predictor}\"\n")
}

#[test]
fn independent_vectors_are_reproduced() {
    let entries = vectors();
    assert_eq!(entries.len(), 8);
    for entry in entries {
        let name = entry["name"].as_str().unwrap();
        let folder = Folder::new();
        folder.write("spec.toml", spec(&entry));
        let mut biases = Vec::new();
        for point in entry["points"].as_array().unwrap() {
            let theta: BTreeMap<String, Tensor> = entry["params"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(tensor, dimensions)| {
                    let values = numbers(&point["theta"][tensor]);
                    (tensor.clone(), Tensor { shape: shape(dimensions), values })
                })
                .collect();
            write_tensors(&folder.path("theta.safetensors"), &theta);
            let command = ["derive", "spec.toml", "--json", "--at", "theta.safetensors"];
            let derived = folder.run(&command).ends_with(0).object();
            let symmetries = &derived["symmetries"];
            assert_eq!(symmetries["dimension"], point["generators"], "{name}");
            assert_eq!(derived["orbit_dimension"], point["orbit_dimension"], "{name}");
            assert_eq!(derived["predictor"]["rank"], point["rank_jacobian"], "{name}");
            assert_eq!(derived["unexplained"], 0, "{name}");
            assert_eq!(symmetries["closed"], true, "{name}");
            assert!(symmetries["max_residual"].as_f64().unwrap() <= 1e-10, "{name}: {symmetries}");
            assert!(symmetries["spectral_gap"].as_f64().unwrap() >= 1e6, "{name}: {symmetries}");
            assert_eq!(derived["bias"]["at"], "file");
            let (value, log_det) = (&derived["bias"]["value"], &derived["bias"]["log_det_gram"]);
            assert!((2.0 * value.as_f64().unwrap() - log_det.as_f64().unwrap()).abs() < 1e-12, "{name}");
            biases.push(value.as_f64().unwrap());
        }
        let expected = entry["bias_difference_2_minus_1"].as_f64().unwrap();
        assert!((biases[1] - biases[0] - expected).abs() <= 1e-8, "{name}: {biases:?}, expected {expected}");
    }
}

/// (spec, factors as (kind, size, count, tensors), whether a closed form is promised)
type Row = (&'static str, &'static [(&'static str, u64, u64, &'static [&'static str])]);

const GROUPS: [Row; 16] = [
    ("attention", &[("gl", 2, 1, &["W_Q", "W_K"]), ("gl", 2, 1, &["W_V", "W_O"])]),
    ("batch-norm", &[("scale", 1, 2, &["W"])]),
    ("deep-linear", &[("gl", 2, 1, &["W1", "W2"]), ("gl", 2, 1, &["W2", "W3"])]),
    ("difference-of-squares", &[("boost", 2, 3, &["u", "v"])]),
    ("gram-factorization", &[("o", 3, 1, &["U"])]),
    ("group", &[("rescaling", 1, 2, &["s", "x"])]),
    ("hadamard", &[("rescaling", 1, 3, &["u", "v"])]),
    ("hadamard-depth-3", &[("rescaling", 1, 4, &["a", "b", "c"])]),
    ("logits", &[("translation", 1, 1, &["z"])]),
    ("lora", &[("gl", 2, 1, &["B", "A"])]),
    ("matrix-factorization", &[("gl", 2, 1, &["U", "V"])]),
    ("radial", &[("so", 4, 1, &["x"])]),
    ("relu-unit", &[("rescaling", 1, 3, &["W", "v"])]),
    ("rms-norm", &[("rescaling", 1, 3, &["gain", "W"])]),
    ("swiglu", &[("rescaling", 1, 2, &["up", "down"])]),
    ("total-variation", &[("rescaling", 1, 4, &["u", "v"])]),
];

#[test]
fn every_catalogue_spec_has_its_group_and_its_formula() {
    let specs = specs_in("catalogue");
    let names: Vec<&str> = specs.keys().map(String::as_str).collect();
    assert_eq!(names, GROUPS.map(|(name, _)| name), "every catalogue spec has a row here");
    let folder = Folder::new();
    for (name, group) in GROUPS {
        let derived = folder.run(&["derive", specs[name].to_str().unwrap(), "--json"]).ends_with(0).object();
        let symmetries = &derived["symmetries"];
        let factors: Vec<Value> = group
            .iter()
            .map(|(kind, size, count, on)| json!({"kind": kind, "size": size, "count": count, "acts_on": on}))
            .collect();
        assert_eq!(symmetries["factors"], Value::Array(factors), "{name}");
        assert_eq!(symmetries["closed"], true, "{name}");
        assert!(symmetries["max_residual"].as_f64().unwrap() <= 1e-10, "{name}: {symmetries}");
        assert!(symmetries["spectral_gap"].as_f64().unwrap() >= 1e6, "{name}: {symmetries}");
        assert_eq!(derived["unexplained"], 0, "{name}");
        let bias = &derived["bias"];
        assert!(bias["formula"].is_string() && bias["latex"].is_string(), "{name}: {bias}");
        assert!(bias["formula_error"].as_f64().unwrap() <= 1e-9, "{name}: {bias}");
        assert!(bias["coarea"].is_f64(), "{name}: {bias}");
        assert_eq!(bias["basis_dependent"], false, "{name}");
    }
}

#[test]
fn no_symmetry_means_no_bias_and_not_a_bias_of_zero() {
    let folder = Folder::new();
    folder.write("spec.toml", "[param]\nu = \"normal(3)\"\n[model]\npredictor = \"u + 0.1 * u**3\"\n");
    let derived = folder.run(&["derive", "spec.toml", "--json"]).ends_with(0).object();
    assert_eq!(derived["symmetries"]["dimension"], 0);
    assert_eq!(derived["symmetries"]["factors"], json!([]));
    assert_eq!((&derived["fiber_dimension"], &derived["unexplained"]), (&json!(0), &json!(0)));
    assert_eq!(derived["charges"]["independent"], 0);
    for absent in ["log_det_gram", "value", "formula", "latex", "formula_error"] {
        assert_eq!(derived["bias"].get(absent), Some(&Value::Null), "{absent}");
    }
    let text = folder.run(&["derive", "spec.toml"]).ends_with(0).stdout;
    assert!(text.contains("none"), "{text}");
}

#[test]
fn fiber_dimensions_that_no_affine_generator_explains_are_counted() {
    let folder = Folder::new();
    folder.write("spec.toml", "[param]\nu = \"normal()\"\nv = \"normal()\"\n[model]\npredictor = \"u + v**3\"\n");
    let derived = folder.run(&["derive", "spec.toml", "--json"]).ends_with(0).object();
    assert_eq!((&derived["fiber_dimension"], &derived["orbit_dimension"]), (&json!(1), &json!(0)));
    assert_eq!(derived["unexplained"], 1);
    assert_eq!(derived["bias"]["value"], Value::Null);
}

#[test]
fn the_point_is_chosen_with_at() {
    let folder = Folder::new();
    folder.write("spec.toml", "[param]\nu = \"[3.0, 0.5]\"\nv = \"[1.0, 2.0]\"\n[model]\npredictor = \"u * v\"\n");
    let bias = |at: &str| {
        let derived = folder.run(&["derive", "spec.toml", "--json", "--at", at]).ends_with(0).object();
        assert_eq!(derived["bias"]["at"], at);
        derived["bias"]["log_det_gram"].as_f64().unwrap()
    };
    // det Γ = Π (u² + v²), on the slice Π 2|w|.
    assert!((bias("initial") - f64::ln(10.0 * 4.25)).abs() < 1e-12);
    assert!((bias("balanced") - f64::ln(6.0 * 2.0)).abs() < 1e-12);
}

/// A data set that does not see a direction adds a symmetry that holds on these data alone.
#[test]
fn data_symmetry_is_asked_for() {
    let folder = Folder::new();
    let spec = "[data]\nX = \"normal(2, 3)\"\n[param]\nw = \"normal(3)\"\n[model]\npredictor = \"X @ w\"\n";
    folder.write("spec.toml", spec);
    let dimension = |flags: &[&str]| {
        let command = [&["derive", "spec.toml", "--json"], flags].concat();
        folder.run(&command).ends_with(0).object()["orbit_dimension"].clone()
    };
    assert_eq!(dimension(&[]), 0);
    assert_eq!(dimension(&["--data-symmetry"]), 1);
}

#[test]
fn large_models_are_lifted_from_smaller_copies_or_refused_with_the_reason() {
    let folder = Folder::new();
    folder.write(
        "spec.toml",
        "[param]\nU = \"normal(70, 60)\"\nV = \"normal(60, 80)\"\n[model]\npredictor = \"U @ V\"\n",
    );
    let derived = folder.run(&["derive", "spec.toml", "--json"]).ends_with(0).object();
    let gl = json!([{"kind": "gl", "size": 60, "count": 1, "acts_on": ["U", "V"]}]);
    assert_eq!(derived["symmetries"]["factors"], gl);
    assert_eq!(derived["symmetries"]["dimension"], 3600);
    assert_eq!(derived["charges"]["independent"], 60 * 61 / 2);
    assert!(derived["symmetries"]["max_residual"].as_f64().unwrap() <= 1e-10);
    assert_eq!(derived["charges"]["names"], json!(["U.T @ U - V @ V.T"]));
    // From the generators at full size: the orbit, whether they close, the bias at the start.
    assert_eq!((&derived["orbit_dimension"], &derived["symmetries"]["closed"]), (&json!(3600), &json!(true)));
    assert!(derived["lifted"]["closure_residual"].as_f64().unwrap() <= 1e-12);
    assert_eq!((&derived["bias"]["at"], &derived["bias"]["orbit_dimension_here"]), (&json!("initial"), &json!(3600)));
    assert!(derived["bias"]["value"].is_number() && derived["bias"]["log_det_constraint_gram"].is_number());
    // What needs the rank of J has a bound, and is absent, not zero.
    assert_eq!(derived["predictor"]["generic_rank_at_most"], 70 * 60 + 60 * 80 - 3600);
    for absent in ["fiber_dimension", "unexplained"] {
        assert_eq!(derived.get(absent), Some(&Value::Null), "{absent}");
    }
    let text = folder.run(&["derive", "spec.toml"]).ends_with(0).stdout;
    assert!(text.contains("generic rank at most 5400, a bound") && text.contains("sl(60) of GL(60) on U, V"), "{text}");
    assert_eq!(derived["lifted"]["copy_parameters"].as_array().unwrap().len(), 2);
    // 121 = 50 + 71 holds for no smaller sizes that are replaced one by one.
    let text = "[param]\na = \"normal(50, 40)\"\nb = \"normal(71, 40)\"\nV = \"normal(40, 121)\"\nW = \"normal(121, 121)\"\n\
                [model]\npredictor = \"(concat([a, b], axis=0) @ V) * W\"\n";
    folder.write("tied.toml", text);
    let refused = folder.run(&["derive", "tied.toml"]).ends_with(2);
    assert!(refused.stderr.contains("cannot be made smaller"), "{}", refused.stderr);
}

#[test]
fn nearly_symmetric_directions_are_listed_on_request() {
    let folder = Folder::new();
    folder.write(
        "spec.toml",
        "[param]\nu = \"normal()\"\nv = \"normal()\"\n[model]\npredictor = \"u * v + 1e-3 * u**3\"\n",
    );
    let derived = folder.run(&["derive", "spec.toml", "--json", "--nearly", "2"]).ends_with(0).object();
    assert_eq!(derived["symmetries"]["dimension"], 0);
    let nearly = derived["nearly"].as_array().unwrap();
    let violation = |at: usize| nearly[at]["violation"].as_f64().unwrap();
    assert_eq!((nearly.len(), &nearly[0]["acts_on"]), (2, &json!(["u", "v"])));
    assert!(violation(0) < 0.02 && violation(1) > 5.0 * violation(0), "{nearly:?}");
}

/// The optimiser's law stands beside the charges, and only where there is an optimiser.
#[test]
fn training_has_a_law_for_the_charges() {
    let folder = Folder::new();
    let model =
        "[param]\nu = \"normal(2)\"\nv = \"normal(2)\"\n[model]\npredictor = \"u * v\"\nloss = \"sum(predictor**2)\"\n";
    let law = |train: &str| {
        folder.write("spec.toml", format!("{model}{train}"));
        folder.run(&["derive", "spec.toml", "--json"]).ends_with(0).object()["charges"]["law"].clone()
    };
    assert_eq!(law(""), Value::Null);
    let decay = law("[train]\nstep_size = 0.1\nweight_decay = 0.5\n");
    assert_eq!(decay["exact"], true);
    assert!((decay["decay"].as_f64().unwrap() - 0.9025).abs() < 1e-12);
    assert_eq!(
        (&law("[train]\noptimizer = \"adam\"\n")["exact"], &law("[train]\noptimizer = \"adam\"\n")["decay"]),
        (&json!(false), &Value::Null)
    );
}

/// A derivation is about the model, whatever trains it: label noise adds nothing to what it prints, and is not looked at.
#[test]
fn label_noise_leaves_the_derivation_as_it_is() {
    let folder = Folder::new();
    let model = "title = \"t\"\n[param]\nu = 1.0\nv = 0.5\n[model]\ny = 1.0\npredictor = \"u * v\"\nloss = \"(predictor - y)**2\"\n";
    let derived = |train: &str| {
        folder.write("spec.toml", format!("{model}{train}"));
        folder.run(&["derive", "spec.toml", "--json"]).ends_with(0).stdout
    };
    // With an optimiser either way: its law stands beside the charges.
    let clean = derived("[train]\nsteps = 1000\n");
    assert_eq!(derived("[train]\nnoise = \"label\"\nlabel_noise = 0.5\n"), clean);
    assert_eq!(derived("[train]\nnoise = \"label\"\nlabel_noise = 0.5\nlabel = \"absent\"\n"), clean);
    folder.run(&["simulate", "spec.toml"]).ends_with(2);
}

/// The tree accounts for the algebra, and for what stands beside it.
#[test]
fn the_structure_is_a_tree_with_charges_and_shares_of_the_bias() {
    let folder = Folder::new();
    folder.write(
        "spec.toml",
        "[param]\nU = \"normal(3, 2)\"\nV = \"normal(2, 4)\"\ns = \"normal()\"\nx = \"normal(2)\"\nleft = \"normal(2)\"\n\
         [model]\npredictor = \"concat([reshape(U @ V, 12), s * x])\"\n",
    );
    let derived = folder.run(&["derive", "spec.toml", "--json"]).ends_with(0).object();
    let tree = derived["symmetries"]["structure"]["tree"].as_array().unwrap();
    let branch =
        |role: &str| tree.iter().find(|b| b["role"] == role).unwrap_or_else(|| panic!("no {role} in {tree:?}"));
    assert_eq!((&branch("centre")["dimension"], &branch("simple")["dimension"]), (&json!(2), &json!(3)));
    let ideal = &branch("simple")["members"][0];
    assert_eq!((&ideal["name"], &ideal["factor"]), (&json!("sl(2)"), &json!("GL(2) on U, V")));
    assert_eq!((&ideal["noncompact"], &ideal["compact"]), (&json!(2), &json!(1)));
    let part = ideal["bias_parts"][0].as_u64().unwrap() as usize;
    assert_eq!(derived["bias"]["parts"][part]["acts_on"], json!(["U", "V"]));
    assert_eq!((&branch("unused")["dimension"], &branch("unused")["acts_on"]), (&json!(2), &json!(["left"])));
    let text = folder.run(&["derive", "spec.toml"]).ends_with(0).stdout;
    for line in
        ["├─ centre, dimension 2", "│  ├─ trace of GL(2) on U, V", "sl(2) of GL(2) on U, V: 2 non-compact, 1 compact"]
    {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(text.contains("parameters that the predictor ignores: 2, left"), "{text}");
}
