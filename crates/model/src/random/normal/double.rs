//! Double precision: loops over lanes.

use pulp::Simd;

use super::{LaneNormals, SQRT_2_BITS};
use crate::lanes::{Chunk, LANES};
use crate::random::{LaneStream, Words};

/// Coefficients of 2 artanh t / t in t², from the highest power down.
const LOGARITHM: [f64; 12] = [
    2.0 / 23.0,
    2.0 / 21.0,
    2.0 / 19.0,
    2.0 / 17.0,
    2.0 / 15.0,
    2.0 / 13.0,
    2.0 / 11.0,
    2.0 / 9.0,
    2.0 / 7.0,
    2.0 / 5.0,
    2.0 / 3.0,
    2.0,
];

/// Coefficients of sin x / x in x².
const SINE: [f64; 8] = [
    -1.0 / 1_307_674_368_000.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 39_916_800.0,
    1.0 / 362_880.0,
    -1.0 / 5_040.0,
    1.0 / 120.0,
    -1.0 / 6.0,
    1.0,
];

/// Coefficients of cos x in x².
const COSINE: [f64; 9] = [
    1.0 / 20_922_789_888_000.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 479_001_600.0,
    -1.0 / 3_628_800.0,
    1.0 / 40_320.0,
    -1.0 / 720.0,
    1.0 / 24.0,
    -0.5,
    1.0,
];

impl LaneNormals for f64 {
    #[inline(always)]
    fn normals<S: Simd>(_: S, streams: &mut LaneStream, outputs: &mut [&mut [Chunk<Self>]]) {
        for pair in outputs.iter_mut().flat_map(|output| output.chunks_mut(2)) {
            let (radius, angle) = (streams.next_words(), streams.next_words());
            match pair {
                [first, second] => transform(&radius, &angle, &mut first.0, &mut second.0),
                [last, ..] => transform(&radius, &angle, &mut last.0, &mut [0.0; LANES]),
                [] => unreachable!("chunks are not empty"),
            }
        }
    }
}

/// Both outputs from two words a lane.
#[inline(always)]
fn transform(radius: &Words, angle: &Words, first: &mut [f64; LANES], second: &mut [f64; LANES]) {
    for lane in 0..LANES {
        // u = m·2^(−exponent), m in [√½, √2); m − 1 is formed from whole numbers, so that nothing cancels.
        let odd = radius[lane] | 1;
        let zeros = odd.leading_zeros();
        let bits = odd << zeros;
        let high = bits > SQRT_2_BITS;
        let difference = if high { bits as i32 } else { (bits ^ (1 << 31)) as i32 };
        let scale: f64 = if high { 1.0 / 4_294_967_296.0 } else { 1.0 / 2_147_483_648.0 };
        let exponent = zeros as i32 + i32::from(!high);
        let x = difference as f64 * scale;
        let t = x / (2.0 + x);
        let square = t * t;
        let series = LOGARITHM.iter().fold(0.0f64, |sum, &term| sum.mul_add(square, term));
        let minus_log = (exponent as f64).mul_add(std::f64::consts::LN_2, -(series * t));
        let length = (2.0 * minus_log).sqrt();
        // The nearest quarter turn, and what is left within an eighth of a turn.
        let quarter = angle[lane].wrapping_add(1 << 29) >> 30;
        let rest = angle[lane].wrapping_sub(quarter << 30) as i32;
        let x = (rest as f64 + 0.5) * (std::f64::consts::TAU / 4_294_967_296.0);
        let square = x * x;
        let sine = x * SINE.iter().fold(0.0f64, |sum, &term| sum.mul_add(square, term));
        let cosine = COSINE.iter().fold(0.0f64, |sum, &term| sum.mul_add(square, term));
        let odd_quarter = quarter & 1 == 1;
        let (c, s) = if odd_quarter { (sine, cosine) } else { (cosine, sine) };
        let c = if quarter == 1 || quarter == 2 { -c } else { c };
        let s = if quarter >= 2 { -s } else { s };
        first[lane] = length * c;
        second[lane] = length * s;
    }
}
