//! Axes in another order.

use super::{LaneKernel, Matmul, Op, Operation, expect_inputs, linear, print_with};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::View;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Axis `permutation[i]` of the input becomes axis `i`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// A permutation of the axes.
    pub permutation: Vec<usize>,
}

impl Transpose {
    /// (AB)ᵀ as BᵀAᵀ, so that the product is made in the order in which it is wanted.
    fn transposed_product(&self, graph: &mut Graph, x: NodeId) -> Option<NodeId> {
        let rank = self.permutation.len();
        let last_two = rank >= 2
            && (0..rank).all(|axis| self.permutation[axis] == if axis + 2 < rank { axis } else { 2 * rank - 3 - axis });
        let Op::Matmul(_) = graph.node(x).op else { return None };
        let &[a, b] = graph.node(x).inputs.as_slice() else { return None };
        last_two.then(|| {
            let (a, b) = (graph.transpose_last(a), graph.transpose_last(b));
            graph.must(Matmul, &[b, a])
        })
    }
}

impl Operation for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs("transpose", inputs, 1)?;
        let shape = &inputs[0].shape;
        let mut sorted = self.permutation.clone();
        sorted.sort_unstable();
        if sorted != (0..shape.rank()).collect::<Vec<_>>() {
            let message =
                format!("{:?} is not an order of the {} axes of shape {shape}", self.permutation, shape.rank());
            return Err(Mismatch(message));
        }
        Ok((Shape(self.permutation.iter().map(|&axis| shape.0[axis]).collect()), inputs[0].kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        print_with("transpose", arguments, &self.permutation)
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let strides = inputs[0].shape.strides();
        let pick = |sizes: &[usize]| self.permutation.iter().map(|&axis| sizes[axis]).collect::<Vec<_>>();
        inputs[0].gather_strided(&Shape(pick(&inputs[0].shape.0)), 0, &pick(&strides))
    }

    fn pullback(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        if let Some(product) = self.transposed_product(graph, cotangent) {
            return vec![Some(product)];
        }
        let mut inverse = vec![0; self.permutation.len()];
        self.permutation.iter().enumerate().for_each(|(place, &axis)| inverse[axis] = place);
        vec![Some(graph.transpose(cotangent, inverse))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }

    fn view(&self, input: &View) -> Option<View> {
        Some(input.transposed(&self.permutation))
    }
}

impl LaneKernel for Transpose {}
