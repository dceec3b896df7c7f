//! A map whose Jacobian has rows of one length, for the search of symmetries in high powers.

use gaugebias_linalg::Matrix;
use gaugebias_model::{ParameterTensor, Parametrization, Point, SpecParametrization};

/// A sum of d terms below this share of d times their sizes is rounding, of the sum and of the terms.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// F with the rows of T J in the place of those of J, each divided by its norm. That is a product of J with an invertible matrix from the left, so that
/// Jξ = 0 has the same solutions ξ; and rows of T J see one coordinate each, where those of J see many.
pub(super) struct Equalised<'a> {
    pub map: &'a SpecParametrization,
    /// T, d × d.
    pub operator: Matrix,
}

impl Parametrization for Equalised<'_> {
    fn tensors(&self) -> &[ParameterTensor] {
        self.map.tensors()
    }

    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>> {
        self.map.predictor(points)
    }

    fn predictor_shape(&self) -> Vec<usize> {
        self.map.predictor_shape()
    }

    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>> {
        let (d, p) = (self.operator.rows(), self.parameter_count());
        let size = |matrix: &Matrix| Matrix::from_fn(matrix.rows(), matrix.columns(), |i, j| matrix[(i, j)].abs());
        let sizes = size(&self.operator);
        let equal = |entries: Vec<f64>| {
            let jacobian = Matrix::from_row_major(d, p, entries);
            let terms = sizes.matmul(&size(&jacobian)).into_data();
            let mut rows = self.operator.matmul(&jacobian).into_data();
            // What is left of terms that cancel is rounding: in a short row it would be taken for dependence on other coordinates.
            rows.iter_mut()
                .zip(terms)
                .filter(|(x, terms)| x.abs() <= ROUNDING * d as f64 * terms)
                .for_each(|(x, _)| *x = 0.0);
            for row in rows.chunks_exact_mut(p) {
                // By the largest entry first: squares of small ones would vanish.
                let largest = row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                let norm = largest * row.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
                if norm > 0.0 && norm.is_finite() {
                    row.iter_mut().for_each(|x| *x /= norm);
                }
            }
            rows
        };
        self.map.jacobian(points).into_iter().map(equal).collect()
    }
}
