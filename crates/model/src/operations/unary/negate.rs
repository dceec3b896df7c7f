//! −x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Negate;

impl UnaryFunction for Negate {
    const NAME: &'static str = "negate";
    const SUMMARY: Option<&'static str> = None;

    fn value(x: f64) -> f64 {
        -x
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let shape = graph.shape(x).clone();
        Some(graph.full(&shape, -1.0))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::negate(simd, x)
    }
}
