//! The nearest finite number: a difference of two of them is never ∞ − ∞. What `logsumexp` shifts its exponents by.

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Finite;

impl UnaryFunction for Finite {
    const NAME: &'static str = "finite";
    const SUMMARY: Option<&'static str> = None;
    const ACCURACY: &'static str = "exact";

    fn value(x: f64) -> f64 {
        x.clamp(f64::MIN, f64::MAX)
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = (x, y);
        Some(graph.scalar(1.0))
    }

    /// Of the precision at hand: an infinite f32 becomes the largest f32. A NaN stays one.
    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        let largest = T::splat(simd, T::LARGEST);
        let smallest = T::negate(simd, largest);
        let bounded = T::select(simd, T::less(simd, largest, x), largest, x);
        T::select(simd, T::less(simd, bounded, smallest), smallest, bounded)
    }
}
