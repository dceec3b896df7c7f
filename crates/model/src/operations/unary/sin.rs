//! sin x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Sin;

impl UnaryFunction for Sin {
    const NAME: &'static str = "sin";
    const SUMMARY: Option<&'static str> = Some("sin x");
    const ACCURACY: &'static str = "within 3 units in the last place";
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.sin()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        Some(graph.unary(super::Unary::COS, x))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::sine::<T, S>(simd, x)
    }
}
