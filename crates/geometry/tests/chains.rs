//! Laws of many coordinates by NUTS: the gradient against differences, the law against lattices and closed forms, and refusals.

use gaugebias_geometry::GeometryError;
use gaugebias_geometry::law::cloud::{Cloud, CloudOptions, Method, Sampler};
use gaugebias_geometry::law::horizontal::HorizontalDensity;
use gaugebias_geometry::law::level::{Level, Lifted};
use gaugebias_geometry::law::loss::Loss;
use gaugebias_geometry::law::{Law, LawOptions, Trace};
use gaugebias_linalg::{Matrix, svdvals};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, Symmetries, find};

struct Case {
    map: SpecParametrization,
    symmetries: Symmetries,
}

impl Case {
    fn new(param: &str, predictor: &str) -> Self {
        let text = format!("[param]\n{param}\n[model]\npredictor = \"{predictor}\"");
        let file = SpecFile::parse("test", text, ".".into(), &[]).expect("a spec");
        let map = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor");
        let symmetries = find(&map, &SearchOptions::default()).expect("symmetries");
        Self { map, symmetries }
    }

    fn level(&self, start: &[f64]) -> (Level<'_>, Lifted) {
        Level::new(&self.map, &self.symmetries, start).expect("the start is regular")
    }

    fn value(&self, theta: &[f64]) -> Vec<f64> {
        self.map.predictor(&[Point { theta: theta.to_vec(), draw: 0 }]).swap_remove(0)
    }

    fn quadratic(&self, minimum: &[f64], beside: f64) -> Quadratic<'_> {
        Quadratic { map: &self.map, minimum: minimum.to_vec(), beside }
    }
}

/// ½(w − m)ᵀC(w − m), C with a 1 on its diagonal and a constant beside it.
struct Quadratic<'a> {
    map: &'a SpecParametrization,
    minimum: Vec<f64>,
    beside: f64,
}

impl Quadratic<'_> {
    fn residual(&self, theta: &[f64]) -> Vec<f64> {
        let w = self.map.predictor(&[at(theta)]).swap_remove(0);
        w.iter().zip(&self.minimum).map(|(w, m)| w - m).collect()
    }
}

impl Loss for Quadratic<'_> {
    fn value(&self, theta: &[f64]) -> f64 {
        let r = self.residual(theta);
        let beside: f64 = r.windows(2).map(|pair| pair[0] * pair[1]).sum();
        0.5 * r.iter().map(|x| x * x).sum::<f64>() + self.beside * beside
    }

    fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        let r = self.residual(theta);
        let of = |i: usize| {
            let left = if i > 0 { r[i - 1] } else { 0.0 };
            r[i] + self.beside * (left + r.get(i + 1).copied().unwrap_or(0.0))
        };
        self.map.covector_gradients(&[at(theta)], &[(0..r.len()).map(of).collect()]).swap_remove(0)
    }
}

fn at(theta: &[f64]) -> Point {
    Point { theta: theta.to_vec(), draw: 0 }
}

fn nuts(draws: usize) -> CloudOptions {
    CloudOptions { points: draws, sampler: Sampler::Nuts }
}

fn lattice(points: usize) -> CloudOptions {
    CloudOptions { points, sampler: Sampler::Lattice }
}

fn matrix_product(n: usize, diagonal: &[f64]) -> (Case, Vec<f64>, Vec<f64>) {
    let case = Case::new(&format!("U = \"normal({n}, {n})\"\nV = \"normal({n}, {n})\""), "U @ V");
    let square = |root: bool| -> Vec<f64> {
        let at = |k: usize| if k.is_multiple_of(n + 1) { diagonal[k / (n + 1)] } else { 0.0 };
        (0..n * n).map(|k| if root { at(k).sqrt() } else { at(k) }).collect()
    };
    (case, [square(true), square(true)].concat(), square(false))
}

