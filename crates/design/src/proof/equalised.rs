//! A map whose Jacobian has rows of one length, for the search of symmetries in high powers.

use gaugebias_linalg::Matrix;
use gaugebias_model::{ParameterTensor, Parametrization, Point, SpecParametrization};

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
        let equal = |entries: Vec<f64>| {
            let mut rows = self.operator.matmul(&Matrix::from_row_major(d, p, entries)).into_data();
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
