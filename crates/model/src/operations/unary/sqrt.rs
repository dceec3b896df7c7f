//! √x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Sqrt;

impl UnaryFunction for Sqrt {
    const NAME: &'static str = "sqrt";
    const SUMMARY: Option<&'static str> = Some("√x");
    const DERIVATIVE: &'static str = "infinite at 0";
    const ACCURACY: &'static str = "correctly rounded";

    fn value(x: f64) -> f64 {
        x.sqrt()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = x;
        let half = graph.scalar(0.5);
        Some(graph.divide(half, y))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::sqrt(simd, x)
    }
}
