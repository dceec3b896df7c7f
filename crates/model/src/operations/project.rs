//! Orthogonal projection onto a row space.
//!
//! The horizontal space at θ is the row space of the predictor's Jacobian J; the projector Jᵀ(JJᵀ)⁺J is applied
//! through an orthonormal basis of the rows (modified Gram–Schmidt, each row orthogonalised twice), because JJᵀ is
//! singular wherever the predictor has more coordinates than rank. Rows that depend on earlier ones are dropped by a
//! cut-off relative to their own norm.

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Kind, Mismatch, Node};
use crate::lanes::{Chunk, Real, Task};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// (r, p) matrix and (p,) vector → the vector's projection onto the span of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Project;

/// A row whose norm falls below this multiple of what it was, once the earlier rows are taken out, depends on them.
pub(super) fn relative_cut(epsilon: f64, columns: usize) -> f64 {
    64.0 * epsilon * (columns as f64).sqrt()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Operation for Project {
    fn name(&self) -> &'static str {
        "project"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("project", inputs, 2)?;
        let (rows, vector) = (&inputs[0].shape, &inputs[1].shape);
        if rows.rank() != 2 || vector.rank() != 1 || rows.0[1] != vector.0[0] {
            return Err(Mismatch(format!("project takes a matrix and a vector, found shapes {rows} and {vector}")));
        }
        Ok((vector.clone(), Kind::Real))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (rows, vector) = (inputs[0], inputs[1]);
        let columns = vector.values.len();
        let cut = relative_cut(f64::EPSILON, columns);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for row in rows.values.chunks_exact(columns.max(1)) {
            let mut rest = row.to_vec();
            for _ in 0..2 {
                for direction in &basis {
                    let along = dot(&rest, direction);
                    rest.iter_mut().zip(direction).for_each(|(x, d)| *x -= along * d);
                }
            }
            let norm = dot(&rest, &rest).sqrt();
            // A NaN is kept, so that it shows.
            if norm.is_nan() || norm > cut * dot(row, row).sqrt() {
                basis.push(rest.iter().map(|x| x / norm).collect());
            }
        }
        let mut result = vec![0.0; columns];
        for direction in &basis {
            let along = dot(&vector.values, direction);
            result.iter_mut().zip(direction).for_each(|(x, d)| *x += along * d);
        }
        Tensor::new([columns], result)
    }
}

/// Σ aᵢbᵢ over chunks, for the h-th vector of each chunk: two sums, since each waits for its last product.
#[inline(always)]
pub(super) fn lane_dot<T: Real, S: Simd>(simd: S, a: &[Chunk<T>], b: &[Chunk<T>], h: usize) -> T::Vector<S> {
    let zero = T::splat(simd, T::ZERO);
    let (mut even, mut odd) = (zero, zero);
    let product =
        |a: &Chunk<T>, b: &Chunk<T>, sum| T::multiply_add(simd, T::vectors(simd, a)[h], T::vectors(simd, b)[h], sum);
    let mut pairs = a.chunks_exact(2).zip(b.chunks_exact(2));
    for (a, b) in &mut pairs {
        even = product(&a[0], &b[0], even);
        odd = product(&a[1], &b[1], odd);
    }
    if let ([.., a], [.., b], true) = (a, b, a.len() % 2 == 1) {
        even = product(a, b, even);
    }
    T::add(simd, even, odd)
}

/// target += factor · direction, for the h-th vector of each chunk.
#[inline(always)]
pub(super) fn lane_add<T: Real, S: Simd>(
    simd: S,
    target: &mut [Chunk<T>],
    factor: T::Vector<S>,
    direction: &[Chunk<T>],
    h: usize,
) {
    for (target, direction) in target.iter_mut().zip(direction) {
        let target = &mut T::vectors_mut(simd, target)[h];
        *target = T::multiply_add(simd, factor, T::vectors(simd, direction)[h], *target);
    }
}

impl LaneKernel for Project {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        let columns = task.output.len();
        let rows = task.inputs[0].view.shape.0[0];
        let mut basis = task.gathered(0);
        let vector = task.gathered(1);
        task.clear();
        let cut = T::from_f64(relative_cut(T::EPSILON.to_f64(), columns).powi(2));
        for h in 0..T::vectors_per_chunk(simd) {
            for row in 0..rows {
                let (earlier, rest) = basis.split_at_mut(row * columns);
                let current = &mut rest[..columns];
                let before = lane_dot(simd, current, current, h);
                for _ in 0..if row > 0 { 2 } else { 0 } {
                    for direction in earlier.chunks_exact(columns) {
                        let along = lane_dot(simd, current, direction, h);
                        lane_add(simd, current, T::negate(simd, along), direction, h);
                    }
                }
                let after = lane_dot(simd, current, current, h);
                let one = T::splat(simd, T::ONE);
                let inverse = T::divide(simd, one, T::sqrt(simd, after));
                let dependent = T::less_equal(simd, after, T::multiply(simd, T::splat(simd, cut), before));
                let factor = T::select(simd, dependent, T::splat(simd, T::ZERO), inverse);
                for chunk in current.iter_mut() {
                    let x = &mut T::vectors_mut(simd, chunk)[h];
                    *x = T::multiply(simd, *x, factor);
                }
                let along = lane_dot(simd, &vector, current, h);
                lane_add(simd, task.output, along, current, h);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projection_onto_dependent_rows_is_the_projection_onto_their_span() {
        // The third row is the sum of the first two, the last is zero.
        let rows = Tensor::new([4, 3], vec![1.0, 0.0, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0]);
        let projected = Project.value(&[&rows, &Tensor::new([3], vec![1.0, 5.0, 0.0])]);
        for (found, expected) in projected.values.iter().zip([0.5, 5.0, 0.5]) {
            assert!((found - expected).abs() < 1e-14, "{projected:?}");
        }
    }
}
