//! Random streams.
//!
//! xoshiro128++ (Blackman and Vigna), one state for each seed and purpose. The period of 2¹²⁸ is cut into 2³² parts
//! of 2⁹⁶ words, one for each purpose, by long jumps, and these into 2³² parts of 2⁶⁴ words, one for each seed, by
//! jumps: the word with number w of a purpose p and a seed s is p·2⁹⁶ + s·2⁶⁴ + w words from the start. A lane is a
//! seed, a step takes the next words of its stream; so seeds, lanes and steps of one run never overlap. That the period
//! is full and the jumps are what they are said to be is proved in `tests/streams.rs`. Runs with different numbers
//! `ensemble.seed` start at hashed places, of which there are 2⁶⁴: if these are as good as drawn at random, two runs of S seeds
//! that take L words each from a stream overlap with probability below 16·S²·2L/2¹²⁸ (4,096 seeds, 2⁴⁰ words: 2⁻⁵⁹); it is not proved. Sixteen states lie side by side in a block of lanes and
//! advance together. Rejected: counter-based generators (ten rounds of wide multiplications per word would cost more than
//! the arithmetic of a small model).

mod normal;

pub use normal::LaneNormals;

use pulp::Simd;

use crate::lanes::LANES;
use crate::operations::Purpose;

/// Words of sixteen streams.
pub(crate) type Words = [u32; LANES];

/// The stream of one seed and purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    state: [u32; 4],
}

const JUMP: [u32; 4] = [0x8764_000b, 0xf542_d2d3, 0x6fa0_35c3, 0x77f2_db5b];
const LONG_JUMP: [u32; 4] = [0xb523_952e, 0x0b6f_099f, 0xccf5_a0ef, 0x1c58_0662];

impl Stream {
    /// Words of a state.
    pub const WORDS: usize = 4;

    /// A stream from a 64-bit number, by SplitMix64.
    pub fn new(seed: u64) -> Self {
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut y = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            y = (y ^ (y >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            y ^ (y >> 31)
        };
        let (a, b) = (next(), next());
        Self { state: [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32] }
    }

    /// The stream of the seed with the given number, for one purpose, in the family named by `base`.
    pub fn for_seed(base: u64, purpose: Purpose, seed: usize) -> Self {
        Self::for_seeds(base, purpose, seed, 1)[0]
    }

    /// The streams of `count` seeds from `first` on.
    pub fn for_seeds(base: u64, purpose: Purpose, first: usize, count: usize) -> Vec<Self> {
        let mut stream = Self::new(base);
        (0..purpose as usize).for_each(|_| stream.leap(LONG_JUMP));
        (0..first).for_each(|_| stream.leap(JUMP));
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            streams.push(stream);
            stream.leap(JUMP);
        }
        streams
    }

    /// The state, to be stored: a stream made [from it](Self::from_words) goes on where this one stands.
    pub fn words(&self) -> [u32; Self::WORDS] {
        self.state
    }

    /// The stream with a stored state.
    pub fn from_words(state: [u32; Self::WORDS]) -> Self {
        Self { state }
    }

    /// The next 32 bits.
    #[inline]
    pub fn next_word(&mut self) -> u32 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(7).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 9), d.rotate_left(11)];
        result
    }

    fn leap(&mut self, polynomial: [u32; 4]) {
        let mut sum = [0u32; 4];
        for word in polynomial {
            for bit in 0..32 {
                if word >> bit & 1 == 1 {
                    sum.iter_mut().zip(self.state).for_each(|(sum, word)| *sum ^= word);
                }
                self.next_word();
            }
        }
        self.state = sum;
    }
}

/// The streams of a block of lanes, for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStream {
    state: [[u32; LANES]; 4],
}

impl LaneStream {
    /// Side by side; lanes beyond the given streams repeat the last one.
    ///
    /// # Panics
    /// Without any stream.
    pub fn new(streams: &[Stream]) -> Self {
        let last = streams.last().expect("a block has at least one lane");
        let word = |part: usize| std::array::from_fn(|lane| streams.get(lane).unwrap_or(last).state[part]);
        Self { state: std::array::from_fn(word) }
    }

