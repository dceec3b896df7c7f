//! The smaller of a and b; the derivative goes to b where they are equal

use super::BinaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Minimum;

impl BinaryFunction for Minimum {
    const NAME: &'static str = "minimum";

    fn value(a: f64, b: f64) -> f64 {
        if a < b || a.is_nan() { a } else { b }
    }

    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
        let _ = y;
        let first = super::less_mask(graph, a, b);
        let one = super::constant_like(graph, a, 1.0);
        [Some(first), Some(graph.subtract(one, first))]
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        let smaller = T::select(simd, T::less(simd, a, b), a, b);
        T::select(simd, T::equal(simd, a, a), smaller, a)
    }
}
