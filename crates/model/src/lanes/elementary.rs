//! Elementary functions on registers of lanes.
//!
//! exp x = 2ⁿ exp r with n the whole number nearest to x/ln 2 and r = x − n ln 2, |r| ≤ ½ ln 2, ln 2 in two parts (Cody
//! and Waite, 1980); exp r by its Taylor polynomial, whose remainder is below a tenth of the last digit. Within 1 unit in the
//! last place where the result is a normal number; smaller results are zero.
//!
//! tanh x = 1 − 2/(exp 2|x| + 1) with the sign of x; below |x| = ¼ by its Taylor polynomial. Within 4 units.
//!
//! **Rejected.** Tables (gathers are slow where there are any); the system's library lane by lane (thirty times slower).

use pulp::Simd;

use super::Real;

/// Constants for an element type.
#[derive(Debug)]
pub struct Elementary<T: 'static> {
    /// Above this the exponential is infinite.
    high: T,
    /// Below this it is no normal number.
    low: T,
    infinity: T,
    log2_e: T,
    /// 1.5·2^(digits of the mantissa): adding it leaves the nearest whole number in the last digits.
    shift: T,
    /// ln 2 in two parts, the first with zeros at the end.
    ln_2: [T; 2],
    /// Coefficients from the highest power down to 1.
    exponential: &'static [T],
    /// Coefficients of tanh x / x in x², from the highest power down to 1.
    tangent: &'static [T],
}

pub(super) const F32: Elementary<f32> = Elementary {
    high: 88.722_83,
    low: -87.33,
    infinity: f32::INFINITY,
    log2_e: std::f32::consts::LOG2_E,
    shift: 12_582_912.0,
    ln_2: [0.693_359_4, -2.121_944_4e-4],
    exponential: &[1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0],
    tangent: &[-1_382.0 / 155_925.0, 62.0 / 2_835.0, -17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0, 1.0],
};

pub(super) const F64: Elementary<f64> = Elementary {
    high: 709.782_712_893_383_9,
    low: -708.39,
    infinity: f64::INFINITY,
    log2_e: std::f64::consts::LOG2_E,
    shift: 6_755_399_441_055_744.0,
    ln_2: [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    exponential: &[
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ],
    tangent: &[
        18_888_466_084.0 / 194_896_477_400_625.0,
        -443_861_162.0 / 1_856_156_927_625.0,
        6_404_582.0 / 10_854_718_875.0,
        -929_569.0 / 638_512_875.0,
        21_844.0 / 6_081_075.0,
        -1_382.0 / 155_925.0,
        62.0 / 2_835.0,
        -17.0 / 315.0,
        2.0 / 15.0,
        -1.0 / 3.0,
        1.0,
    ],
};

#[inline(always)]
fn polynomial<T: Real, S: Simd>(simd: S, coefficients: &[T], x: T::Vector<S>) -> T::Vector<S> {
    let mut sum = T::splat(simd, coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = T::multiply_add(simd, sum, x, T::splat(simd, coefficient));
    }
    sum
}

/// eˣ
#[inline(always)]
pub(crate) fn exponential<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let constants = T::ELEMENTARY;
    let number = |value| T::splat(simd, value);
    let (high, low) = (number(constants.high), number(constants.low));
    let above = T::less(simd, high, x);
    let below = T::less(simd, x, low);
    let inside = T::select(simd, above, high, T::select(simd, below, low, x));
    let shift = number(constants.shift);
    let shifted = T::multiply_add(simd, inside, number(constants.log2_e), shift);
    let whole = T::negate(simd, T::subtract(simd, shifted, shift));
    let rest = T::multiply_add(simd, whole, number(constants.ln_2[0]), inside);
    let rest = T::multiply_add(simd, whole, number(constants.ln_2[1]), rest);
    let value = polynomial(simd, constants.exponential, rest);
    let scaled = T::map_pair(simd, value, shifted, T::scale_by_power);
    let bounded = T::select(simd, above, number(constants.infinity), T::select(simd, below, number(T::ZERO), scaled));
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
    let small = T::multiply(simd, x, polynomial(simd, T::ELEMENTARY.tangent, square));
    let growing = exponential::<T, S>(simd, T::add(simd, size, size));
    let two = T::add(simd, one, one);
    let large = T::subtract(simd, one, T::divide(simd, two, T::add(simd, growing, one)));
    let negative = T::less(simd, x, T::splat(simd, T::ZERO));
    let large = T::select(simd, negative, T::negate(simd, large), large);
    let quarter = T::splat(simd, T::from_f64(0.25));
    T::select(simd, T::less(simd, size, quarter), small, large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::InstructionSet;
    use pulp::WithSimd;

    type Function<T, S> = fn(S, <T as Real>::Vector<S>) -> <T as Real>::Vector<S>;

    /// The largest error over many arguments, in units of the last place of the exact value.
    struct Worst<T> {
        which: usize,
        arguments: Vec<T>,
    }

    fn exact(which: usize, x: f64) -> f64 {
        match which {
            0 => x.exp(),
            1 => 1.0 / (1.0 + (-x).exp()),
            _ => x.tanh(),
        }
    }

    impl<T: Real> WithSimd for Worst<T> {
        type Output = f64;

        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let functions: [Function<T, S>; 3] = [exponential::<T, S>, sigmoid::<T, S>, hyperbolic_tangent::<T, S>];
            let function = functions[self.which];
            let mut worst = 0.0f64;
            for &argument in &self.arguments {
                let value = function(simd, T::splat(simd, argument));
                // Every lane holds the same.
                let found = std::cell::Cell::new(T::ZERO);
                T::map(simd, value, |x| {
                    found.set(x);
                    x
                });
                let found = found.get();
                let expected = exact(self.which, argument.to_f64());
                let unit = (expected.abs() * T::EPSILON.to_f64()).max(f64::MIN_POSITIVE);
                worst = worst.max((found.to_f64() - expected).abs() / unit);
            }
            worst
        }
    }

    fn arguments<T: Real>(from: f64, to: f64) -> Vec<T> {
        (0..40_001).map(|i| T::from_f64(from + (to - from) * f64::from(i) / 40_000.0)).collect()
    }

    #[test]
    fn errors_stay_within_what_is_stated() {
        for set in InstructionSet::available() {
            for (which, range, bound) in [(0, [-87.0, 88.7], 1.5), (1, [-80.0, 80.0], 3.0), (2, [-20.0, 20.0], 4.0)] {
                let [from, to] = range;
                let single = set.run(Worst::<f32> { which, arguments: arguments(from, to) });
                assert!(single <= bound, "{} function {which}: {single} units in single precision", set.name());
                // The library's own error comes on top.
                let double = set.run(Worst::<f64> { which, arguments: arguments(from, to) });
                assert!(double <= bound + 1.0, "{} function {which}: {double} units in double precision", set.name());
            }
        }
    }

    #[test]
    fn ends_of_the_range() {
        for (x, expected) in [(200.0f32, f32::INFINITY), (-200.0, 0.0), (0.0, 1.0), (f32::NEG_INFINITY, 0.0)] {
            let mut chunk = super::super::Chunk([x; super::super::LANES]);
            struct One<'a>(&'a mut super::super::Chunk<f32>);
            impl WithSimd for One<'_> {
                type Output = ();
                fn with_simd<S: Simd>(self, simd: S) {
                    for x in f32::vectors_mut(simd, self.0) {
                        *x = exponential::<f32, S>(simd, *x);
                    }
                }
            }
            InstructionSet::detect().run(One(&mut chunk));
            assert_eq!(chunk.0[3], expected, "exp({x})");
        }
    }
}
