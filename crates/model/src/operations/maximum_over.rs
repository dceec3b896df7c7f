//! The largest element along axes.

use pulp::Simd;

use super::sum::{fold, reduced, reduction_loops, with_unit_axes};
use super::{Binary, LaneKernel, Operation};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Loops, Real, Task, View};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Maximum over `axes`, which vanish from the shape; its derivative is shared equally by elements that tie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MaximumOver {
    /// Ascending, distinct.
    pub axes: Vec<usize>,
    /// Whether it counts as constant: where it only shifts an exponential, which the result does not depend on.
    pub shift: bool,
}

impl MaximumOver {
    /// 1/(number of ties) at the elements that attain the maximum, else 0; of the input's shape.
    fn weights(&self, graph: &mut Graph, input: NodeId, output: NodeId) -> NodeId {
        let shape = graph.shape(input).clone();
        let kept = with_unit_axes(&shape, &self.axes);
        let spread = |graph: &mut Graph, x: NodeId| {
            let unit = graph.reshape(x, &kept);
            graph.broadcast(unit, &shape).expect("unit axes broadcast to the reduced ones")
        };
        let largest = spread(graph, output);
        let attained = graph.must(Binary::EQUAL, &[input, largest]);
        let ties = graph.sum_over(attained, self.axes.clone());
        let ties = spread(graph, ties);
        graph.divide(attained, ties)
    }
}

impl Operation for MaximumOver {
    fn name(&self) -> &'static str {
        "max"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        let shape = reduced("max", &self.axes, inputs)?;
        if self.axes.iter().any(|&axis| inputs[0].shape.0[axis] == 0) {
            return Err(Mismatch(format!("max over an axis of size 0 of shape {}", inputs[0].shape)));
        }
        Ok((shape, inputs[0].kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        format!("max({}, axis={:?})", arguments[0], self.axes)
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        fold(inputs[0], &self.axes, f64::NEG_INFINITY, |largest, x| Binary::MAXIMUM.evaluate(largest, x))
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], output: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        if self.shift {
            return vec![None];
        }
        let weights = self.weights(graph, inputs[0], output);
        let shape = graph.shape(inputs[0]).clone();
        let kept = graph.reshape(cotangent, &with_unit_axes(&shape, &self.axes));
        vec![Some(graph.multiply(kept, weights))]
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        output: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        if self.shift {
            return None;
        }
        let weights = self.weights(graph, inputs[0], output);
        let weighted = graph.multiply(tangents[0]?, weights);
        Some(graph.sum_over(weighted, self.axes.clone()))
    }

    fn loops(&self, output: &Shape, inputs: &[&View]) -> Loops {
        reduction_loops(&self.axes, output, inputs[0])
    }
}

impl LaneKernel for MaximumOver {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        task.fill(T::from_f64(f64::NEG_INFINITY));
        task.accumulate(
            simd,
            #[inline(always)]
            |largest, x| {
                let larger = T::select(simd, T::less(simd, x, largest), largest, x);
                T::select(simd, T::equal(simd, largest, largest), larger, largest)
            },
        );
    }
}
