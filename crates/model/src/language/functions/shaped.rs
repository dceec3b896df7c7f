//! Functions that arrange elements.

use super::super::call::{Call, CallError};
use super::{Allowed, Declaration, Table};
use crate::graph::{Kind, NodeId};
use crate::operations::{Concatenate, Gather, Reshape, Transpose};
use crate::shape::Shape;
use crate::tensor::Tensor;

const EXACT: &str = "exact";

pub(super) const TABLE: Table = Table {
    title: "Shapes",
    allowed: Allowed::Everywhere,
    declarations: &[
        Declaration {
            signature: "outer(a, b)",
            summary: "the products of every element of one vector with every element of another",
            shapes: "(n, m) of n and m elements",
            derivative: "yes",
            accuracy: "one rounding each",
            build: outer,
        },
        Declaration {
            signature: "concat(tensors, axis=0)",
            summary: "tensors one after the other along an axis, as in concat([a, b])",
            shapes: "equal except along the axis, where sizes add up",
            derivative: "yes",
            accuracy: EXACT,
            build: |call| {
                let parts = call.list(0)?;
                let axis = call.axis(1, 0, parts[0])?;
                Ok(call.graph.apply(Concatenate { axis }, &parts)?)
            },
        },
        Declaration {
            signature: "reshape(x, shape...)",
            summary: "the same elements in another shape; one size may be -1",
            shapes: "the given one, of as many elements",
            derivative: "yes",
            accuracy: EXACT,
            build: reshape,
        },
        Declaration {
            signature: "transpose(x, axes...)",
            summary: "axes in another order; without an order, reversed",
            shapes: "that of x in the new order",
            derivative: "yes",
            accuracy: EXACT,
            build: transpose,
        },
        Declaration {
            signature: "diag(x, k=0)",
            summary: "the matrix with a vector on its k-th diagonal, or the k-th diagonal of a matrix",
            shapes: "(n + |k|, n + |k|) of n elements; of a matrix, a vector",
            derivative: "yes",
            accuracy: EXACT,
            build: diag,
        },
    ],
};

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
    let misfit = || CallError::new(format!("{count} elements do not fit into sizes {sizes:?}"));
    let open = sizes.iter().filter(|&&size| size == -1).count();
    let known = sizes
        .iter()
        .filter(|&&size| size != -1)
        .try_fold(1usize, |product, &size| usize::try_from(size).ok().and_then(|size| product.checked_mul(size)));
    let known = known.filter(|_| open <= 1).ok_or_else(misfit)?;
    let missing = match open {
        0 => None,
        _ if known > 0 && count.is_multiple_of(known) => Some(count / known),
        _ => return Err(misfit()),
    };
    if missing.is_none() && known != count {
        return Err(misfit());
    }
    let sizes = sizes.iter().map(|&size| if size == -1 { missing.unwrap_or(0) } else { size as usize }).collect();
    Ok(call.graph.apply(Reshape { shape: Shape(sizes) }, &[x])?)
}

fn transpose(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let rank = call.graph.shape(x).rank();
    let order = integers_from(call, 1)?;
    let permutation = match order.is_empty() {
        true => (0..rank).rev().collect(),
        false => order.iter().map(|&axis| call.resolve_axis(1, axis, rank)).collect::<Result<_, _>>()?,
    };
    Ok(call.graph.apply(Transpose { permutation }, &[x])?)
}

fn diag(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let k = call.integer(1)?.unwrap_or(0);
    let shift = usize::try_from(k.unsigned_abs()).ok().filter(|&shift| shift <= 1 << 26);
    let shift = shift.ok_or_else(|| CallError::about(1, format!("there is no diagonal {k}")))?;
    match call.graph.shape(x).0.as_slice() {
        &[size] => matrix_of_diagonal(call, x, size, shift, k > 0),
        &[rows, columns] => {
            let (row, column) = if k > 0 { (0, shift) } else { (shift, 0) };
            let count = rows.saturating_sub(row).min(columns.saturating_sub(column));
            let flat = call.graph.reshape(x, &Shape::from([rows * columns]));
            let places = (0..count).map(|at| ((row + at) * columns + column + at) as f64).collect();
            let places = super::super::call::constant_list(call.graph, places, Kind::Integer);
            Ok(call.graph.apply(Gather { axis: 0 }, &[flat, places])?)
        }
        other => Err(CallError::about(0, format!("a vector or a matrix was expected, found {} axes", other.len()))),
    }
}

/// A vector on a diagonal, `shift` above the main one or below it.
fn matrix_of_diagonal(
    call: &mut Call<'_>,
    x: NodeId,
    size: usize,
    shift: usize,
    above: bool,
) -> Result<NodeId, CallError> {
    let side = size + shift;
    call.check_room(0, &Shape::from([side, side]))?;
    let unit = |at: usize| f64::from(u8::from(at % side == at / side + if above { shift } else { 0 }));
    // Whole numbers stay whole numbers.
    let kind = call.graph.kind(x).max(Kind::Integer);
    let places = call.graph.constant(Tensor::new([size, side], (0..size * side).map(unit).collect()), kind);
    let column = call.graph.reshape(x, &Shape::from([size, 1]));
    let rows = call.graph.multiply(column, places);
    if shift == 0 {
        return Ok(rows);
    }
    let empty = call.graph.constant(Tensor::new([shift, side], vec![0.0; shift * side]), kind);
    let parts = if above { [rows, empty] } else { [empty, rows] };
    Ok(call.graph.apply(Concatenate { axis: 0 }, &parts)?)
}
