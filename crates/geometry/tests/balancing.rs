//! Balanced points, the slice's invariance, and the gradient of the bias.

#[path = "../../symmetry/tests/zoo/mod.rs"]
mod zoo;

use gaugebias_geometry::{GeometryError, balance, balance_holding_definite, bias, bias_gradient, slice_drift};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{SearchOptions, Symmetries, find};
use zoo::{Model, models, normals};

fn search(model: &Model) -> Symmetries {
    find(model, &SearchOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", model.name))
}

fn predictor(model: &Model, theta: &[f64]) -> Vec<f64> {
    model.predictor(&[Point { theta: theta.to_vec(), draw: 3 }]).swap_remove(0)
}

fn balanceable() -> Vec<Model> {
    vec![
        models::hadamard(2, 5),
        models::hadamard(4, 2),
        models::difference_of_squares(3),
        models::groups(2, 3),
        models::total_variation(4),
        models::relu_layer(2, 3, 2, 6),
        models::rms_norm(3, 2),
        models::swiglu(2, 3),
        models::chain(&[3, 2, 4]),
        models::chain(&[2, 3, 2]),
        models::chain(&[2, 2, 2, 2]),
        models::attention(3, 2, 4, true),
        models::gram(4, 3),
        models::radial(4),
        models::logits(4),
        models::shifted(2),
        models::twisted(3, 4),
    ]
}

#[test]
fn balancing_keeps_the_predictor_and_removes_the_charges() {
    for model in balanceable() {
        let symmetries = search(&model);
        for (seed, scale) in [(1, 1.0), (2, 1e-3), (3, 30.0)] {
            let theta: Vec<f64> = normals(seed, symmetries.parameters).iter().map(|x| scale * x).collect();
            let balanced = balance(&symmetries, &theta).unwrap_or_else(|e| panic!("{}: {e}", model.name));
            let (before, after) = (predictor(&model, &theta), predictor(&model, &balanced.theta));
            let size = before.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            let moved = before.iter().zip(&after).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
            // The predictor may be ill-conditioned in θ (large softmax scores), never by much here.
            assert!(
                moved <= 1e-12 * size.max(1e-300) * if scale > 1.0 { 1e3 } else { 10.0 },
                "{}: {moved:.1e} of {size:.1e}",
                model.name
            );
            let norm: f64 = balanced.theta.iter().map(|x| x * x).sum();
            for charge in &symmetries.charges {
                assert!(charge.value(&balanced.theta).abs() < 1e-12 * norm, "{}", model.name);
            }
            // The balanced point is the nearest of its orbit to the point that the group leaves in place.
            let centre = if model.name == "(u + 1) * v" { -1.0 } else { 0.0 };
            let distance = |t: &[f64]| {
                let about = |t: &gaugebias_model::ParameterTensor| if t.name == "u" { centre } else { 0.0 };
                let centres = model.tensors().iter().flat_map(|t| vec![about(t); t.len()]);
                t.iter().zip(centres).map(|(x, c)| (x - c) * (x - c)).sum::<f64>()
            };
            assert!(distance(&balanced.theta) <= distance(&theta) * (1.0 + 1e-12), "{}", model.name);
        }
    }
}

#[test]
fn a_very_unbalanced_start_still_converges() {
    let symmetries = search(&models::hadamard(2, 1));
    let balanced = balance(&symmetries, &[1e-6, 40.0]).unwrap();
    let root = (4e-5_f64).sqrt();
    assert!(balanced.theta.iter().all(|x| (x - root).abs() < 1e-12), "{:?}", balanced.theta);
}

#[test]
fn scales_and_closed_orbits_without_zero_are_refused_with_a_way_out() {
    let symmetries = search(&models::normalised_weight(3));
    match balance(&symmetries, &[1.0, 2.0, 2.0]) {
        Err(GeometryError::NoBalancedPoint { value, tensors, .. }) => {
            assert!((value - 4.5).abs() < 1e-12);
            assert_eq!(tensors, "W");
        }
        other => panic!("expected a refusal, found {other:?}"),
    }
    let held = balance_holding_definite(&symmetries, &[1.0, 2.0, 2.0]).unwrap();
    assert_eq!((held.theta, held.held.len()), (vec![1.0, 2.0, 2.0], 1));
    // u = 0: the orbit of (0, v) approaches the origin and never reaches it.
    let product = search(&models::hadamard(2, 1));
    assert!(balance(&product, &[1.0, 1.0, 1.0]).is_err());
    let stuck = balance(&product, &[0.0, 2.0]);
    assert!(stuck.is_err() || stuck.unwrap().theta[1] < 1e-3);
}

#[test]
fn the_slice_is_invariant_exactly_where_it_should_be() {
    let drift = |model: &Model, start: &[f64]| {
        let symmetries = search(model);
        let theta = balance(&symmetries, start).unwrap().theta;
        slice_drift(&symmetries, &theta).unwrap()
    };
    let random = |model: &Model, seed: u64| {
        let p = model.parameter_count();
        drift(model, &normals(seed, p))
    };
    for model in [
        models::hadamard(2, 2),
        models::hadamard(5, 2),
        models::chain(&[2, 2, 2]),
        models::chain(&[3, 3, 3]),
        models::chain(&[4, 2, 4]),
        models::chain(&[3, 1, 3]),
    ] {
        assert!(random(&model, 5) < 1e-9, "{}", model.name);
    }
    for model in [models::chain(&[5, 2, 3]), models::groups(1, 3), models::relu_layer(3, 2, 1, 8)] {
        let found = random(&model, 5);
        assert!((found - 2.0).abs() < 1e-8, "{}: {found}", model.name);
    }
    // W₃W₂W₁, 2 × 2 each: with s = σ^(1/3) the matrix tr(E_ij P_H) has eigenvalues
    // s_i²(s_i² − s_j²)/(s₁⁴ + s₁²s₂² + s₂⁴), in whatever frame the balanced layers stand.
    let (a, b) = (1.5_f64.cbrt(), 0.4_f64.cbrt());
    let exact = a * a * (a * a - b * b) / (a.powi(4) + (a * b).powi(2) + b.powi(4));
    let model = models::chain(&[2, 2, 2, 2]);
    let diagonal = [a, 0.0, 0.0, b].repeat(3);
    assert!((drift(&model, &diagonal) - exact).abs() < 1e-9);
    let (c, s) = (0.8, 0.6);
    // W₃R, R⁻¹W₂: the same product in another frame.
    let turned = [a * c, -a * s, b * s, b * c, a * c, b * s, -a * s, b * c, a, 0.0, 0.0, b];
    assert!((drift(&model, &turned) - exact).abs() < 1e-9, "{}", drift(&model, &turned));
}

#[test]
fn the_gradient_of_the_bias_is_its_slope() {
    for model in balanceable() {
        let symmetries = search(&model);
        let theta = normals(11, symmetries.parameters);
        let direction = normals(12, symmetries.parameters);
        let along = |t: f64| {
            let moved: Vec<f64> = theta.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
            bias(&symmetries, &moved).unwrap().unwrap()
        };
        let h = 1e-3;
        let slope = (8.0 * (along(h) - along(-h)) - along(2.0 * h) + along(-2.0 * h)) / (12.0 * h);
        let gradient = bias_gradient(&symmetries, &theta).unwrap();
        let exact: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        assert!((slope - exact).abs() < 1e-6 * (1.0 + exact.abs()), "{}: {slope} against {exact}", model.name);
    }
}
