//! Decompositions of matrices, for data, initial values and observables.

use super::super::call::{Call, CallError};
use super::{Allowed, Declaration, Table};
use crate::graph::NodeId;
use crate::operations::Decomposition;

pub(super) const TABLE: Table = Table {
    title: "Decompositions, of stacks of matrices one by one",
    allowed: Allowed::Unlearned,
    declarations: &[
        Declaration {
            signature: "qr(x)",
            summary: "the orthonormal factor Q of x = QR, where the diagonal of R is not negative",
            shapes: "(…, n, min(n, m)) of (…, n, m)",
            derivative: "none",
            accuracy: "backward stable, in f64",
            build: |call| decompose(call, Decomposition::Orthonormal),
        },
        Declaration {
            signature: "svdvals(x)",
            summary: "the singular values of a matrix, descending",
            shapes: "(…, min(n, m)) of (…, n, m)",
            derivative: "none",
            accuracy: "backward stable, in f64",
            build: |call| decompose(call, Decomposition::SingularValues),
        },
        Declaration {
            signature: "eigvalsh(x)",
            summary: "the eigenvalues of a symmetric matrix, ascending; its lower triangle is read",
            shapes: "(…, n) of (…, n, n)",
            derivative: "none",
            accuracy: "backward stable, in f64",
            build: |call| decompose(call, Decomposition::SymmetricEigenvalues),
        },
        Declaration {
            signature: "det(x)",
            summary: "the determinant of a square matrix",
            shapes: "(…) of (…, n, n)",
            derivative: "none",
            accuracy: "backward stable, in f64",
            build: |call| decompose(call, Decomposition::Determinant),
        },
        Declaration {
            signature: "inv(x)",
            summary: "the inverse of a square matrix; NaN where it has none",
            shapes: "(…, n, n) of (…, n, n)",
            derivative: "none",
            accuracy: "backward stable, in f64; NaN at a condition beyond 1e15",
            build: |call| decompose(call, Decomposition::Inverse),
        },
    ],
};

fn decompose(call: &mut Call<'_>, what: Decomposition) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    Ok(call.graph.apply(what, &[x])?)
}
