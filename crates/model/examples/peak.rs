//! The most floating-point operations a second of one core, as a JSON line: fused multiply-adds on registers alone, in
//! the widest instruction set that programs use. `bench/peak` divides by it.

use std::time::Instant;

use gaugebias_model::program::InstructionSet;
use pulp::{Simd, WithSimd};

/// Independent sums: more than latency times units (4 × 2), fewer than registers.
const SUMS: usize = 12;
const ROUNDS: usize = 1_000_000;

macro_rules! peak {
    ($name:ident, $type:ty, $vector:ident, $splat:ident, $fused:ident, $reduce:ident) => {
        /// Fused multiply-adds; gives the flops made and a number that depends on all of them.
        struct $name;

        impl WithSimd for $name {
            type Output = (f64, f64);

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> (f64, f64) {
                let [x, y] = std::hint::black_box([0.999, 1e-3]).map(|value| simd.$splat(value));
                let mut sums: [S::$vector; SUMS] = std::array::from_fn(|index| simd.$splat(index as $type));
                for _ in 0..ROUNDS {
                    for sum in &mut sums {
                        *sum = simd.$fused(*sum, x, y);
                    }
                }
                let lanes = size_of::<S::$vector>() / size_of::<$type>();
                let total = sums.into_iter().map(|sum| f64::from(simd.$reduce(sum))).sum();
                ((2 * SUMS * ROUNDS * lanes) as f64, total)
            }
        }
    };
}

peak!(Single, f32, f32s, splat_f32s, mul_add_f32s, reduce_sum_f32s);
peak!(Double, f64, f64s, splat_f64s, mul_add_f64s, reduce_sum_f64s);

/// The best of twenty rounds, in Gflop/s.
fn best(mut run: impl FnMut() -> (f64, f64)) -> f64 {
    let round = |_| {
        let start = Instant::now();
        let (flops, total) = run();
        std::hint::black_box(total);
        flops / start.elapsed().as_secs_f64() * 1e-9
    };
    (0..20).map(round).fold(0.0, f64::max)
}

fn main() {
    let set = InstructionSet::detect();
    let single = best(|| set.run(Single));
    let double = best(|| set.run(Double));
    println!("{{\"instruction_set\":\"{}\",\"f32_gflops\":{single:.1},\"f64_gflops\":{double:.1}}}", set.name());
}
