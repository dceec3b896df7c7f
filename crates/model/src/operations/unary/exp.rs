//! eˣ

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Exp;

impl UnaryFunction for Exp {
    const NAME: &'static str = "exp";
    const SUMMARY: Option<&'static str> = Some("eˣ");
    const ACCURACY: &'static str = "within 1 unit in the last place; 0 below the smallest normal number";
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.exp()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = (graph, x);
        Some(y)
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::exponential::<T, S>(simd, x)
    }
}
