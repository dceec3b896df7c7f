//! Standard normal numbers for sixteen streams at once (Box and Muller, 1958).
//!
//! radius √(−2 ln u), angle 2πa, with u the middle of one of 2³¹ equal parts of (0, 1) and a of one of 2³². Every step
//! is an exactly rounded operation (additions, products, fused products, quotients, roots), so a word gives the same
//! number on every machine. The logarithm is 2 artanh t, t = (m − 1)/(m + 1), of the mantissa brought near 1; sine and
//! cosine are Taylor polynomials within an eighth of a turn. Largest radius: √(64 ln 2) = 6.66.
//!
//! In single precision the streams' states and everything on the way stay in registers. Whole numbers become floating
//! ones in two halves of sixteen bits, whose sum is rounded once: what a conversion would give, which registers of
//! every width have not got for numbers without a sign.
//!
//! **Rejected.** Single precision in loops over lanes that the compiler turns into registers: states and words go by way
//! of memory (0.64 ns for each further number of a draw instead of 0.56). A polynomial of ln without the quotient: no
//! faster.

mod double;
mod single;

use pulp::Simd;

use super::LaneStream;
use crate::lanes::Chunk;

/// √2·2³¹.
const SQRT_2_BITS: u32 = 0xb504_f333;

/// Normal numbers in each lane, for an element type.
pub trait LaneNormals: Sized {
    /// Fills one output after the other: a pair of its elements takes two words of each stream, and so does a last one
    /// that has no partner.
    #[doc(hidden)]
    fn normals<S: Simd>(simd: S, streams: &mut LaneStream, outputs: &mut [&mut [Chunk<Self>]]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::LANES;
    use crate::program::InstructionSet;
    use crate::random::{Stream, box_muller};
    use pulp::WithSimd;

    struct Fill<'a, T>(&'a mut LaneStream, &'a mut [Chunk<T>]);

    impl<T: LaneNormals> WithSimd for Fill<'_, T> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            T::normals(simd, self.0, &mut [self.1]);
        }
    }

    /// Streams whose next word is `first`, whatever follows.
    fn starting_with(words: [u32; LANES]) -> LaneStream {
        // With a = 0 and d = x the next word is rotate(x, 7).
        let streams = words.map(|word| Stream::from_words([0, 1, 2, word.rotate_right(7)]));
        LaneStream::new(&streams)
    }

    /// The largest distances from the library's functions, over `count` elements from the given streams.
    fn worst(set: InstructionSet, start: &LaneStream, count: usize) -> [f64; 2] {
        let (mut double, mut single) = (vec![Chunk([0f64; LANES]); count], vec![Chunk([0f32; LANES]); count]);
        let mut ends = [start.clone(), start.clone()];
        set.run(Fill(&mut ends[0], &mut double));
        set.run(Fill(&mut ends[1], &mut single));
        let mut worst = [0.0f64; 2];
        for lane in 0..LANES {
            let mut stream = start.lane(lane);
            for element in (0..count).step_by(2) {
                let expected = box_muller(stream.next_word(), stream.next_word());
                for (element, expected) in [(element, expected.0), (element + 1, expected.1)] {
                    if element < count {
                        worst[0] = worst[0].max((double[element].0[lane] - expected).abs());
                        worst[1] = worst[1].max((f64::from(single[element].0[lane]) - expected).abs());
                    }
                }
            }
            assert_eq!([ends[0].lane(lane), ends[1].lane(lane)], [stream; 2], "both precisions take the same words");
        }
        worst
    }

    #[test]
    fn lanes_agree_with_the_library_functions() {
        let corners = [
            0,
            1,
            2,
            3,
            u32::MAX,
            u32::MAX - 1,
            1 << 31,
            (1 << 31) - 1,
            1 << 29,
            1 << 30,
            3 << 29,
            3 << 30,
            SQRT_2_BITS - 1,
            SQRT_2_BITS,
            SQRT_2_BITS + 1,
            SQRT_2_BITS / 2,
        ];
        for set in InstructionSet::available() {
            let long = LaneStream::new(&Stream::for_seeds(42, crate::operations::Purpose::Noise, 0, LANES));
            for (start, count) in [(starting_with(corners), 1), (starting_with(corners), 7), (long, 20_001)] {
                let [double, single] = worst(set, &start, count);
                assert!(double < 4e-15, "{}: {double:e}", set.name());
                assert!(single < 2e-6, "{}: {single:e}", set.name());
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_numbers() {
        let start = LaneStream::new(&Stream::for_seeds(7, crate::operations::Purpose::Noise, 0, LANES));
        let fill = |set: InstructionSet| {
            let mut output = vec![Chunk([0f32; LANES]); 5_001];
            set.run(Fill(&mut start.clone(), &mut output));
            output
        };
        let sets = InstructionSet::available();
        for &set in &sets[1..] {
            assert!(fill(set) == fill(sets[0]), "{} and {}", set.name(), sets[0].name());
        }
    }

    #[test]
    fn known_answers() {
        // u = ½ + 2⁻³², a quarter of a turn and a bit.
        let (first, second) = box_muller(0x8000_0000, 0x1234_5678);
        assert!((first.hypot(second) - (2.0 * std::f64::consts::LN_2).sqrt()).abs() < 1e-9);
        assert!(
            (second / first - (std::f64::consts::TAU * f64::from(0x1234_5678u32) / 4_294_967_296.0).tan()).abs() < 1e-8
        );
    }
}