/// ∇ₓ of −L/τ − ½ log det(JJᵀ) at a point of a level against differences over lifts to both sides.
#[test]
fn the_gradient_of_the_density_is_that_of_lifted_differences() {
    let x = "[[1.0, 0.2, 0.1], [0.9, -0.3, 0.2], [1.1, 0.1, -0.3], [1.0, 0.3, 0.3]]";
    let cases = [
        // Charges that are not zero, as many coordinates as outputs.
        ("u = \"normal(3)\"\nv = \"normal(3)\"", "u * v".to_owned(), vec![1.4, 0.8, 1.1, 0.5, 0.9, 1.3], 3),
        (
            "U = \"normal(2, 2)\"\nV = \"normal(2, 2)\"",
            "U @ V".to_owned(),
            vec![1.3, 0.2, -0.1, 0.9, 1.2, 0.3, 0.1, 0.7],
            4,
        ),
        // Matrices of rank two: eight coordinates of nine outputs.
        (
            "U = \"normal(3, 2)\"\nV = \"normal(2, 3)\"",
            "U @ V".to_owned(),
            vec![1.3, 0.2, -0.1, 0.9, 0.4, 0.3, 1.2, 0.3, 0.1, -0.2, 0.7, 0.5],
            8,
        ),
        // Rotations only, and a unit with four outputs of rank three.
        ("A = \"normal(3, 3)\"", "A @ A.T".to_owned(), vec![1.5, 0.2, 0.1, 0.1, 1.1, -0.2, 0.3, 0.1, 0.8], 6),
        ("v = 1.0\nW = \"normal(3)\"", format!("v * relu({x} @ W)"), vec![1.1, 0.9, 0.1, 0.2], 3),
    ];
    for (param, predictor, start, coordinates) in cases {
        let case = Case::new(param, &predictor);
        let (level, lifted) = case.level(&start);
        assert_eq!(level.dimension(), coordinates, "{predictor}");
        let minimum: Vec<f64> =
            case.value(&start).iter().enumerate().map(|(i, w)| w + 0.1 * (i as f64).cos()).collect();
        let loss = case.quadratic(&minimum, 0.3);
        let density = HorizontalDensity { level: &level, loss: &loss, temperature: 0.1 };
        let found = density.gradient(&lifted).unwrap();
        let h = 1e-5;
        for (i, found) in found.iter().enumerate() {
            let side = |by: f64| {
                let mut x = lifted.coordinates.clone();
                x[i] += by;
                density.log(&level.lift(&lifted, &x).unwrap().expect("a near point"))
            };
            let expected = (side(h) - side(-h)) / (2.0 * h);
            assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{predictor}, {i}: {found}, {expected}");
        }
        // The same loss as a closure, whose gradient is by differences.
        let closure = |theta: &[f64]| loss.value(theta);
        let differences = HorizontalDensity { level: &level, loss: &closure, temperature: 0.1 };
        for (a, b) in found.iter().zip(differences.gradient(&lifted).unwrap()) {
            assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{predictor}: {a} against {b}");
        }
    }
}

const LAWS: [Law; 6] =
    [Law::Horizontal, Law::Rigid, Law::Conditioned, Law::Isotropic, Law::Uncorrected, Law::ConstraintGram];

#[test]
fn chains_and_lattices_agree_on_every_law() {
    let (case, start, minimum) = matrix_product(2, &[2.0, 1.2]);
    let (level, lifted) = case.level(&start);
    let loss = case.quadratic(&minimum, 0.0);
    let clouds = [lattice(8192), nuts(2400)].map(|o| Cloud::new(&level, &lifted, 0.04, &loss, o).unwrap());
    assert!(matches!(clouds[0].method, Method::Lattice { .. }));
    let Method::Nuts(report) = &clouds[1].method else { panic!("chains were asked for") };
    let loss_of: Vec<f64> = clouds[1].thetas().map(|theta| loss.value(theta)).collect();
    let draws = clouds[1].independent_draws(&loss_of).unwrap();
    assert!(clouds[0].independent_draws(&loss_of).is_none() && (500.0..=2400.0).contains(&draws), "{draws}");
    assert!(report.independent > 500.0 && report.r_hat < 1.02 && report.divergent < 0.01, "{report:?}");
    let sigma = |cloud: &Cloud, i: usize| -> Vec<f64> {
        let of = |theta: &[f64]| svdvals(&Matrix::from_row_major(2, 2, case.value(theta))).unwrap()[i];
        cloud.thetas().map(of).collect()
    };
    for i in 0..2 {
        let sigmas = [sigma(&clouds[0], i), sigma(&clouds[1], i)];
        for law in LAWS {
            for of in [|x: f64| x, f64::ln] {
                let [(a, first), (b, second)] = [0, 1].map(|k| {
                    let values: Vec<f64> = sigmas[k].iter().map(|x| of(*x)).collect();
                    clouds[k].weigh(law).unwrap().mean(&values)
                });
                assert!((a - b).abs() < 4.0 * first.hypot(second), "{law:?} {i}: {a} ± {first}, {b} ± {second}");
                // What 2,400 draws can know of a standard deviation of 0.2.
                assert!(second > 1e-3 && second < 2e-2, "{law:?} {i}: ± {second}");
            }
        }
    }
}

