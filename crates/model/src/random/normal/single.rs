//! Single precision: everything in registers.

use pulp::Simd;

use super::{LaneNormals, SQRT_2_BITS};
use crate::lanes::{Chunk, LANES};
use crate::random::LaneStream;

/// Coefficients of 2 artanh t / t in t², from the highest power down.
const LOGARITHM: [f32; 6] = [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0];

/// Coefficients of sin x / x in x².
const SINE: [f32; 5] = [1.0 / 362_880.0, -1.0 / 5_040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0];

/// Coefficients of cos x in x².
const COSINE: [f32; 5] = [1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0];

/// √½ as bits.
const SQRT_HALF: u32 = 0x3f35_04f3;

/// 2²³ as bits: a whole number below 2²³ in its last digits makes 2²³ and that number.
const SHIFT: u32 = 0x4b00_0000;

impl LaneNormals for f32 {
    #[inline(always)]
    fn normals<S: Simd>(simd: S, streams: &mut LaneStream, outputs: &mut [&mut [Chunk<Self>]]) {
        for register in 0..LANES / S::F32_LANES {
            let mut states = streams.registers::<S>(register);
            let registers = Registers { simd };
            for pair in outputs.iter_mut().flat_map(|output| output.chunks_mut(2)) {
                let (radius, angle) = (registers.next_word(&mut states), registers.next_word(&mut states));
                let values = registers.transform(radius, angle);
                for (chunk, value) in pair.iter_mut().zip([values.0, values.1]) {
                    S::as_mut_simd_f32s(&mut chunk.0).0[register] = value;
                }
            }
            streams.set_registers::<S>(register, states);
        }
    }
}

#[derive(Clone, Copy)]
struct Registers<S> {
    simd: S,
}

impl<S: Simd> Registers<S> {
    #[inline(always)]
    fn left(self, a: S::u32s, amount: u32) -> S::u32s {
        self.simd.wrapping_dyn_shl_u32s(a, self.simd.splat_u32s(amount))
    }

    #[inline(always)]
    fn right(self, a: S::u32s, amount: u32) -> S::u32s {
        self.simd.wrapping_dyn_shr_u32s(a, self.simd.splat_u32s(amount))
    }

    #[inline(always)]
    fn and(self, a: S::u32s, bits: u32) -> S::u32s {
        self.simd.and_u32s(a, self.simd.splat_u32s(bits))
    }

    #[inline(always)]
    fn plus(self, a: S::u32s, number: u32) -> S::u32s {
        self.simd.add_u32s(a, self.simd.splat_u32s(number))
    }

    #[inline(always)]
    fn rotated(self, a: S::u32s, amount: u32) -> S::u32s {
        self.simd.or_u32s(self.left(a, amount), self.right(a, 32 - amount))
    }

    /// As [`Stream::next_word`](crate::random::Stream::next_word), in every lane.
    #[inline(always)]
    fn next_word(self, states: &mut [S::u32s; 4]) -> S::u32s {
        let (simd, [a, b, c, d]) = (self.simd, *states);
        let word = simd.add_u32s(self.rotated(simd.add_u32s(a, d), 7), a);
        let (c, d) = (simd.xor_u32s(c, a), simd.xor_u32s(d, b));
        let shifted = self.left(b, 9);
        *states = [simd.xor_u32s(a, d), simd.xor_u32s(b, c), simd.xor_u32s(c, shifted), self.rotated(d, 11)];
        word
    }

    /// A whole number below 2²³.
    #[inline(always)]
    fn small(self, a: S::u32s) -> S::f32s {
        let simd = self.simd;
        let shifted = simd.transmute_f32s_u32s(simd.or_u32s(a, simd.splat_u32s(SHIFT)));
        simd.sub_f32s(shifted, simd.splat_f32s(8_388_608.0))
    }

    /// `high·2¹⁶ + low`, rounded once.
    #[inline(always)]
    fn joined(self, high: S::f32s, low: S::u32s) -> S::f32s {
        self.simd.mul_add_f32s(high, self.simd.splat_f32s(65_536.0), self.small(low))
    }

