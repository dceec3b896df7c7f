//! The quotient SDE of any noise: its coefficients, when it closes, and its stationary law, against closed forms.

use gaugebias_geometry::balance;
use gaugebias_geometry::law::quotient::{Closure, horizontal_noise, isotropic_noise, quotient_sde};
use gaugebias_geometry::law::{Law, LawOptions, Trace};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, ParameterTensor, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, find};

fn model(param: &str, predictor: &str) -> SpecParametrization {
    let text = format!("[param]\n{param}\n[model]\npredictor = \"{predictor}\"");
    let file = SpecFile::parse("test", text, ".".into(), &[]).expect("a spec");
    SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor")
}

fn at(theta: &[f64]) -> Point {
    Point { theta: theta.to_vec(), draw: 0 }
}

/// The same model without derivatives of its own, for the default of the trait.
struct ByDifferences<'a>(&'a SpecParametrization);

impl Parametrization for ByDifferences<'_> {
    fn tensors(&self) -> &[ParameterTensor] {
        self.0.tensors()
    }
    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>> {
        self.0.predictor(points)
    }
    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>> {
        self.0.jacobian(points)
    }
}

fn curved_maps() -> [SpecParametrization; 4] {
    [
        model("u = \"normal(3)\"\nv = \"normal(3)\"", "u * v"),
        model("W = \"normal(3, 2)\"\nv = \"normal(3)\"", "tanh([[0.3, -1.2], [0.8, 0.4]] @ W.T) @ v"),
        model("w = \"normal(4)\"", "softmax(w) * sqrt(sum(w**2))"),
        model("a = \"normal(3)\"", "2 * a"),
    ]
}

#[test]
fn second_derivatives_are_those_of_differences() {
    for (n, map) in curved_maps().iter().enumerate() {
        let p = map.parameter_count();
        let draw = |seed: f64| (0..p).map(|i| (seed + 2.3 * i as f64).sin()).collect::<Vec<f64>>();
        for seed in [0.4, 1.9] {
            let (point, v) = (at(&draw(seed)), draw(seed + 0.5));
            let exact = map.second_derivatives(std::slice::from_ref(&point), std::slice::from_ref(&v)).swap_remove(0);
            let differences = ByDifferences(map).second_derivatives(&[point], &[v]).swap_remove(0);
            assert_eq!(exact.len(), map.predictor_dimension());
            for (a, b) in exact.iter().zip(differences) {
                assert!((a - b).abs() < 1e-8, "model {n}: {a} against {b}");
            }
        }
    }
}

#[test]
fn the_curvature_of_a_combination_is_that_of_differences() {
    for (n, map) in curved_maps().iter().enumerate() {
        let draw = |seed: f64, count: usize| (0..count).map(|i| (seed + 2.3 * i as f64).sin()).collect::<Vec<f64>>();
        let (p, d) = (map.parameter_count(), map.predictor_dimension());
        // Seventeen points fill more than one block of lanes.
        let points: Vec<Point> = (0..17).map(|k| at(&draw(0.3 * f64::from(k), p))).collect();
        let covectors: Vec<Vec<f64>> = (0..17).map(|k| draw(0.7 + f64::from(k), d)).collect();
        let directions: Vec<Vec<f64>> = (0..17).map(|k| draw(1.1 + f64::from(k), p)).collect();
        let exact = map.covector_curvature(&points, &covectors, &directions).concat();
        let differences = ByDifferences(map).covector_curvature(&points, &covectors, &directions).concat();
        assert_eq!(exact.len(), 17 * p);
        let off = exact.iter().zip(&differences).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-8, "model {n}: {off:.1e}");
        assert_eq!(n == 3, exact.iter().all(|x| *x == 0.0), "model {n}");
    }
}

/// u∘v with noise on labels: dw = [−2w(w − m) + Tw]dt + 2√T w dB, whose law is Gamma(m/T − ½, T).
#[test]
fn label_noise_on_a_product_has_a_gamma_law() {
    let map = model("u = \"normal(1)\"\nv = \"normal(1)\"", "u * v");
    let symmetries = find(&map, &SearchOptions::default()).unwrap();
    let (t, m): (f64, f64) = (0.04, 1.0);
    let noise = |theta: &[f64]| Ok(vec![vec![t.sqrt() * theta[1], t.sqrt() * theta[0]]]);
    let sde = quotient_sde(&map, &at(&[0.9, 0.9]), &noise(&[0.9, 0.9]).unwrap()).unwrap();
    let w = 0.81;
    assert!((sde.ito[0] - t * w).abs() < 1e-15 && (sde.metric[(0, 0)] - 2.0 * w).abs() < 1e-15);
    assert!((sde.diffusion[(0, 0)] - 4.0 * t * w * w).abs() < 1e-15);
    assert!(Closure::at(&map, &symmetries, &at(&[0.9, 0.9]), &noise).unwrap().holds());
    let loss = |theta: &[f64]| 0.5 * (theta[0] * theta[1] - m).powi(2);
    let trace = Trace::new(&map, 4.0 * t, &[1.0, 1.0], &loss, &LawOptions::default()).unwrap();
    let observed = trace.thetas().iter().map(|theta| theta[0] * theta[1]).collect::<Vec<f64>>();
    let law = trace.law_under_noise(&symmetries, &noise, observed.clone()).unwrap();
    assert!((law.mean - (m - 0.5 * t)).abs() < 1e-5, "{}", law.mean);
    assert!((law.std - (t * (m - 0.5 * t)).sqrt()).abs() < 1e-5, "{}", law.std);
    let variance = vec![1.0; observed.len()];
    let closed = trace.gradient_noise_law(&symmetries, t, &variance, observed).unwrap();
    assert!((closed.mean - law.mean).abs() < 1e-6 && (closed.cdf(1.1) - law.cdf(1.1)).abs() < 1e-5);
}

