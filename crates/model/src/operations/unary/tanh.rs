//! tanh x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Tanh;

impl UnaryFunction for Tanh {
    const NAME: &'static str = "tanh";
    const SUMMARY: Option<&'static str> = Some("hyperbolic tangent");
    const ACCURACY: &'static str = "within 2 units in the last place";
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.tanh()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = x;
        let square = graph.multiply(y, y);
        let one = graph.scalar(1.0);
        Some(graph.subtract(one, square))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::hyperbolic_tangent::<T, S>(simd, x)
    }
}
