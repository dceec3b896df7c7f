//! From seeds side by side to one seed after the other, and back.
//!
//! Sixteen elements of sixteen seeds are a square: it is turned in registers where the machine has them of 512 bits, by
//! three or four rounds of exchanging blocks of twice the size, and number by number elsewhere.

use pulp::Simd;

use super::memory::Field;
use super::{LANES, Real};

/// Elements `0..count` of a vector in lanes, the first at `from` and each `step` numbers after the one before, as sixteen
/// rows of `stride` numbers from `to` on; what a row has beyond `count` becomes zero.
///
/// # Safety
/// Invariants 1 and 2 of the lanes' memory; `stride` is `count` rounded up to a multiple of sixteen.
#[inline(always)]
pub(super) unsafe fn to_rows<T: Real, S: Simd>(
    simd: S,
    field: Field<'_, T>,
    count: usize,
    [from, step]: [usize; 2],
    [to, stride]: [usize; 2],
) {
    let mut first = 0;
    while first + LANES <= count {
        // SAFETY: by the caller.
        if !unsafe { T::turn_square(simd, field, [from + first * step, step], [to + first, stride]) } {
            break;
        }
        first += LANES;
    }
    for element in first..stride {
        for lane in 0..LANES {
            // SAFETY: by the caller.
            unsafe {
                let inside = element < count;
                let value = if inside { field.number(from + element * step + lane) } else { T::ZERO };
                field.set_number(to + lane * stride + element, value);
            }
        }
    }
}

/// The other way: the first `count` numbers of each of sixteen rows as a vector in lanes.
///
/// # Safety
/// As [`to_rows`].
#[inline(always)]
pub(super) unsafe fn from_rows<T: Real, S: Simd>(
    simd: S,
    field: Field<'_, T>,
    count: usize,
    [from, stride]: [usize; 2],
    to: usize,
) {
    let mut first = 0;
    while first + LANES <= count {
        // SAFETY: by the caller.
        if !unsafe { T::turn_square(simd, field, [from + first, stride], [to + first * LANES, LANES]) } {
            break;
        }
        first += LANES;
    }
    for element in first..count {
        for lane in 0..LANES {
            // SAFETY: by the caller.
            unsafe { field.set_number(to + element * LANES + lane, field.number(from + lane * stride + element)) };
        }
    }
}

/// Whether the instruction set has registers of 512 bits.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn is_wide<S: Simd>() -> bool {
    std::any::TypeId::of::<S>() == std::any::TypeId::of::<pulp::x86::V4>()
}

/// Turns 16 × 16 numbers: row i, which starts at `from + i·step`, becomes column i of rows that start `stride` apart.
///
/// # Safety
/// All rows lie in memory that may be read and written, apart from each other; the machine has AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn turn_f32(from: *const f32, step: usize, to: *mut f32, stride: usize) {
    use std::arch::x86_64::{
        __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_loadu_ps, _mm512_shuffle_f32x4, _mm512_storeu_ps,
        _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };
    let low = |a: __m512, b: __m512| _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    let high = |a: __m512, b: __m512| _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    // SAFETY: by the caller.
    let rows: [__m512; 16] = std::array::from_fn(|i| unsafe { _mm512_loadu_ps(from.add(i * step)) });
    // Quadruples of rows: within each block of 128 bits, entry c of the four rows side by side.
    let quadruple = |i: usize| {
        let [a, b, c, d] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
        let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        [low(ab, cd), high(ab, cd), low(ab_high, cd_high), high(ab_high, cd_high)]
    };
    let [p, q, r, s] = [quadruple(0), quadruple(4), quadruple(8), quadruple(12)];
    for c in 0..4 {
        // Blocks of 128 bits: (0, 2 | 1, 3) of two, then of two of these.
        let (even, odd) = (_mm512_shuffle_f32x4::<0x88>(p[c], q[c]), _mm512_shuffle_f32x4::<0xdd>(p[c], q[c]));
        let (even_high, odd_high) =
            (_mm512_shuffle_f32x4::<0x88>(r[c], s[c]), _mm512_shuffle_f32x4::<0xdd>(r[c], s[c]));
        let columns = [
            (c, _mm512_shuffle_f32x4::<0x88>(even, even_high)),
            (c + 8, _mm512_shuffle_f32x4::<0xdd>(even, even_high)),
            (c + 4, _mm512_shuffle_f32x4::<0x88>(odd, odd_high)),
            (c + 12, _mm512_shuffle_f32x4::<0xdd>(odd, odd_high)),
        ];
        for (column, values) in columns {
            // SAFETY: by the caller.
            unsafe { _mm512_storeu_ps(to.add(column * stride), values) };
        }
    }
}

/// As [`turn_f32`], in four squares of 8 × 8.
///
/// # Safety
/// As [`turn_f32`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn turn_f64(from: *const f64, step: usize, to: *mut f64, stride: usize) {
    use std::arch::x86_64::{
        __m512d, _mm512_loadu_pd, _mm512_shuffle_f64x2, _mm512_storeu_pd, _mm512_unpackhi_pd, _mm512_unpacklo_pd,
    };
    for (down, across) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
        // SAFETY: by the caller.
        let rows: [__m512d; 8] =
            std::array::from_fn(|i| unsafe { _mm512_loadu_pd(from.add((down + i) * step + across)) });
        for parity in 0..2 {
            let pair = |i: usize| match parity {
                0 => _mm512_unpacklo_pd(rows[i], rows[i + 1]),
                _ => _mm512_unpackhi_pd(rows[i], rows[i + 1]),
            };
            let [p, q, r, s] = [pair(0), pair(2), pair(4), pair(6)];
            let (even, odd) = (_mm512_shuffle_f64x2::<0x88>(p, q), _mm512_shuffle_f64x2::<0xdd>(p, q));
            let (even_high, odd_high) = (_mm512_shuffle_f64x2::<0x88>(r, s), _mm512_shuffle_f64x2::<0xdd>(r, s));
            let columns = [
                (parity, _mm512_shuffle_f64x2::<0x88>(even, even_high)),
                (parity + 4, _mm512_shuffle_f64x2::<0xdd>(even, even_high)),
                (parity + 2, _mm512_shuffle_f64x2::<0x88>(odd, odd_high)),
                (parity + 6, _mm512_shuffle_f64x2::<0xdd>(odd, odd_high)),
            ];
            for (column, values) in columns {
                // SAFETY: by the caller.
                unsafe { _mm512_storeu_pd(to.add((across + column) * stride + down), values) };
            }
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_turned() {
        if pulp::x86::V4::try_new().is_none() {
            // The portable way is tested by every program that runs on this machine.
            return;
        }
        let (step, stride) = (19, 23);
        let from: Vec<f64> = (0..16 * step).map(|i| i as f64).collect();
        let narrow: Vec<f32> = from.iter().map(|&x| x as f32).collect();
        let (mut double, mut single) = (vec![-1.0; 16 * stride], vec![-1.0f32; 16 * stride]);
        // SAFETY: both squares lie within their vectors, and the machine has AVX-512.
        unsafe {
            turn_f64(from.as_ptr(), step, double.as_mut_ptr(), stride);
            turn_f32(narrow.as_ptr(), step, single.as_mut_ptr(), stride);
        }
        for row in 0..16 {
            for column in 0..stride {
                let expected = if column < 16 { from[column * step + row] } else { -1.0 };
                assert_eq!(double[row * stride + column], expected, "row {row}, column {column}");
                assert_eq!(f64::from(single[row * stride + column]), expected, "row {row}, column {column}");
            }
        }
    }
}
