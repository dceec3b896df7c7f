//! Functions of several arguments, and smooth ones composed of others.

use super::super::call::{Call, CallError};
use super::Declaration;
use crate::graph::{Graph, NodeId};
use crate::operations::{Binary, Unary};

pub(super) const TABLE: &[Declaration] = &[
    Declaration {
        signature: "maximum(a, b)",
        summary: "the larger of two, element by element",
        parameters: &["a", "b"],
        required: 2,
        variadic: false,
        build: |call| pair(call, Binary::MAXIMUM),
    },
    Declaration {
        signature: "minimum(a, b)",
        summary: "the smaller of two, element by element",
        parameters: &["a", "b"],
        required: 2,
        variadic: false,
        build: |call| pair(call, Binary::MINIMUM),
    },
    Declaration {
        signature: "where(condition, a, b)",
        summary: "a where the condition holds, else b, element by element",
        parameters: &["condition", "a", "b"],
        required: 3,
        variadic: false,
        build: choose,
    },
    Declaration {
        signature: "silu(x)",
        summary: "x·sigmoid(x), element by element",
        parameters: &["x"],
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let gate = call.graph.unary(Unary::SIGMOID, x);
            Ok(call.graph.multiply(x, gate))
        },
    },
    Declaration {
        signature: "gelu(x)",
        summary: "x·Φ(x) with Φ the normal distribution function, element by element",
        parameters: &["x"],
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let scaled = call.graph.scale(std::f64::consts::FRAC_1_SQRT_2, x);
            let odd = call.graph.unary(Unary::ERF, scaled);
            let one = call.graph.scalar(1.0);
            let twice = call.graph.add(one, odd);
            let half = call.graph.scale(0.5, x);
            Ok(call.graph.multiply(half, twice))
        },
    },
    Declaration {
        signature: "softmax(x, axis=-1)",
        summary: "eˣ divided by its sum along an axis",
        parameters: &["x", "axis"],
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let axis = call.axis(1, -1, x)?;
            let (exponentials, sum, _) = shifted_exponentials(call.graph, x, vec![axis])?;
            // One quotient for each sum, not for each element.
            let one = call.graph.scalar(1.0);
            let inverse = call.graph.divide(one, sum);
            Ok(call.graph.multiply(exponentials, inverse))
        },
    },
    Declaration {
        signature: "logsumexp(x, axis=None)",
        summary: "the logarithm of the sum of eˣ, over all or some axes",
        parameters: &["x", "axis"],
        required: 1,
        variadic: false,
        build: |call| {
            let x = call.node(0)?;
            let axes = call.axes(1, x)?;
            let reduced = call.graph.shape(x).without(&axes);
            let (_, sum, largest) = shifted_exponentials(call.graph, x, axes)?;
            let log = call.graph.unary(Unary::LOG, sum);
            let total = call.graph.add(log, largest);
            Ok(call.graph.reshape(total, &reduced))
        },
    },
];

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
    let mut kept = graph.shape(x).clone();
    axes.iter().for_each(|&axis| kept.0[axis] = 1);
    let largest = if axes.is_empty() {
        x
    } else {
        graph.apply(crate::operations::MaximumOver { axes: axes.clone(), shift: true }, &[x])?
    };
    let largest = graph.reshape(largest, &kept);
    let shifted = graph.subtract(x, largest);
    let exponentials = graph.unary(Unary::EXP, shifted);
    let sum = graph.sum_over(exponentials, axes);
    let sum = graph.reshape(sum, &kept);
    Ok((exponentials, sum, largest))
}
