//! Matrix products in lanes.
//!
//! A tile of the result is kept in registers while the summed index runs, so that loads are shared and the chains of
//! dependent additions are as many as the tile has entries; a single sum would wait for each addition in turn.

use pulp::Simd;

use super::task::Fetch;
use super::{Chunk, Real};

/// Sizes and strides of one matrix product, (n, k) @ (k, m).
pub(super) struct Product {
    pub n: usize,
    pub k: usize,
    pub m: usize,
    /// Strides of rows and columns of the left matrix.
    pub left: [usize; 2],
    /// Strides of rows and columns of the right matrix.
    pub right: [usize; 2],
}

impl Product {
    /// Writes the product into `output`, row-major; `left` and `right` are where the matrices start.
    #[inline(always)]
    pub fn run<T: Real, S: Simd>(
        &self,
        simd: S,
        a: impl Fetch<T>,
        left: usize,
        b: impl Fetch<T>,
        right: usize,
        output: &mut [Chunk<T>],
    ) {
        for h in 0..T::vectors_per_chunk(simd) {
            let mut column = 0;
            while column < self.m {
                let place = right + column * self.right[1];
                let wide = (self.m - column).min(4);
                match wide {
                    4 => self.columns::<T, S, 4, 4>(simd, h, a, left, b, place, output, column),
                    3 => self.columns::<T, S, 4, 3>(simd, h, a, left, b, place, output, column),
                    2 => self.columns::<T, S, 4, 2>(simd, h, a, left, b, place, output, column),
                    _ => self.columns::<T, S, 8, 1>(simd, h, a, left, b, place, output, column),
                }
                column += wide;
            }
        }
    }

    /// C neighbouring columns, R rows at a time, then one by one.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a kernel takes its operands one by one, to keep them in registers")]
    fn columns<T: Real, S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        h: usize,
        a: impl Fetch<T>,
        left: usize,
        b: impl Fetch<T>,
        right: usize,
        output: &mut [Chunk<T>],
        column: usize,
    ) {
        let mut row = 0;
        while row + R <= self.n {
            let sums = self.tile::<T, S, R, C>(simd, h, a, left + row * self.left[0], b, right);
            self.store(simd, h, &sums, output, row, column);
            row += R;
        }
        for row in row..self.n {
            let sums = self.tile::<T, S, 1, C>(simd, h, a, left + row * self.left[0], b, right);
            self.store(simd, h, &sums, output, row, column);
        }
    }

    /// An R × C tile of the product.
    #[inline(always)]
    fn tile<T: Real, S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        h: usize,
        a: impl Fetch<T>,
        left: usize,
        b: impl Fetch<T>,
        right: usize,
    ) -> [[T::Vector<S>; C]; R] {
        let mut sums = [[T::splat(simd, T::ZERO); C]; R];
        for inner in 0..self.k {
            let mut line = [T::splat(simd, T::ZERO); C];
            for (step, x) in line.iter_mut().enumerate() {
                *x = b.get(simd, right + inner * self.right[0] + step * self.right[1], h);
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = a.get(simd, left + row * self.left[0] + inner * self.left[1], h);
                for (sum, y) in sums.iter_mut().zip(line) {
                    *sum = T::multiply_add(simd, x, y, *sum);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn store<T: Real, S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        h: usize,
        sums: &[[T::Vector<S>; C]; R],
        output: &mut [Chunk<T>],
        row: usize,
        column: usize,
    ) {
        for (down, sums) in sums.iter().enumerate() {
            for (across, &sum) in sums.iter().enumerate() {
                T::vectors_mut(simd, &mut output[(row + down) * self.m + column + across])[h] = sum;
            }
        }
    }
}
