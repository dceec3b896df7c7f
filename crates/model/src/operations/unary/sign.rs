//! The sign: −1, 0 or 1

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Sign;

impl UnaryFunction for Sign {
    const NAME: &'static str = "sign";
    const SUMMARY: Option<&'static str> = Some("−1, 0 or 1");
    const DERIVATIVE: &'static str = "0";
    const ACCURACY: &'static str = "exact";

    fn value(x: f64) -> f64 {
        if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else {
            x
        }
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = (graph, x, y);
        None
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        let (zero, one) = (T::splat(simd, T::ZERO), T::splat(simd, T::ONE));
        // Zeros and NaN stay as they are.
        let others = T::select(simd, T::less(simd, x, zero), T::negate(simd, one), x);
        T::select(simd, T::less(simd, zero, x), one, others)
    }
}
