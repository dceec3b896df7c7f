//! Predictions at the borders of what they are for: observables that jump or bend, charges that noise moves, batches whose completion is another loss,
//! gauges that are not those of the charges.

use gaugebias_dynamics::{Options, Silent, simulate};
use gaugebias_model::spec::{Spec, SpecFile};
use gaugebias_verify::{Judgement, Prediction, Verdict, judge, predict};

fn spec(text: &str, overrides: &[&str]) -> Spec {
    let overrides: Vec<String> = overrides.iter().map(|change| (*change).to_owned()).collect();
    let read = SpecFile::parse("t.toml", text.to_owned(), ".".into(), &overrides);
    read.unwrap_or_else(|error| panic!("{}", error.message())).specs.remove(0)
}

fn judged(spec: &Spec) -> Judgement {
    let run = simulate(spec, Options::default(), &Silent).expect("the run ends well");
    judge(spec, &run).expect("a judgement")
}

fn refused(found: Result<Prediction, gaugebias_verify::JudgeError>) -> String {
    found.err().expect("a refusal").to_string()
}

const PRODUCT: &str = r#"
title = "product"
[param]
u = 1.1
v = 1.1
[model]
predictor = "u * v"
gauge = "0.5 * (u**2 - v**2)"
loss = "0.5 * (predictor - 1.2)**2"
[train]
optimizer = "langevin"
noise = "horizontal"
temperature = 0.05
step_size = 2e-3
steps = 2_000
dtype = "f64"
[ensemble]
seeds = 64
[verify]
law = "horizontal"
observable = "predictor"
burn_in = 500
thin = 250
"#;

/// P(w > 1) = 0.78476 and E max(w, 1.2) by sums over a fine grid of e^(−L/τ) w^(−1/2).
#[test]
fn observables_with_jumps_have_their_mean_and_no_verdict() {
    let grid: Vec<(f64, f64)> = (1..400_000)
        .map(|k| f64::from(k) * 1e-5)
        .map(|w| (w, (-(w - 1.2_f64).powi(2) / 0.1).exp() / w.sqrt()))
        .collect();
    let total: f64 = grid.iter().map(|(_, p)| p).sum();
    let of = |f: &dyn Fn(f64) -> f64| grid.iter().map(|(w, p)| f(*w) * p).sum::<f64>() / total;
    let share = of(&|w| f64::from(u8::from(w > 1.0)));
    assert!((share - 0.78476).abs() < 1e-4, "{share}");
    let cases = [("1.0*(predictor > 1)", share), ("maximum(predictor, 1.2)", of(&|w| w.max(1.2)))];
    for (observable, expected) in cases {
        let spec = spec(PRODUCT, &[&format!("verify.observable={observable}")]);
        let prediction = predict(&spec).expect("a law");
        let mean = prediction.means()[0].1;
        assert!((mean - expected).abs() < 3e-4, "{observable}: {mean}, by a sum {expected}");
        let run = simulate(&spec, Options::default(), &Silent).expect("the run ends well");
        let error = prediction.judge(&run).expect_err("no verdict").to_string();
        assert!(error.contains("with probability") && error.contains("Kolmogorov"), "{error}");
    }
    // An extremum on the curve is no value with a probability of its own.
    assert!(judged(&spec(PRODUCT, &["verify.observable=(predictor - 1.2)**2"])).report.ks < 0.2);
}

/// The same on the points of a cloud.
#[test]
fn jumps_are_told_in_several_coordinates() {
    let product =
        PRODUCT.replace("u = 1.1\nv = 1.1", "u = \"[1.1, 0.9]\"\nv = \"[1.1, 0.9]\"").replace("gauge", "# gauge");
    let product = product.replace("(predictor - 1.2)**2\"", "sum((predictor - [1.2, 0.8])**2)\"");
    let spec = spec(&product, &["verify.observable=1.0*(predictor[0] > 1)"]);
    let prediction = predict(&spec).expect("a law");
    let mean = prediction.means()[0].1;
    assert!((mean - 0.7848).abs() < 5e-3, "{mean}");
    let run = simulate(&spec, Options::default(), &Silent).expect("the run ends well");
    assert!(prediction.judge(&run).is_err());
}

