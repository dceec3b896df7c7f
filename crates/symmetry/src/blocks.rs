//! Affine maps that are equal on many copies of a few small blocks.
//!
//! The algebra of a network acts in the same way on every row of a matrix, so a cluster of 720 parameters is 30 copies
//! of two blocks of 12. All naming works on one representative of each block, weighted by the number of its copies; in
//! a model without such structure there is one block, and nothing is lost. Rejected: dense matrices over the cluster,
//! whose brackets cost the cube of its size.

use crate::SymmetryError;
use gaugebias_linalg::{Matrix, qr};
use std::rc::Rc;

/// An affine map on a list of blocks; equal copies of a block are stored once.
#[derive(Clone, Debug)]
pub(crate) struct BlockMap {
    /// A on each block.
    pub linear: Vec<Matrix>,
    /// b on each block.
    pub shifts: Vec<Vec<f64>>,
    copies: Rc<[f64]>,
}

impl BlockMap {
    pub fn zeros(sizes: &[usize], copies: &Rc<[f64]>) -> Self {
        Self {
            linear: sizes.iter().map(|&s| Matrix::zeros(s, s)).collect(),
            shifts: sizes.iter().map(|&s| vec![0.0; s]).collect(),
            copies: Rc::clone(copies),
        }
    }

    pub fn zeros_like(&self) -> Self {
        let sizes: Vec<usize> = self.linear.iter().map(Matrix::rows).collect();
        Self::zeros(&sizes, &self.copies)
    }

    /// Copies of each block.
    pub fn copies(&self) -> &[f64] {
        &self.copies
    }

    /// Frobenius inner product of the maps of all parameters.
    pub fn inner(&self, other: &Self) -> f64 {
        let of = |block: usize| {
            let shifts = self.shifts[block].iter().zip(&other.shifts[block]);
            self.linear[block].frobenius_inner(&other.linear[block]) + shifts.map(|(x, y)| x * y).sum::<f64>()
        };
        self.copies.iter().enumerate().map(|(block, n)| n * of(block)).sum()
    }

    pub fn norm(&self) -> f64 {
        self.inner(self).sqrt()
    }

    pub fn max_abs(&self) -> f64 {
        let shifts = self.shifts.iter().flatten().fold(0.0_f64, |m, x| m.max(x.abs()));
        self.linear.iter().fold(shifts, |m, a| m.max(a.max_abs()))
    }

    pub fn add_scaled(&self, factor: f64, other: &Self) -> Self {
        let linear = self.linear.iter().zip(&other.linear).map(|(a, b)| a.add_scaled(factor, b)).collect();
        let sum = |(s, t): (&Vec<f64>, &Vec<f64>)| s.iter().zip(t).map(|(x, y)| x + factor * y).collect();
        let shifts = self.shifts.iter().zip(&other.shifts).map(sum).collect();
        Self { linear, shifts, copies: Rc::clone(&self.copies) }
    }

    pub fn scaled(&self, factor: f64) -> Self {
        self.zeros_like().add_scaled(factor, self)
    }

    /// Aᵀ, without the shift.
    pub fn transpose(&self) -> Self {
        let linear = self.linear.iter().map(Matrix::transpose).collect();
        Self { linear, ..self.zeros_like() }
    }

    /// [ξ, η] as (AA' − A'A, Ab' − A'b).
    pub fn bracket(&self, other: &Self) -> Self {
        let linear = self.linear.iter().zip(&other.linear).map(|(a, b)| a.bracket(b)).collect();
        let shift = |i: usize| {
            let (left, right) = (self.linear[i].mul_vec(&other.shifts[i]), other.linear[i].mul_vec(&self.shifts[i]));
            left.iter().zip(&right).map(|(x, y)| x - y).collect()
        };
        Self { linear, shifts: (0..self.shifts.len()).map(shift).collect(), copies: Rc::clone(&self.copies) }
    }

    /// The linear part in coordinates about the fixed point `centre`, where the shift is gone.
    pub fn without_shift(&self) -> Self {
        Self { linear: self.linear.clone(), ..self.zeros_like() }
    }

    /// All entries, those of a block scaled by the root of its copies, so that the Euclidean product is [`Self::inner`].
    pub fn flat(&self) -> Vec<f64> {
        let mut flat = Vec::new();
        for ((a, s), n) in self.linear.iter().zip(&self.shifts).zip(self.copies.iter()) {
            flat.extend(a.data().iter().chain(s).map(|x| n.sqrt() * x));
        }
        flat
    }

    fn unflattened(&self, flat: &[f64]) -> Self {
        let mut map = self.zeros_like();
        let mut at = 0;
        for ((a, s), n) in map.linear.iter_mut().zip(&mut map.shifts).zip(self.copies.iter()) {
            for x in a.data_mut().iter_mut().chain(s) {
                *x = flat[at] / n.sqrt();
                at += 1;
            }
        }
        map
    }
}

/// Σ weight · map.
pub(crate) fn combination(weights: &[f64], maps: &[BlockMap]) -> BlockMap {
    let mut sum = maps[0].zeros_like();
    for (&w, map) in weights.iter().zip(maps).filter(|(w, _)| **w != 0.0) {
        for (a, b) in sum.linear.iter_mut().zip(&map.linear) {
            a.data_mut().iter_mut().zip(b.data()).for_each(|(x, y)| *x += w * y);
        }
        for (s, t) in sum.shifts.iter_mut().zip(&map.shifts) {
            s.iter_mut().zip(t).for_each(|(x, y)| *x += w * y);
        }
    }
    sum
}

/// An orthonormal basis of the span of maps, which must be linearly independent.
pub(crate) fn orthonormal_maps(maps: &[BlockMap]) -> Result<Vec<BlockMap>, SymmetryError> {
    let Some(first) = maps.first() else {
        return Ok(Vec::new());
    };
    let vectors: Vec<Vec<f64>> = maps.iter().map(BlockMap::flat).collect();
    let q = qr(&Matrix::from_columns(vectors[0].len(), &vectors))?.q;
    Ok((0..q.columns()).map(|j| first.unflattened(&q.column(j))).collect())
}

/// An entry of [A b]: (row, column, value), column n standing for b.
pub(crate) type MapEntry = (usize, usize, f64);

/// Which parameters the blocks of a cluster stand for.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Class → copy → parameter indices, ascending; all copies of a class are acted on by equal matrices.
    pub classes: Vec<Vec<Vec<usize>>>,
    /// Column that stands for b.
    pub size: usize,
}

impl Layout {
    /// The entries of a map on all copies.
    pub fn expand(&self, map: &BlockMap) -> Vec<MapEntry> {
        let mut entries = Vec::new();
        for (class, (a, s)) in self.classes.iter().zip(map.linear.iter().zip(&map.shifts)) {
            let nonzero: Vec<(usize, usize, f64)> = (0..a.rows())
                .flat_map(|i| (0..a.columns()).map(move |j| (i, j)))
                .filter(|&(i, j)| a[(i, j)] != 0.0)
                .map(|(i, j)| (i, j, a[(i, j)]))
                .collect();
            for copy in class {
                entries.extend(nonzero.iter().map(|&(i, j, x)| (copy[i], copy[j], x)));
                let shifted = s.iter().enumerate().filter(|(_, x)| **x != 0.0);
                entries.extend(shifted.map(|(i, &x)| (copy[i], self.size, x)));
            }
        }
        entries
    }
}
