//! Matrix products in lanes.
//!
//! **Idea.** A tile of the result stays in registers while the summed index runs, so that loads are shared and there
//! are as many independent chains of additions as the tile has entries. Where the summed index is short (at most four;
//! one for the product of a column and a row) a strip of the right factor stays in registers instead, and the rows of the left one stream past it. What follows
//! the product is done before the tile leaves the registers, if it is a rectifier, the gate of a rectifier's derivative,
//! or `α·product + Σ βᵢ·addendᵢ` with at most two addends (a residual, an optimiser's update); any other chain of element-wise operations runs in the accumulator machine over a
//! few rows at a time, while these are in the first cache.
//!
//! Which kernel, and whether the transposed product is computed instead, is chosen when a program is compiled, by
//! counting the operations of each ([`Kernel::choose`]).
//!
//! **Rejected.** Kernels with the sizes as constants and strides at run time (1.6 times slower: the addresses take the
//! registers); a remainder kernel for each size (the last tile overlaps the one before instead).

use pulp::Simd;
use smallvec::SmallVec;

use super::accumulator::{Fused, RunFused};
use super::memory::{Field, Numbers};
use super::{LANES, Real};

/// A matrix that a product reads, as strides. Lengths are counted in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor {
    /// Where its numbers are.
    pub place: FactorPlace,
    /// First element.
    pub offset: usize,
    /// Between rows.
    pub row: usize,
    /// Between columns.
    pub column: usize,
}

/// Where a factor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FactorPlace {
    /// A chunk for each element.
    Lanes {
        /// The buffer.
        buffer: usize,
    },
    /// A number for each element, equal in all lanes.
    Shared {
        /// The constant.
        constant: usize,
    },
}

impl Factor {
    fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }
}

/// What is done with a product before it is written.
#[derive(Clone, Debug)]
pub(crate) enum Epilogue<T> {
    /// Nothing.
    None,
    /// max(x, 0)
    Rectify,
    /// x where the operand is positive, else 0.
    Gate(Factor),
    /// `scale·x + Σ factor·addend`, with two addends at most.
    Scale { scale: T, addends: SmallVec<[(Factor, T); 2]> },
    /// A group of element-wise operations, over a strip of rows that it reads from `strip`.
    Group { group: Fused<T>, strip: usize },
}

/// Products of a stack of matrices, (n, k) @ (k, m).
#[derive(Clone, Debug)]
pub(crate) struct Product<T> {
    pub n: usize,
    pub k: usize,
    pub m: usize,
    pub left: Factor,
    pub right: Factor,
    /// For each product of the stack, where its factors start, in addition to their offsets.
    pub items: Vec<[usize; 2]>,
    pub output: usize,
    pub kernel: Kernel,
    pub epilogue: Epilogue<T>,
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// Rows and columns of a tile; zero rows for a stationary strip of the right factor.
    pub rows: usize,
    pub columns: usize,
    /// Whether the transposed product is computed.
    pub transposed: bool,
}

/// Tiles that are compiled; rows are at least as many as columns, the transposed product gives the others.
const TILES: [(usize, usize); 6] = [(5, 5), (4, 4), (4, 3), (4, 2), (8, 1), (1, 1)];

/// Columns of a stationary strip.
const STRIP: usize = 4;

impl Kernel {
    /// The kernel with the fewest operations for (n, k) @ (k, m). The right factor has to be in lanes, the left one may
    /// be shared; where the right one is shared the transposed product is taken.
    pub fn choose(n: usize, k: usize, m: usize, left_shared: bool, right_shared: bool) -> Self {
        let orientations = [(false, n, m, right_shared), (true, m, n, left_shared)];
        let mut best: Option<(usize, Self)> = None;
        for (transposed, n, m, impossible) in orientations {
            let candidates = TILES.iter().filter(|(rows, columns)| *rows <= n && *columns <= m);
            let tiles = candidates.map(|&(rows, columns)| (Self::tile_cost(n, k, m, rows, columns), rows, columns));
            let strip = ((1..=4).contains(&k) && m >= STRIP && n >= 4).then(|| (Self::strip_cost(n, k, m), 0, STRIP));
            for (cost, rows, columns) in tiles.chain(strip).filter(|_| !impossible) {
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, Self { rows, columns, transposed }));
                }
            }
        }
        best.expect("the 1 × 1 tile fits every product of which one factor is in lanes").1
    }

    /// Half cycles: two fused products or two loads a cycle, four cycles from one addition to the next.
    fn tile_cost(n: usize, k: usize, m: usize, rows: usize, columns: usize) -> usize {
        let tiles = n.div_ceil(rows) * m.div_ceil(columns);
        let step = (rows * columns).max(rows + columns).max(8);
        tiles * (k * step + 2 * rows * columns + 12)
    }

    fn strip_cost(n: usize, k: usize, m: usize) -> usize {
        m.div_ceil(STRIP) * (n * (k * STRIP).max(2 * STRIP) + k * STRIP + 12)
    }

    /// Rows that a strip for a group holds: the rows of a tile, of the result as it is wanted.
    pub fn strip_rows(self) -> usize {
        match (self.rows, self.transposed) {
            (0, false) => 4,
            (rows, false) => rows,
            (_, true) => self.columns,
        }
    }
}

