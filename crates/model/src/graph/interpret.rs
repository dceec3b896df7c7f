//! The slow evaluation of a graph: one node after the other, in f64, by each operation's defining loops. It is
//! what compiled programs are tested against, and shares nothing with them but the graph.

use std::collections::HashMap;

use super::{Graph, NodeId};
use crate::operations::Op;
use crate::random::Stream;
use crate::tensor::Tensor;

/// Values of input slots.
pub type Values = HashMap<usize, Tensor>;

/// Evaluates a graph for one seed.
pub struct Interpreter<'a> {
    graph: &'a Graph,
}

impl<'a> Interpreter<'a> {
    /// An evaluator of `graph`.
    pub fn new(graph: &'a Graph) -> Self {
        Self { graph }
    }

    /// The values of `outputs`, given every input they need, taking draws from `streams` (one for each purpose).
    /// Every draw of the graph is made, needed or not, as a compiled program does.
    ///
    /// # Panics
    /// When an input that is needed has no value.
    pub fn evaluate(&self, outputs: &[NodeId], inputs: &Values, streams: &mut [Stream]) -> Vec<Tensor> {
        let needed = self.graph.needed(outputs);
        let mut values: Vec<Option<Tensor>> = vec![None; needed.len()];
        for (index, node) in self.graph.nodes().iter().enumerate() {
            let value = match &node.op {
                Op::Draw(draw) => draw.sample(&mut streams[draw.purpose as usize]),
                _ if !needed[index] => continue,
                Op::Input(input) => {
                    inputs.get(&input.slot).unwrap_or_else(|| panic!("input {} has a value", input.slot)).clone()
                }
                op => {
                    let arguments: Vec<&Tensor> = node
                        .inputs
                        .iter()
                        .map(|id| values[id.index()].as_ref().expect("inputs of a needed node are evaluated before it"))
                        .collect();
                    op.operation().value(&arguments)
                }
            };
            values[index] = Some(value);
        }
        outputs.iter().map(|id| values[id.index()].clone().expect("outputs are needed")).collect()
    }
}
