//! 1 where a <= b, else 0

use super::BinaryFunction;
use crate::graph::{Graph, Kind, Node, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct LessEqual;

impl BinaryFunction for LessEqual {
    const NAME: &'static str = "less_equal";

    fn value(a: f64, b: f64) -> f64 {
        f64::from(u8::from(a <= b))
    }

    fn kind(_: &Node, _: &Node) -> Kind {
        Kind::Boolean
    }

    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
        let _ = (graph, a, b, y);
        [None, None]
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        let (zero, one) = (T::splat(simd, T::ZERO), T::splat(simd, T::ONE));
        T::select(simd, T::less_equal(simd, a, b), one, zero)
    }
}
