//! The accumulator machine: a chain of element-wise operations in one pass over memory.
//!
//! **Idea.** A group of element-wise nodes that only feed each other is one instruction. Sixteen elements at a time
//! stay in registers, the accumulators, while the group's micro-operations are matched one after the other:
//! `accumulators ← f(accumulators, operand)`. A value that is needed twice is kept in a tile of sixteen chunks, which
//! stays in the first cache. One match for sixteen chunks costs about a nanosecond.
//!
//! **The data's way.** `program::groups` (which nodes belong together) → `program::linearize` (micro-operations) →
//! here, over all elements, or over the rows of a matrix product as they are made.
//!
//! **Rejected.** One pass for each operation (twice the memory traffic); compiled closures (as fast, but a machine-code
//! generator for three instruction sets is a project of its own); autovectorised arrays passed by value (up to thirty
//! times slower).

use std::sync::Arc;

use pulp::{Simd, WithSimd};

use super::memory::Field;
use super::{LANES, Real};
use crate::operations::{Binary, Unary};

/// Chunks that the machine holds at once.
pub(crate) const TILE: usize = 16;

/// Where a micro-operation's operand lies. Offsets are counted in numbers.
#[derive(Clone, Debug)]
pub(crate) enum Source<T> {
    /// Element e is the chunk at `offset + 16 e`.
    Stream { buffer: usize, offset: usize },
    /// Every element is the chunk at `offset`.
    Chunk { buffer: usize, offset: usize },
    /// Element e is the chunk number `table[e]`.
    Table { buffer: usize, table: Arc<[usize]> },
    /// Element e is number e of a constant, in all lanes.
    Constant { constant: usize },
    /// Every element is this number.
    Number(T),
    /// A kept tile.
    Tile { buffer: usize, slot: usize },
    /// Rows of a matrix product, from the first element of the pass on.
    Strip { buffer: usize },
}

/// A step of the machine: an operand, if it takes one, is loaded, then the action is done.
#[derive(Clone, Debug)]
pub(crate) struct Micro<T> {
    /// What is read.
    pub operand: Option<Source<T>>,
    /// What is done.
    pub action: Action<T>,
}

/// What a step does with the accumulators.
#[derive(Clone, Debug)]
pub(crate) enum Action<T> {
    /// accumulators ← operand
    Load,
    /// accumulators ← f(accumulators)
    Unary(Unary),
    /// accumulators ← f(accumulators, operand)
    Binary(Binary),
    /// accumulators ← f(operand, accumulators)
    Reversed(Binary),
    /// accumulators ← accumulators + factor · operand
    AddScaled(T),
    /// accumulators ← accumulators where operand > 0, else 0
    KeepPositive,
    /// accumulators ← accumulators where operand ≠ 0, else the kept tile
    Select { buffer: usize, slot: usize },
    /// tile ← accumulators
    Keep { buffer: usize, slot: usize },
    /// Writes the accumulators to a further output.
    Store { buffer: usize },
}

impl<T> Micro<T> {
    /// A step without an operand.
    pub fn alone(action: Action<T>) -> Self {
        Self { operand: None, action }
    }

    /// A step with an operand.
    pub fn with(operand: Source<T>, action: Action<T>) -> Self {
        Self { operand: Some(operand), action }
    }
}

/// Element-wise nodes as one instruction.
#[derive(Clone, Debug)]
pub(crate) struct Fused<T> {
    /// What is done, in order.
    pub micros: Vec<Micro<T>>,
    /// Where the last value goes.
    pub output: usize,
    /// Number of chunks.
    pub count: usize,
}

/// Calls `f(0)`, …, `f(W − 1)`, written out: a loop that the compiler left as a loop would keep the accumulators in
/// memory.
#[inline(always)]
pub(crate) fn each<const W: usize>(mut f: impl FnMut(usize)) {
    macro_rules! unrolled {
        ($($w:literal)*) => { $(if $w < W { f($w); })* };
    }
    const { assert!(W <= 16) };
    unrolled!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}

/// Runs a group over its elements `first..end`.
pub(super) struct RunFused<'a, T> {
    pub fused: &'a Fused<T>,
    pub field: Field<'a, T>,
    pub constants: &'a [Vec<T>],
    pub first: usize,
    pub end: usize,
}

impl<T: Real> WithSimd for RunFused<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { fused, field, constants, first, end } = self;
        Machine { simd, field, constants, first }.run(fused, end);
    }
}

/// The machine over the elements from `first` on.
struct Machine<'a, T: Real, S: Simd> {
    simd: S,
    field: Field<'a, T>,
    constants: &'a [Vec<T>],
    first: usize,
}

