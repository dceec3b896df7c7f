//! Rows picked by an integer tensor: NumPy's `x[i]`.

use pulp::Simd;

use super::{LaneKernel, Operation, Scatter, expect_inputs};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{LANES, Real, Task};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The slices of the first input along `axis` at the indices in the second, whose axes replace that axis.
/// Indices are taken modulo the size, so that −1 is the last; one outside −size … size−1 gives NaN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gather {
    /// The axis that is indexed.
    pub axis: usize,
}

/// The place that an index stands for, if it is within −size … size−1.
#[inline(always)]
pub(super) fn place(index: f64, size: usize) -> Option<usize> {
    let place = if index < 0.0 { index + size as f64 } else { index };
    (place >= 0.0 && place < size as f64).then_some(place as usize)
}

/// (outer count, size, inner count) around an axis.
pub(super) fn extents(shape: &Shape, axis: usize) -> (usize, usize, usize) {
    (shape.0[..axis].iter().product(), shape.0[axis], shape.0[axis + 1..].iter().product())
}

impl Operation for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("gather", inputs, 2)?;
        let (source, index) = (inputs[0], inputs[1]);
        if index.kind == Kind::Real {
            return Err(Mismatch(
                "an index is made of integers; this one is real (draw it with choice or randint)".into(),
            ));
        }
        if self.axis >= source.shape.rank() {
            return Err(Mismatch(format!("shape {} has no axis {} to index", source.shape, self.axis)));
        }
        let sizes = [&source.shape.0[..self.axis], &index.shape.0, &source.shape.0[self.axis + 1..]].concat();
        Ok((Shape(sizes), source.kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        format!("{}[{}{}]", arguments[0], ":, ".repeat(self.axis), arguments[1])
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let (source, index) = (inputs[0], inputs[1]);
        let (outer, size, inner) = extents(&source.shape, self.axis);
        let mut values = Vec::with_capacity(outer * index.values.len() * inner);
        for block in 0..outer {
            for &at in &index.values {
                match place(at, size) {
                    Some(at) => {
                        let start = (block * size + at) * inner;
                        values.extend_from_slice(&source.values[start..start + inner]);
                    }
                    None => values.extend(std::iter::repeat_n(f64::NAN, inner)),
                }
            }
        }
        let sizes = [&source.shape.0[..self.axis], &index.shape.0, &source.shape.0[self.axis + 1..]].concat();
        Tensor::new(Shape(sizes), values)
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let shape = graph.shape(inputs[0]).clone();
        vec![Some(graph.must(Scatter { axis: self.axis, shape }, &[cotangent, inputs[1]])), None]
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

impl LaneKernel for Gather {
    fn run<T: Real, S: Simd>(&self, _: S, task: &mut Task<'_, T>) {
        let (outer, size, inner) = extents(&task.inputs[0].view.shape, self.axis);
        let (source, index) = (task.inputs[0].offsets(), task.inputs[1].offsets());
        let mut output = 0;
        for block in 0..outer {
            for &at in &index {
                for column in 0..inner {
                    for lane in 0..LANES {
                        let place = place(task.inputs[1].at(at, lane).to_f64(), size);
                        let value =
                            place.map(|at| task.inputs[0].at(source[(block * size + at) * inner + column], lane));
                        task.output[output].0[lane] = value.unwrap_or(T::from_f64(f64::NAN));
                    }
                    output += 1;
                }
            }
        }
    }
}
