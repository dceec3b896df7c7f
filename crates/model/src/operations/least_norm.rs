//! The shortest solution of an underdetermined linear system.
//!
//! Gx = r is solved row by row: with the rows orthonormalised one after the other (modified Gram–Schmidt, twice), the solution so far
//! lies in the span of the earlier rows, and the next row fixes one more component,
//!
//! ```text
//! c_i = (r_i − g_i·x) / (g_i·q_i),   x ← x + c_i q_i
//! ```
//!
//! A row that depends on earlier ones, by a cut-off relative to its own norm, fixes nothing. It is how a step returns to a slice:
//! G the Jacobian of what is held, r how far off it is.

use pulp::Simd;

use super::project::{dot, lane_add, lane_dot, relative_cut};
use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Kind, Mismatch, Node};
use crate::lanes::{Real, Task};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// (r, p) matrix and (r,) vector → the (p,) vector of least norm that the matrix maps to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeastNorm;

impl Operation for LeastNorm {
    fn name(&self) -> &'static str {
        "least_norm"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("least_norm", inputs, 2)?;
        let (rows, vector) = (&inputs[0].shape, &inputs[1].shape);
        if rows.rank() != 2 || vector.rank() != 1 || rows.0[0] != vector.0[0] {
            return Err(Mismatch(format!("least_norm takes a matrix and a vector, found shapes {rows} and {vector}")));
        }
        Ok((Shape::from([rows.0[1]]), Kind::Real))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (rows, right) = (inputs[0], inputs[1]);
        let columns = rows.shape.0[1];
        let cut = relative_cut(f64::EPSILON, columns);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let mut solution = vec![0.0; columns];
        for (row, target) in rows.values.chunks_exact(columns.max(1)).zip(&right.values) {
            let missing = target - dot(row, &solution);
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
                // g·q is the norm of what is left of g.
                solution.iter_mut().zip(&rest).for_each(|(x, d)| *x += missing / norm * d / norm);
                basis.push(rest.iter().map(|x| x / norm).collect());
            }
        }
        Tensor::new([columns], solution)
    }
}

impl LaneKernel for LeastNorm {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        let columns = task.output.len();
        let mut basis = task.gathered(0);
        let right = task.gathered(1);
        task.clear();
        let cut = T::from_f64(relative_cut(T::EPSILON.to_f64(), columns).powi(2));
        for h in 0..T::vectors_per_chunk(simd) {
            for (row, target) in right.iter().enumerate() {
                let (earlier, rest) = basis.split_at_mut(row * columns);
                let current = &mut rest[..columns];
                let before = lane_dot(simd, current, current, h);
                let reached = lane_dot(simd, current, task.output, h);
                let missing = T::subtract(simd, T::vectors(simd, target)[h], reached);
                for _ in 0..if row > 0 { 2 } else { 0 } {
                    for direction in earlier.chunks_exact(columns) {
                        let along = lane_dot(simd, current, direction, h);
                        lane_add(simd, current, T::negate(simd, along), direction, h);
                    }
                }
                let after = lane_dot(simd, current, current, h);
                let inverse = T::divide(simd, T::splat(simd, T::ONE), T::sqrt(simd, after));
                let dependent = T::less_equal(simd, after, T::multiply(simd, T::splat(simd, cut), before));
                let factor = T::select(simd, dependent, T::splat(simd, T::ZERO), inverse);
                for chunk in current.iter_mut() {
                    let x = &mut T::vectors_mut(simd, chunk)[h];
                    *x = T::multiply(simd, *x, factor);
                }
                lane_add(simd, task.output, T::multiply(simd, missing, factor), current, h);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_is_the_shortest_one_and_dependent_rows_add_nothing() {
        // The third row is the sum of the first two, and so is its right side.
        let rows = Tensor::new([3, 3], vec![1.0, 0.0, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 1.0]);
        let solved = LeastNorm.value(&[&rows, &Tensor::new([3], vec![3.0, 4.0, 7.0])]);
        for (found, expected) in solved.values.iter().zip([1.5, 2.0, 1.5]) {
            assert!((found - expected).abs() < 1e-14, "{solved:?}");
        }
    }
}
