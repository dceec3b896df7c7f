//! Laws of several coordinates, of gradient noise and of no noise, against checked values and closed forms.

#[path = "../../symmetry/tests/zoo/mod.rs"]
mod zoo;

use gaugebias_geometry::law::cloud::{Cloud, CloudOptions};
use gaugebias_geometry::law::equilibrium::{NoiseEquilibrium, charge_drifts, noise_equilibria};
use gaugebias_geometry::law::level::{Level, Lifted};
use gaugebias_geometry::law::mirror::mirror_defect;
use gaugebias_geometry::law::{Law, LawOptions, Trace};
use gaugebias_linalg::{Matrix, svdvals};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{SearchOptions, Symmetries, find};
use zoo::{Model, models};

fn predictor(model: &Model, theta: &[f64]) -> Vec<f64> {
    model.predictor(&[Point { theta: theta.to_vec(), draw: 0 }]).swap_remove(0)
}

fn level<'a>(model: &'a Model, symmetries: &'a Symmetries, start: &[f64]) -> (Level<'a>, Lifted) {
    Level::new(model, symmetries, start).expect("the start is regular")
}

/// Theory: E σ = 2.0093 and 1.1499 with det Γ over all four generators, 2.0157 and 1.1564 with the three symmetric ones, each ± 0.0002.
#[test]
fn singular_values_of_a_product_of_matrices() {
    let model = models::chain(&[2, 2, 2]);
    let symmetries = find(&model, &SearchOptions::default()).unwrap();
    let (a, b) = (2.0_f64.sqrt(), 1.2_f64.sqrt());
    let (level, start) = level(&model, &symmetries, &[a, 0.0, 0.0, b, a, 0.0, 0.0, b]);
    let loss = |theta: &[f64]| {
        let w = predictor(&model, theta);
        0.5 * [w[0] - 2.0, w[1], w[2], w[3] - 1.2].iter().map(|x| x * x).sum::<f64>()
    };
    let cloud = Cloud::new(&level, &start, 0.04, &loss, CloudOptions::default()).unwrap();
    let sigma: Vec<Vec<f64>> =
        cloud.thetas().map(|theta| svdvals(&Matrix::from_row_major(2, 2, predictor(&model, theta))).unwrap()).collect();
    let column = |i: usize| sigma.iter().map(|s| s[i]).collect::<Vec<f64>>();
    for (law, expected) in [(Law::Horizontal, [2.0093, 1.1499]), (Law::ConstraintGram, [2.0157, 1.1564])] {
        let law = cloud.weigh(law).unwrap();
        for (i, expected) in expected.into_iter().enumerate() {
            let (mean, error) = law.mean(&column(i));
            println!("{:?} sigma {i}: {mean:.5} ± {error:.5}, {:.0} points", law.law, law.effective_points);
            assert!(error < 1.5e-3, "{error}");
            assert!((mean - expected).abs() < 1e-3, "{:?}: {mean} ± {error}, expected {expected}", law.law);
        }
    }
    // The isotropic law of square factors is the uncorrected one: det Γ and det JJᵀ are equal on the slice.
    let (isotropic, plain) = (cloud.weigh(Law::Isotropic).unwrap(), cloud.weigh(Law::Uncorrected).unwrap());
    let off = isotropic.weights.iter().zip(&plain.weights).map(|(a, b)| (a - b).abs()).sum::<f64>();
    assert!(off < 1e-9, "{off}");
}

/// Two coordinates that do not know of each other have the laws of one.
#[test]
fn independent_coordinates_have_the_law_of_one() {
    let (one, two) = (models::hadamard(2, 1), models::hadamard(2, 2));
    let symmetries = [find(&one, &SearchOptions::default()).unwrap(), find(&two, &SearchOptions::default()).unwrap()];
    let single = |theta: &[f64]| 0.5 * (theta[0] * theta[1] - 1.2_f64).powi(2);
    let trace = Trace::new(&one, 0.05, &[1.1, 1.1], &single, &LawOptions::default()).unwrap();
    let (level, start) = level(&two, &symmetries[1], &[1.1, 1.0, 1.1, 1.0]);
    let loss = |theta: &[f64]| {
        let w = predictor(&two, theta);
        0.5 * (w[0] - 1.2).powi(2) + 0.5 * (w[1] - 0.9).powi(2)
    };
    let cloud = Cloud::new(&level, &start, 0.05, &loss, CloudOptions::default()).unwrap();
    let first: Vec<f64> = cloud.thetas().map(|theta| predictor(&two, theta)[0]).collect();
    for law in [Law::Horizontal, Law::Uncorrected] {
        let expected = trace.law(&symmetries[0], law, &|t: &[f64]| t[0] * t[1]).unwrap().mean;
        let (mean, error) = cloud.weigh(law).unwrap().mean(&first);
        assert!((mean - expected).abs() < 4.0 * error + 1e-4 && error < 5e-4, "{law:?}: {mean} ± {error}, {expected}");
    }
}

#[test]
fn lifts_keep_the_level_and_stay_in_their_component() {
    let model = models::hadamard(2, 2);
    let symmetries = find(&model, &SearchOptions::default()).unwrap();
    let charge = |theta: &[f64]| symmetries.charges.iter().map(|q| q.value(theta)).collect::<Vec<f64>>();
    for (start, may_change_sign) in [([1.0, 1.0, 1.0, 1.0], false), ([1.5, 1.2, 0.4, 0.6], true)] {
        let (level, from) = level(&model, &symmetries, &start);
        let lifted = level.lift(&from, &[2.5, 0.1]).unwrap().expect("the same component");
        let w = predictor(&model, &lifted.theta);
        assert!((w[0] - 2.5).abs() + (w[1] - 0.1).abs() < 1e-9, "{w:?}");
        let off = charge(&lifted.theta).iter().zip(charge(&start)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-9, "{off}");
        // On the balanced slice w = 0 is singular; off it, it is not.
        assert_eq!(level.lift(&from, &[1.0, -0.5]).unwrap().is_some(), may_change_sign);
    }
}

