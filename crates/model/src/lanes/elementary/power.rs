//! Powers.
//!
//! aᵇ = e^(b ln a) of a > 0. An error of the logarithm is magnified by b ln a, up to 745 times: ln a is needed to twelve
//! bits more than a number has. So it is carried in two parts, as in Sun Microsystems' libm (1993): with s = f/(2 + f) as in
//! the logarithm and s = s₁ + s₂, s₁ of half the digits,
//!
//! ```text
//! ln(1 + f) = ⅔ s (3 + s₁² + r),   r = s₂ (s₁ + s) + s⁴ P(s²),
//! ```
//!
//! every product of two first parts is exact, and only what is small beside them is rounded.
//!
//! Where a is negative, zero, not normal, infinite or NaN, or b is huge or NaN, the system's library is asked, lane by lane.

use pulp::Simd;

use super::exponential::exponential_of_sum;
use super::polynomial;
use crate::lanes::Real;

#[derive(Debug)]
pub(super) struct Constants<T: 'static> {
    /// The largest exponent that is not huge: its product with any logarithm is finite.
    most: T,
    /// ⅔ in two parts.
    two_thirds: [T; 2],
    /// Coefficients of P in s², from the highest power down.
    series: &'static [T],
}

pub(super) const F32: Constants<f32> = Constants {
    most: 1_073_741_824.0,
    two_thirds: [0.666_503_9, 1.627_604_2e-4],
    series: &[0.286_805_36, 0.333_071_47, 0.428_572_98, 0.6],
};

pub(super) const F64: Constants<f64> = Constants {
    most: 1_152_921_504_606_846_976.0,
    two_thirds: [0.666_666_656_732_559_2, 9.934_107_462_565_104e-9],
    series: &[
        0.175_845_765_421_466_3,
        0.175_593_728_113_835_78,
        0.200_022_063_573_380_18,
        0.230_768_924_563_431_87,
        0.272_727_275_029_716_05,
        0.333_333_333_324_843_5,
        0.428_571_428_571_440_5,
        0.6,
    ],
};

/// A number as the sum of two: one of half the digits, and the rest.
#[derive(Clone, Copy)]
struct Parts<V>(V, V);

/// value + rest of a small rest.
#[inline(always)]
fn parts<T: Real, S: Simd>(simd: S, value: T::Vector<S>, rest: T::Vector<S>) -> Parts<T::Vector<S>> {
    let upper = T::map(simd, T::add(simd, value, rest), T::upper_half);
    Parts(upper, T::add(simd, T::subtract(simd, value, upper), rest))
}

/// ln(2ⁿ (1 + f))
#[inline(always)]
fn logarithm<T: Real, S: Simd>(simd: S, n: T::Vector<S>, f: T::Vector<S>) -> Parts<T::Vector<S>> {
    let (common, constants) = (T::ELEMENTARY, &T::ELEMENTARY.power);
    let number = |value| T::splat(simd, value);
    let plus = |a, b, c| T::multiply_add(simd, a, b, c);
    let minus = |c, a, b| T::multiply_add(simd, T::negate(simd, a), b, c);
    let two = number(T::from_f64(2.0));
    let below = T::add(simd, two, f);
    let inverse = T::divide(simd, number(T::ONE), below);
    let s = T::multiply(simd, f, inverse);
    let first = T::map(simd, s, T::upper_half);
    // 2 + f = below + (what its rounding took away).
    let lost = T::subtract(simd, f, T::subtract(simd, below, two));
    let upper = T::map(simd, below, T::upper_half);
    let lower = T::add(simd, T::subtract(simd, below, upper), lost);
    let rest = minus(minus(f, first, upper), first, lower);
    let second = T::multiply(simd, rest, inverse);
    let s = T::add(simd, first, second);

    let square = T::multiply(simd, s, s);
    let series = T::multiply(simd, T::multiply(simd, square, square), polynomial(simd, constants.series, square));
    let r = plus(second, T::add(simd, first, s), series);
    let exact = T::multiply(simd, first, first);
    let three = number(T::from_f64(3.0));
    let sum = T::map(simd, T::add(simd, T::add(simd, three, exact), r), T::upper_half);
    let beyond = T::subtract(simd, r, T::subtract(simd, T::subtract(simd, sum, three), exact));
    let small = plus(second, sum, T::multiply(simd, beyond, s));
    let product = parts::<T, S>(simd, T::multiply(simd, first, sum), small);

    let [main, rest] = constants.two_thirds;
    let small = plus(product.0, number(rest), T::multiply(simd, product.1, number(T::from_f64(2.0 / 3.0))));
    let mantissa = T::multiply(simd, product.0, number(main));
    let whole = T::multiply(simd, n, number(common.ln_2[0]));
    let small = plus(n, number(common.ln_2[1]), small);
    let sum = T::add(simd, whole, mantissa);
    // |whole| > |mantissa|, or it is zero (Dekker).
    let lost = T::subtract(simd, mantissa, T::subtract(simd, sum, whole));
    parts::<T, S>(simd, sum, T::add(simd, lost, small))
}

/// aᵇ of positive normal a, and b that is not huge.
#[inline(always)]
fn ordinary<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
    let n = T::map(simd, a, T::exponent);
    let f = T::subtract(simd, T::map(simd, a, T::mantissa), T::splat(simd, T::ONE));
    let logarithm = logarithm::<T, S>(simd, n, f);
    let upper = T::map(simd, b, T::upper_half);
    let lower = T::subtract(simd, b, upper);
    let main = T::multiply(simd, upper, logarithm.0);
    let small = T::multiply_add(simd, lower, logarithm.0, T::multiply(simd, b, logarithm.1));
    let sum = T::add(simd, main, small);
    let rest = T::add(simd, T::subtract(simd, main, sum), small);
    exponential_of_sum::<T, S>(simd, sum, Some(rest))
}

/// aᵇ
#[inline(always)]
pub(crate) fn power<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
    let (smallest, most) = (T::ELEMENTARY.smallest, T::ELEMENTARY.power.most);
    let infinity = T::ELEMENTARY.infinity;
    let value = ordinary::<T, S>(simd, a, b);
    // Selected twice, since masks cannot be joined: ∞ where a or b is out of the ordinary.
    let out = T::splat(simd, infinity);
    let marked = T::select(simd, T::less_equal(simd, T::splat(simd, smallest), a), a, out);
    let marked = T::select(simd, T::less_equal(simd, T::abs(simd, b), T::splat(simd, most)), marked, out);
    if !T::any(simd, T::equal(simd, marked, out)) {
        return value;
    }
    let library =
        T::map_pair(simd, a, b, |a, b| match a >= smallest && a < infinity && b.to_f64().abs() <= most.to_f64() {
            true => T::ZERO,
            false => T::from_f64(a.to_f64().powf(b.to_f64())),
        });
    T::select(simd, T::equal(simd, marked, out), library, value)
}
