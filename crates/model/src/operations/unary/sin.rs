//! sin x

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};

pub(crate) struct Sin;

impl UnaryFunction for Sin {
    const NAME: &'static str = "sin";
    const SUMMARY: Option<&'static str> = Some("sin x");
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        x.sin()
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        Some(graph.unary(super::Unary::COS, x))
    }
}
