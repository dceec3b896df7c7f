//! Derivatives as graph-to-graph transforms, reverse and forward.
//!
//! Reverse mode walks the nodes backwards once and asks each operation for the cotangents of its inputs; forward
//! mode walks forwards and asks for the tangent of its result. Both write ordinary nodes into the same graph, so a
//! derivative can be differentiated, printed, folded and compiled like anything else. A structurally zero
//! derivative is absent rather than a tensor of zeros.

use super::{Graph, Kind, NodeId};

/// Cotangents of `targets`: Σ ⟨seed, ∂output/∂target⟩ over the given (output, seed) pairs, where a seed has its
/// output's shape. `None` where no output depends on the target.
pub fn cotangents(graph: &mut Graph, seeds: &[(NodeId, NodeId)], targets: &[NodeId]) -> Vec<Option<NodeId>> {
    let count = graph.nodes().len();
    let relevant = depends_on(graph, targets, count);
    let mut cotangents: Vec<Option<NodeId>> = vec![None; count];
    for &(output, seed) in seeds {
        accumulate(graph, &mut cotangents[output.index()], seed);
    }
    for index in (0..count).rev() {
        let Some(cotangent) = cotangents[index].filter(|_| relevant[index]) else { continue };
        let node = graph.nodes()[index].clone();
        let output = NodeId(index as u32);
        let parts = node.op.operation().pullback(graph, &node.inputs, output, cotangent);
        for (input, part) in node.inputs.iter().zip(parts) {
            if let Some(part) = part.filter(|_| relevant[input.index()] && graph.kind(*input) == Kind::Real) {
                accumulate(graph, &mut cotangents[input.index()], part);
            }
        }
    }
    targets.iter().map(|target| cotangents[target.index()]).collect()
}

/// Gradients of a scalar node; zeros where it does not depend on the target.
pub fn gradient(graph: &mut Graph, scalar: NodeId, targets: &[NodeId]) -> Vec<NodeId> {
    let shape = graph.shape(scalar).clone();
    let one = graph.full(&shape, 1.0);
    let found = cotangents(graph, &[(scalar, one)], targets);
    found
        .into_iter()
        .zip(targets)
        .map(|(gradient, &target)| {
            gradient.unwrap_or_else(|| {
                let shape = graph.shape(target).clone();
                graph.full(&shape, 0.0)
            })
        })
        .collect()
}

/// Tangents of `outputs` when each (input, tangent) pair moves together: ∂output/∂input · tangent, summed.
/// `None` where an output does not depend on any of the inputs.
pub fn tangents(graph: &mut Graph, seeds: &[(NodeId, NodeId)], outputs: &[NodeId]) -> Vec<Option<NodeId>> {
    let count = graph.nodes().len();
    let needed = graph.needed(outputs);
    let mut tangents: Vec<Option<NodeId>> = vec![None; count];
    for &(input, tangent) in seeds {
        tangents[input.index()] = Some(tangent);
    }
    for index in 0..count {
        let node = &graph.nodes()[index];
        let parts: Vec<Option<NodeId>> = node.inputs.iter().map(|input| tangents[input.index()]).collect();
        if !needed[index] || node.kind != Kind::Real || parts.iter().all(Option::is_none) {
            continue;
        }
        let (op, inputs) = (node.op.clone(), node.inputs.clone());
        tangents[index] = op.operation().pushforward(graph, &inputs, NodeId(index as u32), &parts);
    }
    outputs.iter().map(|output| tangents[output.index()]).collect()
}

fn accumulate(graph: &mut Graph, total: &mut Option<NodeId>, part: NodeId) {
    *total = Some(match *total {
        Some(sum) => graph.add(sum, part),
        None => part,
    });
}

/// Which of the first `count` nodes depend on one of `targets`.
fn depends_on(graph: &Graph, targets: &[NodeId], count: usize) -> Vec<bool> {
    let mut depends = vec![false; count];
    targets.iter().for_each(|target| depends[target.index()] = true);
    for index in 0..count {
        depends[index] |= graph.nodes()[index].inputs.iter().any(|input| depends[input.index()]);
    }
    depends
}
