//! Running sums along an axis.

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs, linear};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Chunk, Real, Storage, Task};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Running sum along `axis`, from the front or from the back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CumulativeSum {
    /// Along which axis.
    pub axis: usize,
    /// From the last element to the first: the adjoint.
    pub reverse: bool,
}

impl CumulativeSum {
    /// (outer count, size, inner count) around the axis.
    fn extents(&self, shape: &Shape) -> (usize, usize, usize) {
        let count = |sizes: &[usize]| sizes.iter().product();
        (count(&shape.0[..self.axis]), shape.0[self.axis], count(&shape.0[self.axis + 1..]))
    }

    /// Pairs (element, the one before it in the running order) in an order in which they can be added.
    #[inline(always)]
    fn for_each_pair(&self, shape: &Shape, mut visit: impl FnMut(usize, usize)) {
        let (outer, size, inner) = self.extents(shape);
        for block in 0..outer {
            for place in 1..size {
                let (now, before) = if self.reverse { (size - 1 - place, size - place) } else { (place, place - 1) };
                for column in 0..inner {
                    visit((block * size + now) * inner + column, (block * size + before) * inner + column);
                }
            }
        }
    }
}

impl Operation for CumulativeSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("cumsum", inputs, 1)?;
        let shape = inputs[0].shape.clone();
        if self.axis >= shape.rank() {
            return Err(Mismatch(format!("cumsum along axis {} of shape {shape}", self.axis)));
        }
        Ok((shape, inputs[0].kind.max(Kind::Integer)))
    }

    fn print(&self, arguments: &[String]) -> String {
        let name = if self.reverse { "reverse_cumsum" } else { "cumsum" };
        format!("{name}({}, axis={})", arguments[0], self.axis)
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let mut result = inputs[0].clone();
        self.for_each_pair(&inputs[0].shape, |now, before| result.values[now] += result.values[before]);
        result
    }

    fn pullback(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        vec![Some(graph.must(Self { axis: self.axis, reverse: !self.reverse }, &[cotangent]))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }
}

impl LaneKernel for CumulativeSum {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        if let (Storage::Lanes(input), true) = (task.inputs[0].storage, task.inputs[0].view.is_contiguous()) {
            return self.run_in_order(simd, &task.shape.clone(), input, task.output);
        }
        task.map(
            simd,
            #[inline(always)]
            |x| x,
        );
        let shape = task.inputs[0].view.shape.clone();
        self.for_each_pair(
            &shape,
            #[inline(always)]
            |now, before| {
                let previous = task.output[before];
                let (target, previous) = (T::vectors_mut(simd, &mut task.output[now]), T::vectors(simd, &previous));
                target.iter_mut().zip(previous).for_each(
                    #[inline(always)]
                    |(t, p)| *t = T::add(simd, *t, *p),
                );
            },
        );
    }
}

impl CumulativeSum {
    /// The sums of elements that lie in order; each stays in a register.
    #[inline(always)]
    fn run_in_order<T: Real, S: Simd>(&self, simd: S, shape: &Shape, input: &[Chunk<T>], output: &mut [Chunk<T>]) {
        let (outer, size, inner) = self.extents(shape);
        for (block, column) in (0..outer).flat_map(|block| (0..inner).map(move |column| (block, column))) {
            for h in 0..T::vectors_per_chunk(simd) {
                let mut sum = T::splat(simd, T::ZERO);
                for step in 0..size {
                    let place = if self.reverse { size - 1 - step } else { step };
                    let at = (block * size + place) * inner + column;
                    sum = T::add(simd, sum, T::vectors(simd, &input[at])[h]);
                    T::vectors_mut(simd, &mut output[at])[h] = sum;
                }
            }
        }
    }
}
