//! cos x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Cos;

impl UnaryFunction for Cos {
    const NAME: &'static str = "cos";
    const SUMMARY: Option<&'static str> = Some("cos x");
    const ACCURACY: &'static str = "within 3 units in the last place";
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.cos()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let sine = graph.unary(super::Unary::SIN, x);
        Some(graph.negate(sine))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::cosine::<T, S>(simd, x)
    }
}
