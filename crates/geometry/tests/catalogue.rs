//! The test vectors: dimensions, ranks, Gram determinants and bias differences of independent origin.

#[path = "../../symmetry/tests/zoo/mod.rs"]
mod zoo;

use gaugebias_geometry::{At, DeriveOptions, coarea, derive_from, log_det_gram};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{SearchOptions, find};
use serde_json::Value;
use zoo::{Model, dual::Dual, dual::matmul, models};

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("data/catalogue.json")).expect("the test vectors are valid JSON")
}

fn flatten(value: &Value, out: &mut Vec<f64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, out)),
        number => out.push(number.as_f64().expect("a number")),
    }
}

fn theta(point: &Value, model: &Model) -> Vec<f64> {
    let mut theta = Vec::new();
    for tensor in model.tensors() {
        flatten(&point["theta"][&tensor.name], &mut theta);
    }
    theta
}

/// The catalogue's names for tensors differ between entries, so models are written for them.
fn model(entry: &Value) -> Model {
    match entry["name"].as_str().unwrap() {
        "hadamard" => models::hadamard(2, 3),
        "hadamard_depth3" => Model::new("a*b*c", &[("a", &[2]), ("b", &[2]), ("c", &[2])], |t| {
            (0..2).map(|i| &(&t[i] * &t[2 + i]) * &t[4 + i]).collect()
        }),
        "difference_of_squares" => models::difference_of_squares(3),
        "group" => models::groups(2, 3),
        "matrix_factorization" => {
            Model::new("U @ V", &[("U", &[3, 2]), ("V", &[2, 4])], |t| matmul(&t[..6], &t[6..], 3, 2, 4))
        }
        "gram_factorization" => models::gram(4, 3),
        "radial" => models::radial(4),
        "relu_layer" => relu_on(entry),
        other => panic!("no model for {other}"),
    }
}

/// v relu(W x) on the fixed inputs of the entry.
fn relu_on(entry: &Value) -> Model {
    let mut x = Vec::new();
    flatten(&entry["inputs_columns"], &mut x);
    let columns = x.len() / 2;
    let x: Vec<Dual> = x.into_iter().map(Dual::constant).collect();
    Model::new("relu", &[("W", &[3, 2]), ("v", &[1, 3])], move |t| {
        let h: Vec<Dual> = matmul(&t[..6], &x, 3, 2, columns).iter().map(Dual::relu).collect();
        matmul(&t[6..], &h, 1, 3, columns)
    })
}

#[test]
fn every_vector_is_reproduced() {
    for entry in vectors() {
        let name = entry["name"].as_str().unwrap();
        let fixed = model(&entry);
        // Symmetry for all inputs; the vectors' predictor is on six fixed ones.
        let searched = if name == "relu_layer" { models::relu_layer(2, 3, 1, 6) } else { model(&entry) };
        let symmetries = find(&searched, &SearchOptions::default()).unwrap();
        assert_eq!(symmetries.unexplained(), 0, "{name}");
        assert!(symmetries.info.max_residual <= 1e-10, "{name}");
        assert!(symmetries.info.spectral_gap.unwrap() >= 1e6, "{name}");
        let mut biases = Vec::new();
        for point in entry["points"].as_array().unwrap() {
            let theta = theta(point, &fixed);
            let mut expected = Vec::new();
            flatten(&point["predictor"], &mut expected);
            let at = Point { theta: theta.clone(), draw: 0 };
            let predictor = fixed.predictor(std::slice::from_ref(&at)).swap_remove(0);
            assert!(predictor.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{name}");
            let whole = |key: &str| point[key].as_u64().unwrap() as usize;
            assert_eq!(symmetries.dimension(), whole("generators"), "{name}");
            assert_eq!(symmetries.orbit_dimension, whole("orbit_dimension"), "{name}");
            assert_eq!(coarea(&fixed, &at).unwrap().rank, whole("rank_jacobian"), "{name}");
            let found = log_det_gram(&symmetries, &theta).unwrap().unwrap();
            let given = point["log_det_gram"].as_f64().unwrap();
            // The vectors use the same canonical generators everywhere.
            assert!((found - given).abs() < 1e-8, "{name}: log det Γ {found} against {given}");
            biases.push(0.5 * found);
        }
        let difference = entry["bias_difference_2_minus_1"].as_f64().unwrap();
        assert!((biases[1] - biases[0] - difference).abs() < 1e-8, "{name}");
    }
}

#[test]
fn the_record_has_the_fields_that_scripts_rely_on() {
    let model = models::hadamard(2, 3);
    let symmetries = find(&model, &SearchOptions::default()).unwrap();
    let options = DeriveOptions::default();
    let derivation = derive_from(&model, &symmetries, "u*v", &At::Balanced, &options).unwrap();
    let json = serde_json::to_value(&derivation).unwrap();
    for key in [
        "title",
        "parameters",
        "predictor",
        "fiber_dimension",
        "orbit_dimension",
        "unexplained",
        "symmetries",
        "charges",
        "bias",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    for key in ["dimension", "noncompact", "compact", "closed", "spectral_gap", "max_residual", "factors"] {
        assert!(json["symmetries"].get(key).is_some(), "{key}");
    }
    for key in
        ["at", "log_det_gram", "value", "basis", "basis_dependent", "coarea", "formula", "latex", "formula_error"]
    {
        assert!(json["bias"].get(key).is_some(), "{key}");
    }
    assert_eq!(json["symmetries"]["factors"][0]["kind"], "rescaling");
    assert_eq!(json["charges"]["independent"], 3);
    assert_eq!(json["bias"]["at"], "balanced");
}

#[test]
fn without_symmetry_there_is_no_bias_rather_than_a_bias_of_zero() {
    let model = models::cubic_link(2);
    let symmetries = find(&model, &SearchOptions::default()).unwrap();
    let derivation =
        derive_from(&model, &symmetries, "link", &At::Initial(vec![0.3, 0.4]), &DeriveOptions::default()).unwrap();
    assert_eq!((derivation.bias.value, derivation.bias.log_det_gram), (None, None));
    assert_eq!(derivation.bias.formula, None);
    assert!(derivation.bias.coarea.is_some());
    assert!(derivation.to_text().contains("bias: none"));
}
