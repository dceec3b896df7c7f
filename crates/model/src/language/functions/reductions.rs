//! Sums, means, extremes and norms over axes, and running sums and differences along one.

use super::super::call::{Call, CallError};
use super::Declaration;
use crate::graph::NodeId;
use crate::operations::{CumulativeSum, MaximumOver, Slice, Unary};

const OVER_AXES: &[&str] = &["x", "axis"];

pub(super) const TABLE: &[Declaration] = &[
    Declaration {
        signature: "sum(x, axis=None)",
        summary: "the sum, over all or some axes",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let axes = call.axes(1, x)?;
            Ok(call.graph.sum_over(x, axes))
        },
    },
    Declaration {
        signature: "mean(x, axis=None)",
        summary: "the mean, over all or some axes",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: mean,
    },
    Declaration {
        signature: "max(x, axis=None)",
        summary: "the largest element, over all or some axes",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            extreme(call, x)
        },
    },
    Declaration {
        signature: "min(x, axis=None)",
        summary: "the smallest element, over all or some axes",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let negated = call.graph.negate(x);
            let largest = extreme(call, negated)?;
            Ok(call.graph.negate(largest))
        },
    },
    Declaration {
        signature: "norm(x, axis=None)",
        summary: "the Euclidean norm, over all or some axes",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let axes = call.axes(1, x)?;
            let square = call.graph.multiply(x, x);
            let total = call.graph.sum_over(square, axes);
            Ok(call.graph.unary(Unary::SQRT, total))
        },
    },
    Declaration {
        signature: "cumsum(x, axis=0)",
        summary: "running sums along an axis",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let axis = call.axis(1, 0, x)?;
            Ok(call.graph.apply(CumulativeSum { axis, reverse: false }, &[x])?)
        },
    },
    Declaration {
        signature: "diff(x, axis=-1)",
        summary: "differences of neighbours along an axis",
        parameters: OVER_AXES,
        required: 1,
        variadic: false,
        build: diff,
    },
];

fn mean(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let axes = call.axes(1, x)?;
    let shape = call.graph.shape(x);
    let count: usize = axes.iter().map(|&axis| shape.0[axis]).product();
    if count == 0 {
        return Err(CallError::about(0, format!("the mean of no elements (shape {shape})")));
    }
    let sum = call.graph.sum_over(x, axes);
    Ok(call.graph.scale(1.0 / count as f64, sum))
}

fn extreme(call: &mut Call<'_>, x: NodeId) -> Result<NodeId, CallError> {
    let axes = call.axes(1, x)?;
    if axes.is_empty() {
        return Ok(x);
    }
    Ok(call.graph.apply(MaximumOver { axes, shift: false }, &[x])?)
}

fn diff(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let axis = call.axis(1, -1, x)?;
    let shape = call.graph.shape(x).clone();
    let Some(size) = shape.0[axis].checked_sub(1) else {
        return Err(CallError::about(0, format!("shape {shape} has no neighbours along axis {axis}")));
    };
    let later = call.graph.apply(Slice::along(&shape, axis, 1, size), &[x])?;
    let earlier = call.graph.apply(Slice::along(&shape, axis, 0, size), &[x])?;
    Ok(call.graph.subtract(later, earlier))
}
