//! Every n-th element along each axis.

use super::{Embed, LaneKernel, Operation, expect_inputs, linear};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::View;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// For each axis: first index, stride, and number of elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// First index along each axis.
    pub starts: Vec<usize>,
    /// Distance between elements along each axis, at least 1.
    pub steps: Vec<usize>,
    /// How many elements along each axis.
    pub sizes: Vec<usize>,
}

impl Slice {
    /// `size` elements from `start` along one axis of a tensor, the other axes whole.
    pub fn along(shape: &Shape, axis: usize, start: usize, size: usize) -> Self {
        let mut slice = Self { starts: vec![0; shape.rank()], steps: vec![1; shape.rank()], sizes: shape.0.clone() };
        slice.starts[axis] = start;
        slice.sizes[axis] = size;
        slice
    }

    /// Whether the slice lies within `shape`.
    pub(super) fn fits(&self, shape: &Shape) -> bool {
        let within = |axis: usize| {
            let (start, step, size) = (self.starts[axis], self.steps[axis], self.sizes[axis]);
            step > 0 && (size == 0 || start + (size - 1) * step < shape.0[axis])
        };
        self.sizes.len() == shape.rank() && (0..shape.rank()).all(within)
    }

    /// Offset and strides of the slice in a row-major tensor of `shape`.
    pub(super) fn layout(&self, shape: &Shape) -> (usize, Vec<usize>) {
        let own = shape.strides();
        let offset = own.iter().zip(&self.starts).map(|(stride, start)| stride * start).sum();
        (offset, own.iter().zip(&self.steps).map(|(stride, step)| stride * step).collect())
    }
}

impl Operation for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("slice", inputs, 1)?;
        if !self.fits(&inputs[0].shape) {
            return Err(Mismatch(format!("a slice of sizes {:?} does not lie within {}", self.sizes, inputs[0].shape)));
        }
        Ok((Shape(self.sizes.clone()), inputs[0].kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        let range = |axis: usize| {
            let (start, step, size) = (self.starts[axis], self.steps[axis], self.sizes[axis]);
            format!("{start}:{}:{step}", start + size * step)
        };
        format!("{}[{}]", arguments[0], (0..self.sizes.len()).map(range).collect::<Vec<_>>().join(", "))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (offset, strides) = self.layout(&inputs[0].shape);
        inputs[0].gather_strided(&Shape(self.sizes.clone()), offset, &strides)
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let shape = graph.shape(inputs[0]).clone();
        vec![Some(graph.must(Embed { slice: self.clone(), shape }, &[cotangent]))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }

    fn view(&self, input: &View) -> Option<View> {
        Some(input.sliced(&self.starts, &self.steps, &self.sizes))
    }
}

impl LaneKernel for Slice {}
