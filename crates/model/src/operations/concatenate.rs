//! Tensors one after the other along an axis.

use pulp::Simd;

use super::{LaneKernel, Operation, Slice};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Loops, Real, Task, View};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Joins tensors whose shapes agree on all axes but `axis`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Concatenate {
    /// Along which axis.
    pub axis: usize,
}

impl Concatenate {
    /// The slices of the joined tensor that its parts fill.
    fn parts<'a>(
        &self,
        joined: &'a Shape,
        sizes: impl Iterator<Item = usize> + 'a,
    ) -> impl Iterator<Item = Slice> + 'a {
        let axis = self.axis;
        sizes.scan(0, move |start, size| {
            let slice = Slice::along(joined, axis, *start, size);
            *start += size;
            Some(slice)
        })
    }
}

impl Operation for Concatenate {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        let Some(first) = inputs.first() else { return Err(Mismatch("concat takes at least one tensor".into())) };
        let mut shape = first.shape.clone();
        if self.axis >= shape.rank() {
            return Err(Mismatch(format!("concat along axis {} of shape {shape}", self.axis)));
        }
        for other in &inputs[1..] {
            let mut expected = other.shape.clone();
            if expected.rank() != shape.rank() {
                return Err(Mismatch(format!("concat of shapes {shape} and {expected}: their numbers of axes differ")));
            }
            expected.0[self.axis] = shape.0[self.axis];
            if expected != shape {
                return Err(Mismatch(format!("concat of shapes {shape} and {} along axis {}", other.shape, self.axis)));
            }
            shape.0[self.axis] += other.shape.0[self.axis];
        }
        let kind = inputs.iter().map(|input| input.kind).max().expect("there is at least one input");
        Ok((shape, kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        format!("concat([{}], {})", arguments.join(", "), self.axis)
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let inner: usize = inputs[0].shape.0[self.axis + 1..].iter().product();
        let outer: usize = inputs[0].shape.0[..self.axis].iter().product();
        let mut shape = inputs[0].shape.clone();
        shape.0[self.axis] = inputs.iter().map(|input| input.shape.0[self.axis]).sum();
        let mut values = Vec::with_capacity(shape.count());
        for block in 0..outer {
            for input in inputs {
                let length = input.shape.0[self.axis] * inner;
                values.extend_from_slice(&input.values[block * length..(block + 1) * length]);
            }
        }
        Tensor::new(shape, values)
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], output: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let joined = graph.shape(output).clone();
        let sizes: Vec<usize> = inputs.iter().map(|&input| graph.shape(input).0[self.axis]).collect();
        self.parts(&joined, sizes.into_iter()).map(|slice| Some(graph.must(slice, &[cotangent]))).collect()
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        let parts: Vec<NodeId> = inputs
            .iter()
            .zip(tangents)
            .map(|(&input, tangent)| {
                tangent.unwrap_or_else(|| {
                    let shape = graph.shape(input).clone();
                    graph.full(&shape, 0.0)
                })
            })
            .collect();
        Some(graph.must(self.clone(), &parts))
    }
}

impl LaneKernel for Concatenate {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, _: S, task: &mut Task<'_, T>) {
        // Along the first axis that counts the parts lie one after the other.
        if task.shape.0[..self.axis].iter().all(|&size| size == 1) {
            let mut from = 0;
            for part in 0..task.inputs.len() {
                task.copy_run(part, from);
                from += task.inputs[part].view.shape.count();
            }
            return;
        }
        let output = View::contiguous(task.shape);
        let sizes: Vec<usize> = task.inputs.iter().map(|input| input.view.shape.0[self.axis]).collect();
        for (part, slice) in self.parts(task.shape, sizes.into_iter()).enumerate() {
            let target = output.sliced(&slice.starts, &slice.steps, &slice.sizes);
            let loops = Loops::over(&[&target, task.inputs[part].view]);
            task.copy(part, &loops);
        }
    }
}
