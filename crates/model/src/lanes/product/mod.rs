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
//! A kernel with little to do for each entry is compiled once for every way of [finishing](finish): one that decides at
//! each tile keeps the addresses of all ways at hand, for which there are not enough registers (up to twice slower).
//!
//! **Rejected.** Kernels with the sizes as constants and strides at run time (1.6 times slower: the addresses take the
//! registers); a remainder kernel for each size (the last tile overlaps the one before instead).

mod finish;
mod kernels;

use pulp::{Simd, WithSimd};
use smallvec::SmallVec;

use super::accumulator::{Fused, RunFused};
use super::memory::{Field, Numbers};
use super::{LANES, Real};
use finish::{Add, AddTwo, Any, Beside, Finish, Gate, Plain, Rectify, Scale};
use kernels::{FromLanes, Matrices, launch};

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

/// Tiles that are [compiled](launch); rows are at least as many as columns, the transposed product gives the others.
const TILES: [(usize, usize); 6] = [(5, 5), (4, 4), (4, 3), (4, 2), (8, 1), (1, 1)];

/// Columns of a stationary strip.
pub(super) const STRIP: usize = 4;

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

/// Runs a product.
pub(crate) struct RunProduct<'a, T> {
    pub product: &'a Product<T>,
    pub field: Field<'a, T>,
    pub constants: &'a [Vec<T>],
}

impl<T: Real> WithSimd for RunProduct<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.product.run(simd, self.field, self.constants);
    }
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
        let registers = T::vectors_per_chunk(simd);
        for half in (0..registers).map(|h| h * (LANES / registers)) {
            let beside = |operand: &Factor| self.beside(field, item, operand, half);
            let all = |output| self.matrices(field, starts, 0, self.n, output, half);
            macro_rules! whole {
                ($finish:expr) => {
                    self.compute(simd, field, constants, &all(output), $finish)
                };
            }
            match &self.epilogue {
                Epilogue::None => whole!(Plain),
                Epilogue::Rectify => whole!(Rectify),
                Epilogue::Gate(operand) => whole!(Gate(beside(operand))),
                Epilogue::Scale { scale, addends } => match addends.as_slice() {
                    [] => whole!(Scale(*scale)),
                    [(addend, factor)] => whole!(Add { scale: *scale, addend: beside(addend), factor: *factor }),
                    [(first, one), (second, other), ..] => whole!(AddTwo {
                        scale: *scale,
                        addends: [beside(first), beside(second)],
                        factors: [*one, *other],
                    }),
                },
                Epilogue::Group { group, strip } if half == 0 => {
                    self.in_strips(simd, field, constants, item, starts, (group, *strip));
                }
                Epilogue::Group { .. } => {}
            }
        }
    }

    /// A few rows at a time, and the group that follows on these.
    #[inline(always)]
    fn in_strips<S: Simd>(
        &self,
        simd: S,
        field: Field<'_, T>,
        constants: &[Vec<T>],
        item: usize,
        starts: [usize; 2],
        (fused, strip): (&Fused<T>, usize),
    ) {
        let height = self.kernel.strip_rows().min(self.n);
        let registers = T::vectors_per_chunk(simd);
        for first in (0..self.n).step_by(height) {
            let first = first.min(self.n - height);
            for half in (0..registers).map(|h| h * (LANES / registers)) {
                let rows = self.matrices(field, starts, first, height, field.start(strip), half);
                self.compute(simd, field, constants, &rows, Plain);
            }
            let first = (item * self.n + first) * self.m;
            simd.vectorize(RunFused { fused, field, constants, first, end: first + height * self.m });
        }
    }

    /// A matrix that is read beside product number `item`.
    fn beside(&self, field: Field<'_, T>, item: usize, operand: &Factor, half: usize) -> Beside {
        let FactorPlace::Lanes { buffer } = operand.place else {
            unreachable!("an operand that is a constant is left to the accumulator machine")
        };
        let start = field.start(buffer) + operand.offset + item * self.n * self.m * LANES + half;
        match self.kernel.transposed {
            false => Beside { start, down: operand.row, across: operand.column },
            true => Beside { start, down: operand.column, across: operand.row },
        }
    }

    /// Rows `first..first + count` of one product, to be written row by row from `output` on; of every chunk the
    /// register that starts at lane `half`.
    fn matrices(
        &self,
        field: Field<'_, T>,
        starts: [usize; 2],
        first: usize,
        count: usize,
        output: usize,
        half: usize,
    ) -> Matrices {
        let start = |factor: &Factor| match factor.place {
            FactorPlace::Lanes { buffer } => field.start(buffer) + factor.offset + half,
            FactorPlace::Shared { .. } => factor.offset,
        };
        let (left, right) = (&self.left, &self.right);
        let matrices = Matrices {
            n: count,
            k: self.k,
            m: self.m,
            left: [start(left) + starts[0] + first * left.row, left.row, left.column],
            right: [start(right) + starts[1], right.row, right.column],
            output: [output + half, self.m * LANES, LANES],
        };
        if self.kernel.transposed { matrices.transposed() } else { matrices }
    }

    #[inline(always)]
    fn compute<S: Simd>(
        &self,
        simd: S,
        field: Field<'_, T>,
        constants: &[Vec<T>],
        matrices: &Matrices,
        finish: impl Finish<T> + Into<Any<T>>,
    ) {
        let left = if self.kernel.transposed { &self.right } else { &self.left };
        match left.place {
            FactorPlace::Lanes { .. } => launch(simd, self.kernel, FromLanes(field), field, matrices, finish),
            FactorPlace::Shared { constant } => {
                launch(simd, self.kernel, Numbers(&constants[constant]), field, matrices, finish);
            }
        }
    }
}
