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
    /// Element (r, c) of rows of `columns` is the chunk at `offset + down·r + across·c`.
    Grid { buffer: usize, offset: usize, down: usize, across: usize },
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
    /// What is done, in order. The first one loads.
    pub micros: Vec<Micro<T>>,
    /// Where the last value goes.
    pub output: usize,
    /// Number of chunks.
    pub count: usize,
    /// Elements of a row: a tile never reaches from one row into the next.
    pub columns: usize,
}

impl<T: std::fmt::Debug> Fused<T> {
    /// A group over `count` elements. Where all tables are grids over rows that fill a tile, they become grids: one
    /// place for sixteen elements instead of one for each. Rows divide `unit`, the elements that a pass holds multiples
    /// of.
    pub fn new(micros: Vec<Micro<T>>, output: usize, count: usize, unit: usize) -> Self {
        debug_assert!(matches!(micros.first(), Some(Micro { operand: Some(_), action: Action::Load })), "{micros:?}");
        let mut fused = Self { micros, output, count, columns: count };
        let tables = || fused.micros.iter().filter_map(|micro| micro.operand.as_ref()?.table());
        let whole = |columns: &usize| *columns >= TILE && unit.is_multiple_of(*columns);
        let found = tables()
            .map(row_length)
            .filter(whole)
            .find(|&columns| tables().all(|table| grid(table, columns).is_some()));
        if let Some(columns) = found {
            fused.columns = columns;
            for source in fused.micros.iter_mut().filter_map(|micro| micro.operand.as_mut()) {
                if let Source::Table { buffer, table } = source
                    && let Some([offset, down, across]) = grid(table, columns)
                {
                    *source = Source::Grid { buffer: *buffer, offset, down, across };
                }
            }
        }
        fused
    }
}

impl<T> Source<T> {
    fn table(&self) -> Option<&[usize]> {
        match self {
            Self::Table { table, .. } => Some(table),
            _ => None,
        }
    }
}

/// Elements of a table before its places stop being equally far apart.
fn row_length(table: &[usize]) -> usize {
    let apart = |e: usize| table[e].wrapping_sub(table[e - 1]);
    (2..table.len()).find(|&e| apart(e) != apart(1)).unwrap_or(table.len())
}