    #[inline(always)]
    fn polynomial(self, coefficients: &[f32], x: S::f32s) -> S::f32s {
        let simd = self.simd;
        let (first, rest) = coefficients.split_first().expect("a polynomial has coefficients");
        rest.iter().fold(simd.splat_f32s(*first), |sum, &c| simd.mul_add_f32s(sum, x, simd.splat_f32s(c)))
    }

    /// √(−2 ln u) with u = (word | 1)/2³².
    #[inline(always)]
    fn radius(self, word: S::u32s) -> S::f32s {
        let simd = self.simd;
        let odd = simd.or_u32s(word, simd.splat_u32s(1));
        // Above √½ what is taken is 1 − u, formed from whole numbers, so that nothing cancels.
        let high = simd.greater_than_u32s(odd, simd.splat_u32s(SQRT_2_BITS));
        let whole = simd.select_u32s(high, simd.sub_u32s(simd.splat_u32s(0), odd), odd);
        let number = self.joined(self.small(self.right(whole, 16)), self.and(whole, 0xffff));
        // number = m·2^exponent with m in [√½, √2).
        let shifted = simd.sub_u32s(simd.transmute_u32s_f32s(number), simd.splat_u32s(SQRT_HALF));
        let mantissa = simd.transmute_f32s_u32s(self.plus(self.and(shifted, 0x007f_ffff), SQRT_HALF));
        let halvings = self.small(simd.sub_u32s(simd.splat_u32s(32), self.right(shifted, 23)));
        let below = simd.sub_f32s(mantissa, simd.splat_f32s(1.0));
        let above = simd.mul_f32s(number, simd.splat_f32s(-1.0 / 4_294_967_296.0));
        let x = simd.select_f32s(high, above, below);
        let halvings = simd.select_f32s(high, simd.splat_f32s(0.0), halvings);
        let t = simd.div_f32s(x, simd.add_f32s(x, simd.splat_f32s(2.0)));
        let series = simd.mul_f32s(self.polynomial(&LOGARITHM, simd.mul_f32s(t, t)), t);
        let minus_log = simd.mul_add_f32s(halvings, simd.splat_f32s(std::f32::consts::LN_2), simd.neg_f32s(series));
        simd.sqrt_f32s(simd.add_f32s(minus_log, minus_log))
    }

    /// Two normal numbers from two words.
    #[inline(always)]
    fn transform(self, radius: S::u32s, angle: S::u32s) -> (S::f32s, S::f32s) {
        let simd = self.simd;
        let length = self.radius(radius);
        // The nearest quarter turn, and what is left within an eighth of a turn.
        let turned = self.plus(angle, 1 << 29);
        let (quarter, rest) = (self.right(turned, 30), self.and(turned, (1 << 30) - 1));
        let high = simd.sub_f32s(self.small(self.right(rest, 16)), simd.splat_f32s(8_192.0));
        let rest = self.joined(high, self.and(rest, 0xffff));
        let turn = simd.splat_f32s((std::f64::consts::TAU / 4_294_967_296.0) as f32);
        let x = simd.mul_f32s(simd.add_f32s(rest, simd.splat_f32s(0.5)), turn);
        let square = simd.mul_f32s(x, x);
        let sine = simd.mul_f32s(self.polynomial(&SINE, square), x);
        let cosine = self.polynomial(&COSINE, square);
        let even = simd.equal_u32s(self.and(quarter, 1), simd.splat_u32s(0));
        let (c, s) = (simd.select_f32s(even, cosine, sine), simd.select_f32s(even, sine, cosine));
        // Quarters 1 and 2 turn the cosine's sign, 2 and 3 the sine's.
        let signed = |value: S::f32s, quarter: S::u32s| {
            let sign = self.left(self.and(quarter, 2), 30);
            simd.transmute_f32s_u32s(simd.xor_u32s(simd.transmute_u32s_f32s(value), sign))
        };
        (simd.mul_f32s(length, signed(c, self.plus(quarter, 1))), simd.mul_f32s(length, signed(s, quarter)))
    }
}