/// Reads registers of the left factor.
trait Fetch<T: Real>: Copy {
    unsafe fn get<S: Simd>(&self, simd: S, place: usize) -> T::Vector<S>;
}

#[derive(Clone, Copy)]
struct FromLanes<'a, T>(Field<'a, T>);

impl<T: Real> Fetch<T> for FromLanes<'_, T> {
    #[inline(always)]
    unsafe fn get<S: Simd>(&self, simd: S, place: usize) -> T::Vector<S> {
        // SAFETY: by the caller.
        unsafe { self.0.load(simd, place) }
    }
}

impl<T: Real> Fetch<T> for Numbers<'_, T> {
    #[inline(always)]
    unsafe fn get<S: Simd>(&self, simd: S, place: usize) -> T::Vector<S> {
        // SAFETY: by the caller.
        T::splat(simd, unsafe { self.scalar(place) })
    }
}

/// What happens to registers before they are written: decided once for each tile.
#[derive(Clone, Copy)]
enum Finish<T> {
    Plain,
    Rectify,
    Scale(T),
    Gate(Beside),
    Add { scale: T, addend: Beside, factor: T },
    AddTwo { scale: T, addends: [Beside; 2], factors: [T; 2] },
}

/// A matrix of the result's shape: where it starts, its strides along rows and columns of the matrix as it is computed.
type Beside = [usize; 3];

impl<T: Real> Finish<T> {
    /// For the part of every chunk that starts at lane `half`.
    fn shifted(self, half: usize) -> Self {
        let shift = |[start, row, column]: Beside| [start + half, row, column];
        match self {
            Self::Gate(operand) => Self::Gate(shift(operand)),
            Self::Add { scale, addend, factor } => Self::Add { scale, addend: shift(addend), factor },
            Self::AddTwo { scale, addends, factors } => Self::AddTwo { scale, addends: addends.map(shift), factors },
            other => other,
        }
    }
}

/// One product as it is computed: places of this item and this part of the chunks.
#[derive(Clone, Copy)]
struct Run {
    n: usize,
    k: usize,
    m: usize,
    /// Start of the left factor, strides along n and k.
    left: [usize; 3],
    /// Start of the right factor, strides along k and m.
    right: [usize; 3],
    /// Start of the result, strides along n and m.
    output: [usize; 3],
}

impl<T: Real> Product<T> {
    /// Computes all products of the stack.
    #[inline(always)]
    pub fn run<S: Simd>(&self, simd: S, field: Field<'_, T>, constants: &[Vec<T>]) {
        for (item, starts) in self.items.iter().enumerate() {
            self.item(simd, field, constants, item, *starts);
        }
    }

    #[inline(always)]
    fn item<S: Simd>(&self, simd: S, field: Field<'_, T>, constants: &[Vec<T>], item: usize, starts: [usize; 2]) {
        let size = self.n * self.m;
        let output = field.start(self.output) + item * size * LANES;
        let (finish, group) = self.finish(field, item);
        let (height, output) = match group {
            Some((_, strip)) => (self.kernel.strip_rows().min(self.n), field.start(strip)),
            None => (self.n, output),
        };
        for first in (0..self.n).step_by(height) {
            let first = first.min(self.n - height);
            self.rows(simd, field, constants, starts, first, height, output, finish);
            if let Some((fused, _)) = group {
                let first = item * size + first * self.m;
                simd.vectorize(RunFused { fused, field, constants, first, end: first + height * self.m });
            }
        }
    }

    /// What is done with a tile, and the group that follows, with where it finds its rows.
    fn finish(&self, field: Field<'_, T>, item: usize) -> (Finish<T>, Option<(&Fused<T>, usize)>) {
        match &self.epilogue {
            Epilogue::None => (Finish::Plain, None),
            Epilogue::Rectify => (Finish::Rectify, None),
            Epilogue::Gate(operand) => (Finish::Gate(self.beside(field, item, operand)), None),
            Epilogue::Scale { scale, addends } => {
                let scale = *scale;
                let finish = match addends.as_slice() {
                    [] => Finish::Scale(scale),
                    [(addend, factor)] => {
                        Finish::Add { scale, addend: self.beside(field, item, addend), factor: *factor }
                    }
                    [first, second, ..] => Finish::AddTwo {
                        scale,
                        addends: [first, second].map(|(addend, _)| self.beside(field, item, addend)),
                        factors: [first.1, second.1],
                    },
                };
                (finish, None)
            }
            Epilogue::Group { group, strip } => (Finish::Plain, Some((group, *strip))),
        }
    }

