//! Between which whole numbers an index lies, as far as that is known before anything runs.
//!
//! A draw outside the axis that it indexes would be NaN in some step of some seed; most such mistakes show in the bounds of the
//! draw. Interval arithmetic over the few operations that indices are made with; anything else is unknown, not an error.

use std::collections::HashMap;

use crate::graph::{Graph, NodeId};
use crate::operations::{Binary, Distribution, Op};

/// The least and the largest number.
pub(crate) type Interval = (f64, f64);

/// The range of a node; `known` says it of inputs.
pub(crate) fn range(graph: &Graph, known: &HashMap<NodeId, Interval>, node: NodeId) -> Option<Interval> {
    if let Some(&found) = known.get(&node) {
        return Some(found);
    }
    let inputs = &graph.node(node).inputs;
    let of = |place: usize| range(graph, known, inputs[place]);
    match &graph.node(node).op {
        Op::Constant(literal) => {
            let values = &literal.tensor().values;
            let least = values.iter().copied().reduce(f64::min)?;
            Some((least, values.iter().copied().fold(least, f64::max)))
        }
        Op::Draw(draw) => match draw.distribution {
            Distribution::Integer { low, high } => Some((low as f64, (high - 1) as f64)),
            Distribution::Choice { from } => Some((0.0, from.saturating_sub(1) as f64)),
            _ => None,
        },
        Op::Reshape(_) | Op::Broadcast(_) | Op::Transpose(_) | Op::Slice(_) => of(0),
        Op::Binary(Binary::ADD) => Some((of(0)?.0 + of(1)?.0, of(0)?.1 + of(1)?.1)),
        Op::Binary(Binary::SUBTRACT) => Some((of(0)?.0 - of(1)?.1, of(0)?.1 - of(1)?.0)),
        _ => None,
    }
}