const BATCHES: &str = r#"
title = "batches"
[data]
X = "4 * qr(normal(16, 2))"
y = "X @ [0.5, 1.0] + 1.0 * normal(16)"
[param]
u = "[0.7, 1.0]"
v = "[0.7, 1.0]"
[batch]
i = "choice(16, 4)"
[model]
predictor = "u * v"
loss = "0.5 * mean((X[i] @ predictor - y[i])**2)"
[train]
optimizer = "sgd"
step_size = 1e-2
steps = 4_000
dtype = "f64"
[ensemble]
seeds = 128
shared_data = true
[verify]
law = "sgd"
observable = "predictor[1]"
burn_in = 800
thin = 100
"#;

/// At its maximum √2 an observable has a mean that is second order in the noise.
#[test]
fn a_bent_observable_has_the_mean_of_its_second_order() {
    let spec = spec(BATCHES, &["verify.observable=sum(abs(predictor)) / norm(predictor)"]);
    let report = judged(&spec).report;
    let predicted = report.predicted_mean.expect("a law has a mean");
    println!("{report:?}");
    let off = (report.mean - predicted).abs();
    assert!(off < 4.0 * report.mean_error + 2e-5, "{} ± {}, {predicted}", report.mean, report.mean_error);
    assert!(report.mean_error < 3e-5 && report.verdict != Verdict::Disagrees, "{report:?}");
}

/// A loss on all rows that is not the mean of the loss on batches has no prediction.
#[test]
fn completions_that_are_another_loss_are_refused() {
    let loss = |text: &str| BATCHES.replace("0.5 * mean((X[i] @ predictor - y[i])**2)", text);
    let sum = loss("0.5 * sum((X[i] @ predictor - y[i])**2) / 4");
    let penalised = loss("0.5 * sum((X[i] @ predictor - y[i])**2) / 4 + 0.1 * sum(predictor**2)");
    let sliced = BATCHES.replace("i = \"choice(16, 4)\"", "p = \"choice(16, 8)\"\ni = \"p[:4]\"");
    let weighted = loss("0.5 * sum([0.4, 0.3, 0.2, 0.1] * (X[i] @ predictor - y[i])**2)");
    for text in [&sum, &penalised, &sliced, &weighted] {
        let error = refused(predict(&spec(text, &[])));
        assert!(error.contains("not the mean of the loss on batches"), "{error}");
    }
    let mean = loss("0.5 * mean((X[i] @ predictor - y[i])**2) + 0.1 * sum(predictor**2)");
    let summed = loss("0.5 * 16 * mean((X[i] @ predictor - y[i])**2)");
    for text in [&mean, &summed] {
        assert!(predict(&spec(text, &["train.step_size=1e-4"])).is_ok());
    }
}

/// Batches of all rows are training without noise.
#[test]
fn batches_of_all_rows_have_the_law_of_a_flow() {
    let full = BATCHES.replace("choice(16, 4)", "choice(16, 16)");
    let error = refused(predict(&spec(&full, &[])));
    assert!(error.contains("all rows") && error.contains("flow"), "{error}");
    let flow = spec(&full, &["verify.law=flow", "ensemble.seeds=4"]);
    assert_eq!(judged(&flow).report.verdict, Verdict::Agrees);
    let error = refused(predict(&spec(BATCHES, &["verify.law=flow"])));
    assert!(error.contains("without noise"), "{error}");
}

/// From a start away from the minimum, gradient noise is taken where training is, and not where it began.
#[test]
fn charges_move_by_the_noise_where_training_is() {
    let text = BATCHES
        .replace("4 * qr(normal(16, 2))", "normal(40, 3)")
        .replace("X @ [0.5, 1.0] + 1.0 * normal(16)", "X @ [0.7, 1.0, 1.4] + normal(40)")
        .replace("choice(16, 4)", "choice(40, 2)")
        .replace("u = \"[0.7, 1.0]\"\nv = \"[0.7, 1.0]\"", "u = \"[1.0, 1.5, 1.3]\"\nv = \"[0.6, 0.3, 0.2]\"");
    let report = judged(&spec(&text, &[])).report;
    for charge in report.charges {
        let predicted = charge.predicted.expect("a prediction");
        let moved = charge.end - charge.start;
        println!("{charge:?}");
        assert!(moved.abs() > 10.0 * charge.end_error, "{charge:?}");
        assert!((charge.end - predicted).abs() < 0.06 * moved.abs(), "{charge:?}");
        assert!(charge.deviations.is_some());
    }
}

