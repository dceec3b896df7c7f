//! Repetition along new and unit axes.

use super::{LaneKernel, Operation, expect_inputs, linear};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::View;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Repeats a tensor up to a shape to which it broadcasts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broadcast {
    /// The shape to fill.
    pub shape: Shape,
}

impl Operation for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("broadcast", inputs, 1)?;
        let from = &inputs[0].shape;
        if from.broadcast(&self.shape).as_ref() != Some(&self.shape) {
            return Err(Mismatch(format!("shape {from} does not broadcast to {}", self.shape)));
        }
        Ok((self.shape.clone(), inputs[0].kind))
    }

    /// Broadcasting is not written.
    fn print(&self, arguments: &[String]) -> String {
        arguments[0].clone()
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let from = &inputs[0].shape;
        let lead = self.shape.rank() - from.rank();
        let own = from.strides();
        let stride = |axis: usize| match axis.checked_sub(lead) {
            Some(axis) if from.0[axis] != 1 => own[axis],
            _ => 0,
        };
        inputs[0].gather_strided(&self.shape, 0, &(0..self.shape.rank()).map(stride).collect::<Vec<_>>())
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let shape = graph.shape(inputs[0]).clone();
        vec![Some(graph.sum_to(cotangent, &shape))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }

    fn view(&self, input: &View) -> Option<View> {
        Some(input.broadcast(&self.shape))
    }
}

impl LaneKernel for Broadcast {}
