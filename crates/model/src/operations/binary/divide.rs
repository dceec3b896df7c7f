//! a/b

use super::BinaryFunction;
use crate::graph::{Graph, Kind, Node, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Divide;

impl BinaryFunction for Divide {
    const NAME: &'static str = "divide";

    fn value(a: f64, b: f64) -> f64 {
        a / b
    }

    fn kind(_: &Node, _: &Node) -> Kind {
        Kind::Real
    }

    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
        let _ = a;
        let one = super::constant_like(graph, b, 1.0);
        let inverse = graph.divide(one, b);
        let ratio = graph.divide(y, b);
        [Some(inverse), Some(graph.negate(ratio))]
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        T::divide(simd, a, b)
    }
}
