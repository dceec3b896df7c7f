//! Natural logarithms.
//!
//! x = 2ⁿ m with m in [√½, √2), so that ln x = n ln 2 + ln(1 + f), f = m − 1 without an error. With s = f/(2 + f),
//!
//! ```text
//! ln(1 + f) = 2 artanh s = f − (½f² − s (½f² + R)),   R = 2 (artanh s − s)/s,
//! ```
//!
//! in which f, the largest term, has no error, and the other terms are small beside it (so in the logarithm of Sun
//! Microsystems' libm, 1993). R/s² is a polynomial in s².
//!
//! ln(1 + x) is the logarithm of u = 1 + x, rounded, plus (what the rounding took away)/u; where n = 0, f is x itself.

use pulp::Simd;

use super::polynomial;
use crate::lanes::Real;

#[derive(Debug)]
pub(super) struct Constants<T: 'static> {
    /// A power of two that makes a normal number of every smaller one, and its exponent.
    lift: [T; 2],
    /// Coefficients of R/s² in s², from the highest power down.
    series: &'static [T],
}

pub(super) const F32: Constants<f32> =
    Constants { lift: [33_554_432.0, 25.0], series: &[0.295_799_5, 0.399_887_8, 0.666_666_87] };

pub(super) const F64: Constants<f64> = Constants {
    lift: [18_014_398_509_481_984.0, 54.0],
    series: &[
        0.146_164_496_850_434_06,
        0.153_317_216_005_560_42,
        0.181_828_891_252_617_23,
        0.222_222_111_347_950_8,
        0.285_714_286_259_754_87,
        0.399_999_999_998_995_05,
        0.666_666_666_666_667,
    ],
};

/// n ln 2 + ln(1 + f) + rest, of a rest that is small beside the sum.
#[inline(always)]
fn sum<T: Real, S: Simd>(simd: S, n: T::Vector<S>, f: T::Vector<S>, rest: Option<T::Vector<S>>) -> T::Vector<S> {
    let common = T::ELEMENTARY;
    let number = |value| T::splat(simd, value);
    let s = T::divide(simd, f, T::add(simd, number(T::from_f64(2.0)), f));
    let square = T::multiply(simd, s, s);
    let series = T::multiply(simd, square, polynomial(simd, common.logarithm.series, square));
    let half = T::multiply(simd, T::multiply(simd, number(T::from_f64(0.5)), f), f);
    let low = match rest {
        Some(rest) => T::multiply_add(simd, n, number(common.ln_2[1]), rest),
        None => T::multiply(simd, n, number(common.ln_2[1])),
    };
    let small = T::multiply_add(simd, s, T::add(simd, half, series), low);
    let below = T::subtract(simd, T::subtract(simd, half, small), f);
    T::subtract(simd, T::multiply(simd, n, number(common.ln_2[0])), below)
}

/// A logarithm's value where its argument is a positive number; −∞ of 0, NaN of less, ∞ of ∞.
#[inline(always)]
fn complete<T: Real, S: Simd>(simd: S, argument: T::Vector<S>, value: T::Vector<S>) -> T::Vector<S> {
    let common = T::ELEMENTARY;
    let number = |value| T::splat(simd, value);
    let (zero, infinity) = (number(T::ZERO), number(common.infinity));
    let is_zero = T::equal(simd, argument, zero);
    let none = T::select(simd, is_zero, T::negate(simd, infinity), number(common.not_a_number));
    let value = T::select(simd, T::less(simd, zero, argument), value, none);
    T::select(simd, T::less(simd, argument, infinity), value, argument)
}

/// ln x
#[inline(always)]
pub(crate) fn logarithm<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let number = |value| T::splat(simd, value);
    let [lift, lifted_by] = T::ELEMENTARY.logarithm.lift;
    let tiny = T::less(simd, x, number(T::ELEMENTARY.smallest));
    let normal = T::select(simd, tiny, T::multiply(simd, x, number(lift)), x);
    let exponent = T::map(simd, normal, T::exponent);
    let exponent = T::select(simd, tiny, T::subtract(simd, exponent, number(lifted_by)), exponent);
    let f = T::subtract(simd, T::map(simd, normal, T::mantissa), number(T::ONE));
    complete::<T, S>(simd, x, sum::<T, S>(simd, exponent, f, None))
}

/// ln(1 + x)
#[inline(always)]
pub(crate) fn logarithm_of_one_plus<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let number = |value| T::splat(simd, value);
    let (zero, one) = (number(T::ZERO), number(T::ONE));
    let u = T::add(simd, one, x);
    // 1 + x − u, exactly (Knuth).
    let x_in_u = T::subtract(simd, u, one);
    let one_in_u = T::subtract(simd, u, x_in_u);
    let lost = T::add(simd, T::subtract(simd, one, one_in_u), T::subtract(simd, x, x_in_u));
    let exponent = T::map(simd, u, T::exponent);
    let near = T::equal(simd, exponent, zero);
    let f = T::select(simd, near, x, T::subtract(simd, T::map(simd, u, T::mantissa), one));
    let rest = T::select(simd, near, zero, T::divide(simd, lost, u));
    let value = complete::<T, S>(simd, u, sum::<T, S>(simd, exponent, f, Some(rest)));
    // Keeps the sign of −0.
    T::select(simd, T::equal(simd, x, zero), x, value)
}
