//! 1 where x > 0, else 0: the derivative of relu

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Step;

impl UnaryFunction for Step {
    const NAME: &'static str = "step";
    const SUMMARY: Option<&'static str> = None;

    fn value(x: f64) -> f64 {
        f64::from(u8::from(x > 0.0))
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = (graph, x, y);
        None
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        let (zero, one) = (T::splat(simd, T::ZERO), T::splat(simd, T::ONE));
        T::select(simd, T::less(simd, zero, x), one, zero)
    }
}
