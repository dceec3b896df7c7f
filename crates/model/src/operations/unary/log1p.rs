//! ln(1 + x)

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Log1p;

impl UnaryFunction for Log1p {
    const NAME: &'static str = "log1p";
    const SUMMARY: Option<&'static str> = Some("ln(1 + x), accurate near 0");
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.ln_1p()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let one = graph.scalar(1.0);
        let shifted = graph.add(one, x);
        Some(graph.divide(one, shifted))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::logarithm_of_one_plus::<T, S>(simd, x)
    }
}
