//! Element types and their vector arithmetic.

use pulp::Simd;

use super::elementary::{self, Elementary};
use super::{Chunk, Field, LANES, transpose};
use crate::program::{self, InstructionSet, Run};
use crate::random::LaneNormals;

/// An element type of lane programs: f32 or f64. The vector operations are pulp's, under names without a type, so
/// that a kernel is written once. `Vector` holds as many lanes as the instruction set's registers do.
pub trait Real: LaneNormals + Copy + Default + Send + Sync + PartialOrd + std::fmt::Debug + 'static {
    /// A register of lanes.
    type Vector<S: Simd>: Copy;
    /// The result of a comparison.
    type Mask<S: Simd>: Copy;
    /// As in a spec: `f32` or `f64`.
    const NAME: &'static str;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Distance from 1 to the next number.
    const EPSILON: Self;
    /// The largest finite number.
    const LARGEST: Self;

    /// The nearest representable number.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
    /// self·factor + addend, rounded once.
    fn fused(self, factor: Self, addend: Self) -> Self;

    /// Runs instructions with an instruction set.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "only programs call it")]
    fn run(set: InstructionSet, run: Run<'_, Self>);

    /// Registers in a chunk.
    fn vectors_per_chunk<S: Simd>(simd: S) -> usize;
    /// The chunk as registers.
    fn vectors<S: Simd>(simd: S, chunk: &Chunk<Self>) -> &[Self::Vector<S>];
    /// The chunk as registers, to be written.
    fn vectors_mut<S: Simd>(simd: S, chunk: &mut Chunk<Self>) -> &mut [Self::Vector<S>];
    /// x in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// a + b
    fn add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// max(x, 0); a NaN stays one.
    fn positive_part<S: Simd>(simd: S, x: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of all lanes, added in halves.
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
    /// Turns 16 × 16 numbers: rows `from[1]` apart become columns of rows `to[1]` apart. False where the instruction set has
    /// no way that is faster than number by number; nothing is written then.
    ///
    /// # Safety
    /// Invariants 1 and 2 of the lanes' memory.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "only kernels call it")]
    unsafe fn turn_square<S: Simd>(simd: S, field: Field<'_, Self>, from: [usize; 2], to: [usize; 2]) -> bool;
    /// a − b
    fn subtract<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a·b
    fn multiply<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a/b
    fn divide<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a·b + c, with one rounding where the machine can.
    fn multiply_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// −a
    fn negate<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// |a|
    fn abs<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// √a
    fn sqrt<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// a < b
    fn less<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// a ≤ b
    fn less_equal<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// a = b; false where either is NaN.
    fn equal<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// Whether the mask holds in any lane.
    fn any<S: Simd>(simd: S, mask: Self::Mask<S>) -> bool;
    /// a where the mask holds, else b.
    fn select<S: Simd>(simd: S, mask: Self::Mask<S>, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// Constants of [`elementary`](super::elementary).
    #[doc(hidden)]
    const ELEMENTARY: &'static Elementary<Self>;
    /// `value · 2ⁿ`, where n is the whole number in the last digits of `shifted`.
    #[doc(hidden)]
    fn scale_by_power(value: Self, shifted: Self) -> Self;
    /// −value where the whole number in the last digits of `shifted` is odd, else value.
    #[doc(hidden)]
    fn negate_where_odd(value: Self, shifted: Self) -> Self;
    /// n of a positive normal number 2ⁿ·m with m in [√½, √2).
    #[doc(hidden)]
    fn exponent(self) -> Self;
    /// m of a positive normal number 2ⁿ·m with m in [√½, √2).
    #[doc(hidden)]
    fn mantissa(self) -> Self;
    /// The number without the lower half of its digits: products of two such numbers are exact.
    #[doc(hidden)]
    fn upper_half(self) -> Self;
    /// A scalar function of every lane.
    fn map<S: Simd>(simd: S, a: Self::Vector<S>, f: impl Fn(Self) -> Self) -> Self::Vector<S>;
    /// A scalar function of every pair of lanes.
    fn map_pair<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        f: impl Fn(Self, Self) -> Self,
    ) -> Self::Vector<S>;
}

/// n + bias of a positive normal number 2ⁿ·m with m in [√½, √2).
macro_rules! biased_exponent {
    ($type:ident, $number:expr) => {{
        let moved = (1.0 as $type).to_bits() - std::$type::consts::FRAC_1_SQRT_2.to_bits();
        $number.to_bits().wrapping_add(moved) >> ($type::MANTISSA_DIGITS - 1)
    }};
}

macro_rules! real {
    ($type:ident, $vector:ident, $mask:ident, $lanes:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident,
     $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident, $neg:ident, $abs:ident, $sqrt:ident,
     $less:ident, $less_equal:ident, $equal:ident, $select:ident, $max:ident, $sum:ident, $turn:ident, $first_true:ident,
     $bits:ident, $run:ident, $constants:ident) => {
        impl Real for $type {
            type Vector<S: Simd> = S::$vector;
            type Mask<S: Simd> = S::$mask;
            const NAME: &'static str = stringify!($type);
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: Self = $type::EPSILON;
            const LARGEST: Self = $type::MAX;
            const ELEMENTARY: &'static Elementary<Self> = &elementary::$constants;

            #[inline(always)]
            fn scale_by_power(value: Self, shifted: Self) -> Self {
                let power = shifted.to_bits() << ($type::MANTISSA_DIGITS - 1);
                $type::from_bits(value.to_bits().wrapping_add(power))
            }
            #[inline(always)]
            fn negate_where_odd(value: Self, shifted: Self) -> Self {
                $type::from_bits(value.to_bits() ^ (shifted.to_bits() << ($bits::BITS - 1)))
            }
            #[inline(always)]
            fn exponent(self) -> Self {
                // The number is put into the last digits of a power of two, of which it then is what goes beyond.
                let large = $type::EPSILON.recip();
                $type::from_bits(large.to_bits() | biased_exponent!($type, self))
                    - (large + ($type::MAX_EXP - 1) as $type)
            }
            #[inline(always)]
            fn mantissa(self) -> Self {
                let power = biased_exponent!($type, self).wrapping_sub(($type::MAX_EXP - 1) as $bits);
                $type::from_bits(self.to_bits().wrapping_sub(power << ($type::MANTISSA_DIGITS - 1)))
            }
            #[inline(always)]
            fn upper_half(self) -> Self {
                let lower = (1 << $type::MANTISSA_DIGITS.div_ceil(2)) - 1;
                $type::from_bits(self.to_bits() & !lower)
            }

            #[expect(private_interfaces, reason = "only programs call it")]
            fn run(set: InstructionSet, run: Run<'_, Self>) {
                program::$run(set, run);
            }
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn fused(self, factor: Self, addend: Self) -> Self {
                self.mul_add(factor, addend)
            }
            #[inline(always)]
            fn vectors_per_chunk<S: Simd>(_: S) -> usize {
                LANES / S::$lanes
            }
            #[inline(always)]
            fn vectors<S: Simd>(_: S, chunk: &Chunk<Self>) -> &[S::$vector] {
                S::$as_simd(&chunk.0).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(_: S, chunk: &mut Chunk<Self>) -> &mut [S::$vector] {
                S::$as_mut_simd(&mut chunk.0).0
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }
            #[inline(always)]
            fn add<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn positive_part<S: Simd>(simd: S, x: S::$vector) -> S::$vector {
                let zero = simd.$splat(0.0);
                if S::IS_SCALAR {
                    // Plain numbers' maximum of a NaN and zero is zero; a NaN is not ≤ 0.
                    return simd.$select(simd.$less_equal(x, zero), zero, x);
                }
                // Registers' maximum is its second argument where either is a NaN.
                simd.$max(zero, x)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }
            #[inline(always)]
            #[expect(private_interfaces, reason = "only kernels call it")]
            unsafe fn turn_square<S: Simd>(_: S, field: Field<'_, Self>, from: [usize; 2], to: [usize; 2]) -> bool {
                #[cfg(target_arch = "x86_64")]
                if transpose::is_wide::<S>() {
                    // SAFETY: by the caller; S exists only where the machine has AVX-512.
                    unsafe {
                        let [source, target] = [from, to].map(|[place, step]| field.square(place, step));
                        transpose::$turn(source, from[1], target, to[1]);
                    }
                    return true;
                }
                let _ = (field, from, to);
                false
            }
            #[inline(always)]
            fn subtract<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sub(a, b)
            }
            #[inline(always)]
            fn multiply<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn divide<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$div(a, b)
            }
            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$fma(a, b, c)
            }
            #[inline(always)]
            fn negate<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$neg(a)
            }
            #[inline(always)]
            fn abs<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$abs(a)
            }
            #[inline(always)]
            fn sqrt<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$sqrt(a)
            }
            #[inline(always)]
            fn less<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$less(a, b)
            }
            #[inline(always)]
            fn less_equal<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$less_equal(a, b)
            }
            #[inline(always)]
            fn equal<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$equal(a, b)
            }
            #[inline(always)]
            fn any<S: Simd>(simd: S, mask: S::$mask) -> bool {
                simd.$first_true(mask) < S::$lanes
            }
            #[inline(always)]
            fn select<S: Simd>(simd: S, mask: S::$mask, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$select(mask, a, b)
            }
            #[inline(always)]
            fn map<S: Simd>(_: S, a: S::$vector, f: impl Fn(Self) -> Self) -> S::$vector {
                let mut result = a;
                let lanes: &mut [Self] = pulp::bytemuck::cast_slice_mut(std::slice::from_mut(&mut result));
                lanes.iter_mut().for_each(|lane| *lane = f(*lane));
                result
            }
            #[inline(always)]
            fn map_pair<S: Simd>(_: S, a: S::$vector, b: S::$vector, f: impl Fn(Self, Self) -> Self) -> S::$vector {
                let (mut result, other) = (a, b);
                let lanes: &mut [Self] = pulp::bytemuck::cast_slice_mut(std::slice::from_mut(&mut result));
                let others: &[Self] = pulp::bytemuck::cast_slice(std::slice::from_ref(&other));
                lanes.iter_mut().zip(others).for_each(|(lane, &other)| *lane = f(*lane, other));
                result
            }
        }
    };
}

real!(
    f32,
    f32s,
    m32s,
    F32_LANES,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_f32s,
    div_f32s,
    mul_add_e_f32s,
    neg_f32s,
    abs_f32s,
    sqrt_f32s,
    less_than_f32s,
    less_than_or_equal_f32s,
    equal_f32s,
    select_f32s,
    max_f32s,
    reduce_sum_f32s,
    turn_f32,
    first_true_m32s,
    u32,
    run_f32,
    F32
);
real!(
    f64,
    f64s,
    m64s,
    F64_LANES,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_f64s,
    div_f64s,
    mul_add_e_f64s,
    neg_f64s,
    abs_f64s,
    sqrt_f64s,
    less_than_f64s,
    less_than_or_equal_f64s,
    equal_f64s,
    select_f64s,
    max_f64s,
    reduce_sum_f64s,
    turn_f64,
    first_true_m64s,
    u64,
    run_f64,
    F64
);
