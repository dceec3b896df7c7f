//! Which part of a program a node belongs to.

use super::Request;
use crate::graph::{Graph, NodeId};
use crate::operations::Op;

/// The parts of a program, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Once for each block: what depends on fixed inputs only.
    Prologue,
    /// Every step.
    Step,
    /// Logged steps only.
    Log,
}

/// The part that each needed node belongs to.
pub(super) fn parts(graph: &Graph, request: &Request) -> Vec<Option<Part>> {
    let draws: Vec<NodeId> = graph.draws().filter(|_| !request.only_needed_draws).collect();
    let in_step = graph.needed(&[request.primary.as_slice(), &draws].concat());
    let in_log = graph.needed(&request.secondary);
    let mut fixed = vec![false; graph.nodes().len()];
    for (index, node) in graph.nodes().iter().enumerate() {
        fixed[index] = match &node.op {
            Op::Input(input) => request.fixed.contains(&input.slot),
            Op::Draw(_) => false,
            _ => request.passes.hoist && node.inputs.iter().all(|input| fixed[input.index()]),
        };
    }
    (0..graph.nodes().len())
        .map(|index| match (in_step[index], in_log[index]) {
            (false, false) => None,
            _ if fixed[index] => Some(Part::Prologue),
            (true, _) => Some(Part::Step),
            (false, true) => Some(Part::Log),
        })
        .collect()
}
