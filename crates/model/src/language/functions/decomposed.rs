//! Decompositions of matrices, for data, initial values and observables.

use super::super::call::{Call, CallError};
use super::{Declaration, Section};
use crate::graph::NodeId;
use crate::operations::Decomposition;

const MATRIX: &[&str] = &["x"];

pub(super) const TABLE: &[Declaration] = &[
    Declaration {
        signature: "qr(x)",
        summary: "the orthonormal factor Q of x = QR, where the diagonal of R is not negative",
        parameters: MATRIX,
        required: 1,
        variadic: false,
        build: |call| decompose(call, Decomposition::Orthonormal),
    },
    Declaration {
        signature: "svdvals(x)",
        summary: "the singular values of a matrix, descending",
        parameters: MATRIX,
        required: 1,
        variadic: false,
        build: |call| decompose(call, Decomposition::SingularValues),
    },
    Declaration {
        signature: "eigvalsh(x)",
        summary: "the eigenvalues of a symmetric matrix, ascending; its lower triangle is read",
        parameters: MATRIX,
        required: 1,
        variadic: false,
        build: |call| decompose(call, Decomposition::SymmetricEigenvalues),
    },
    Declaration {
        signature: "det(x)",
        summary: "the determinant of a square matrix",
        parameters: MATRIX,
        required: 1,
        variadic: false,
        build: |call| decompose(call, Decomposition::Determinant),
    },
    Declaration {
        signature: "inv(x)",
        summary: "the inverse of a square matrix; NaN where it has none",
        parameters: MATRIX,
        required: 1,
        variadic: false,
        build: |call| decompose(call, Decomposition::Inverse),
    },
];

fn decompose(call: &mut Call<'_>, what: Decomposition) -> Result<NodeId, CallError> {
    if !matches!(call.section, Section::Data | Section::Param | Section::Log) {
        let name = call.section.name();
        return Err(CallError::new(format!("decompositions have no derivative, so they cannot stand in [{name}]"))
            .help("they belong to [data], [param] and [log]"));
    }
    let x = call.node(0)?;
    Ok(call.graph.apply(what, &[x])?)
}