/// Theory: T = ησ², Gamma(m/T − ½, T): mean m − T/2 = 0.99875, variance T·mean, 0.04997².
#[test]
fn label_noise_on_a_product_has_a_gamma_law() {
    let model = models::hadamard(2, 1);
    let symmetries = find(&model, &SearchOptions::default()).unwrap();
    let w = |theta: &[f64]| theta[0] * theta[1];
    let loss = |theta: &[f64]| 0.5 * (w(theta) - 1.0).powi(2);
    let trace = Trace::new(&model, 0.02, &[1.0, 1.0], &loss, &LawOptions::default()).unwrap();
    let variance = vec![0.25; trace.thetas().len()];
    let observed = trace.thetas().iter().map(|theta| w(theta)).collect();
    let law = trace.gradient_noise_law(&symmetries, 0.01, &variance, observed).unwrap();
    assert!((law.mean - 0.99875).abs() < 1e-5, "{}", law.mean);
    assert!((law.std - (0.0025_f64 * 0.99875).sqrt()).abs() < 1e-5, "{}", law.std);
    // Far from balanced, |J|² = 2√(w² + Q²) hardly changes, and with it the temperature: the mean is nearly m.
    let trace = Trace::new(&model, 0.2, &[4.0, 0.25], &loss, &LawOptions::default()).unwrap();
    let variance = vec![0.25; trace.thetas().len()];
    let observed = trace.thetas().iter().map(|theta| w(theta)).collect();
    let law = trace.gradient_noise_law(&symmetries, 0.01, &variance, observed).unwrap();
    let charge = 0.5 * (16.0 - 0.0625_f64);
    let expected = 1.0 - 0.5 * 0.0025 / (1.0 + charge * charge).sqrt();
    assert!((law.mean - expected).abs() < 3e-5, "{} against {expected}", law.mean);
}

/// φ(w) = ½[w arsinh(w/|Q|) − √(w² + Q²) + |Q|] on the level Q, here up to an affine function.
#[test]
fn the_mirror_potential_of_a_product() {
    let model = models::hadamard(2, 1);
    let start = [1.5_f64, 0.2];
    let q = 0.5 * (start[0].powi(2) - start[1].powi(2));
    let loss = |theta: &[f64]| 0.5 * (theta[0] * theta[1] - 0.3).powi(2);
    let trace = Trace::new(&model, 0.05, &start, &loss, &LawOptions::default()).unwrap();
    let found = trace.mirror_potential().unwrap();
    let (value, slope) =
        (|w: f64| 0.5 * (w * (w / q).asinh() - (w * w + q * q).sqrt() + q), |w: f64| 0.5 * (w / q).asinh());
    let origin = found.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let w: Vec<f64> = trace.thetas().iter().map(|theta| theta[0] * theta[1]).collect();
    let w0 = w[origin];
    for (w, found) in w.iter().zip(&found) {
        let expected = value(*w) - value(w0) - slope(w0) * (w - w0);
        assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{w}: {found} against {expected}");
    }
}

#[test]
fn which_levels_carry_a_mirror_flow() {
    for (model, start, mirror) in [
        (models::hadamard(2, 3), vec![1.0, 0.5, 0.8, 0.3, 0.9, 0.8], true),
        (models::groups(1, 3), vec![1.0, 0.8, 0.6, 0.0], false),
    ] {
        let symmetries = find(&model, &SearchOptions::default()).unwrap();
        let (level, at) = level(&model, &symmetries, &start);
        let defect = mirror_defect(&level, &at).unwrap();
        assert_eq!(defect < 1e-5, mirror, "{}: {defect:.1e}", model.name);
    }
}

#[test]
fn where_charges_drift_to() {
    let product = models::hadamard(2, 1);
    let symmetries = find(&product, &SearchOptions::default()).unwrap();
    assert_eq!(noise_equilibria(&symmetries, &[1.0, 1.0]).unwrap(), [NoiseEquilibrium::Balanced]);
    // s·x: dQ/dt = −2τ(1 + Q/N) for n = 3; its sign depends on which of the two the generator calls positive.
    let group = models::groups(1, 3);
    let symmetries = find(&group, &SearchOptions::default()).unwrap();
    let theta = [1.3, 0.8, 0.2, 0.1];
    let sign = symmetries.charges[0].value(&[1.0, 0.0, 0.0, 0.0]).signum();
    let q = sign * symmetries.charges[0].value(&theta) / symmetries.charges[0].value(&[1.0, 0.0, 0.0, 0.0]).abs() * 0.5;
    let n: f64 = theta.iter().map(|x| x * x).sum();
    let scale = 2.0 * symmetries.charges[0].value(&[1.0, 0.0, 0.0, 0.0]).abs();
    let drift = sign * charge_drifts(&symmetries, &theta).unwrap()[0] / scale;
    assert!((drift + 2.0 * (1.0 + q / n)).abs() < 1e-9, "{drift}, {q}, {n}");
    match noise_equilibria(&symmetries, &[1.0, 1.0, 0.0, 0.0]).unwrap()[..] {
        [NoiseEquilibrium::Never(towards)] => assert_eq!(towards, -sign),
        ref other => panic!("{other:?}"),
    }
}
