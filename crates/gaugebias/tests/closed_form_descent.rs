//! Gradient descent on least squares has a closed form; the vanilla models of the published experiments are held to it, on their own data.
//!
//! ```text
//! L = |Xw − y|²/m,   w(t) = w* + V (1 − 2ηs²/m)ᵗ Vᵀ (w(0) − w*),   X = U s Vᵀ
//! ```

use std::path::Path;

use gaugebias::dynamics::{Options, Run, Silent, simulate};
use gaugebias::linalg::{Matrix, svd};
use gaugebias::model::spec::{Definition, Spec, SpecFile, Train};

const SEEDS: usize = 3;

/// The vanilla variant of a published experiment, with its data in the log.
fn vanilla(name: &str, steps: u64, dtype: &str, design: &str) -> Spec {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/published").join(name);
    let overrides = [
        format!("train.steps={steps}"),
        format!("train.dtype=\"{dtype}\""),
        format!("ensemble.seeds={SEEDS}"),
        format!("log.every={steps}"),
    ];
    let file = SpecFile::read(&path.with_extension("toml"), &overrides).expect("a published experiment is right");
    let mut spec = file.variant("vanilla").expect("it has a vanilla variant").clone();
    spec.log.observables = [("design", design), ("labels", "y"), ("weights", "predictor")]
        .map(|(name, text)| Definition::new(name, text).expect("an expression"))
        .to_vec();
    spec
}

/// w after `steps` steps of gradient descent with step size η from w(0).
fn closed_form(design: &Matrix, labels: &[f64], start: &[f64], step_size: f64, steps: u64) -> Vec<f64> {
    let decomposed = svd(design).expect("finite data");
    let (u, v) = (&decomposed.u, &decomposed.v);
    let m = labels.len() as f64;
    let mut w = start.to_vec();
    for (at, &s) in decomposed.singular_values.iter().enumerate() {
        let along =
            |x: &[f64], matrix: &Matrix| -> f64 { x.iter().enumerate().map(|(i, x)| x * matrix[(i, at)]).sum() };
        let (target, from) = (along(labels, u) / s, along(start, v));
        let kept = (steps as f64 * (-2.0 * step_size * s * s / m).ln_1p()).exp();
        let change = (1.0 - kept) * (target - from);
        w.iter_mut().enumerate().for_each(|(i, w)| *w += change * v[(i, at)]);
    }
    w
}

/// Largest difference relative to the largest weight, over seeds.
fn difference(spec: &Spec, run: &Run) -> f64 {
    let [designs, labels, weights] = ["design", "labels", "weights"].map(|name| &run.observables[name]);
    let (rows, columns) = (designs.shape[2], designs.shape[3]);
    let of_seed = |seed: usize| {
        let design = Matrix::from_row_major(rows, columns, designs.record(0, seed).to_vec());
        let start = weights.record(0, seed);
        let expected = closed_form(&design, labels.record(0, seed), start, spec.train.step_size, spec.train.steps);
        let largest = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        // It has gone somewhere.
        assert!(largest > 10.0 * start.iter().fold(0.0f64, |m, x| m.max(x.abs())), "{largest}");
        let pairs = expected.iter().zip(weights.record(1, seed));
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
    };
    (0..SEEDS).map(of_seed).fold(0.0, f64::max)
}

#[track_caller]
fn agrees(name: &str, steps: u64, design: &str, single: f64) {
    for (dtype, bound) in [("f32", single), ("f64", 1e-9)] {
        let spec = vanilla(name, steps, dtype, design);
        let run = simulate(&spec, Options::default(), &Silent).expect("it runs");
        let found = difference(&spec, &run);
        assert!(found <= bound, "{name} in {dtype}: {found:.1e} after {steps} steps");
        // The bound is one that a wrong factor would not keep.
        let train = Train { step_size: 1.5 * spec.train.step_size, ..spec.train.clone() };
        let wrong = difference(&Spec { train, ..spec }, &run);
        assert!(wrong > 2.0 * bound, "{name} in {dtype}: {wrong:.1e} with another step size");
    }
}

#[test]
fn the_vanilla_spectrum_is_that_of_gradient_descent() {
    agrees("spectral-sparse", 5_000, "X", 1e-6);
}

/// Steps that are smaller than half a unit in the last place of a weight add up, since these variants compensate rounding.
#[test]
fn at_the_published_end_the_spectrum_is_still_that_of_gradient_descent() {
    agrees("spectral-sparse", 50_000, "X", 1e-6);
}

/// Without, single precision stands still a little early.
#[test]
fn without_compensation_late_steps_are_lost() {
    let mut spec = vanilla("spectral-sparse", 50_000, "f32", "X");
    spec.train.compensated = false;
    let run = simulate(&spec, Options::default(), &Silent).expect("it runs");
    let found = difference(&spec, &run);
    assert!((2e-4..1e-3).contains(&found), "{found:.1e}");
}

#[test]
fn the_vanilla_signal_is_that_of_gradient_descent() {
    agrees("total-variation", 20_000, "A", 1e-6);
}
