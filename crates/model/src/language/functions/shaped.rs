//! Functions that arrange elements.

use super::super::call::{Call, CallError};
use super::Declaration;
use crate::graph::NodeId;
use crate::operations::{Concatenate, Gather, Reshape};
use crate::shape::Shape;
use crate::tensor::Tensor;

pub(super) const TABLE: &[Declaration] = &[
    Declaration {
        signature: "outer(a, b)",
        summary: "the products of every element of one vector with every element of another",
        parameters: &["a", "b"],
        required: 2,
        variadic: false,
        build: outer,
    },
    Declaration {
        signature: "concat(axis, a, b, ...)",
        summary: "tensors one after the other along an axis",
        parameters: &["axis", "tensors"],
        required: 2,
        variadic: true,
        build: |call| {
            let parts = call.nodes_from(1)?;
            let axis = call.axis(0, 0, parts[0])?;
            Ok(call.graph.apply(Concatenate { axis }, &parts)?)
        },
    },
    Declaration {
        signature: "reshape(x, sizes...)",
        summary: "the same elements in another shape; one size may be -1",
        parameters: &["x", "sizes"],
        required: 1,
        variadic: true,
        build: reshape,
    },
    Declaration {
        signature: "transpose(x, axes...)",
        summary: "axes in another order; without an order, reversed",
        parameters: &["x", "axes"],
        required: 1,
        variadic: true,
        build: transpose,
    },
    Declaration {
        signature: "diag(x)",
        summary: "the diagonal matrix of a vector, or the diagonal of a matrix",
        parameters: &["x"],
        required: 1,
        variadic: false,
        build: diag,
    },
];

fn outer(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let (a, b) = (call.node(0)?, call.node(1)?);
    let sizes = (call.graph.shape(a).count(), call.graph.shape(b).count());
    let column = call.graph.reshape(a, &Shape::from([sizes.0, 1]));
    let row = call.graph.reshape(b, &Shape::from([1, sizes.1]));
    Ok(call.graph.matmul(column, row)?)
}

fn integers_from(call: &Call<'_>, parameter: usize) -> Result<Vec<i64>, CallError> {
    let lists = (parameter..call.values.len()).map(|at| Ok(call.integers(at)?.unwrap_or_default()));
    Ok(lists.collect::<Result<Vec<_>, CallError>>()?.concat())
}

fn reshape(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let sizes = integers_from(call, 1)?;
    let count = call.graph.shape(x).count();
    let known: usize = sizes.iter().filter(|&&size| size >= 0).map(|&size| size as usize).product();
    let sizes = sizes
        .iter()
        .map(|&size| match size {
            -1 if known > 0 && count.is_multiple_of(known) => Ok(count / known),
            0.. => Ok(size as usize),
            _ => Err(CallError::new(format!("{count} elements do not fit into sizes {sizes:?}"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(call.graph.apply(Reshape { shape: Shape(sizes) }, &[x])?)
}

fn transpose(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let rank = call.graph.shape(x).rank();
    let order = integers_from(call, 1)?;
    let permutation = match order.is_empty() {
        true => (0..rank).rev().collect(),
        false => order.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect(),
    };
    Ok(call.graph.apply(crate::operations::Transpose { permutation }, &[x])?)
}

fn diag(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    match call.graph.shape(x).0.as_slice() {
        &[size] => {
            let eye = (0..size * size).map(|at| f64::from(u8::from(at / size == at % size))).collect();
            let eye = call.graph.constant(Tensor::new([size, size], eye), crate::graph::Kind::Real);
            Ok(call.graph.multiply(x, eye))
        }
        &[rows, columns] => {
            let flat = call.graph.reshape(x, &Shape::from([rows * columns]));
            let places = (0..rows.min(columns)).map(|at| (at * columns + at) as f64).collect();
            let places = super::super::call::constant_list(call.graph, places, crate::graph::Kind::Integer);
            Ok(call.graph.apply(Gather { axis: 0 }, &[flat, places])?)
        }
        other => Err(CallError::about(0, format!("a vector or a matrix was expected, found {} axes", other.len()))),
    }
}
