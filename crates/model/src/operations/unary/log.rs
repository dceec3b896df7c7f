//! ln x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Log;

impl UnaryFunction for Log {
    const NAME: &'static str = "log";
    const SUMMARY: Option<&'static str> = Some("natural logarithm");
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.ln()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let one = graph.scalar(1.0);
        Some(graph.divide(one, x))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::logarithm::<T, S>(simd, x)
    }
}
