//! where(condition, a, b).

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Real, Task};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// `a` where the condition is not 0, else `b`; three equal shapes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Select;

impl Operation for Select {
    fn name(&self) -> &'static str {
        "where"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("where", inputs, 3)?;
        let shapes = [&inputs[0].shape, &inputs[1].shape, &inputs[2].shape];
        if shapes[0] != shapes[1] || shapes[1] != shapes[2] {
            return Err(Mismatch(format!(
                "where takes equal shapes, found {}, {}, {}",
                shapes[0], shapes[1], shapes[2]
            )));
        }
        Ok((shapes[0].clone(), inputs[1].kind.max(inputs[2].kind)))
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let choose = |index: usize| if inputs[0].values[index] != 0.0 { 1 } else { 2 };
        let values = (0..inputs[0].values.len()).map(|index| inputs[choose(index)].values[index]).collect();
        Tensor::new(inputs[0].shape.clone(), values)
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let shape = graph.shape(cotangent).clone();
        let zero = graph.full(&shape, 0.0);
        // Selected, not multiplied by a mask: an infinity on the side not taken must not become a NaN.
        vec![None, Some(graph.select(inputs[0], cotangent, zero)), Some(graph.select(inputs[0], zero, cotangent))]
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        output: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        tangents[1].or(tangents[2])?;
        let shape = graph.shape(output).clone();
        let zero = graph.full(&shape, 0.0);
        Some(graph.select(inputs[0], tangents[1].unwrap_or(zero), tangents[2].unwrap_or(zero)))
    }
}

impl LaneKernel for Select {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        let zero = T::splat(simd, T::ZERO);
        task.map_triple(
            simd,
            #[inline(always)]
            |condition, a, b| T::select(simd, T::equal(simd, condition, zero), b, a),
        );
    }
}
