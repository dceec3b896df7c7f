//! |x|

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Abs;

impl UnaryFunction for Abs {
    const NAME: &'static str = "abs";
    const SUMMARY: Option<&'static str> = Some("|x|");
    const DERIVATIVE: &'static str = "the sign; 0 at 0";
    const ACCURACY: &'static str = "exact";

    fn value(x: f64) -> f64 {
        x.abs()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let sign = graph.unary(super::Unary::SIGN, x);
        Some(sign)
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::abs(simd, x)
    }
}
