//! Standard normal numbers for sixteen streams at once (Box and Muller, 1958).
//!
//! radius √(−2 ln u), angle 2πa, with u the middle of one of 2³¹ equal parts of (0, 1) and a of one of 2³². Every step
//! is an exactly rounded operation (additions, products, fused products, quotients, roots), so a word gives the same
//! number on every machine. The logarithm is 2 artanh t, t = (m − 1)/(m + 1), of the mantissa brought near 1; sine and
//! cosine are Taylor polynomials within an eighth of a turn. Largest radius: √(64 ln 2) = 6.66.

use crate::lanes::LANES;

/// Words of sixteen streams.
pub(crate) type Words = [u32; LANES];

/// √2·2³¹.
const SQRT_2_BITS: u32 = 0xb504_f333;

/// Pairs of independent normal numbers in each lane, for an element type.
pub trait LaneNormals: Sized {
    /// Fills both outputs from two words a lane.
    #[doc(hidden)]
    fn normals(radius: &Words, angle: &Words, first: &mut [Self; LANES], second: &mut [Self; LANES]);
}

macro_rules! lane_normals {
    ($type:ident, log: [$($log:expr),*], sine: [$($sine:expr),*], cosine: [$($cosine:expr),*]) => {
        impl LaneNormals for $type {
            #[inline(always)]
            fn normals(radius: &Words, angle: &Words, first: &mut [Self; LANES], second: &mut [Self; LANES]) {
                for lane in 0..LANES {
                    // u = m·2^(−exponent), m in [√½, √2); m − 1 is formed from whole numbers, so that nothing cancels.
                    let odd = radius[lane] | 1;
                    let zeros = odd.leading_zeros();
                    let bits = odd << zeros;
                    let high = bits > SQRT_2_BITS;
                    let difference = if high { bits as i32 } else { (bits ^ (1 << 31)) as i32 };
                    let scale: $type = if high { 1.0 / 4_294_967_296.0 } else { 1.0 / 2_147_483_648.0 };
                    let exponent = zeros as i32 + i32::from(!high);
                    let x = difference as $type * scale;
                    let t = x / (2.0 + x);
                    let square = t * t;
                    let mut series: $type = 0.0;
                    $(series = series.mul_add(square, ($log) as $type);)*
                    let minus_log = (exponent as $type).mul_add(std::f64::consts::LN_2 as $type, -(series * t));
                    let length = (2.0 * minus_log).sqrt();
                    // The nearest quarter turn, and what is left within an eighth of a turn.
                    let quarter = angle[lane].wrapping_add(1 << 29) >> 30;
                    let rest = angle[lane].wrapping_sub(quarter << 30) as i32;
                    let x = (rest as $type + 0.5) * (std::f64::consts::TAU / 4_294_967_296.0) as $type;
                    let square = x * x;
                    let mut sine: $type = 0.0;
                    $(sine = sine.mul_add(square, ($sine) as $type);)*
                    let sine = sine * x;
                    let mut cosine: $type = 0.0;
                    $(cosine = cosine.mul_add(square, ($cosine) as $type);)*
                    let odd_quarter = quarter & 1 == 1;
                    let (c, s) = if odd_quarter { (sine, cosine) } else { (cosine, sine) };
                    let c = if quarter == 1 || quarter == 2 { -c } else { c };
                    let s = if quarter >= 2 { -s } else { s };
                    first[lane] = length * c;
                    second[lane] = length * s;
                }
            }
        }
    };
}

// Coefficients from the highest power down.
lane_normals!(
    f64,
    log: [
        2.0 / 23.0, 2.0 / 21.0, 2.0 / 19.0, 2.0 / 17.0, 2.0 / 15.0, 2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0,
        2.0 / 3.0, 2.0
    ],
    sine: [
        -1.0 / 1_307_674_368_000.0, 1.0 / 6_227_020_800.0, -1.0 / 39_916_800.0, 1.0 / 362_880.0, -1.0 / 5_040.0, 1.0 / 120.0,
        -1.0 / 6.0, 1.0
    ],
    cosine: [
        1.0 / 20_922_789_888_000.0, -1.0 / 87_178_291_200.0, 1.0 / 479_001_600.0, -1.0 / 3_628_800.0, 1.0 / 40_320.0,
        -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0
    ]
);
lane_normals!(
    f32,
    log: [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0],
    sine: [1.0 / 362_880.0, -1.0 / 5_040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0],
    cosine: [1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0]
);

#[cfg(test)]
mod tests {
    use super::super::{Stream, box_muller};
    use super::*;

    #[test]
    fn lanes_agree_with_the_library_functions() {
        let mut stream = Stream::new(42);
        let mut corners =
            [0, 1, 2, 3, u32::MAX, u32::MAX - 1, 1 << 31, (1 << 31) - 1, 1 << 29, 1 << 30, 3 << 29, 3 << 30]
                .into_iter()
                .cycle();
        let (mut worst_double, mut worst_single) = (0.0f64, 0.0f64);
        for round in 0..20_000 {
            let mut word = || if round < 50 { corners.next().expect("a cycle has no end") } else { stream.next_word() };
            let words: [Words; 2] = std::array::from_fn(|_| std::array::from_fn(|_| word()));
            let (mut double, mut single) = ([[0f64; LANES]; 2], [[0f32; LANES]; 2]);
            let [a, b] = &mut double;
            f64::normals(&words[0], &words[1], a, b);
            let [a, b] = &mut single;
            f32::normals(&words[0], &words[1], a, b);
            for lane in 0..LANES {
                let expected = box_muller(words[0][lane], words[1][lane]);
                for (part, expected) in [expected.0, expected.1].into_iter().enumerate() {
                    worst_double = worst_double.max((double[part][lane] - expected).abs());
                    worst_single = worst_single.max((f64::from(single[part][lane]) - expected).abs());
                }
            }
        }
        assert!(worst_double < 4e-15, "{worst_double:e}");
        assert!(worst_single < 2e-6, "{worst_single:e}");
    }

    #[test]
    fn known_answers() {
        let words: [Words; 2] = [[0x8000_0000; LANES], [0x1234_5678; LANES]];
        let mut double = [[0f64; LANES]; 2];
        let [a, b] = &mut double;
        f64::normals(&words[0], &words[1], a, b);
        let (first, second) = box_muller(0x8000_0000, 0x1234_5678);
        assert!((a[7] - first).abs() < 1e-15 && (b[7] - second).abs() < 1e-15);
        assert!((first.hypot(second) - (2.0 * std::f64::consts::LN_2).sqrt()).abs() < 1e-9);
    }
}
