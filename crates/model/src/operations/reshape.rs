//! The same elements in row-major order, in another shape.

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs, linear, print_with};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Real, Task, View};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Another shape of equal count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reshape {
    /// The new shape.
    pub shape: Shape,
}

impl Operation for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("reshape", inputs, 1)?;
        let from = &inputs[0].shape;
        if self.shape.checked_count() != Some(from.count()) {
            return Err(Mismatch(format!(
                "shape {from} has {} elements and cannot become {}",
                from.count(),
                self.shape
            )));
        }
        Ok((self.shape.clone(), inputs[0].kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        print_with("reshape", arguments, &self.shape.0)
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        Tensor::new(self.shape.clone(), inputs[0].values.clone())
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let shape = graph.shape(inputs[0]).clone();
        vec![Some(graph.reshape(cotangent, &shape))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }

    fn view(&self, input: &View) -> Option<View> {
        input.reshaped(&self.shape)
    }

    fn loops(&self, _: &Shape, inputs: &[&View]) -> crate::lanes::Loops {
        // Only reached where the elements do not lie in order: copy them in the order of the input's shape.
        crate::lanes::Loops::elementwise(&inputs[0].shape, inputs)
    }
}

impl LaneKernel for Reshape {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        task.map(
            simd,
            #[inline(always)]
            |x| x,
        );
    }
}
