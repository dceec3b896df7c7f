//! max(x, 0)

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Relu;

impl UnaryFunction for Relu {
    const NAME: &'static str = "relu";
    const SUMMARY: Option<&'static str> = Some("max(x, 0); its derivative at 0 is 0");
    const DERIVATIVE: &'static str = "0 at 0";
    const ACCURACY: &'static str = "exact";

    fn value(x: f64) -> f64 {
        if x > 0.0 || x.is_nan() { x } else { 0.0 }
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = x;
        // By the value, not the argument: then nothing else needs the argument.
        Some(graph.unary(super::Unary::STEP, y))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        let zero = T::splat(simd, T::ZERO);
        // Written so that a NaN stays one: it is not ≤ 0.
        T::select(simd, T::less_equal(simd, x, zero), zero, x)
    }
}
