//! That random streams never overlap, by the algebra of the generator and not by samples.
//!
//! A step of the generator is a linear map T of GF(2)¹²⁸. Three facts are computed here from nothing but that map, with
//! 128 × 128 bit matrices: T has order 2¹²⁸ − 1 (so the non-zero states are one cycle, and a state's position on it is
//! defined), the seed's jump is T^(2⁶⁴), the purpose's is T^(2⁹⁶). The word with number w of a purpose p and a seed s
//! is therefore at position p·2⁹⁶ + s·2⁶⁴ + w: different for different (p, s, w) with s < 2³² and w < 2⁶⁴. A step
//! of a run only takes the next words of its seed's stream, and a lane is a seed; so steps and lanes do not overlap
//! either.

use gaugebias_model::operations::Purpose;
use gaugebias_model::random::Stream;
use proptest::prelude::*;
use rand_xoshiro::Xoshiro128PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const PURPOSES: [Purpose; 4] = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise];

/// 2¹²⁸ − 1, the product of the Fermat numbers F₀ … F₆, in primes.
const PRIMES: [u128; 9] = [3, 5, 17, 257, 65_537, 641, 6_700_417, 274_177, 67_280_421_310_721];

/// A linear map of GF(2)¹²⁸: the image of each unit vector.
#[derive(Clone, PartialEq, Eq)]
struct Map([u128; 128]);

impl Map {
    fn identity() -> Self {
        Self(std::array::from_fn(|bit| 1 << bit))
    }

    /// One step of the generator.
    fn step() -> Self {
        Self(std::array::from_fn(|bit| {
            let mut stream = Stream::from_words(unpack(1 << bit));
            stream.next_word();
            pack(stream)
        }))
    }

    fn apply(&self, vector: u128) -> u128 {
        (0..128).filter(|bit| vector >> bit & 1 == 1).fold(0, |sum, bit| sum ^ self.0[bit])
    }

    fn after(&self, first: &Self) -> Self {
        Self(std::array::from_fn(|bit| self.apply(first.0[bit])))
    }
}

/// T^(2^k) for k = 0 … 128.
fn squares() -> Vec<Map> {
    let mut squares = vec![Map::step()];
    for k in 0..128 {
        squares.push(squares[k].after(&squares[k]));
    }
    squares
}

/// Where a state is after so many steps.
fn walk(squares: &[Map], state: u128, steps: u128) -> u128 {
    (0..128).filter(|k| steps >> k & 1 == 1).fold(state, |state, k| squares[k].apply(state))
}

fn pack(stream: Stream) -> u128 {
    stream.words().iter().rev().fold(0, |packed, &word| packed << 32 | u128::from(word))
}

fn unpack(state: u128) -> [u32; 4] {
    std::array::from_fn(|part| (state >> (32 * part)) as u32)
}

fn position(purpose: Purpose, seed: u32, word: u64) -> u128 {
    (purpose as u128) << 96 | u128::from(seed) << 64 | u128::from(word)
}

#[test]
fn the_period_is_that_of_all_states_but_zero() {
    let squares = squares();
    assert!(squares[128] == squares[0], "T^(2^128 − 1) = 1");
    assert_eq!(PRIMES.iter().product::<u128>(), u128::MAX);
    for prime in PRIMES {
        let power = (0..128)
            .filter(|k| (u128::MAX / prime) >> k & 1 == 1)
            .fold(Map::identity(), |product, k| squares[k].after(&product));
        assert!(power != Map::identity(), "T^((2^128 − 1)/{prime}) = 1: the period is shorter");
    }
}

#[test]
fn streams_start_where_their_purpose_and_seed_say() {
    let squares = squares();
    for base in [0, 1, 2, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
        let origin = pack(Stream::for_seed(base, Purpose::Data, 0));
        assert_ne!(origin, 0, "the state of zeros goes nowhere");
        for purpose in PURPOSES {
            for seed in [0, 1, 2, 15, 16, 17, 4_095] {
                let stream = Stream::for_seed(base, purpose, seed);
                let expected = walk(&squares, origin, position(purpose, seed as u32, 0));
                assert_eq!(pack(stream), expected, "base {base}, {purpose:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn the_generator_is_xoshiro128_plus_plus() {
    for base in [0, 1, 42, u64::MAX] {
        let mut reference = Xoshiro128PlusPlus::seed_from_u64(base);
        for purpose in PURPOSES {
            let mut of_purpose = reference.clone();
            for seed in 0..20 {
                let mut stream = Stream::for_seed(base, purpose, seed);
                let mut expected = of_purpose.clone();
                for word in 0..100 {
                    assert_eq!(stream.next_word(), expected.next_u32(), "{purpose:?}, seed {seed}, word {word}");
                }
                of_purpose.jump();
            }
            reference.long_jump();
        }
    }
}

/// A word of a stream; numbers near the ends as often as others.
fn place() -> impl Strategy<Value = (usize, u32, u64)> {
    let seed = prop_oneof![0..64u32, any::<u32>(), Just(u32::MAX)];
    let word = prop_oneof![0..4_096u64, any::<u64>(), Just(u64::MAX)];
    (0..4usize, seed, word)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn different_words_have_different_states(base: u64, first in place(), second in place()) {
        prop_assume!(first != second);
        thread_local! { static SQUARES: Vec<Map> = squares(); }
        let origin = pack(Stream::new(base));
        let state = |(purpose, seed, word): (usize, u32, u64)| {
            SQUARES.with(|squares| walk(squares, origin, position(PURPOSES[purpose], seed, word)))
        };
        prop_assert_ne!(state(first), state(second));
        // The next word of a stream is the next position.
        if let Some(next) = first.2.checked_add(1) {
            let mut stream = Stream::from_words(unpack(state(first)));
            stream.next_word();
            prop_assert_eq!(pack(stream), state((first.0, first.1, next)));
        }
    }
}
