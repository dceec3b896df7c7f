//! Functions of several arguments, and smooth ones composed of others.

use super::super::call::{Call, CallError};
use super::{Allowed, Declaration, Table};
use crate::graph::{Graph, NodeId};
use crate::operations::{Binary, MaximumOver, Unary};

const COMMON: &str = "broadcast";
const SAME: &str = "that of x";

pub(super) const TABLE: Table = Table {
    title: "Of several arguments, and composed",
    allowed: Allowed::Everywhere,
    declarations: &[
        Declaration {
            signature: "maximum(a, b)",
            summary: "the larger of two, element by element",
            shapes: COMMON,
            derivative: "goes to one of equal arguments",
            accuracy: "exact",
            build: |call| pair(call, Binary::MAXIMUM),
        },
        Declaration {
            signature: "minimum(a, b)",
            summary: "the smaller of two, element by element",
            shapes: COMMON,
            derivative: "goes to one of equal arguments",
            accuracy: "exact",
            build: |call| pair(call, Binary::MINIMUM),
        },
        Declaration {
            signature: "where(condition, a, b)",
            summary: "a where the condition holds, else b, element by element",
            shapes: COMMON,
            derivative: "of the side taken, NaN where the other side's is infinite; none in the condition",
            accuracy: "exact",
            build: choose,
        },
        Declaration {
            signature: "silu(x)",
            summary: "x·sigmoid(x), element by element",
            shapes: SAME,
            derivative: "yes",
            accuracy: "as `sigmoid`, and one rounding",
            build: |call| {
                let x = call.node(0)?;
                let gate = call.graph.unary(Unary::SIGMOID, x);
                Ok(call.graph.multiply(x, gate))
            },
        },
        Declaration {
            signature: "gelu(x)",
            summary: "x·Φ(x) with the normal distribution function Φ, element by element",
            shapes: SAME,
            derivative: "yes: Φ(x) + xφ(x)",
            accuracy: "Φ within 5 units in the last place, also where it is small, and one rounding",
            build: |call| {
                let x = call.node(0)?;
                let gate = call.graph.unary(Unary::NORMAL_CDF, x);
                Ok(call.graph.multiply(x, gate))
            },
        },
        Declaration {
            signature: "softmax(x, axis=-1)",
            summary: "eˣ divided by its sum along an axis, or several",
            shapes: SAME,
            derivative: "yes",
            accuracy: "as `exp` and `sum`; the largest element is subtracted first",
            build: |call| {
                let x = call.node(0)?;
                let axes = if call.is_given(1) { call.axes(1, x)? } else { vec![call.axis(1, -1, x)?] };
                let (exponentials, sum, _) = shifted_exponentials(call.graph, x, axes)?;
                // One quotient for each sum, not for each element.
                let one = call.graph.scalar(1.0);
                let inverse = call.graph.divide(one, sum);
                Ok(call.graph.multiply(exponentials, inverse))
            },
        },
        Declaration {
            signature: "logsumexp(x, axis=None, *, keepdims=False)",
            summary: "the logarithm of the sum of eˣ, over all or some axes",
            shapes: "the axes vanish; with keepdims=True they stay, of size 1",
            derivative: "yes",
            accuracy: "as `exp`, `sum` and `log`; the largest element is subtracted first",
            build: |call| {
                let x = call.node(0)?;
                let (axes, kept) = (call.axes(1, x)?, call.flag(2)?);
                let reduced = call.graph.shape(x).without(&axes);
                let (_, sum, largest) = shifted_exponentials(call.graph, x, axes)?;
                let log = call.graph.unary(Unary::LOG, sum);
                let total = call.graph.add(log, largest);
                Ok(if kept { total } else { call.graph.reshape(total, &reduced) })
            },
        },
    ],
};

fn pair(call: &mut Call<'_>, binary: Binary) -> Result<NodeId, CallError> {
    let (a, b) = (call.node(0)?, call.node(1)?);
    Ok(call.graph.binary(binary, a, b)?)
}

fn choose(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let nodes = call.nodes_from(0)?;
    let shapes: Vec<_> = nodes.iter().map(|&node| call.graph.shape(node).clone()).collect();
    let common = shapes[0].broadcast(&shapes[1]).and_then(|shape| shape.broadcast(&shapes[2]));
    let common = common.ok_or_else(|| {
        CallError::new(format!("shapes {}, {} and {} do not broadcast together", shapes[0], shapes[1], shapes[2]))
    })?;
    let spread = nodes.iter().map(|&node| call.graph.broadcast(node, &common)).collect::<Result<Vec<_>, _>>()?;
    Ok(call.graph.select(spread[0], spread[1], spread[2]))
}

/// (e^{x − m}, its sum, m) with m the maximum along the axes, which stay as unit axes; the shift keeps eˣ finite.
fn shifted_exponentials(graph: &mut Graph, x: NodeId, axes: Vec<usize>) -> Result<(NodeId, NodeId, NodeId), CallError> {
    let kept = super::reductions::with_unit_axes(graph.shape(x), &axes);
    let largest =
        if axes.is_empty() { x } else { graph.apply(MaximumOver { axes: axes.clone(), shift: true }, &[x])? };
    let largest = graph.reshape(largest, &kept);
    let shifted = graph.subtract(x, largest);
    let exponentials = graph.unary(Unary::EXP, shifted);
    let sum = graph.sum_over(exponentials, axes);
    let sum = graph.reshape(sum, &kept);
    Ok((exponentials, sum, largest))
}
