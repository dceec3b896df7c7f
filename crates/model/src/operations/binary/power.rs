//! aᵇ. Small whole exponents and square roots become products and roots when the language builds them.

use super::BinaryFunction;
use crate::graph::{Graph, Kind, Node, NodeId};
use crate::lanes::{Real, elementary};
use crate::operations::{Op, Unary};
use pulp::Simd;

pub(crate) struct Power;

impl BinaryFunction for Power {
    const NAME: &'static str = "power";
    const LONG: bool = true;

    fn value(a: f64, b: f64) -> f64 {
        a.powf(b)
    }

    fn kind(a: &Node, b: &Node) -> Kind {
        let whole = |value: &f64| *value >= 0.0 && value.fract() == 0.0;
        match &b.op {
            Op::Constant(exponent) if a.kind <= Kind::Integer && exponent.tensor().values.iter().all(whole) => {
                Kind::Integer
            }
            _ => Kind::Real,
        }
    }

    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
        let one = super::constant_like(graph, b, 1.0);
        let lower = graph.subtract(b, one);
        let power = graph.must(super::Binary::POWER, &[a, lower]);
        let base = graph.multiply(b, power);
        // A constant exponent needs no logarithm, which would be NaN for a ≤ 0.
        let exponent = graph.constant_value(b).is_none().then(|| {
            let log = graph.unary(Unary::LOG, a);
            graph.multiply(y, log)
        });
        [Some(base), exponent]
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        elementary::power::<T, S>(simd, a, b)
    }
}
