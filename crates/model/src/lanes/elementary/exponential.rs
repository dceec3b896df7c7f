//! The exponential and what is made of it.
//!
//! eˣ = 2ⁿ eʳ with n the whole number nearest to x/ln 2 and r = x − n ln 2, |r| ≤ ½ ln 2, where (eʳ − 1 − r)/r²
//! is a polynomial.
//!
//! tanh x = 1 − 2/(e^(2|x|) + 1) with the sign of x; below |x| = ½, where much would cancel, (tanh x − x)/x³ is one.

use pulp::Simd;

use super::polynomial;
use crate::lanes::Real;

#[derive(Debug)]
pub(super) struct Constants<T: 'static> {
    /// Above this the exponential is infinite.
    high: T,
    /// Below this it is no normal number; here it still is the smallest one, rounding included.
    low: T,
    log2_e: T,
    /// Coefficients of (eʳ − 1 − r)/r², from the highest power down to ½.
    exponential: &'static [T],
    /// Coefficients of (tanh x − x)/x³ in x², from the highest power down.
    tangent: &'static [T],
}

pub(super) const F32: Constants<f32> = Constants {
    high: 88.722_83,
    low: -87.336_54,
    log2_e: std::f32::consts::LOG2_E,
    exponential: &[0.000_198_910_8, 0.001_393_373_1, 0.008_333_310_5, 0.041_666_463, 0.166_666_67, 0.5],
    tangent: &[-0.006_942_942, 0.021_470_683, -0.053_933_468, 0.133_332_25, -0.333_333_3],
};

pub(super) const F64: Constants<f64> = Constants {
    high: 709.782_712_893_383_9,
    low: -708.396_418_532_264,
    log2_e: std::f64::consts::LOG2_E,
    exponential: &[
        2.091_475_532_589_32e-9,
        2.510_531_272_962_210_3e-8,
        2.755_727_347_871_858e-7,
        2.755_725_517_000_089e-6,
        2.480_158_732_567_746e-5,
        0.000_198_412_698_750_022_8,
        0.001_388_888_888_888_371_1,
        0.008_333_333_333_326_084,
        0.041_666_666_666_666_67,
        0.166_666_666_666_666_7,
        0.5,
    ],
    tangent: &[
        -2.295_330_465_333_733e-5,
        8.819_580_305_745_065e-5,
        -0.000_236_353_642_941_362_44,
        0.000_589_466_741_910_190_5,
        -0.001_455_760_813_865_587_3,
        0.003_592_121_796_949_870_4,
        -0.008_863_235_198_659_135,
        0.021_869_488_525_867_6,
        -0.053_968_253_968_089_755,
        0.133_333_333_333_332_3,
        -0.333_333_333_333_333_3,
    ],
};

/// eˣ
#[inline(always)]
pub(crate) fn exponential<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    exponential_of_sum::<T, S>(simd, x, None)
}

/// e^(x + rest) of a rest that is small beside 1.
#[inline(always)]
pub(super) fn exponential_of_sum<T: Real, S: Simd>(
    simd: S,
    x: T::Vector<S>,
    rest: Option<T::Vector<S>>,
) -> T::Vector<S> {
    let (common, constants) = (T::ELEMENTARY, &T::ELEMENTARY.exponential);
    let number = |value| T::splat(simd, value);
    let (high, low) = (number(constants.high), number(constants.low));
    let above = T::less(simd, high, x);
    let below = T::less(simd, x, low);
    let inside = T::select(simd, above, high, T::select(simd, below, low, x));
    let shift = number(common.shift);
    let shifted = T::multiply_add(simd, inside, number(constants.log2_e), shift);
    let whole = T::negate(simd, T::subtract(simd, shifted, shift));
    let near = T::multiply_add(simd, whole, number(common.ln_2[0]), inside);
    let near = T::multiply_add(simd, whole, number(common.ln_2[1]), near);
    let near = rest.map_or(near, |rest| T::add(simd, near, rest));
    // 1 + (r + r² (½ + …)): only the last addition loses as much as half of the last digit.
    let beyond = polynomial(simd, constants.exponential, near);
    let grown = T::multiply_add(simd, T::multiply(simd, near, near), beyond, near);
    let value = T::add(simd, number(T::ONE), grown);
    let scaled = T::map_pair(simd, value, shifted, T::scale_by_power);
    let bounded = T::select(simd, above, number(common.infinity), T::select(simd, below, number(T::ZERO), scaled));
    // A NaN is not equal to itself, and stays.
    T::select(simd, T::equal(simd, x, x), bounded, x)
}

/// 1/(1 + e⁻ˣ)
#[inline(always)]
pub(crate) fn sigmoid<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let one = T::splat(simd, T::ONE);
    T::divide(simd, one, T::add(simd, one, exponential::<T, S>(simd, T::negate(simd, x))))
}

/// tanh x
#[inline(always)]
pub(crate) fn hyperbolic_tangent<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let (one, size) = (T::splat(simd, T::ONE), T::abs(simd, x));
    let square = T::multiply(simd, x, x);
    let cubic = polynomial(simd, T::ELEMENTARY.exponential.tangent, square);
    let small = T::multiply_add(simd, T::multiply(simd, x, square), cubic, x);
    let growing = exponential::<T, S>(simd, T::add(simd, size, size));
    let two = T::add(simd, one, one);
    let large = T::subtract(simd, one, T::divide(simd, two, T::add(simd, growing, one)));
    let negative = T::less(simd, x, T::splat(simd, T::ZERO));
    let large = T::select(simd, negative, T::negate(simd, large), large);
    let half = T::splat(simd, T::from_f64(0.5));
    // Keeps the sign of −0.
    let small = T::select(simd, T::equal(simd, size, T::splat(simd, T::ZERO)), x, small);
    T::select(simd, T::less(simd, size, half), small, large)
}
