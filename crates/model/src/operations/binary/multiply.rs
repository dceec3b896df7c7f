//! a·b

use super::BinaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Multiply;

impl BinaryFunction for Multiply {
    const NAME: &'static str = "multiply";

    fn value(a: f64, b: f64) -> f64 {
        a * b
    }

    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
        let _ = (graph, y);
        [Some(b), Some(a)]
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        T::multiply(simd, a, b)
    }
}
