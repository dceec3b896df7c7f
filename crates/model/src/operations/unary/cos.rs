//! cos x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};

pub(crate) struct Cos;

impl UnaryFunction for Cos {
    const NAME: &'static str = "cos";
    const SUMMARY: Option<&'static str> = Some("cos x");
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.cos()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let sine = graph.unary(super::Unary::SIN, x);
        Some(graph.negate(sine))
    }
}
