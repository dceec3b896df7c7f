//! The loops of matrix products: tiles of the result in registers, or strips of the right factor.

use pulp::{Simd, WithSimd};

use super::finish::{Any, Finish};
use super::{Kernel, STRIP};
use crate::lanes::Real;
use crate::lanes::memory::{Field, Numbers};

/// One product as it is computed: sizes, and for each matrix where it starts and its two strides.
#[derive(Clone, Copy)]
pub(super) struct Matrices {
    pub n: usize,
    pub k: usize,
    pub m: usize,
    /// Strides along n and k.
    pub left: [usize; 3],
    /// Strides along k and m.
    pub right: [usize; 3],
    /// Strides along n and m.
    pub output: [usize; 3],
}

impl Matrices {
    /// The product of the transposed factors, in the other order.
    pub fn transposed(self) -> Self {
        let swapped = |[start, row, column]: [usize; 3]| [start, column, row];
        Self {
            n: self.m,
            k: self.k,
            m: self.n,
            left: swapped(self.right),
            right: swapped(self.left),
            output: swapped(self.output),
        }
    }
}

/// Reads registers of the left factor.
pub(super) trait Fetch<T: Real>: Copy {
    /// # Safety
    /// Invariant 1 of the lanes' memory.
    unsafe fn get<S: Simd>(&self, simd: S, place: usize) -> T::Vector<S>;
}

/// A chunk for each element.
#[derive(Clone, Copy)]
pub(super) struct FromLanes<'a, T>(pub Field<'a, T>);

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

/// Runs the chosen kernel.
#[inline(always)]
pub(super) fn launch<T: Real, S: Simd, L: Fetch<T>, F: Finish<T> + Into<Any<T>>>(
    simd: S,
    kernel: Kernel,
    left: L,
    field: Field<'_, T>,
    matrices: &Matrices,
    finish: F,
) {
    macro_rules! kernels {
        (large $($rows:literal x $columns:literal),*; small $($few_rows:literal x $few_columns:literal),*;
         strips $($k:literal),*) => {
            match (kernel.rows, kernel.columns, matrices.k) {
                $(($rows, $columns, _) => {
                    let finish: Any<T> = finish.into();
                    simd.vectorize(Tiles::<T, L, Any<T>, $rows, $columns> { matrices, left, field, finish });
                })*
                $(($few_rows, $few_columns, _) => {
                    simd.vectorize(Tiles::<T, L, F, $few_rows, $few_columns> { matrices, left, field, finish });
                })*
                $((0, _, $k) => simd.vectorize(Strips::<T, L, F, $k> { matrices, left, field, finish }),)*
                _ => unreachable!("only these kernels are chosen: {kernel:?}"),
            }
        };
    }
    kernels!(large 5 x 5, 4 x 4, 4 x 3, 4 x 2, 1 x 1; small 8 x 1; strips 1, 2, 3, 4);
}

/// The whole matrix in tiles of R × C; the last ones overlap those before.
struct Tiles<'a, T, L, F, const R: usize, const C: usize> {
    matrices: &'a Matrices,
    left: L,
    field: Field<'a, T>,
    finish: F,
}

impl<T: Real, L: Fetch<T>, F: Finish<T>, const R: usize, const C: usize> WithSimd for Tiles<'_, T, L, F, R, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Matrices { n, m, .. } = *self.matrices;
        let mut row = 0;
        while row < n {
            let at_row = row.min(n - R);
            let mut column = 0;
            while column < m {
                let at_column = column.min(m - C);
                // SAFETY: the factors were checked when the program was compiled, and the tile lies within the matrix.
                unsafe { self.tile(simd, at_row, at_column) };
                column += C;
            }
            row += R;
        }
    }
}

impl<T: Real, L: Fetch<T>, F: Finish<T>, const R: usize, const C: usize> Tiles<'_, T, L, F, R, C> {
    #[inline(always)]
    unsafe fn tile<S: Simd>(&self, simd: S, row: usize, column: usize) {
        let Matrices { k, left, right, output, .. } = *self.matrices;
        let [left_start, left_row, left_step] = left;
        let [right_start, right_step, right_column] = right;
        let (mut a, mut b) = (left_start + row * left_row, right_start + column * right_column);
        let mut sums = [[T::splat(simd, T::ZERO); C]; R];
        for _ in 0..k {
            let mut line = [T::splat(simd, T::ZERO); C];
            for (c, x) in line.iter_mut().enumerate() {
                // SAFETY: by the caller.
                *x = unsafe { self.field.load(simd, b + c * right_column) };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: by the caller.
                let x = unsafe { self.left.get(simd, a + r * left_row) };
                for (sum, y) in sums.iter_mut().zip(line) {
                    *sum = T::multiply_add(simd, x, y, *sum);
                }
            }
            a += left_step;
            b += right_step;
        }
        // SAFETY: by the caller.
        unsafe { self.finish.write(simd, self.field, &sums, [row, column], output) };
    }
}

/// Four columns of the right factor at a time stay in registers; K = k.
struct Strips<'a, T, L, F, const K: usize> {
    matrices: &'a Matrices,
    left: L,
    field: Field<'a, T>,
    finish: F,
}

impl<T: Real, L: Fetch<T>, F: Finish<T>, const K: usize> WithSimd for Strips<'_, T, L, F, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Matrices { m, right: [start, step, across], .. } = *self.matrices;
        let mut column = 0;
        while column < m {
            let at = column.min(m - STRIP);
            let mut strip = [[T::splat(simd, T::ZERO); STRIP]; K];
            for (k, line) in strip.iter_mut().enumerate() {
                for (c, x) in line.iter_mut().enumerate() {
                    // SAFETY: the factors were checked when the program was compiled.
                    *x = unsafe { self.field.load(simd, start + k * step + (at + c) * across) };
                }
            }
            // SAFETY: as above.
            unsafe { self.columns(simd, &strip, at) };
            column += STRIP;
        }
    }
}

impl<T: Real, L: Fetch<T>, F: Finish<T>, const K: usize> Strips<'_, T, L, F, K> {
    /// Four columns of the result.
    #[inline(always)]
    unsafe fn columns<S: Simd>(&self, simd: S, strip: &[[T::Vector<S>; STRIP]; K], column: usize) {
        let Matrices { n, left: [left, left_row, left_step], output, .. } = *self.matrices;
        for row in 0..n {
            let mut sums = [T::splat(simd, T::ZERO); STRIP];
            for (k, line) in strip.iter().enumerate() {
                // SAFETY: by the caller.
                let x = unsafe { self.left.get(simd, left + row * left_row + k * left_step) };
                for (sum, &y) in sums.iter_mut().zip(line) {
                    *sum = if k == 0 { T::multiply(simd, x, y) } else { T::multiply_add(simd, x, y, *sum) };
                }
            }
            // SAFETY: by the caller.
            unsafe { self.finish.write(simd, self.field, &[sums], [row, column], output) };
        }
    }
}