    /// A matrix that is read beside product number `item`.
    fn beside(&self, field: Field<'_, T>, item: usize, operand: &Factor) -> Beside {
        let FactorPlace::Lanes { buffer } = operand.place else {
            unreachable!("an operand that is a constant is left to the accumulator machine")
        };
        let start = field.start(buffer) + operand.offset + item * self.n * self.m * LANES;
        match self.kernel.transposed {
            false => [start, operand.row, operand.column],
            true => [start, operand.column, operand.row],
        }
    }

    /// Rows `first..first + count` of one product, written row by row from `output` on.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a kernel takes its operands one by one, to keep them in registers")]
    fn rows<S: Simd>(
        &self,
        simd: S,
        field: Field<'_, T>,
        constants: &[Vec<T>],
        starts: [usize; 2],
        first: usize,
        count: usize,
        output: usize,
        finish: Finish<T>,
    ) {
        let (mut left, mut right) = (self.left, self.right);
        left.offset += starts[0] + first * left.row;
        right.offset += starts[1];
        let (mut n, mut m, mut strides) = (count, self.m, [self.m * LANES, LANES]);
        if self.kernel.transposed {
            (left, right) = (right.transposed(), left.transposed());
            (n, m, strides) = (m, n, [LANES, self.m * LANES]);
        }
        let FactorPlace::Lanes { buffer } = right.place else {
            unreachable!("the right factor is in lanes: Kernel::choose transposes the product where it is not")
        };
        for h in 0..T::vectors_per_chunk(simd) {
            let half = h * (LANES / T::vectors_per_chunk(simd));
            let mut run = Run {
                n,
                k: self.k,
                m,
                left: [left.offset, left.row, left.column],
                right: [field.start(buffer) + right.offset + half, right.row, right.column],
                output: [output + half, strides[0], strides[1]],
            };
            match left.place {
                FactorPlace::Lanes { buffer } => {
                    run.left[0] += field.start(buffer) + half;
                    run.with(simd, self.kernel, FromLanes(field), field, finish.shifted(half));
                }
                FactorPlace::Shared { constant } => {
                    run.with(simd, self.kernel, Numbers(&constants[constant]), field, finish.shifted(half));
                }
            }
        }
    }
}

impl Run {
    /// Runs the chosen kernel.
    #[inline(always)]
    fn with<T: Real, S: Simd>(
        &self,
        simd: S,
        kernel: Kernel,
        left: impl Fetch<T>,
        field: Field<'_, T>,
        finish: Finish<T>,
    ) {
        macro_rules! tiles {
            ($($rows:literal x $columns:literal),*) => {
                match (kernel.rows, kernel.columns) {
                    $(($rows, $columns) => self.tiles::<T, S, $rows, $columns>(simd, left, field, finish),)*
                    _ => match self.k {
                        1 => self.strips::<T, S, 1>(simd, left, field, finish),
                        2 => self.strips::<T, S, 2>(simd, left, field, finish),
                        3 => self.strips::<T, S, 3>(simd, left, field, finish),
                        _ => self.strips::<T, S, 4>(simd, left, field, finish),
                    },
                }
            };
        }
        tiles!(5 x 5, 4 x 4, 4 x 3, 4 x 2, 8 x 1, 1 x 1);
    }

