//! Φ, the distribution function of the standard normal law.
//!
//! Φ(−a) = e^(−a²/2) g(a) for a ≥ 0, where g, Mills' ratio over √(2π), falls slowly from ½ to 1/(√(2π) a). (a + c) g(a) is
//! a polynomial in t = (a − c)/(a + c), which is within (−1, 1) (so for erfc: Shepherd and Laframboise, 1981).
//!
//! The rounding of a²/2 would be magnified by a². So a is split into a part of half the digits, whose square is exact, and
//! the rest; what the rest does to the square is added behind the reduction of the exponential's argument.
//!
//! Below |x| = 1, where much of this would be rounding, (Φ(x) − ½)/x is a polynomial in x².

use pulp::Simd;

use super::exponential::exponential_of_sum;
use super::polynomial;
use crate::lanes::Real;

/// c of the header. A choice: of whole numbers it needs the fewest terms.
const CENTRE: f64 = 5.0;

#[derive(Debug)]
pub(super) struct Constants<T: 'static> {
    /// Φ of everything below its negative is no normal number.
    most: T,
    /// Coefficients of (a + c) g(a) in t, from the highest power down.
    series: &'static [T],
    /// Coefficients of (Φ(x) − ½)/x in x², from the highest power down.
    near: &'static [T],
}

pub(super) const F32: Constants<f32> = Constants {
    most: 14.0,
    series: &[
        0.000_117_588_66,
        0.000_684_911_5,
        -0.000_831_317_86,
        -0.003_071_762,
        0.020_783_572,
        -0.069_104_746,
        0.165_023_48,
        -0.313_534_1,
        0.495_305_42,
        -0.665_382_5,
        0.769_193_05,
    ],
    near: &[-7.660_538e-6, 0.000_113_502_3, -0.001_186_344, 0.009_973_329, -0.066_490_36, 0.398_942_3],
};

pub(super) const F64: Constants<f64> = Constants {
    most: 39.0,
    series: &[
        -1.587_746_882_747_336_5e-10,
        1.753_048_401_408_232e-9,
        7.663_071_800_760_04e-9,
        -9.313_560_994_326_06e-9,
        -6.594_221_662_477_223e-8,
        4.227_499_374_006_534_6e-8,
        4.331_410_356_862_585e-7,
        -3.366_153_681_012_471e-7,
        -2.769_267_095_997_43e-6,
        3.980_902_157_868_041_4e-6,
        1.668_121_374_204_206_3e-5,
        -4.976_281_427_058_58e-5,
        -5.937_572_800_991_586e-5,
        0.000_544_899_064_773_129_8,
        -0.000_797_869_398_466_070_1,
        -0.002_993_376_770_508_542_2,
        0.020_795_066_799_883_178,
        -0.069_118_638_706_310_16,
        0.165_020_366_170_384_7,
        -0.313_533_156_671_304_55,
        0.495_305_615_969_976_4,
        -0.665_382_502_890_056_7,
        0.769_193_049_750_063,
    ],
    near: &[
        4.074_326_977_426_627_6e-12,
        -1.106_432_828_275_589e-10,
        2.270_413_758_567_6e-9,
        -4.122_410_751_416_081_5e-8,
        6.659_679_879_655_231e-7,
        -9.444_655_793_103_845e-6,
        0.000_115_434_687_516_559_41,
        -0.001_187_328_215_468_034_3,
        0.009_973_557_010_035_022,
        -0.066_490_380_066_905_43,
        0.398_942_280_401_432_7,
    ],
};

/// Φ(x)
#[inline(always)]
pub(crate) fn normal_distribution<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
    let constants = &T::ELEMENTARY.normal;
    let number = |value| T::splat(simd, value);
    let half = |value| T::multiply(simd, number(T::from_f64(-0.5)), value);
    let (most, centre) = (number(constants.most), number(T::from_f64(CENTRE)));
    let size = T::abs(simd, x);
    let a = T::select(simd, T::less(simd, most, size), most, size);
    let upper = T::map(simd, a, T::upper_half);
    let lower = T::subtract(simd, a, upper);
    let (main, rest) = (T::multiply(simd, upper, upper), T::multiply(simd, lower, T::add(simd, a, upper)));
    let bell = exponential_of_sum::<T, S>(simd, half(main), Some(half(rest)));
    let inverse = T::divide(simd, number(T::ONE), T::add(simd, a, centre));
    let t = T::multiply(simd, T::subtract(simd, a, centre), inverse);
    let ratio = T::multiply(simd, polynomial(simd, constants.series, t), inverse);
    let tail = T::multiply(simd, bell, ratio);
    let above = T::less(simd, number(T::ZERO), x);
    let far = T::select(simd, above, T::subtract(simd, number(T::ONE), tail), tail);
    let square = T::multiply(simd, x, x);
    let near = T::multiply_add(simd, x, polynomial(simd, constants.near, square), number(T::from_f64(0.5)));
    T::select(simd, T::less(simd, size, number(T::ONE)), near, far)
}
