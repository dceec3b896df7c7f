//! Products of stacks of matrices.

use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// (…, n, k) @ (…, k, m) → (…, n, m), with equal leading axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matmul;

/// Sizes of the leading axes together, n, k, m.
fn extents(left: &Shape, right: &Shape) -> (usize, usize, usize, usize) {
    let rank = left.rank();
    (left.0[..rank - 2].iter().product(), left.0[rank - 2], left.0[rank - 1], right.0[rank - 1])
}

impl Operation for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("matmul", inputs, 2)?;
        let (left, right) = (&inputs[0].shape, &inputs[1].shape);
        let rank = left.rank();
        let fits = rank >= 2
            && right.rank() == rank
            && left.0[..rank - 2] == right.0[..rank - 2]
            && left.0[rank - 1] == right.0[rank - 2];
        if !fits {
            return Err(Mismatch(format!("shapes {left} and {right} do not match for @")));
        }
        let sizes = [&left.0[..rank - 1], &right.0[rank - 1..]].concat();
        Ok((Shape(sizes), inputs[0].kind.max(inputs[1].kind).max(Kind::Integer)))
    }

    fn print(&self, arguments: &[String]) -> String {
        format!("({} @ {})", arguments[0], arguments[1])
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (left, right) = (inputs[0], inputs[1]);
        let (stack, n, k, m) = extents(&left.shape, &right.shape);
        let mut values = vec![0.0; stack * n * m];
        for item in 0..stack {
            for row in 0..n {
                for inner in 0..k {
                    let factor = left.values[(item * n + row) * k + inner];
                    let line = &right.values[(item * k + inner) * m..][..m];
                    let target = &mut values[(item * n + row) * m..][..m];
                    target.iter_mut().zip(line).for_each(|(sum, &x)| *sum += factor * x);
                }
            }
        }
        let rank = left.shape.rank();
        Tensor::new(Shape([&left.shape.0[..rank - 1], &[m]].concat()), values)
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let (left, right) = (graph.transpose_last(inputs[0]), graph.transpose_last(inputs[1]));
        vec![Some(graph.must(Matmul, &[cotangent, right])), Some(graph.must(Matmul, &[left, cotangent]))]
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        let left = tangents[0].map(|tangent| graph.must(Matmul, &[tangent, inputs[1]]));
        let right = tangents[1].map(|tangent| graph.must(Matmul, &[inputs[0], tangent]));
        match (left, right) {
            (Some(left), Some(right)) => Some(graph.add(left, right)),
            (one, other) => one.or(other),
        }
    }
}

/// Programs compute products by kernels of their own; this is for products of two constants.
impl LaneKernel for Matmul {}
