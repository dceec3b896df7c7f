//! The same expressions at other places: inputs exchanged for nodes.

use super::{Graph, NodeId};

impl Graph {
    /// `outputs` as they would be if each first node of a pair were the second, of the same shape; draws stay the same draws.
    pub fn substituted(&mut self, outputs: &[NodeId], exchanged: &[(NodeId, NodeId)]) -> Vec<NodeId> {
        let count = self.nodes.len();
        let needed = self.needed(outputs);
        let mut images: Vec<Option<NodeId>> = vec![None; count];
        for &(from, to) in exchanged {
            images[from.index()] = Some(to);
        }
        for index in 0..count {
            let node = &self.nodes[index];
            let moved = node.inputs.iter().any(|input| images[input.index()].is_some());
            if !needed[index] || images[index].is_some() || !moved {
                continue;
            }
            let (op, inputs) = (node.op.clone(), node.inputs.clone());
            let inputs: Vec<NodeId> = inputs.iter().map(|input| images[input.index()].unwrap_or(*input)).collect();
            images[index] = Some(self.must(op, &inputs));
        }
        outputs.iter().map(|output| images[output.index()].unwrap_or(*output)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Interpreter, Kind, Values};
    use crate::operations::Unary;
    use crate::shape::Shape;
    use crate::tensor::Tensor;

    #[test]
    fn a_function_at_another_place() {
        let mut graph = Graph::new();
        let x = graph.input(0, Shape::SCALAR, Kind::Real);
        let y = graph.input(1, Shape::SCALAR, Kind::Real);
        let sine = graph.unary(Unary::SIN, x);
        let value = graph.multiply(sine, y);
        let doubled = graph.scale(2.0, y);
        let moved = graph.substituted(&[value, y], &[(x, doubled)]);
        let inputs: Values = [(0, Tensor::scalar(9.0)), (1, Tensor::scalar(0.3))].into_iter().collect();
        let found = Interpreter::new(&graph).evaluate(&moved, &inputs, &mut []);
        assert!((found[0].values[0] - 0.6_f64.sin() * 0.3).abs() < 1e-15);
        assert_eq!(moved[1], y);
    }
}
