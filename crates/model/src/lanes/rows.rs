//! Products with a large matrix of each seed's own, along its rows.
//!
//! **Idea.** A matrix that stays what it is while a block is run, and that does not stay in the first cache, is packed
//! once, seed after seed, rows padded to whole chunks. What a step costs is then to read it, and this is done once:
//! a few rows at a time are multiplied with the vector, finished as `scale·x + Σ factor·addend`, and, while they are
//! still in the first cache, added to the transposed product of the finished numbers: `r = f(M x)`, `g = Mᵀ r`, which
//! is the gradient of every least-squares loss. The other values of a step stay seeds side by side; the vectors `x` and
//! `g`, which are as long as a row, are [turned](super::transpose) on the way.
//!
//! **The data's way.** `program::along_rows` (which matrices, what is finished how, which two products are one) →
//! `Pack`, once for each block → `Rows`, every step.
//!
//! **Order of addition.** Sixteen partial sums, whatever the width of registers, added in halves: the same numbers on
//! every machine that fuses products and sums.
//!
//! **Rejected.** A layout of its own for whole programs, one seed at a time: every operation would have to be written
//! twice, for the sake of two products. Two passes over the matrix, one for each product: what is read from the second
//! cache is what takes the time (1.4 times slower). Seeds side by side, as for other products: 1.1 to 1.25 times slower
//! from 2,048 numbers on, faster below.

use pulp::{Simd, WithSimd};
use smallvec::SmallVec;

use super::memory::Field;
use super::transpose::{from_rows, to_rows};
use super::{LANES, Real};

/// A packed matrix: the matrices of the lanes one after the other; of each, groups of rows; of a group, chunk by chunk the
/// numbers of its rows, zero beyond the columns. A sweep reads it from one end to the other, which the machine foresees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    pub buffer: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Packed {
    /// Numbers from one row to the next.
    pub fn stride(self) -> usize {
        self.columns.next_multiple_of(LANES)
    }

    /// The group of a row: its first row, and its number of rows. Groups have as many rows as `T` wants; of what is left
    /// over, four if there are as many, then one each.
    fn group<T>(self, row: usize) -> [usize; 2] {
        let size = group_size::<T>();
        let whole = self.rows / size * size;
        match row {
            _ if row < whole => [row / size * size, size],
            _ if row < whole + 4 && whole + 4 <= self.rows => [whole, 4],
            _ => [row, 1],
        }
    }

    /// Where number (row, column) is within one lane's matrix.
    fn place<T>(self, row: usize, column: usize) -> usize {
        let [first, size] = self.group::<T>(row);
        first * self.stride() + (column / LANES * size + row - first) * LANES + column % LANES
    }

    /// Chunks of the packed matrix.
    pub fn chunks(self) -> usize {
        self.rows * self.stride()
    }

    /// Chunks of scratch memory: two vectors.
    pub fn scratch_chunks(self) -> usize {
        2 * self.stride()
    }
}

/// Rows that are multiplied and added at a time: as many bytes in both precisions, since the group that is multiplied and
/// the one that is added, still to be found in the first cache, take most of it when rows are long (eight rows of f64: 1.2
/// times slower).
const fn group_size<T>() -> usize {
    32 / size_of::<T>()
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// How far ahead of a sweep the matrix is asked for, in bytes. The machine foresees the sweep, but only to the end of a page; sixteen
/// seeds' matrices of f64 come from the third cache, and then took a tenth longer.
const AHEAD: usize = 2048;

/// A vector in lanes: element i is the chunk at `offset + step·i`, counted in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided {
    pub buffer: usize,
    pub offset: usize,
    pub step: usize,
}

/// Packs a matrix in lanes.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    pub source: Strided,
    /// Numbers between neighbours of a row; `source.step` is between rows.
    pub across: usize,
    pub packed: Packed,
}

/// `output = scale·(M·vector) + Σ factor·addend`
#[derive(Clone, Debug)]
pub(crate) struct Forward<T> {
    pub vector: Strided,
    pub scale: T,
    pub addends: SmallVec<[(Strided, T); 2]>,
    pub output: usize,
}

/// `output = Mᵀ·vector`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backward {
    /// Where there is a forward product, its output.
    pub vector: Strided,
    pub output: usize,
}

