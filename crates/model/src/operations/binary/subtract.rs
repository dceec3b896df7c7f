//! a − b

use super::BinaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Subtract;

impl BinaryFunction for Subtract {
    const NAME: &'static str = "subtract";

    fn value(a: f64, b: f64) -> f64 {
        a - b
    }

    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
        let _ = (b, y);
        [Some(super::constant_like(graph, a, 1.0)), Some(super::constant_like(graph, a, -1.0))]
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        T::subtract(simd, a, b)
    }
}