/// u∘v with a loss that is a sum over coordinates: each has the law of one, which quadrature knows.
#[test]
fn twelve_independent_coordinates_have_the_law_of_one() {
    let n = 12;
    let case = Case::new(&format!("u = \"normal({n})\"\nv = \"normal({n})\""), "u * v");
    let one = Case::new("u = \"normal(1)\"\nv = \"normal(1)\"", "u * v");
    let minimum: Vec<f64> = (0..n).map(|i| 0.7 + 0.1 * i as f64).collect();
    let root: Vec<f64> = minimum.iter().map(|m| m.sqrt()).collect();
    let (level, lifted) = case.level(&[root.clone(), root].concat());
    let cloud = Cloud::new(&level, &lifted, 0.02, &case.quadratic(&minimum, 0.0), nuts(800)).unwrap();
    let values: Vec<Vec<f64>> = cloud.thetas().map(|theta| case.value(theta)).collect();
    for law in [Law::Horizontal, Law::Uncorrected] {
        let weighted = cloud.weigh(law).unwrap();
        let mut scores = 0.0;
        for (i, m) in minimum.iter().enumerate() {
            let single = |theta: &[f64]| 0.5 * (theta[0] * theta[1] - m).powi(2);
            let trace = Trace::new(&one.map, 0.02, &[m.sqrt(); 2], &single, &LawOptions::default()).unwrap();
            let expected = trace.law(&one.symmetries, law, &|theta: &[f64]| theta[0] * theta[1]).unwrap();
            let (mean, error) = weighted.mean(&values.iter().map(|w| w[i]).collect::<Vec<f64>>());
            assert!((mean - expected.mean).abs() < 4.5 * error, "{law:?} {i}: {mean} ± {error}, {}", expected.mean);
            let squares: Vec<f64> = values.iter().map(|w| (w[i] - expected.mean).powi(2)).collect();
            let (variance, error) = weighted.mean(&squares);
            let std = expected.std;
            assert!((variance - std * std).abs() < 4.5 * error, "{law:?} {i}: {variance} ± {error}, {}", std * std);
            // Eight hundred draws know a variance to some seven per cent.
            assert!(error < 0.2 * std * std, "{law:?} {i}: ± {error}");
            scores +=
                ((mean - expected.mean) / weighted.mean(&values.iter().map(|w| w[i]).collect::<Vec<f64>>()).1).powi(2);
        }
        // Squares of Student's t of seven degrees have mean 1.4.
        let score = scores / n as f64;
        assert!((0.4..3.0).contains(&score), "{law:?}: {score}");
    }
}

#[test]
fn chains_do_not_depend_on_threads() {
    let (case, start, minimum) = matrix_product(2, &[2.0, 1.2]);
    let (level, lifted) = case.level(&start);
    let loss = case.quadratic(&minimum, 0.0);
    let thetas = |threads: usize| -> Vec<Vec<f64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let cloud = pool.install(|| Cloud::new(&level, &lifted, 0.04, &loss, nuts(800)).unwrap());
        cloud.thetas().map(<[f64]>::to_vec).collect()
    };
    let one = thetas(1);
    assert!(one.len() > 700, "{}", one.len());
    assert!(one == thetas(3), "the draws differ");
    // Chains are not copies of each other.
    assert!(one[0] != one[100]);
}

/// Two modes, 6.6 standard deviations apart with nine powers of e between them.
#[test]
fn chains_that_find_different_modes_are_refused() {
    let case = Case::new("u = \"normal(2)\"\nv = \"normal(2)\"", "u * v");
    let (level, lifted) = case.level(&[2.0, 1.7, 2.0, 1.7]);
    let loss = |theta: &[f64]| {
        let w = case.value(theta);
        let (x, y) = ((w[0] - 3.0) / 0.3, (w[1] - 3.0) / 0.3);
        0.5 * (x * x + y * y) + 10.0 * (-x * x / 0.32).exp()
    };
    let error = Cloud::new(&level, &lifted, 1.0, &loss, nuts(800)).err().expect("a refusal");
    assert!(matches!(error, GeometryError::ChainsDisagree { r_hat, .. } if r_hat > 1.05), "{error}");
    assert!(error.to_string().contains("several modes"), "{error}");
}

/// u∘v at a temperature whose noise reaches w = 0.
#[test]
fn a_border_in_reach_ends_chains_early() {
    let case = Case::new("u = \"normal(4)\"\nv = \"normal(4)\"", "u * v");
    let minimum = [1.0, 0.8, 1.2, 0.9];
    let start: Vec<f64> = minimum.iter().chain(&minimum).map(|m: &f64| m.sqrt()).collect();
    let (level, lifted) = case.level(&start);
    let loss = case.quadratic(&minimum, 0.0);
    let made = |sampler| Cloud::new(&level, &lifted, 2.0, &loss, CloudOptions { points: 4_096, sampler });
    let error = made(Sampler::Nuts).err().expect("a refusal");
    assert!(matches!(error, GeometryError::BorderInReach { draws: 100, divergent } if divergent > 0.5), "{error}");
    assert!(error.to_string().contains("border of the law's component"), "{error}");
}