    /// The next word of every lane.
    #[inline(always)]
    pub(crate) fn next_words(&mut self) -> Words {
        let mut words = [0; LANES];
        let [a, b, c, d] = &mut self.state;
        for lane in 0..LANES {
            words[lane] = a[lane].wrapping_add(d[lane]).rotate_left(7).wrapping_add(a[lane]);
            let shifted = b[lane] << 9;
            c[lane] ^= a[lane];
            d[lane] ^= b[lane];
            b[lane] ^= c[lane];
            a[lane] ^= d[lane];
            c[lane] ^= shifted;
            d[lane] = d[lane].rotate_left(11);
        }
        words
    }

    /// The states of the lanes of one register.
    #[inline(always)]
    fn registers<S: Simd>(&self, register: usize) -> [S::u32s; 4] {
        std::array::from_fn(|part| S::as_simd_u32s(&self.state[part]).0[register])
    }

    #[inline(always)]
    fn set_registers<S: Simd>(&mut self, register: usize, states: [S::u32s; 4]) {
        self.state.iter_mut().zip(states).for_each(|(part, state)| S::as_mut_simd_u32s(part).0[register] = state);
    }

    /// The stream in a lane.
    pub fn lane(&self, lane: usize) -> Stream {
        Stream { state: std::array::from_fn(|part| self.state[part][lane]) }
    }

    /// Puts a stream into a lane.
    pub fn set_lane(&mut self, lane: usize, stream: Stream) {
        self.state.iter_mut().zip(stream.state).for_each(|(part, word)| part[lane] = word);
    }
}

/// A number in (0, 1) from 32 bits: the middle of one of 2³² equal parts.
#[inline]
pub fn unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// A number in {0, …, range − 1}; the bias is below range/2³².
#[inline]
pub fn integer_below(word: u32, range: u64) -> u64 {
    (u64::from(word) * range) >> 32
}

/// Two independent standard normal numbers from two words (Box and Muller, 1958), by the library's functions: the
/// oracle of the lanes' polynomials. The radius uses the upper 31 bits, u = (2k + 1)/2³².
#[inline]
pub fn box_muller(first: u32, second: u32) -> (f64, f64) {
    let radius = (-2.0 * (f64::from(first | 1) / 4_294_967_296.0).ln()).sqrt();
    let (sine, cosine) = (std::f64::consts::TAU * unit(second)).sin_cos();
    (radius * cosine, radius * sine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_reference_implementation() {
        // From state (1, 2, 3, 4), as the generator's reference code prints them.
        let mut stream = Stream { state: [1, 2, 3, 4] };
        let words: Vec<u32> = (0..6).map(|_| stream.next_word()).collect();
        assert_eq!(words, [641, 1_573_767, 3_222_811_527, 3_517_856_514, 836_907_274, 4_247_214_768]);
    }

    #[test]
    fn lanes_advance_as_their_streams_do() {
        let mut streams = Stream::for_seeds(9, Purpose::Noise, 0, LANES);
        let mut lanes = LaneStream::new(&streams);
        for _ in 0..100 {
            let words = lanes.next_words();
            let expected: Vec<u32> = streams.iter_mut().map(Stream::next_word).collect();
            assert_eq!(words.to_vec(), expected);
        }
        assert_eq!(lanes.lane(5), streams[5]);
        assert_eq!(Stream::from_words(lanes.lane(5).words()), streams[5]);
    }

    #[test]
    fn a_jump_commutes_with_a_step() {
        let mut jumped_first = Stream::new(11);
        jumped_first.leap(JUMP);
        jumped_first.next_word();
        let mut stepped_first = Stream::new(11);
        stepped_first.next_word();
        stepped_first.leap(JUMP);
        assert_eq!(jumped_first, stepped_first);
    }

    #[test]
    fn streams_of_seeds_and_purposes_differ() {
        let mut states = Vec::new();
        for purpose in [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise] {
            states.extend(Stream::for_seeds(3, purpose, 0, 40).iter().map(|stream| stream.state));
            assert_eq!(Stream::for_seeds(3, purpose, 0, 40)[17..19], Stream::for_seeds(3, purpose, 17, 2));
        }
        states.sort_unstable();
        states.dedup();
        assert_eq!(states.len(), 160);
    }

    #[test]
    fn box_muller_stays_finite_at_the_ends() {
        for word in [0, 1, u32::MAX / 2, u32::MAX] {
            let (a, b) = box_muller(word, word.wrapping_mul(7));
            assert!(a.is_finite() && b.is_finite() && a.hypot(b) < 6.8);
        }
    }
}
