//! Decompositions of matrices, for data, initial values and observables. They have no derivative here.

use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Kind, Mismatch, Node};
use crate::shape::Shape;
use crate::tensor::Tensor;
use gaugebias_linalg::{Matrix, det, eigvalsh, inv, qr, svdvals};

/// What is computed of every matrix of a stack (…, n, m). Where a matrix holds a NaN, or has no inverse, the result is
/// NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decomposition {
    /// The orthonormal factor Q of QR with a diagonal of R that is not negative: (n, min(n, m)).
    Orthonormal,
    /// Singular values, descending: (min(n, m),).
    SingularValues,
    /// Eigenvalues of a symmetric matrix, of which the lower triangle is read, ascending: (n,).
    SymmetricEigenvalues,
    /// The determinant: ().
    Determinant,
    /// The inverse: (n, n).
    Inverse,
}

impl Decomposition {
    /// Sizes of the result for one (n, m) matrix.
    fn sizes(self, n: usize, m: usize) -> Vec<usize> {
        match self {
            Self::Orthonormal => vec![n, n.min(m)],
            Self::SingularValues => vec![n.min(m)],
            Self::SymmetricEigenvalues => vec![n],
            Self::Determinant => Vec::new(),
            Self::Inverse => vec![n, n],
        }
    }

    fn of(self, matrix: &Matrix) -> Option<Vec<f64>> {
        Some(match self {
            Self::Orthonormal => qr(matrix).ok()?.q.into_data(),
            Self::SingularValues => svdvals(matrix).ok()?,
            Self::SymmetricEigenvalues => eigvalsh(matrix).ok()?,
            Self::Determinant => vec![det(matrix).ok()?],
            Self::Inverse => inv(matrix).ok()?.into_data(),
        })
    }
}

impl Operation for Decomposition {
    fn name(&self) -> &'static str {
        match self {
            Self::Orthonormal => "qr",
            Self::SingularValues => "svdvals",
            Self::SymmetricEigenvalues => "eigvalsh",
            Self::Determinant => "det",
            Self::Inverse => "inv",
        }
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs(self.name(), inputs, 1)?;
        let shape = &inputs[0].shape;
        let [lead @ .., n, m] = shape.0.as_slice() else {
            return Err(Mismatch(format!("{} takes a matrix, found shape {shape}", self.name())));
        };
        let square = !matches!(self, Self::Orthonormal | Self::SingularValues);
        if square && n != m {
            return Err(Mismatch(format!("{} takes a square matrix, found shape {shape}", self.name())));
        }
        Ok((Shape([lead, &self.sizes(*n, *m)].concat()), Kind::Real))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let shape = &inputs[0].shape;
        let (lead, last) = shape.0.split_at(shape.rank() - 2);
        let (n, m) = (last[0], last[1]);
        let sizes = self.sizes(n, m);
        let count = sizes.iter().product();
        let stack: usize = lead.iter().product();
        let mut values = Vec::with_capacity(stack * count);
        for item in 0..stack {
            let entries = inputs[0].values[item * n * m..(item + 1) * n * m].to_vec();
            let result = self.of(&Matrix::from_row_major(n, m, entries));
            values.extend(result.unwrap_or_else(|| vec![f64::NAN; count]));
        }
        Tensor::new(Shape([lead, &sizes].concat()), values)
    }
}

impl LaneKernel for Decomposition {}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(what: Decomposition, sizes: [usize; 2], values: &[f64]) -> Vec<f64> {
        what.value(&[&Tensor::new(sizes, values.to_vec())]).values
    }

    #[test]
    fn decompositions_of_small_matrices() {
        assert_eq!(run(Decomposition::Determinant, [2, 2], &[3.0, 1.0, 2.0, 4.0]), [10.0]);
        let inverse = run(Decomposition::Inverse, [2, 2], &[3.0, 1.0, 2.0, 4.0]);
        inverse.iter().zip([0.4, -0.1, -0.2, 0.3]).for_each(|(x, y)| assert!((x - y).abs() < 1e-15, "{inverse:?}"));
        let values = run(Decomposition::SingularValues, [2, 3], &[0.0, 3.0, 0.0, -4.0, 0.0, 0.0]);
        values.iter().zip([4.0, 3.0]).for_each(|(x, y)| assert!((x - y).abs() < 1e-14, "{values:?}"));
        let values = run(Decomposition::SymmetricEigenvalues, [2, 2], &[2.0, 1.0, 1.0, 2.0]);
        values.iter().zip([1.0, 3.0]).for_each(|(x, y)| assert!((x - y).abs() < 1e-14, "{values:?}"));
        let q = run(Decomposition::Orthonormal, [2, 1], &[-3.0, 4.0]);
        q.iter().zip([-0.6, 0.8]).for_each(|(x, y)| assert!((x - y).abs() < 1e-15, "R is positive: {q:?}"));
        assert!(run(Decomposition::Inverse, [2, 2], &[1.0, 2.0, 2.0, 4.0]).iter().all(|x| x.is_nan()));
    }
}