    /// The whole matrix in tiles of R × C; the last ones overlap those before.
    #[inline(always)]
    fn tiles<T: Real, S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        left: impl Fetch<T>,
        field: Field<'_, T>,
        finish: Finish<T>,
    ) {
        let [_, left_row, _] = self.left;
        let [_, _, right_column] = self.right;
        let mut row = 0;
        while row < self.n {
            let at_row = row.min(self.n - R);
            let mut column = 0;
            while column < self.m {
                let at_column = column.min(self.m - C);
                let from = [self.left[0] + at_row * left_row, self.right[0] + at_column * right_column];
                // SAFETY: the factors were checked when the program was compiled, and the tile lies within the matrix.
                let sums = unsafe { self.tile::<T, S, R, C>(simd, left, field, from) };
                // SAFETY: as above.
                unsafe { self.write(simd, field, finish, &sums, at_row, at_column) };
                column += C;
            }
            row += R;
        }
    }

    #[inline(always)]
    unsafe fn tile<T: Real, S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        left: impl Fetch<T>,
        field: Field<'_, T>,
        [mut a, mut b]: [usize; 2],
    ) -> [[T::Vector<S>; C]; R] {
        let [_, left_row, left_step] = self.left;
        let [_, right_step, right_column] = self.right;
        let mut sums = [[T::splat(simd, T::ZERO); C]; R];
        for _ in 0..self.k {
            let mut line = [T::splat(simd, T::ZERO); C];
            for (c, x) in line.iter_mut().enumerate() {
                // SAFETY: by the caller.
                *x = unsafe { field.load(simd, b + c * right_column) };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: by the caller.
                let x = unsafe { left.get(simd, a + r * left_row) };
                for (sum, y) in sums.iter_mut().zip(line) {
                    *sum = T::multiply_add(simd, x, y, *sum);
                }
            }
            a += left_step;
            b += right_step;
        }
        sums
    }

    /// Four columns of the right factor at a time stay in registers; K = k.
    #[inline(always)]
    fn strips<T: Real, S: Simd, const K: usize>(
        &self,
        simd: S,
        left: impl Fetch<T>,
        field: Field<'_, T>,
        finish: Finish<T>,
    ) {
        let [a, left_row, left_step] = self.left;
        let [b, right_step, right_column] = self.right;
        let mut column = 0;
        while column < self.m {
            let at = column.min(self.m - STRIP);
            let mut strip = [[T::splat(simd, T::ZERO); STRIP]; K];
            for (k, line) in strip.iter_mut().enumerate() {
                for (c, x) in line.iter_mut().enumerate() {
                    // SAFETY: the factors were checked when the program was compiled.
                    *x = unsafe { field.load(simd, b + k * right_step + (at + c) * right_column) };
                }
            }
            for row in 0..self.n {
                // SAFETY: as above.
                let first = unsafe { left.get(simd, a + row * left_row) };
                let mut sums: [T::Vector<S>; STRIP] = std::array::from_fn(
                    #[inline(always)]
                    |c| T::multiply(simd, first, strip[0][c]),
                );
                for (k, line) in strip.iter().enumerate().skip(1) {
                    // SAFETY: as above.
                    let x = unsafe { left.get(simd, a + row * left_row + k * left_step) };
                    for (sum, &y) in sums.iter_mut().zip(line) {
                        *sum = T::multiply_add(simd, x, y, *sum);
                    }
                }
                // SAFETY: as above.
                unsafe { self.write(simd, field, finish, &[sums], row, at) };
            }
            column += STRIP;
        }
    }

    /// Finishes a tile and writes it.
    #[inline(always)]
    unsafe fn write<T: Real, S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        field: Field<'_, T>,
        finish: Finish<T>,
        sums: &[[T::Vector<S>; C]; R],
        row: usize,
        column: usize,
    ) {
        let [start, down, across] = self.output;
        let place = start + row * down + column * across;
        macro_rules! each_sum {
            (|$r:ident, $c:ident, $sum:ident| $value:expr) => {
                for ($r, line) in sums.iter().enumerate() {
                    for ($c, &$sum) in line.iter().enumerate() {
                        // SAFETY: by the caller.
                        unsafe { field.store(simd, place + $r * down + $c * across, $value) };
                    }
                }
            };
        }
        match finish {
            Finish::Plain => each_sum!(|r, c, sum| sum),
            Finish::Rectify => {
                let zero = T::splat(simd, T::ZERO);
                // Written so that a NaN stays one: it is not ≤ 0.
                each_sum!(|r, c, sum| T::select(simd, T::less_equal(simd, sum, zero), zero, sum));
            }
            Finish::Scale(scale) => {
                let scale = T::splat(simd, scale);
                each_sum!(|r, c, sum| T::multiply(simd, sum, scale));
            }
            Finish::Gate([start, down, across]) => {
                let (from, zero) = (start + row * down + column * across, T::splat(simd, T::ZERO));
                each_sum!(|r, c, sum| {
                    let operand = field.load(simd, from + r * down + c * across);
                    T::select(simd, T::less(simd, zero, operand), sum, zero)
                });
            }
            Finish::Add { scale, addend: [start, down, across], factor } => {
                let from = start + row * down + column * across;
                let (scale, factor) = (T::splat(simd, scale), T::splat(simd, factor));
                each_sum!(|r, c, sum| {
                    let addend = field.load(simd, from + r * down + c * across);
                    T::multiply_add(simd, sum, scale, T::multiply(simd, addend, factor))
                });
            }
            Finish::AddTwo { scale, addends, factors } => {
                let [from, second] = addends.map(|[start, down, across]| start + row * down + column * across);
                let ([_, down, across], [_, other_down, other_across]) = (addends[0], addends[1]);
                let (scale, factors) = (T::splat(simd, scale), factors.map(|factor| T::splat(simd, factor)));
                each_sum!(|r, c, sum| {
                    let addend = field.load(simd, from + r * down + c * across);
                    let other = field.load(simd, second + r * other_down + c * other_across);
                    let rest = T::multiply_add(simd, addend, factors[0], T::multiply(simd, other, factors[1]));
                    T::multiply_add(simd, sum, scale, rest)
                });
            }
        }
    }
}