/// A table as offset and distances down and across, in numbers, if it is a grid of rows.
fn grid(table: &[usize], columns: usize) -> Option<[usize; 3]> {
    if !table.len().is_multiple_of(columns) || columns < 2 {
        return None;
    }
    let first = *table.first()?;
    let across = table[1].checked_sub(first)?;
    let down = table.get(columns).map_or(Some(0), |below| below.checked_sub(first))?;
    let at = |e: usize| first + e / columns * down + e % columns * across;
    table.iter().enumerate().all(|(e, &place)| place == at(e)).then_some([first, down, across].map(|x| x * LANES))
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
pub(crate) struct RunFused<'a, T> {
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
        let row = fused.columns.min(end - self.first);
        if row >= TILE {
            self.tiles::<TILE>(fused, end);
        } else if row >= 4 {
            self.tiles::<4>(fused, end);
        } else {
            self.tiles::<1>(fused, end);
        }
    }

    #[inline(always)]
    fn tiles<const W: usize>(&self, fused: &Fused<T>, end: usize) {
        let mut row = if fused.columns == fused.count { 0 } else { self.first / fused.columns };
        loop {
            let start = row * fused.columns;
            let (mut e, row_end) = (start.max(self.first), (start + fused.columns).min(end));
            while e < row_end {
                let first = e.min(row_end - W);
                for h in 0..T::vectors_per_chunk(self.simd) {
                    let half = h * (LANES / T::vectors_per_chunk(self.simd));
                    self.tile::<W>(fused, [first, row, first - start], half);
                }
                e += W;
            }
            if row_end == end {
                return;
            }
            row += 1;
        }
    }

    /// W elements from `e` on, which is at `row` and `column`; of every chunk the register that starts at lane `half`.
    #[inline(always)]
    fn tile<const W: usize>(&self, fused: &Fused<T>, place: [usize; 3], half: usize) {
        let (simd, [e, ..]) = (self.simd, place);
        let (first, rest) = fused.micros.split_first().expect("a group computes something");
        let mut accumulators = [T::splat(simd, T::ZERO); W];
        if let Some(source) = &first.operand {
            self.load::<W>(source, place, half, &mut accumulators);
        }
        for micro in rest {
            let mut operand = [T::splat(simd, T::ZERO); W];
            if let Some(source) = &micro.operand {
                let at_once = match self.neighbours(source, place, half) {
                    // SAFETY: the operand was checked when the program was compiled (invariant 1).
                    Some(start) => self.at_once::<W>(&micro.action, &mut accumulators, |w| unsafe {
                        self.field.load(simd, start + w * LANES)
                    }),
                    None => match self.same(source, place, half) {
                        Some(register) => self.at_once::<W>(&micro.action, &mut accumulators, |_| register),
                        None => false,
                    },
                };
                if at_once {
                    continue;
                }
                self.load::<W>(source, place, half, &mut operand);
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

    /// Where an operand's chunks for the elements from e on start, if they lie side by side.
    #[inline(always)]
    fn neighbours(&self, source: &Source<T>, [e, row, column]: [usize; 3], half: usize) -> Option<usize> {
        let start = |buffer: &usize| self.field.start(*buffer) + half;
        Some(match source {
            Source::Stream { buffer, offset } => start(buffer) + offset + e * LANES,
            Source::Tile { buffer, slot } => start(buffer) + slot * TILE * LANES,
            Source::Strip { buffer } => start(buffer) + (e - self.first) * LANES,
            Source::Grid { buffer, offset, down, across: LANES } => {
                start(buffer) + offset + row * down + column * LANES
            }
            _ => return None,
        })
    }

    /// An operand that is the same for all elements of a tile.
    #[inline(always)]
    fn same(&self, source: &Source<T>, [_, row, _]: [usize; 3], half: usize) -> Option<T::Vector<S>> {
        let place = match source {
            Source::Number(number) => return Some(T::splat(self.simd, *number)),
            Source::Chunk { buffer, offset } => self.field.start(*buffer) + offset,
            Source::Grid { buffer, offset, down, across: 0 } => self.field.start(*buffer) + offset + row * down,
            _ => return None,
        };
        // SAFETY: the operand was checked when the program was compiled (invariant 1).
        Some(unsafe { self.field.load(self.simd, place + half) })
    }

    /// Does an action that is one or two instructions with its operands straight from where they are; false for others.
    #[inline(always)]
    fn at_once<const W: usize>(
        &self,
        action: &Action<T>,
        accumulators: &mut [T::Vector<S>; W],
        operand: impl Fn(usize) -> T::Vector<S>,
    ) -> bool {
        let simd = self.simd;
        macro_rules! each_register {
            (|$x:ident, $y:ident| $value:expr) => {
                each::<W>(
                    #[inline(always)]
                    |w| {
                        let ($x, $y) = (accumulators[w], operand(w));
                        accumulators[w] = $value;
                    },
                )
            };
        }
        match action {
            Action::Binary(Binary::ADD) | Action::Reversed(Binary::ADD) => each_register!(|x, y| T::add(simd, x, y)),
            Action::Binary(Binary::MULTIPLY) | Action::Reversed(Binary::MULTIPLY) => {
                each_register!(|x, y| T::multiply(simd, x, y));
            }
            Action::Binary(Binary::SUBTRACT) => each_register!(|x, y| T::subtract(simd, x, y)),
            Action::Reversed(Binary::SUBTRACT) => each_register!(|x, y| T::subtract(simd, y, x)),
            Action::AddScaled(factor) => {
                let factor = T::splat(simd, *factor);
                each_register!(|x, y| T::multiply_add(simd, y, factor, x));
            }
            Action::KeepPositive => {
                let zero = T::splat(simd, T::ZERO);
                each_register!(|x, y| T::select(simd, T::less(simd, zero, y), x, zero));
            }
            _ => return false,
        }
        true
    }

    /// Reads an operand for the elements from e on.
    #[inline(always)]
    fn load<const W: usize>(
        &self,
        source: &Source<T>,
        [e, row, column]: [usize; 3],
        half: usize,
        operand: &mut [T::Vector<S>; W],
    ) {
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
            Source::Grid { buffer, offset, down, across } if *across != 0 => {
                let start = start(buffer) + offset + row * down + column * across;
                return each::<W>(
                    #[inline(always)]
                    |w| {
                        // SAFETY: as above.
                        operand[w] = unsafe { field.load(simd, start + w * across) }
                    },
                );
            }
            Source::Chunk { buffer, offset } | Source::Grid { buffer, offset, .. } => {
                let down = if let Source::Grid { down, .. } = source { *down } else { 0 };
                // SAFETY: as above.
                let same = unsafe { field.load(simd, start(buffer) + offset + row * down) };
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
