//! The flow of a Hadamard product, integrated by small steps, against where its charges say that it is.

use gaugebias_geometry::GeometryError;
use gaugebias_geometry::flow::{HadamardFlow, nearest_euclidean};
use gaugebias_linalg::Matrix;

/// A fixed stream of numbers between −1 and 1.
struct Uniforms(u64);

impl Uniforms {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    }

    fn vector(&mut self, size: usize, scale: f64) -> Vec<f64> {
        (0..size).map(|_| scale * self.draw()).collect()
    }
}

fn products(u: &[f64], v: &[f64]) -> Vec<f64> {
    u.iter().zip(v).map(|(u, v)| u * v).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Gradient descent with a small step on (1/4) Σ (Xuv − y)⁴, which is no quadratic loss: the prediction does not need one.
fn descend(design: &Matrix, y: &[f64], u: &mut [f64], v: &mut [f64], steps: usize) {
    for _ in 0..steps {
        let seen = design.mul_vec(&products(u, v));
        let slopes: Vec<f64> = seen.iter().zip(y).map(|(seen, y)| (seen - y).powi(3)).collect();
        let gradient = design.transpose_mul_vec(&slopes);
        for ((u, v), g) in u.iter_mut().zip(v.iter_mut()).zip(&gradient) {
            (*u, *v) = (*u - 1e-4 * g * *v, *v - 1e-4 * g * *u);
        }
    }
}

#[test]
fn gradient_flow_is_where_its_charges_say() {
    let mut uniforms = Uniforms(5);
    for scale in [0.02, 0.3, 1.0] {
        let (mut u, mut v) = (uniforms.vector(6, scale), uniforms.vector(6, scale));
        let design = Matrix::from_row_major(2, 6, uniforms.vector(12, 1.0));
        let y = uniforms.vector(2, 2.0);
        let charges: Vec<f64> = u.iter().zip(&v).map(|(u, v)| 0.5 * (u * u - v * v)).collect();
        let start = products(&u, &v);
        let flow = HadamardFlow::new(&charges, &start).expect("charges that do not vanish");
        descend(&design, &y, &mut u, &mut v, 100_000);
        let found = products(&u, &v);
        assert!(distance(&found, &start) > 0.3, "it has moved: {found:?}");
        // At any time, not only at the end: the data are seen as far as the flow has got.
        let predicted = flow.nearest(&design, &design.mul_vec(&found)).expect("a prediction");
        let (error, size) = (distance(&found, &predicted), distance(&found, &[0.0; 6]));
        assert!(error < 2e-4 * size, "scale {scale}: {error:.1e} of {size}");
        let euclidean = nearest_euclidean(&start, &design, &design.mul_vec(&found)).expect("least squares");
        assert!(distance(&found, &euclidean) > 100.0 * error, "scale {scale}: the Euclidean one is as near");
    }
}

/// Of all w with the same Xw, the predicted one has the least Bregman distance from the start.
#[test]
fn the_prediction_is_nearest_in_the_potential() {
    let mut uniforms = Uniforms(8);
    let (charges, start) = (uniforms.vector(5, 0.1), uniforms.vector(5, 0.1));
    let design = Matrix::from_row_major(2, 5, uniforms.vector(10, 1.0));
    let flow = HadamardFlow::new(&charges, &start).expect("charges that do not vanish");
    let seen = [0.7, -0.4];
    let predicted = flow.nearest(&design, &seen).expect("a prediction");
    assert!(distance(&design.mul_vec(&predicted), &seen) < 1e-9);
    let slope: Vec<f64> = start.iter().zip(&charges).map(|(w, q)| 0.5 * (w / q.abs()).asinh()).collect();
    let bregman = |w: &[f64]| flow.potential(w) - slope.iter().zip(w).map(|(z, w)| z * w).sum::<f64>();
    for _ in 0..20 {
        let other = nearest_euclidean(&uniforms.vector(5, 2.0), &design, &seen).expect("least squares");
        assert!(bregman(&other) > bregman(&predicted), "{other:?}");
    }
}

#[test]
fn what_has_no_flow_is_refused() {
    let design = Matrix::from_row_major(1, 2, vec![1.0, 1.0]);
    assert_eq!(HadamardFlow::new(&[0.1, 0.0], &[0.0, 0.0]), Err(GeometryError::VanishingCharge { at: 1 }));
    assert!(matches!(HadamardFlow::new(&[0.1], &[0.0, 0.0]), Err(GeometryError::WrongLength { .. })));
    assert!(matches!(HadamardFlow::new(&[0.1], &[f64::NAN]), Err(GeometryError::NotFinite { .. })));
    let flow = HadamardFlow::new(&[0.1, 0.2], &[0.0, 0.0]).expect("charges that do not vanish");
    assert!(matches!(flow.nearest(&design, &[1.0, 2.0]), Err(GeometryError::WrongLength { found: 2, expected: 1 })));
    let twice = Matrix::from_row_major(2, 2, vec![1.0, 1.0, 1.0, 1.0]);
    let error = flow.nearest(&twice, &[1.0, 2.0]).expect_err("no w is seen as 1 and as 2");
    assert!(error.to_string().contains("no w"), "{error}");
}