/// A flow that kinks stop is given up soon, with the reason.
#[test]
fn flows_with_kinks_are_given_up() {
    let text = r#"
title = "kinks"
[data]
X = "normal(20, 2)"
y = "relu(X @ [1.0, -0.5])"
[param]
W = "0.5 * normal(2, 4)"
a = "0.5 * normal(4)"
[model]
predictor = "relu(X @ W) @ a"
loss = "0.5 * mean((predictor - y)**2)"
[train]
optimizer = "sgd"
step_size = 0.05
steps = 1000
dtype = "f64"
[ensemble]
seeds = 8
shared_data = true
[verify]
law = "flow"
observable = "norm(predictor)"
"#;
    let error = refused(predict(&spec(text, &[])));
    assert!(error.contains("20000 steps") && error.contains("gradient jumps"), "{error}");
}

/// On u = v the gauge u − v has the slice of the charge, and another weight.
#[test]
fn a_gauge_that_is_not_that_of_the_charges_is_refused() {
    let conditioned = ["train.noise=isotropic", "train.constraint=conditioned", "verify.law=conditioned"];
    let linear = PRODUCT.replace("0.5 * (u**2 - v**2)", "u - v");
    let error = refused(predict(&spec(&linear, &conditioned)));
    assert!(error.contains("gauge") && error.contains("charges"), "{error}");
    assert!(predict(&spec(PRODUCT, &conditioned)).is_ok());
    let cubed = PRODUCT.replace("0.5 * (u**2 - v**2)", "(u**2 - v**2) + (u**2 - v**2)**3");
    assert!(predict(&spec(&cubed, &conditioned)).is_ok());
    let rigid = ["train.noise=isotropic", "train.constraint=rigid", "verify.law=rigid"];
    assert!(predict(&spec(&linear, &rigid)).is_ok(), "the slice is the same, and rigid noise knows no more");
    let other = PRODUCT.replace("0.5 * (u**2 - v**2)", "u + 2 * v - 3.3");
    assert!(predict(&spec(&other, &rigid)).is_err());
}

/// docs/conventions.md: s₁²(s₁² − s₂²)/(s₁⁴ + s₁²s₂² + s₂⁴) for a product of three 2×2 matrices, also the comment of three-factors.toml.
#[test]
fn the_drift_of_three_factors_is_the_stated_one() {
    let text = "title = \"t\"\n[param]\nA = \"eye(2)\"\nB = \"eye(2)\"\nC = \"eye(2)\"\n[model]\npredictor = \"A @ B @ C\"\nloss = \"sum(predictor)\"";
    let model = gaugebias_model::SpecParametrization::predictor(&spec(text, &[]), gaugebias_model::DataBinding::Inputs);
    let found = gaugebias_symmetry::find(&model.expect("a model"), &Default::default()).expect("symmetries");
    let factor = [1.5_f64.cbrt(), 0.0, 0.0, 0.4_f64.cbrt()];
    let drift = gaugebias_geometry::slice_drift(&found, &factor.repeat(3)).expect("a drift");
    assert!((drift - 0.36931).abs() < 1e-5, "{drift}");
}

/// A penalty on the parameters moves charges that a law takes as frozen.
#[test]
fn a_loss_that_moves_the_charges_is_remarked_upon() {
    let penalty = "0.5 * (predictor - 1.2)**2 + 0.05 * (u**2 + v**2)";
    let penalised = PRODUCT.replace("0.5 * (predictor - 1.2)**2", penalty);
    let unbalanced = |text: &str| text.replace("u = 1.1\nv = 1.1", "u = 1.8\nv = 0.7");
    let told = |judgement: Judgement| judgement.notes.iter().any(|note| note.contains("moves the charges by itself"));
    let judgement = judged(&spec(&unbalanced(&penalised), &[]));
    assert_eq!(judgement.report.charges[0].predicted, None);
    assert!(told(judgement));
    assert!(!told(judged(&spec(&penalised, &[]))), "at Q = 0 it leaves the charge where it is");
    assert!(!told(judged(&spec(&unbalanced(PRODUCT), &[]))));
}
