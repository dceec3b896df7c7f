//! Rows added into zeros at the places that an integer tensor names: the adjoint of a gather.

use pulp::Simd;

use super::gather::{extents, place};
use super::{Gather, LaneKernel, Operation, expect_inputs};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{LANES, Real, Task};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Zeros of `shape`, to which the first input's slices are added along `axis` at the indices in the second.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scatter {
    /// The axis that is indexed.
    pub axis: usize,
    /// Shape of the result.
    pub shape: Shape,
}

impl Operation for Scatter {
    fn name(&self) -> &'static str {
        "scatter"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("scatter", inputs, 2)?;
        let sizes = [&self.shape.0[..self.axis], &inputs[1].shape.0, &self.shape.0[self.axis + 1..]].concat();
        if inputs[0].shape.0 != sizes {
            return Err(Mismatch(format!("scatter of shape {} into {}", inputs[0].shape, self.shape)));
        }
        Ok((self.shape.clone(), inputs[0].kind))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (outer, size, inner) = extents(&self.shape, self.axis);
        let mut result = Tensor::full(self.shape.clone(), 0.0);
        let mut next = inputs[0].values.iter();
        for block in 0..outer {
            for &at in &inputs[1].values {
                for column in 0..inner {
                    let value = next.next().expect("one slice for each index");
                    if let Some(at) = place(at, size) {
                        result.values[(block * size + at) * inner + column] += value;
                    }
                }
            }
        }
        result
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        vec![Some(graph.must(Gather { axis: self.axis }, &[cotangent, inputs[1]])), None]
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        tangents[0].map(|tangent| graph.must(self.clone(), &[tangent, inputs[1]]))
    }
}

impl LaneKernel for Scatter {
    fn run<T: Real, S: Simd>(&self, _: S, task: &mut Task<'_, T>) {
        let (outer, size, inner) = extents(&self.shape, self.axis);
        task.clear();
        let (source, index) = (task.inputs[0].offsets(), task.inputs[1].offsets());
        for block in 0..outer {
            for (row, &at) in index.iter().enumerate() {
                for column in 0..inner {
                    let from = source[(block * index.len() + row) * inner + column];
                    for lane in 0..LANES {
                        if let Some(at) = place(task.inputs[1].at(at, lane).to_f64(), size) {
                            let target = &mut task.output[(block * size + at) * inner + column].0[lane];
                            *target = T::from_f64(target.to_f64() + task.inputs[0].at(from, lane).to_f64());
                        }
                    }
                }
            }
        }
    }
}
