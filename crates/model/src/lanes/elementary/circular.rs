//! Sine and cosine.
//!
//! sin x = (−1)^q sin(x − q π) with q the whole number nearest to x/π, and cos x = −(−1)^q sin(x − (q + ½) π) with q
//! nearest to x/π − ½: one polynomial for both, on |r| ≤ ½π. Where its slope is small, near the ends, an error
//! of r does little; where the sine is small, r has to be right to its own last digit. So the multiple of ½π is taken away
//! in parts whose products with it are exact, as many as make up for the digits that cancel.
//!
//! Beyond the stated bound (2¹⁷ in double, 2¹¹ in single precision) the system's library is asked, lane by lane.

use pulp::Simd;

use super::polynomial;
use crate::lanes::Real;

#[derive(Debug)]
pub(super) struct Constants<T: 'static> {
    /// The largest argument for which the parts below are enough.
    bound: T,
    /// 1/π.
    per_half_turn: T,
    /// −½π in parts, all but the last with so many zeros at the end that multiples up to `bound`/½π are exact.
    minus_quarter_turn: &'static [T],
    /// Coefficients of (sin r − r)/r³ in r², from the highest power down.
    series: &'static [T],
}

pub(super) const F32: Constants<f32> = Constants {
    bound: 2_048.0,
    per_half_turn: std::f32::consts::FRAC_1_PI,
    minus_quarter_turn: &[-1.570_556_6, -2.396_702_8e-4, -1.589_069_1e-8, -2.563_344e-12],
    series: &[-2.407_828_2e-8, 2.753_638e-6, -0.000_198_410_85, 0.008_333_333, -0.166_666_67],
};

pub(super) const F64: Constants<f64> = Constants {
    bound: 131_072.0,
    per_half_turn: std::f64::consts::FRAC_1_PI,
    minus_quarter_turn: &[-1.570_796_326_792_333_3, -2.563_344_151_266_318_4e-12, -3.282_003_542_873_500_5e-22],
    series: &[
        2.731_286_891_309_230_7e-15,
        -7.643_957_622_560_617e-13,
        1.605_897_691_509_500_7e-10,
        -2.505_210_761_086_116e-8,
        2.755_731_921_911_501_3e-6,
        -0.000_198_412_698_412_547_95,
        0.008_333_333_333_333_316,
        -0.166_666_666_666_666_66,
    ],
};

/// The sign (−1)^q and sin(x − n ½π), given n = 2q or 2q + 1 and a number that has q in its last digits.
#[inline(always)]
fn reduced<T: Real, S: Simd>(simd: S, x: T::Vector<S>, n: T::Vector<S>, shifted: T::Vector<S>) -> T::Vector<S> {
    let constants = &T::ELEMENTARY.circular;
    let mut rest = x;
    for &part in constants.minus_quarter_turn {
        rest = T::multiply_add(simd, n, T::splat(simd, part), rest);
    }
    let square = T::multiply(simd, rest, rest);
    let series = polynomial(simd, constants.series, square);
    let sine = T::multiply_add(simd, T::multiply(simd, rest, square), series, rest);
    T::map_pair(simd, sine, shifted, T::negate_where_odd)
}

/// The value within the bound, and the library's beyond.
#[inline(always)]
fn everywhere<T: Real, S: Simd>(
    simd: S,
    x: T::Vector<S>,
    value: T::Vector<S>,
    library: fn(f64) -> f64,
) -> T::Vector<S> {
    let bound = T::ELEMENTARY.circular.bound;
    if !T::any(simd, T::less(simd, T::splat(simd, bound), T::abs(simd, x))) {
        return value;
    }
    T::map_pair(simd, x, value, |x, value| match x.to_f64().abs() > bound.to_f64() {
        true => T::from_f64(library(x.to_f64())),
        false => value,
    })
}

/// sin x
#[inline(always)]
pub(crate) fn sine<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let number = |value| T::splat(simd, value);
    let (shift, per_half_turn) = (number(T::ELEMENTARY.shift), number(T::ELEMENTARY.circular.per_half_turn));
    let shifted = T::multiply_add(simd, x, per_half_turn, shift);
    let q = T::subtract(simd, shifted, shift);
    let value = reduced::<T, S>(simd, x, T::add(simd, q, q), shifted);
    // Keeps the sign of −0.
    let value = T::select(simd, T::equal(simd, x, number(T::ZERO)), x, value);
    everywhere::<T, S>(simd, x, value, f64::sin)
}

/// cos x
#[inline(always)]
pub(crate) fn cosine<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let number = |value| T::splat(simd, value);
    let (shift, per_half_turn) = (number(T::ELEMENTARY.shift), number(T::ELEMENTARY.circular.per_half_turn));
    let half_turns = T::multiply_add(simd, x, per_half_turn, number(T::from_f64(-0.5)));
    let shifted = T::add(simd, half_turns, shift);
    let q = T::subtract(simd, shifted, shift);
    let n = T::add(simd, T::add(simd, q, q), number(T::ONE));
    let value = T::negate(simd, reduced::<T, S>(simd, x, n, shifted));
    everywhere::<T, S>(simd, x, value, f64::cos)
}
