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
            accuracy: "within 6 units in the last place; below −88.7 (f32) or −709.7 (f64), where it is above −3e-37 or −4e-306, 0",
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
            accuracy: "within 8 units in the last place; within 24 below −12.9 (f32) or −37.5 (f64), where Φ is no normal number",
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
            accuracy: "as `exp` and `sum`; the largest element is subtracted first; 0 where x is −∞, and NaN where the largest is infinite",
            build: |call| {
                let x = call.node(0)?;
                let axes = if call.is_given(1) { call.axes(1, x)? } else { vec![call.axis(1, -1, x)?] };
                let largest = largest(call.graph, x, &axes)?;
                let (exponentials, sum) = shifted_exponentials(call.graph, x, largest, axes);
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
            derivative: "`softmax(x)`; elements that are infinite as the largest is share it equally",
            accuracy: "as `exp`, `sum` and `log`; the largest element is subtracted first, and an infinite one is the result",
            build: |call| {
                let x = call.node(0)?;
                let (axes, kept) = (call.axes(1, x)?, call.flag(2)?);
                let reduced = call.graph.shape(x).without(&axes);
                let total = log_sum_of_exponentials(call.graph, x, axes)?;
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

/// The maximum along the axes, which stay as unit axes; without derivative, since it only shifts exponents.
fn largest(graph: &mut Graph, x: NodeId, axes: &[usize]) -> Result<NodeId, CallError> {
    let kept = super::reductions::with_unit_axes(graph.shape(x), axes);
    let largest =
        if axes.is_empty() { x } else { graph.apply(MaximumOver { axes: axes.to_vec(), shift: true }, &[x])? };
    Ok(graph.reshape(largest, &kept))
}

/// (e^{x − m}, its sum) with m the maximum along the axes, which stay as unit axes; the shift keeps eˣ finite.
fn shifted_exponentials(graph: &mut Graph, x: NodeId, largest: NodeId, axes: Vec<usize>) -> (NodeId, NodeId) {
    let kept = graph.shape(largest).clone();
    let shifted = graph.subtract(x, largest);
    let exponentials = graph.unary(Unary::EXP, shifted);
    let sum = graph.sum_over(exponentials, axes);
    (exponentials, graph.reshape(sum, &kept))
}

/// m + ln Σ e^{x − m}; axes stay as unit axes. The differences are those of finite numbers, and the infinite m comes
/// back with the sum: so an infinite maximum is the value, and its elements have weight 1 in the sum and its derivative.
fn log_sum_of_exponentials(graph: &mut Graph, x: NodeId, axes: Vec<usize>) -> Result<NodeId, CallError> {
    let largest = largest(graph, x, &axes)?;
    let [bounded, bound] = [x, largest].map(|node| graph.unary(Unary::FINITE, node));
    let (_, sum) = shifted_exponentials(graph, bounded, bound, axes);
    let log = graph.unary(Unary::LOG, sum);
    Ok(graph.add(log, largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Interpreter, Kind, Values, gradient};
    use crate::operations::Purpose;
    use crate::program::{InstructionSet, Program, Request};
    use crate::random::{LaneStream, Stream};
    use crate::shape::Shape;
    use crate::tensor::Tensor;
    use crate::{LANES, Real};

    const INFINITE: f64 = f64::INFINITY;

    /// Elements, ln Σ eˣ and its derivative: that of scipy.special.logsumexp, and its limit along equal growth.
    const SUMS: [([f64; 3], f64, [f64; 3]); 7] = [
        ([0.0, 0.0, -INFINITE], std::f64::consts::LN_2, [0.5, 0.5, 0.0]),
        ([-INFINITE, -800.0, -INFINITE], -800.0, [0.0, 1.0, 0.0]),
        ([INFINITE, 1.0, 1e30], INFINITE, [1.0, 0.0, 0.0]),
        ([INFINITE, -INFINITE, INFINITE], INFINITE, [0.5, 0.0, 0.5]),
        ([-INFINITE; 3], -INFINITE, [1.0 / 3.0; 3]),
        ([f64::NAN, INFINITE, 0.0], f64::NAN, [f64::NAN; 3]),
        ([1000.0; 3], 1000.0 + 1.098_612_288_668_109_8, [1.0 / 3.0; 3]),
    ];

    fn graph_of_sum() -> (Graph, Vec<NodeId>) {
        let mut graph = Graph::new();
        let x = graph.input(0, [3], Kind::Real);
        let sum = log_sum_of_exponentials(&mut graph, x, vec![0]).expect("the axis is there");
        let sum = graph.reshape(sum, &Shape::SCALAR);
        let derivative = gradient(&mut graph, sum, &[x]);
        (graph, [vec![sum], derivative].concat())
    }

    fn close(found: f64, expected: f64, epsilon: f64) -> bool {
        found == expected || found.is_nan() && expected.is_nan() || (found - expected).abs() <= epsilon * expected.abs()
    }

    fn sums_of_infinite_elements<T: Real>(set: InstructionSet) {
        let (graph, primary) = graph_of_sum();
        let program =
            Program::<T>::compile(&graph, &Request { primary, ..Request::default() }).with_instruction_set(set);
        let lanes = LaneStream::new(&Stream::for_seeds(0, Purpose::Noise, 0, LANES));
        let mut workspace = program.workspace(std::array::from_fn(|_| lanes.clone()));
        for (lane, (elements, _, _)) in SUMS.iter().enumerate() {
            program.set_lane(&mut workspace, 0, lane, elements);
        }
        program.step(&mut workspace, false);
        for (lane, (elements, sum, derivative)) in SUMS.iter().enumerate() {
            let [found, slopes] = [0, 1].map(|index| program.primary_tensor(&workspace, index, lane).values);
            let near = |(&found, &expected): (&f64, &f64)| close(found, expected, 4.0 * T::EPSILON.to_f64());
            let context = format!("{elements:?} {} {}: {found:?} {slopes:?}", T::NAME, set.name());
            assert!(near((&found[0], sum)) && slopes.iter().zip(derivative).all(near), "{context}");
        }
    }

    #[test]
    fn infinite_elements_of_logsumexp() {
        for set in InstructionSet::available() {
            sums_of_infinite_elements::<f32>(set);
            sums_of_infinite_elements::<f64>(set);
        }
        let (graph, outputs) = graph_of_sum();
        for (elements, sum, derivative) in SUMS {
            let values = Values::from([(0, Tensor::new([3], elements.to_vec()))]);
            let found = Interpreter::new(&graph).evaluate(&outputs, &values, &mut []);
            assert!(close(found[0].values[0], sum, 1e-15), "{elements:?}: {found:?}");
            let mut pairs = found[1].values.iter().zip(derivative);
            assert!(pairs.all(|(&found, expected)| close(found, expected, 1e-15)), "{elements:?}: {found:?}");
        }
    }
}
