//! Elementary functions on registers of lanes.
//!
//! **Idea.** An argument is brought into a small interval by steps that lose nothing that matters (Cody and Waite, 1980);
//! there the function is a polynomial. What such a step does not cover is put in by selection: zeros, infinities, NaN,
//! and numbers below the normal ones. Sines of arguments beyond a bound are left to the system's library, lane by lane.
//!
//! **Errors** are in units of the last place of the exact value, in both precisions and with every instruction set;
//! `tests.rs` holds each against values in twice the digits:
//!
//! | function | at most |
//! |---|---|
//! | eˣ | 1; results that are not normal numbers are 0 |
//! | logistic function | 3; results below the normal numbers are coarse, from e⁻ˣ = ∞ on 0 |
//! | tanh | 2 |
//! | ln, ln(1 + x) | 1 |
//! | sin, cos | 3 |
//! | aᵇ | 2; 0 or ∞ within 1e-5 of the ends of the normal numbers |
//! | Φ | 6; results below the normal numbers are coarse or 0 |
//!
//! The polynomials interpolate in Chebyshev points; `coefficients.py` prints them with their errors, a twentieth to a tenth of
//! the last digit.
//!
//! **Rejected.** Tables (gathers are slow where there are any); the system's library lane by lane (up to thirty times
//! slower); Taylor's polynomials (a third more terms).

mod circular;
mod exponential;
mod logarithm;
mod normal;
mod power;
#[cfg(test)]
mod tests;

use pulp::Simd;

use super::Real;
pub(crate) use circular::{cosine, sine};
pub(crate) use exponential::{exponential, hyperbolic_tangent, sigmoid};
pub(crate) use logarithm::{logarithm, logarithm_of_one_plus};
pub(crate) use normal::normal_distribution;
pub(crate) use power::power;

/// Constants for an element type.
#[derive(Debug)]
pub struct Elementary<T: 'static> {
    /// 1.5·2^(digits of the mantissa): adding it leaves the nearest whole number in the last digits.
    shift: T,
    infinity: T,
    /// The smallest normal number.
    smallest: T,
    not_a_number: T,
    /// ln 2 in two parts, the first with so many zeros at the end that its product with an exponent is exact.
    ln_2: [T; 2],
    exponential: exponential::Constants<T>,
    logarithm: logarithm::Constants<T>,
    circular: circular::Constants<T>,
    normal: normal::Constants<T>,
    power: power::Constants<T>,
}

pub(super) const F32: Elementary<f32> = Elementary {
    shift: 12_582_912.0,
    infinity: f32::INFINITY,
    smallest: f32::MIN_POSITIVE,
    not_a_number: f32::NAN,
    ln_2: [0.693_359_4, -2.121_944_4e-4],
    exponential: exponential::F32,
    logarithm: logarithm::F32,
    circular: circular::F32,
    normal: normal::F32,
    power: power::F32,
};

pub(super) const F64: Elementary<f64> = Elementary {
    shift: 6_755_399_441_055_744.0,
    infinity: f64::INFINITY,
    smallest: f64::MIN_POSITIVE,
    not_a_number: f64::NAN,
    ln_2: [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    exponential: exponential::F64,
    logarithm: logarithm::F64,
    circular: circular::F64,
    normal: normal::F64,
    power: power::F64,
};

/// Σ coefficient·x^power by Horner's rule, coefficients from the highest power down. (Even and odd powers apart gained
/// less than 5 %, and lost digits of Φ.)
#[inline(always)]
fn polynomial<T: Real, S: Simd>(simd: S, coefficients: &[T], x: T::Vector<S>) -> T::Vector<S> {
    let mut sum = T::splat(simd, coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = T::multiply_add(simd, sum, x, T::splat(simd, coefficient));
    }
    sum
}