/// Horizontal noise in one coordinate: the density that the quadrature of the SDE gives is e^{−L/τ} det(JJᵀ)^{−1/2}.
#[test]
fn horizontal_noise_has_the_horizontal_law() {
    for (param, predictor, start) in [
        ("u = \"normal(1)\"\nv = \"normal(1)\"", "u * v", vec![1.0, 1.0]),
        ("x = \"normal(3)\"", "sqrt(sum(x**2))", vec![0.6, 0.3, 0.2]),
    ] {
        let map = model(param, predictor);
        let symmetries = find(&map, &SearchOptions::default()).unwrap();
        let value = |theta: &[f64]| map.predictor(&[at(theta)])[0][0];
        let loss = |theta: &[f64]| 0.5 * (value(theta) - 1.2).powi(2);
        let tau = 0.02;
        let trace = Trace::new(&map, tau, &start, &loss, &LawOptions::default()).unwrap();
        let observed: Vec<f64> = trace.thetas().iter().map(|theta| value(theta)).collect();
        let noise = |theta: &[f64]| horizontal_noise(&map, &at(theta), tau);
        let found = trace.law_under_noise(&symmetries, &noise, observed.clone()).unwrap();
        let known = trace.law_of_values(&symmetries, Law::Horizontal, observed).unwrap();
        assert!((found.mean - known.mean).abs() < 1e-5, "{predictor}: {} against {}", found.mean, known.mean);
        assert!((found.cdf(1.25) - known.cdf(1.25)).abs() < 1e-4, "{predictor}");
    }
}

#[test]
fn an_equation_that_does_not_close_says_why() {
    // s·x: horizontal noise drives the charge.
    let map = model("s = \"normal(1)\"\nx = \"normal(3)\"", "s * x");
    let symmetries = find(&map, &SearchOptions::default()).unwrap();
    let start = balance(&symmetries, &[1.0, 0.4, -0.5, 0.2]).unwrap().theta;
    let horizontal = |theta: &[f64]| horizontal_noise(&map, &at(theta), 0.1);
    let found = Closure::at(&map, &symmetries, &at(&start), &horizontal).unwrap();
    assert!(found.charge_drift > 0.1 && found.charge_diffusion < 1e-14 && !found.holds(), "{found:?}");
    // Square UV: it closes under horizontal noise; isotropic noise moves along the orbits.
    let map = model("U = \"normal(2, 2)\"\nV = \"normal(2, 2)\"", "U @ V");
    let symmetries = find(&map, &SearchOptions::default()).unwrap();
    let start = balance(&symmetries, &[1.0, 0.4, -0.5, 0.2, 0.3, -0.7, 0.8, 1.1]).unwrap().theta;
    let horizontal = |theta: &[f64]| horizontal_noise(&map, &at(theta), 0.1);
    assert!(Closure::at(&map, &symmetries, &at(&start), &horizontal).unwrap().holds());
    let isotropic = |theta: &[f64]| Ok(isotropic_noise(theta.len(), 0.1));
    let found = Closure::at(&map, &symmetries, &at(&start), &isotropic).unwrap();
    assert!(found.charge_diffusion > 0.3 && !found.holds(), "{found:?}");
    // Noise that singles out a parameter is no function of w: it turns with the rotation.
    let single = |theta: &[f64]| {
        let j = gaugebias_geometry::orbit::jacobian(&map, &at(theta))?;
        Ok(vec![j.row(0).iter().map(|x| theta[0] * x).collect()])
    };
    let found = Closure::at(&map, &symmetries, &at(&start), &single).unwrap();
    assert!(found.rotation_change > 0.01, "{found:?}");
    // A norm under isotropic noise: its orbits are compact, and the Itô term is (n − 1)τ/w.
    let map = model("x = \"normal(3)\"", "sqrt(sum(x**2))");
    let sde = quotient_sde(&map, &at(&[0.6, 0.0, 0.8]), &isotropic_noise(3, 0.1)).unwrap();
    let symmetries = find(&map, &SearchOptions::default()).unwrap();
    let closure = Closure::at(&map, &symmetries, &at(&[0.6, 0.0, 0.8]), &isotropic).unwrap();
    assert!(closure.holds(), "{closure:?}");
    assert!((sde.ito[0] - 0.2).abs() < 1e-12 && (sde.diffusion[(0, 0)] - 0.2).abs() < 1e-12, "{sde:?}");
}