/// One or both products with a packed matrix.
#[derive(Clone, Debug)]
pub(crate) struct Rows<T> {
    pub matrix: Packed,
    pub forward: Option<Forward<T>>,
    pub backward: Option<Backward>,
    /// Memory for two vectors, seed after seed.
    pub scratch: usize,
}

/// Runs a [`Pack`].
pub(crate) struct RunPack<'a, T> {
    pub pack: &'a Pack,
    pub field: Field<'a, T>,
}

impl<T: Real> WithSimd for RunPack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (Pack { source, across, packed }, field) = (self.pack, self.field);
        let (from, to) = (field.start(source.buffer) + source.offset, field.start(packed.buffer));
        let apart = packed.rows * packed.stride();
        for (row, column) in (0..packed.rows).flat_map(|row| (0..packed.stride()).map(move |column| (row, column))) {
            let (source, target) = (from + row * source.step + column * across, to + packed.place::<T>(row, column));
            for lane in 0..LANES {
                // SAFETY: both places were checked when the program was compiled (invariants 1 and 2).
                unsafe {
                    let value = if column < packed.columns { field.number(source + lane) } else { T::ZERO };
                    field.set_number(target + lane * apart, value);
                }
            }
        }
    }
}

/// Runs [`Rows`].
pub(crate) struct RunRows<'a, T> {
    pub rows: &'a Rows<T>,
    pub field: Field<'a, T>,
}

impl<T: Real> WithSimd for RunRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, field } = self;
        let (matrix, stride) = (rows.matrix, rows.matrix.stride());
        let vectors = [field.start(rows.scratch), field.start(rows.scratch) + LANES * stride];
        let start = |vector: &Strided| field.start(vector.buffer) + vector.offset;
        let mut sweep = Sweep {
            simd,
            field,
            count: matrix.rows,
            chunks: stride / LANES,
            matrix: field.start(matrix.buffer),
            vectors,
            lane: 0,
            finish: Finish::new(rows.forward.as_ref(), field),
            backward: rows.backward.map(|backward| (start(&backward.vector), backward.vector.step)),
        };
        // SAFETY: all operands were checked when the program was compiled (invariants 1 and 2).
        unsafe {
            if let Some(Forward { vector, .. }) = &rows.forward {
                to_rows(simd, field, matrix.columns, [start(vector), vector.step], [vectors[0], stride]);
            }
            for lane in 0..LANES {
                sweep.lane = lane;
                sweep.run();
                sweep.matrix += matrix.rows * stride;
                sweep.vectors = sweep.vectors.map(|start| start + stride);
            }
            if let Some(Backward { output, .. }) = rows.backward {
                from_rows(simd, field, matrix.columns, [vectors[1], stride], field.start(output));
            }
        }
    }
}

/// What becomes of the forward product's numbers, with places in memory; a factor of zero for an addend that is not there.
#[derive(Clone, Copy)]
struct Finish<T> {
    scale: T,
    /// Start, step, factor.
    addends: [(usize, usize, T); 2],
    count: usize,
    output: usize,
}

impl<T: Real> Finish<T> {
    #[inline(always)]
    fn new(forward: Option<&Forward<T>>, field: Field<'_, T>) -> Option<Self> {
        let forward = forward?;
        let mut addends = [(0, 0, T::ZERO); 2];
        for (place, (addend, factor)) in addends.iter_mut().zip(&forward.addends) {
            *place = (field.start(addend.buffer) + addend.offset, addend.step, *factor);
        }
        let output = field.start(forward.output);
        Some(Self { scale: forward.scale, addends, count: forward.addends.len(), output })
    }
}

/// One seed's products.
struct Sweep<'a, T: Real, S: Simd> {
    simd: S,
    field: Field<'a, T>,
    /// Rows of the matrix.
    count: usize,
    /// Chunks of a row.
    chunks: usize,
    /// Where this seed's matrix starts, and its two vectors.
    matrix: usize,
    vectors: [usize; 2],
    lane: usize,
    finish: Option<Finish<T>>,
    /// Start and step of the vector that is multiplied with the transposed matrix, where it is not the forward product.
    backward: Option<(usize, usize)>,
}

