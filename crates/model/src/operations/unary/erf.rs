//! The error function, 2/√π ∫₀ˣ e^(−t²) dt: what gelu is made of

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};

pub(crate) struct Erf;

impl UnaryFunction for Erf {
    const NAME: &'static str = "erf";
    const SUMMARY: Option<&'static str> = None;
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        libm::erf(x)
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let square = graph.multiply(x, x);
        let exponent = graph.negate(square);
        let density = graph.unary(super::Unary::EXP, exponent);
        Some(graph.scale(std::f64::consts::FRAC_2_SQRT_PI, density))
    }
}
