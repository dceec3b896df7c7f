//! Sums, means, extremes and norms over axes, and running sums and differences along one.

use super::super::call::{Call, CallError};
use super::{Allowed, Declaration, Table};
use crate::graph::NodeId;
use crate::operations::{CumulativeSum, MaximumOver, Slice, Unary};
use crate::shape::Shape;

const REDUCED: &str = "the axes vanish; with keepdims=True they stay, of size 1";

pub(super) const TABLE: Table = Table {
    title: "Over axes",
    allowed: Allowed::Everywhere,
    declarations: &[
        Declaration {
            signature: "sum(x, axis=None, *, keepdims=False)",
            summary: "the sum, over all or some axes",
            shapes: REDUCED,
            derivative: "yes",
            accuracy: "rounding of each addition, in the order of the elements",
            build: |call| reduce(call, |call, x, axes| Ok(call.graph.sum_over(x, axes))),
        },
        Declaration {
            signature: "mean(x, axis=None, *, keepdims=False)",
            summary: "the mean, over all or some axes",
            shapes: REDUCED,
            derivative: "yes",
            accuracy: "as `sum`",
            build: |call| reduce(call, mean),
        },
        Declaration {
            signature: "max(x, axis=None, *, keepdims=False)",
            summary: "the largest element, over all or some axes",
            shapes: REDUCED,
            derivative: "shared equally by elements that tie",
            accuracy: "exact",
            build: |call| reduce(call, extreme),
        },
        Declaration {
            signature: "min(x, axis=None, *, keepdims=False)",
            summary: "the smallest element, over all or some axes",
            shapes: REDUCED,
            derivative: "shared equally by elements that tie",
            accuracy: "exact",
            build: |call| {
                reduce(call, |call, x, axes| {
                    let negated = call.graph.negate(x);
                    let largest = extreme(call, negated, axes)?;
                    Ok(call.graph.negate(largest))
                })
            },
        },
        Declaration {
            signature: "norm(x, *, axis=None, keepdims=False)",
            summary: "the Euclidean norm, over all or some axes",
            shapes: REDUCED,
            derivative: "except where the norm is 0",
            accuracy: "as `sum`; squares overflow beyond the root of the largest number",
            build: |call| {
                reduce(call, |call, x, axes| {
                    let square = call.graph.multiply(x, x);
                    let total = call.graph.sum_over(square, axes);
                    Ok(call.graph.unary(Unary::SQRT, total))
                })
            },
        },
        Declaration {
            signature: "cumsum(x, axis=None)",
            summary: "running sums along an axis; without one, of all elements row by row",
            shapes: "that of x; without an axis, one axis",
            derivative: "yes",
            accuracy: "as `sum`",
            build: cumulative_sum,
        },
        Declaration {
            signature: "diff(x, n=1, axis=-1)",
            summary: "differences of neighbours along an axis, n times",
            shapes: "that of x, the axis shorter by n",
            derivative: "yes",
            accuracy: "one rounding each",
            build: diff,
        },
    ],
};

type Reduction = fn(&mut Call<'_>, NodeId, Vec<usize>) -> Result<NodeId, CallError>;

/// Runs a reduction over the call's axes; a named `keepdims` leaves them as axes of size one.
fn reduce(call: &mut Call<'_>, reduction: Reduction) -> Result<NodeId, CallError> {
    let x = call.node(0)?;
    let axes = call.axes(1, x)?;
    let kept = call.flag(2)?.then(|| with_unit_axes(call.graph.shape(x), &axes));
    let reduced = reduction(call, x, axes)?;
    Ok(kept.map_or(reduced, |shape| call.graph.reshape(reduced, &shape)))
}

/// A shape with the given axes of size one.
pub(super) fn with_unit_axes(shape: &Shape, axes: &[usize]) -> Shape {
    Shape(shape.0.iter().enumerate().map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size }).collect())
}

fn mean(call: &mut Call<'_>, x: NodeId, axes: Vec<usize>) -> Result<NodeId, CallError> {
    let shape = call.graph.shape(x);
    let count: usize = axes.iter().map(|&axis| shape.0[axis]).product();
    if count == 0 {
        return Err(CallError::about(0, format!("the mean of no elements (shape {shape})")));
    }
    let sum = call.graph.sum_over(x, axes);
    Ok(call.graph.scale(1.0 / count as f64, sum))
}

fn extreme(call: &mut Call<'_>, x: NodeId, axes: Vec<usize>) -> Result<NodeId, CallError> {
    if axes.is_empty() {
        return Ok(x);
    }
    Ok(call.graph.apply(MaximumOver { axes, shift: false }, &[x])?)
}

fn cumulative_sum(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let mut x = call.node(0)?;
    let axis = match call.integer(1)? {
        Some(_) => call.axis(1, 0, x)?,
        None => {
            let count = call.graph.shape(x).count();
            x = call.graph.reshape(x, &Shape::from([count]));
            0
        }
    };
    Ok(call.graph.apply(CumulativeSum { axis, reverse: false }, &[x])?)
}

fn diff(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let mut x = call.node(0)?;
    let axis = call.axis(2, -1, x)?;
    let shape = call.graph.shape(x).clone();
    let times = call.integer(1)?.unwrap_or(1);
    let fits = usize::try_from(times).ok().filter(|&times| times <= shape.0[axis].min(1000));
    let Some(times) = fits else {
        let message = format!("shape {shape} has no {times} differences along axis {axis} (at most 1000)");
        return Err(CallError::about(1, message));
    };
    for _ in 0..times {
        let shape = call.graph.shape(x).clone();
        let size = shape.0[axis] - 1;
        let later = call.graph.apply(Slice::along(&shape, axis, 1, size), &[x])?;
        let earlier = call.graph.apply(Slice::along(&shape, axis, 0, size), &[x])?;
        x = call.graph.subtract(later, earlier);
    }
    Ok(x)
}