impl<T: Real, S: Simd> Machine<'_, T, S> {
    /// Runs a group over its elements `first..end`. Where the last tile does not fit it overlaps the one before: the
    /// same values are computed and written twice.
    #[inline(always)]
    fn run(&self, fused: &Fused<T>, end: usize) {
        if end - self.first >= TILE {
            self.tiles::<TILE>(fused, end);
        } else if end - self.first >= 4 {
            self.tiles::<4>(fused, end);
        } else {
            self.tiles::<1>(fused, end);
        }
    }

    #[inline(always)]
    fn tiles<const W: usize>(&self, fused: &Fused<T>, end: usize) {
        let mut e = self.first;
        while e < end {
            let start = e.min(end - W);
            for h in 0..T::vectors_per_chunk(self.simd) {
                self.tile::<W>(fused, start, h * (LANES / T::vectors_per_chunk(self.simd)));
            }
            e += W;
        }
    }

    /// Elements e … e + W − 1; of every chunk the register that starts at lane `half`.
    #[inline(always)]
    fn tile<const W: usize>(&self, fused: &Fused<T>, e: usize, half: usize) {
        let simd = self.simd;
        let mut accumulators = [T::splat(simd, T::ZERO); W];
        for micro in &fused.micros {
            let mut operand = [T::splat(simd, T::ZERO); W];
            if let Some(source) = &micro.operand {
                self.load::<W>(source, e, half, &mut operand);
            }
            match &micro.action {
                Action::Load => each::<W>(
                    #[inline(always)]
                    |w| accumulators[w] = operand[w],
                ),
                Action::Unary(unary) => unary.accumulate::<T, S, W>(simd, &mut accumulators),
                Action::Binary(function) => {
                    function.accumulate::<T, S, W, false>(simd, &mut accumulators, &operand);
                }
                Action::Reversed(function) => {
                    function.accumulate::<T, S, W, true>(simd, &mut accumulators, &operand);
                }
                Action::AddScaled(factor) => {
                    let factor = T::splat(simd, *factor);
                    each::<W>(
                        #[inline(always)]
                        |w| accumulators[w] = T::multiply_add(simd, operand[w], factor, accumulators[w]),
                    );
                }
                Action::KeepPositive => {
                    let zero = T::splat(simd, T::ZERO);
                    each::<W>(
                        #[inline(always)]
                        |w| accumulators[w] = T::select(simd, T::less(simd, zero, operand[w]), accumulators[w], zero),
                    );
                }
                Action::Select { buffer, slot } => {
                    let kept = self.field.start(*buffer) + slot * TILE * LANES + half;
                    let zero = T::splat(simd, T::ZERO);
                    each::<W>(
                        #[inline(always)]
                        |w| {
                            // SAFETY: tiles were checked when the program was compiled (invariant 1).
                            let other = unsafe { self.field.load(simd, kept + w * LANES) };
                            let unmet = T::equal(simd, operand[w], zero);
                            accumulators[w] = T::select(simd, unmet, other, accumulators[w]);
                        },
                    );
                }
                Action::Keep { buffer, slot } => {
                    self.store(&accumulators, self.field.start(*buffer) + slot * TILE * LANES + half);
                }
                Action::Store { buffer } => self.store(&accumulators, self.field.start(*buffer) + e * LANES + half),
            }
        }
        self.store(&accumulators, self.field.start(fused.output) + e * LANES + half);
    }

    /// Reads an operand for the elements from e on.
    #[inline(always)]
    fn load<const W: usize>(&self, source: &Source<T>, e: usize, half: usize, operand: &mut [T::Vector<S>; W]) {
        let (simd, field) = (self.simd, self.field);
        let start = |buffer: &usize| field.start(*buffer) + half;
        let stream = match source {
            Source::Stream { buffer, offset } => start(buffer) + offset + e * LANES,
            Source::Tile { buffer, slot } => start(buffer) + slot * TILE * LANES,
            Source::Strip { buffer } => start(buffer) + (e - self.first) * LANES,
            Source::Table { buffer, table } => {
                let (start, places) = (start(buffer), &table[e..e + W]);
                return each::<W>(
                    #[inline(always)]
                    |w| {
                        // SAFETY: the operand was checked when the program was compiled (invariant 1).
                        operand[w] = unsafe { field.load(simd, start + places[w] * LANES) }
                    },
                );
            }
            Source::Constant { constant } => {
                let numbers = &self.constants[*constant][e..e + W];
                return each::<W>(
                    #[inline(always)]
                    |w| operand[w] = T::splat(simd, numbers[w]),
                );
            }
            Source::Chunk { buffer, offset } => {
                // SAFETY: as above.
                let same = unsafe { field.load(simd, start(buffer) + offset) };
                return each::<W>(
                    #[inline(always)]
                    |w| operand[w] = same,
                );
            }
            Source::Number(number) => {
                let same = T::splat(simd, *number);
                return each::<W>(
                    #[inline(always)]
                    |w| operand[w] = same,
                );
            }
        };
        each::<W>(
            #[inline(always)]
            |w| {
                // SAFETY: as above.
                operand[w] = unsafe { field.load(simd, stream + w * LANES) }
            },
        );
    }

    #[inline(always)]
    fn store<const W: usize>(&self, accumulators: &[T::Vector<S>; W], place: usize) {
        each::<W>(
            #[inline(always)]
            |w| {
                // SAFETY: outputs were checked when the program was compiled (invariants 1 and 2).
                unsafe { self.field.store(self.simd, place + w * LANES, accumulators[w]) }
            },
        );
    }
}
