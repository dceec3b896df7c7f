//! A tensor placed into zeros: the adjoint of a slice.

use pulp::Simd;

use super::{LaneKernel, Operation, Slice, expect_inputs, linear};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Loops, Real, Task, View};
use crate::shape::Shape;
use crate::tensor::{Tensor, for_each_index};

/// Zeros of `shape` with the input at the places of `slice`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Embed {
    /// Where the input goes.
    pub slice: Slice,
    /// Shape of the result.
    pub shape: Shape,
}

impl Operation for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("embed", inputs, 1)?;
        if inputs[0].shape.0 != self.slice.sizes || !self.slice.fits(&self.shape) {
            return Err(Mismatch(format!("shape {} does not fit into {}", inputs[0].shape, self.shape)));
        }
        Ok((self.shape.clone(), inputs[0].kind))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (offset, strides) = self.slice.layout(&self.shape);
        let mut result = Tensor::full(self.shape.clone(), 0.0);
        let mut next = inputs[0].values.iter();
        for_each_index(&inputs[0].shape, |index| {
            let place = offset + index.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>();
            result.values[place] = *next.next().expect("the slice has as many places as the input has elements");
        });
        result
    }

    fn pullback(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        vec![Some(graph.must(self.slice.clone(), &[cotangent]))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }

    fn loops(&self, output: &Shape, inputs: &[&View]) -> Loops {
        let target = View::contiguous(output).sliced(&self.slice.starts, &self.slice.steps, &self.slice.sizes);
        Loops::over(&[&target, inputs[0]])
    }
}

impl LaneKernel for Embed {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        task.clear();
        task.map(
            simd,
            #[inline(always)]
            |x| x,
        );
    }
}
