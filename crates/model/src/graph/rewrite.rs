//! Identities that replace an operation by cheaper ones. They hold for every finite value, to rounding.

use super::{Graph, Kind, Mismatch, NodeId};
use crate::operations::{Binary, Op};
use crate::shape::Shape;

impl Graph {
    /// The operation by other means; `None` where it is best as it is.
    pub(super) fn rewrite(&mut self, op: &Op, inputs: &[NodeId], shape: &Shape) -> Option<Result<NodeId, Mismatch>> {
        match (op, inputs) {
            // x + x = 2x
            (Op::Binary(Binary::ADD), &[a, b]) if a == b && self.kind(a) == Kind::Real => {
                let two = self.full(shape, 2.0);
                Some(self.apply(Binary::MULTIPLY, &[two, a]))
            }
            // c(dx) = (cd)x
            (Op::Binary(Binary::MULTIPLY), &[a, b]) => {
                let (factor, other) = self.number_times(a, b)?;
                let Op::Binary(Binary::MULTIPLY) = self.node(other).op else { return None };
                let &[left, right] = self.node(other).inputs.as_slice() else { return None };
                let (inner, x) = self.number_times(left, right)?;
                let product = self.full(shape, factor * inner);
                Some(self.apply(Binary::MULTIPLY, &[product, x]))
            }
            _ => None,
        }
    }

    /// One of two factors as a finite number that all its elements are equal to, and the other one.
    fn number_times(&self, a: NodeId, b: NodeId) -> Option<(f64, NodeId)> {
        let number = |id: NodeId| {
            let values = &self.constant_value(id)?.values;
            let first = *values.first()?;
            (first.is_finite() && values.iter().all(|x| *x == first)).then_some(first)
        };
        match (number(a), number(b)) {
            (Some(factor), None) => Some((factor, b)),
            (None, Some(factor)) => Some((factor, a)),
            _ => None,
        }
    }
}
