//! 1/(1 + e⁻ˣ)

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct Sigmoid;

impl UnaryFunction for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SUMMARY: Option<&'static str> = Some("1/(1 + e⁻ˣ)");
    const ACCURACY: &'static str = "within 3 units in the last place; 0 below −88.7 (f32) or −709.7 (f64), where it is below the smallest normal number";
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = x;
        let one = graph.scalar(1.0);
        let rest = graph.subtract(one, y);
        Some(graph.multiply(y, rest))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::sigmoid::<T, S>(simd, x)
    }
}
