//! Constants.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{LaneKernel, Operation};
use crate::graph::{Kind, Mismatch, Node};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A tensor known when the graph is built; compared bit by bit.
#[derive(Clone, Debug)]
pub struct Literal {
    tensor: Arc<Tensor>,
    kind: Kind,
}

impl Literal {
    /// Wraps a tensor.
    pub fn new(tensor: Tensor, kind: Kind) -> Self {
        Self { tensor: Arc::new(tensor), kind }
    }

    /// The value.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    fn bits(&self) -> impl Iterator<Item = u64> + '_ {
        self.tensor.values.iter().map(|value| value.to_bits())
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.tensor.shape == other.tensor.shape && self.bits().eq(other.bits())
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, &self.tensor.shape).hash(state);
        self.bits().for_each(|bits| bits.hash(state));
    }
}

impl Operation for Literal {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn result(&self, _: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        Ok((self.tensor.shape.clone(), self.kind))
    }

    /// A number where all elements are equal, else the elements; whole numbers without a point.
    fn print(&self, _: &[String]) -> String {
        let number = |x: &f64| if self.kind == Kind::Real { format!("{x:?}") } else { format!("{x}") };
        match self.tensor.values.as_slice() {
            [first, rest @ ..] if rest.iter().all(|x| x == first) => number(first),
            values => {
                let listed: Vec<String> = values.iter().map(number).collect();
                format!("reshape([{}], {:?})", listed.join(", "), self.tensor.shape.0)
            }
        }
    }

    fn value(&self, _: &[&Tensor]) -> Tensor {
        (*self.tensor).clone()
    }
}

impl LaneKernel for Literal {}
