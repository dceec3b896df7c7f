//! Φ(x) = ½ erfc(−x/√2), the distribution function of the standard normal law: what gelu multiplies x by.
//!
//! The rounding of −x/√2 would be magnified by x² where Φ is small; so its error is kept, and its effect, to first
//! order, added. erfc is that of libm (Sun Microsystems, 1993), within 1 unit in the last place.

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::{Real, elementary};
use pulp::Simd;

pub(crate) struct NormalCdf;

/// 1/√2 beyond its f64.
const REST_OF_SQRT_HALF: f64 = -4.833_646_656_726_457e-17;

impl UnaryFunction for NormalCdf {
    const NAME: &'static str = "normal_cdf";
    const SUMMARY: Option<&'static str> = None;
    const LONG: bool = true;

    fn value(x: f64) -> f64 {
        let z = -x * std::f64::consts::FRAC_1_SQRT_2;
        let error = (-x).mul_add(std::f64::consts::FRAC_1_SQRT_2, -z) - x * REST_OF_SQRT_HALF;
        let slope = -std::f64::consts::FRAC_2_SQRT_PI * (-z * z).exp();
        let correction = if slope == 0.0 { 0.0 } else { slope * error };
        0.5 * (libm::erfc(z) + correction)
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = y;
        let square = graph.multiply(x, x);
        let exponent = graph.scale(-0.5, square);
        let bell = graph.unary(super::Unary::EXP, exponent);
        Some(graph.scale(1.0 / std::f64::consts::TAU.sqrt(), bell))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        elementary::normal_distribution::<T, S>(simd, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_both_tails() {
        // 50-digit arithmetic.
        for (x, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_05),
            (-2.5, 6.209_665_325_776_135e-3),
            (-8.3, 5.205_569_744_890_254e-17),
            (-20.0, 2.753_624_118_606_233_7e-89),
            (-37.5, 4.605_353_009_581_955e-308),
            (9.0, 1.0),
        ] {
            let found = NormalCdf::value(x);
            assert!((found - expected).abs() <= 4.0 * f64::EPSILON * expected, "Φ({x}) = {found:e}, not {expected:e}");
        }
        assert_eq!(NormalCdf::value(f64::INFINITY), 1.0);
        assert_eq!(NormalCdf::value(f64::NEG_INFINITY), 0.0);
        assert!(NormalCdf::value(f64::NAN).is_nan());
    }
}
