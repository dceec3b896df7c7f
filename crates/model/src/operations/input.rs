//! Tensors that are supplied from outside: parameters, data, optimiser states, covectors.

use super::{LaneKernel, Operation};
use crate::graph::{Kind, Mismatch, Node};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// An input of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    /// Tells inputs apart.
    pub slot: usize,
    /// Its shape.
    pub shape: Shape,
    /// Its kind.
    pub kind: Kind,
}

impl Operation for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn result(&self, _: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        Ok((self.shape.clone(), self.kind))
    }

    fn value(&self, _: &[&Tensor]) -> Tensor {
        unreachable!("evaluators supply inputs themselves")
    }
}

impl LaneKernel for Input {}
