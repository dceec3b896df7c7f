//! The law under a potential of finite stiffness, against the Bessel function that it is for a product.

use gaugebias_geometry::law::{Law, LawOptions, PredictedLaw, Trace};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, Symmetries, find};

fn model(param: &str, predictor: &str) -> (SpecParametrization, Symmetries) {
    let text = format!("[param]\n{param}\n[model]\npredictor = \"{predictor}\"");
    let file = SpecFile::parse("test", text, ".".into(), &[]).expect("a spec");
    let map = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor");
    let symmetries = find(&map, &SearchOptions::default()).expect("symmetries");
    (map, symmetries)
}

/// log(e^a K₀(a)) = log ∫ e^{−a(cosh t − 1)} dt over t > 0, by Simpson's rule.
fn log_bessel(a: f64) -> f64 {
    let end = (1.0 + 45.0 / a).acosh();
    let n = 4000;
    let f = |i: usize| (-a * ((end * i as f64 / n as f64).cosh() - 1.0)).exp();
    let inner: f64 = (1..n).map(|i| f(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    ((f(0) + inner + f(n)) * end / (3.0 * n as f64)).ln()
}

/// Mean of w and P(w ≤ 1.2) of e^{−L/τ} e^a K₀(a) on w > 0, L = (w − 1.2)²/2.
fn oracle(kappa: f64, tau: f64) -> (f64, f64) {
    let n = 20_000;
    let at = |i: usize| 3.0 * (i as f64 + 0.5) / n as f64;
    let weight = |w: f64| (-(w - 1.2_f64).powi(2) / (2.0 * tau) + log_bessel(kappa * w * w / (4.0 * tau))).exp();
    let values: Vec<(f64, f64)> = (0..n).map(at).map(|w| (w, weight(w))).collect();
    let total: f64 = values.iter().map(|v| v.1).sum();
    let below: f64 = values.iter().filter(|v| v.0 <= 1.2).map(|v| v.1).sum();
    (values.iter().map(|v| v.0 * v.1).sum::<f64>() / total, below / total)
}

fn stiff(
    (map, symmetries): &(SpecParametrization, Symmetries),
    (kappa, tau, intervals): (f64, f64, usize),
    gauge: fn(&[f64]) -> f64,
) -> PredictedLaw {
    let at = |theta: &[f64]| map.predictor(&[Point { theta: theta.to_vec(), draw: 0 }])[0][0];
    let loss = |theta: &[f64]| 0.5 * (at(theta) - 1.2).powi(2);
    let start = vec![1.2_f64.powf(1.0 / map.parameter_count() as f64); map.parameter_count()];
    let options = LawOptions { intervals, ..LawOptions::default() };
    let trace = Trace::new(map, tau, &start, &loss, &options).unwrap();
    let observed: Vec<f64> = trace.thetas().iter().map(|theta| at(theta)).collect();
    let squares = |thetas: &[Vec<f64>]| thetas.iter().map(|t| gauge(t)).collect();
    trace.stiff_law(symmetries, kappa, &squares, observed).unwrap().expect("an abelian group")
}

#[test]
fn a_product_has_the_bessel_law() {
    let product = model("u = \"normal(1)\"\nv = \"normal(1)\"", "u * v");
    let gauge = |t: &[f64]| (0.5 * (t[0] * t[0] - t[1] * t[1])).powi(2);
    for (kappa, intervals) in [(0.3, 4000), (4.0, 2000), (40.0, 2000)] {
        let found = stiff(&product, (kappa, 0.05, intervals), gauge);
        let (mean, below) = oracle(kappa, 0.05);
        assert!((found.mean - mean).abs() < 2e-6, "κ = {kappa}: {} against {mean}", found.mean);
        assert!((found.cdf(1.2) - below).abs() < 2e-4, "κ = {kappa}: {} against {below}", found.cdf(1.2));
    }
}

/// A potential that is stiff enough is a condition: 1.15472 in theory, from above.
#[test]
fn its_limit_is_the_conditioned_law() {
    let product = model("u = \"normal(1)\"\nv = \"normal(1)\"", "u * v");
    let gauge = |t: &[f64]| (0.5 * (t[0] * t[0] - t[1] * t[1])).powi(2);
    let means: Vec<f64> = [1.0, 1e2, 1e4].map(|kappa| stiff(&product, (kappa, 0.05, 600), gauge).mean).to_vec();
    assert!(means[0] > means[1] && means[1] > means[2], "{means:?}");
    assert!((means[2] - 1.15472).abs() < 2e-4, "{means:?}");
}

/// Three factors have two charges; the limit is e^{−L/τ} det(Γ)^{−1/2} on the slice.
#[test]
fn two_charges_are_integrated_over() {
    let product = model("u = \"normal(1)\"\nv = \"normal(1)\"\nx = \"normal(1)\"", "u * v * x");
    let (map, symmetries) = &product;
    assert_eq!(symmetries.charges.len(), 2);
    // An orthogonal gauge: the differences of squares in the directions of the slice's two normals.
    let gauge = |t: &[f64]| {
        let s = [t[0] * t[0], t[1] * t[1], t[2] * t[2]];
        (0.5 * (s[0] - s[1])).powi(2) + ((s[0] + s[1] - 2.0 * s[2]) / 12_f64.sqrt()).powi(2)
    };
    // At a higher temperature the limit is improper at w = 0, which is then within reach.
    let tau = 0.02;
    let found = stiff(&product, (1e4, tau, 200), gauge);
    let at = |theta: &[f64]| map.predictor(&[Point { theta: theta.to_vec(), draw: 0 }])[0][0];
    let loss = |theta: &[f64]| 0.5 * (at(theta) - 1.2).powi(2);
    let trace = Trace::new(map, tau, &[1.2_f64.cbrt(); 3], &loss, &LawOptions::default()).unwrap();
    let limit = trace.law(symmetries, Law::Conditioned, &at).unwrap();
    assert!((found.mean - limit.mean).abs() < 1e-3, "{} against {}", found.mean, limit.mean);
    let soft = stiff(&product, (0.02, tau, 200), gauge).mean;
    assert!(soft - limit.mean > 2e-3, "{soft} against {}", limit.mean);
}

#[test]
fn a_group_that_does_not_commute_is_left_to_the_limit() {
    let (map, symmetries) = model("U = \"normal(1, 2)\"\nV = \"normal(2, 1)\"", "U @ V");
    let loss = |_: &[f64]| 0.0;
    let options = LawOptions { reach: 2.0, intervals: 20, ..LawOptions::default() };
    let loss_steep = |t: &[f64]| loss(t) + 100.0 * (t[0] * t[2] + t[1] * t[3] - 1.0).powi(2);
    let trace = Trace::new(&map, 0.01, &[0.8, 0.6, 0.8, 0.6], &loss_steep, &options).unwrap();
    let observed = vec![0.0; trace.thetas().len()];
    let found = trace.stiff_law(&symmetries, 1.0, &|t: &[Vec<f64>]| vec![0.0; t.len()], observed).unwrap();
    assert!(found.is_none());
}