impl<T: Real, S: Simd> Sweep<'_, T, S> {
    /// # Safety
    /// Invariants 1 and 2.
    #[inline(always)]
    unsafe fn run(&self) {
        // SAFETY: by the caller.
        unsafe {
            if self.backward.is_some() {
                self.clear();
            }
            let wide = group_size::<T>() == 8;
            let mut row = match (&self.finish, self.backward) {
                (Some(finish), Some(_)) if wide => self.both::<8>(finish),
                (Some(finish), Some(_)) => self.both::<4>(finish),
                _ => 0,
            };
            while wide && row + 8 <= self.count {
                self.group::<8>(row);
                row += 8;
            }
            while row + 4 <= self.count {
                self.group::<4>(row);
                row += 4;
            }
            while row < self.count {
                self.group::<1>(row);
                row += 1;
            }
        }
    }

    /// Both products for all whole groups of R rows; how many rows these are. While a group's numbers are finished, which
    /// is a long chain of short operations, the next group is multiplied and the one before added.
    #[inline(always)]
    unsafe fn both<const R: usize>(&self, finish: &Finish<T>) -> usize {
        let rows = self.count / R * R;
        if rows == 0 {
            return 0;
        }
        // SAFETY: by the caller.
        unsafe {
            let mut sums = self.multiplied::<R>(0);
            let mut before = [T::ZERO; R];
            for row in (0..rows).step_by(R) {
                let values = self.finished(row, sums, finish);
                sums = match (row + R < rows, row > 0) {
                    (true, true) => self.swept::<R, true, true>(row + R, row - R, before),
                    (true, false) => self.multiplied(row + R),
                    (false, true) => self.swept::<R, false, true>(0, row - R, before),
                    (false, false) => sums,
                };
                before = values;
            }
            self.added(rows - R, before);
        }
        rows
    }

    /// Numbers in a register, and registers in a chunk.
    #[inline(always)]
    fn widths(&self) -> [usize; 2] {
        let registers = T::vectors_per_chunk(self.simd);
        [LANES / registers, registers]
    }

    #[inline(always)]
    unsafe fn clear(&self) {
        let ([width, registers], zero) = (self.widths(), T::splat(self.simd, T::ZERO));
        for register in 0..self.chunks * registers {
            // SAFETY: by the caller.
            unsafe { self.field.store(self.simd, self.vectors[1] + register * width, zero) };
        }
    }

    /// R rows from `row` on: both products.
    #[inline(always)]
    unsafe fn group<const R: usize>(&self, row: usize) {
        // SAFETY: by the caller.
        unsafe {
            let mut values = [T::ZERO; R];
            if let Some(finish) = &self.finish {
                values = self.finished(row, self.multiplied::<R>(row), finish);
            } else if let Some((start, step)) = self.backward {
                for (r, value) in values.iter_mut().enumerate() {
                    *value = self.field.number(start + (row + r) * step + self.lane);
                }
            }
            if self.backward.is_some() {
                self.added(row, values);
            }
        }
    }

    /// Numbers of the forward product, finished and written.
    #[inline(always)]
    unsafe fn finished<const R: usize>(&self, row: usize, sums: [T; R], finish: &Finish<T>) -> [T; R] {
        let mut values = sums;
        for (r, value) in values.iter_mut().enumerate() {
            // SAFETY: by the caller.
            unsafe {
                let mut sum = value.fused(finish.scale, T::ZERO);
                for (start, step, factor) in &finish.addends[..finish.count.min(2)] {
                    sum = self.field.number(start + (row + r) * step + self.lane).fused(*factor, sum);
                }
                *value = sum;
                self.field.set_number(finish.output + (row + r) * LANES + self.lane, sum);
            }
        }
        values
    }

    /// Rows times the vector.
    #[inline(always)]
    unsafe fn multiplied<const R: usize>(&self, row: usize) -> [T; R] {
        // SAFETY: by the caller.
        unsafe { self.swept::<R, true, false>(row, 0, [T::ZERO; R]) }
    }

    /// Adds rows, each times its value, to the second vector.
    #[inline(always)]
    unsafe fn added<const R: usize>(&self, row: usize, values: [T; R]) {
        // SAFETY: by the caller.
        unsafe { self.swept::<R, false, true>(0, row, values) };
    }

    /// R rows from `row` on times the first vector, if MULTIPLY; R rows from `done` on, each times its value, added to
    /// the second, if ADD. For each register of a chunk there is a partial sum, and these are added in halves.
    #[inline(always)]
    unsafe fn swept<const R: usize, const MULTIPLY: bool, const ADD: bool>(
        &self,
        row: usize,
        done: usize,
        values: [T; R],
    ) -> [T; R] {
        let mut factors = [T::splat(self.simd, T::ZERO); R];
        for (factor, value) in factors.iter_mut().zip(values) {
            *factor = T::splat(self.simd, value);
        }
        let part = Part::<_, R> { row, done, factors };
        // SAFETY: by the caller.
        let sums: [T::Vector<S>; R] = unsafe {
            match T::vectors_per_chunk(self.simd) {
                1 => self.partial::<R, 1, MULTIPLY, ADD>(&part, 0)[0],
                // Both registers of a chunk in one sweep, where there are enough for their sums.
                2 if R <= 4 => {
                    let [first, second] = self.partial::<R, 2, MULTIPLY, ADD>(&part, 0);
                    self.plus(first, second)
                }
                registers => {
                    let mut parts: [[_; R]; LANES] = [part.factors; LANES];
                    for (register, sums) in parts.iter_mut().enumerate().take(registers) {
                        [*sums] = self.partial::<R, 1, MULTIPLY, ADD>(&part, register);
                    }
                    let mut count = registers;
                    while count > 1 {
                        count /= 2;
                        for h in 0..count {
                            parts[h] = self.plus(parts[h], parts[h + count]);
                        }
                    }
                    parts[0]
                }
            }
        };
        let mut totals = [T::ZERO; R];
        if MULTIPLY {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = T::sum(self.simd, sum);
            }
        }
        totals
    }

    #[inline(always)]
    fn plus<const R: usize>(&self, a: [T::Vector<S>; R], b: [T::Vector<S>; R]) -> [T::Vector<S>; R] {
        let mut sum = a;
        for (x, y) in sum.iter_mut().zip(b) {
            *x = T::add(self.simd, *x, y);
        }
        sum
    }

    /// Of both products, what W registers of each chunk add, from number `register` on.
    #[inline(always)]
    unsafe fn partial<const R: usize, const W: usize, const MULTIPLY: bool, const ADD: bool>(
        &self,
        part: &Part<T::Vector<S>, R>,
        register: usize,
    ) -> [[T::Vector<S>; R]; W] {
        let (simd, field, [width, _]) = (self.simd, self.field, self.widths());
        let stride = self.chunks * LANES;
        let [first, done] = [part.row, part.done].map(|row| self.matrix + row * stride + register * width);
        let [vector, gradient] = self.vectors.map(|start| start + register * width);
        let factors = part.factors;
        let mut sums = [[T::splat(simd, T::ZERO); R]; W];
        let coming = self.matrix + part.row * stride + AHEAD / size_of::<T>();
        for at in (0..self.chunks).map(|chunk| chunk * LANES) {
            if MULTIPLY {
                for line in 0..R * LANES * size_of::<T>() / LINE {
                    field.prefetch(coming + at * R + line * (LINE / size_of::<T>()));
                }
            }
            for (w, sums) in sums.iter_mut().enumerate() {
                let (beside, rows) = (at + w * width, at * R + w * width);
                // SAFETY: by the caller.
                unsafe {
                    if MULTIPLY {
                        let x = field.load(simd, vector + beside);
                        for (r, sum) in sums.iter_mut().enumerate() {
                            *sum = T::multiply_add(simd, field.load(simd, first + rows + r * LANES), x, *sum);
                        }
                    }
                    if ADD {
                        let mut sum = field.load(simd, gradient + beside);
                        for (r, &factor) in factors.iter().enumerate() {
                            sum = T::multiply_add(simd, field.load(simd, done + rows + r * LANES), factor, sum);
                        }
                        field.store(simd, gradient + beside, sum);
                    }
                }
            }
        }
        sums
    }
}

/// Which rows are multiplied, which are added, and the values these are added with.
struct Part<V, const R: usize> {
    row: usize,
    done: usize,
    factors: [V; R],
}
