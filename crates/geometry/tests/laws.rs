//! Predicted laws with one predictor coordinate, against closed forms.

#[path = "../../symmetry/tests/zoo/mod.rs"]
mod zoo;

use gaugebias_geometry::law::{Law, LawOptions, PredictedLaw, Trace};
use gaugebias_geometry::{GeometryError, balance};
use gaugebias_symmetry::{SearchOptions, find};
use zoo::{Model, models};

fn law_of(model: &Model, law: Law, center: f64, temperature: f64, start: &[f64], w: fn(&[f64]) -> f64) -> PredictedLaw {
    let symmetries = find(model, &SearchOptions::default()).unwrap();
    let start = balance(&symmetries, start).unwrap().theta;
    let loss = move |t: &[f64]| 0.5 * (w(t) - center).powi(2);
    let trace = Trace::new(model, temperature, &start, &loss, &LawOptions::default()).unwrap();
    trace.law(&symmetries, law, &w).unwrap()
}

fn product(t: &[f64]) -> f64 {
    t[0] * t[1]
}

fn norm(t: &[f64]) -> f64 {
    t.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// E and cdf of w^power e^{−(w−m)²/2τ} on (low, ∞), by a plain sum in x = w^(1/4), where the integrand is smooth.
fn oracle(power: f64, m: f64, tau: f64, low: f64) -> (f64, impl Fn(f64) -> f64) {
    let count = 200_000;
    let (a, b) = (low.powf(0.25), 2.2_f64);
    let weight = move |i: usize| {
        let x = a + (b - a) * (i as f64 + 0.5) / count as f64;
        let w = x.powi(4);
        (w, w.powf(power) * (-(w - m).powi(2) / (2.0 * tau)).exp() * 4.0 * x.powi(3))
    };
    let total: f64 = (0..count).map(|i| weight(i).1).sum();
    let mean = (0..count).map(weight).map(|(w, d)| w * d).sum::<f64>() / total;
    let cdf = move |x: f64| (0..count).map(weight).filter(|(w, _)| *w <= x).map(|(_, d)| d).sum::<f64>() / total;
    (mean, cdf)
}

#[test]
fn product_far_from_zero_has_the_stated_means() {
    let model = models::hadamard(2, 1);
    let mean = |law| law_of(&model, law, 1.2, 0.05, &[1.5, 0.5], product).mean;
    assert!((mean(Law::Horizontal) - 1.17788).abs() < 6e-6, "{}", mean(Law::Horizontal));
    assert!((mean(Law::Rigid) - mean(Law::Horizontal)).abs() < 1e-12);
    // The conditioned law is 1/w near 0: its mean is known up to the cut, here w = 1e-12 of the start's.
    let conditioned = mean(Law::Conditioned);
    assert!((conditioned - 1.15472).abs() < 1e-4, "{conditioned}");
    let (cut, _) = oracle(-1.0, 1.2, 0.05, 0.75e-12);
    assert!((conditioned - cut).abs() < 2e-6, "{conditioned} against {cut}");
}

#[test]
fn product_near_zero_is_singular_in_w_and_regular_along_the_curve() {
    let model = models::hadamard(2, 1);
    for (law, power) in [(Law::Horizontal, -0.5), (Law::Uncorrected, 0.0), (Law::Isotropic, 0.0)] {
        let found = law_of(&model, law, 0.6, 0.15, &[1.0, 0.3], product);
        let (mean, cdf) = oracle(power, 0.6, 0.15, 0.0);
        assert!((found.mean - mean).abs() < 1e-5, "{law:?}: {} against {mean}", found.mean);
        for x in [0.05, 0.3, 0.6, 1.0, 1.5] {
            assert!((found.cdf(x) - cdf(x)).abs() < 2e-4, "{law:?} at {x}");
        }
        assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
        assert!(found.domain.0 >= 0.0 && found.domain.0 < 1e-9);
    }
    let improper = law_of(&model, Law::Conditioned, 0.6, 0.15, &[1.0, 0.3], product);
    assert!(improper.notes[0].contains("improper"), "{:?}", improper.notes);
}

#[test]
fn norms_under_isotropic_noise_have_the_radial_law() {
    let model = models::radial(3);
    let (m, tau) = (1.0, 0.1);
    let start = [0.6, 0.3, 0.2];
    for (law, power) in [(Law::Isotropic, 2.0), (Law::Rigid, 2.0), (Law::Conditioned, 2.0), (Law::Horizontal, 0.0)] {
        let found = law_of(&model, law, m, tau, &start, norm);
        let (mean, cdf) = oracle(power, m, tau, 0.0);
        assert!((found.mean - mean).abs() < 2e-5, "{law:?}: {} against {mean}", found.mean);
        for x in [0.5, 0.9, 1.3] {
            assert!((found.cdf(x) - cdf(x)).abs() < 2e-4, "{law:?} at {x}");
        }
    }
}

#[test]
fn deep_products_carry_the_power_of_their_depth() {
    let model = models::hadamard(3, 1);
    let w = |t: &[f64]| t[0] * t[1] * t[2];
    let found = law_of(&model, Law::Horizontal, 1.2, 0.02, &[1.0, 1.3, 0.8], w);
    let (mean, _) = oracle(-2.0 / 3.0, 1.2, 0.02, 0.0);
    assert!((found.mean - mean).abs() < 1e-5, "{} against {mean}", found.mean);
}

#[test]
fn observables_that_turn_back_are_counted_on_both_branches() {
    let model = models::hadamard(2, 1);
    let symmetries = find(&model, &SearchOptions::default()).unwrap();
    let loss = |t: &[f64]| 0.5 * (product(t) - 1.2).powi(2);
    let folded = |t: &[f64]| (product(t) - 1.2).abs();
    let trace = Trace::new(&model, 0.05, &[1.0, 1.0], &loss, &LawOptions::default()).unwrap();
    let at = |observable: &dyn Fn(&[f64]) -> f64| trace.law(&symmetries, Law::Horizontal, observable).unwrap();
    let (plain, folded) = (at(&product), at(&folded));
    let both = plain.cdf(1.4) - plain.cdf(1.0);
    assert!((folded.cdf(0.2) - both).abs() < 1e-5, "{} against {both}", folded.cdf(0.2));
}

#[test]
fn total_mass_is_one_and_refusals_are_typed() {
    let model = models::hadamard(2, 1);
    let found = law_of(&model, Law::Horizontal, 1.2, 0.05, &[1.0, 1.0], product);
    assert!((found.cdf(f64::MAX) - 1.0).abs() < 1e-12);
    assert_eq!(found.cdf(-1.0), 0.0);
    let flat = |_: &[f64]| 0.0;
    let options = LawOptions { reach: 10.0, ..Default::default() };
    let unbounded = Trace::new(&model, 0.1, &[1.0, 1.0], &flat, &options);
    assert!(matches!(unbounded, Err(GeometryError::Unbounded { .. })));
    let wide = models::hadamard(2, 2);
    let refused = Trace::new(&wide, 0.1, &[1.0; 4], &flat, &options);
    assert!(matches!(refused, Err(GeometryError::NotOneDimensional { found: 2 })));
}
