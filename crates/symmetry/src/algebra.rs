//! A matrix Lie algebra given by an orthonormal basis: brackets, transposes, centre, simple ideals.
//!
//! An algebra closed under transpose is reductive, and orthogonal complements of ideals are ideals. Then the
//! centre is the kernel of ad, and a simple ideal grows from one root vector: an eigenvector of the symmetric
//! operator ad_s (s symmetric, random) with an isolated eigenvalue lies in one ideal, and brackets with everything
//! fill that ideal. Rejected: the commutant of the adjoint representation, whose k² unknowns are too many at k = 100.

use crate::SymmetryError;
use crate::search::orthonormal_matrices;
use gaugebias_linalg::{Matrix, qr, svd, symmetric_eigen};

/// Structure constants of orthonormal elements are of order one; what is below this is zero.
const STRUCTURE_FLOOR: f64 = 1e-8;

/// A vector added to a growing ideal counts as new above this; noise stays below 1e-9.
const GROWTH_FLOOR: f64 = 1e-6;

/// A matrix Lie algebra with a Frobenius-orthonormal basis.
#[derive(Clone, Debug)]
pub(crate) struct Algebra {
    pub basis: Vec<Matrix>,
}

impl Algebra {
    pub fn new(elements: &[Matrix]) -> Result<Self, SymmetryError> {
        Ok(Self { basis: orthonormal_matrices(elements)? })
    }

    pub fn dimension(&self) -> usize {
        self.basis.len()
    }

    /// Coordinates of the projection of a matrix on the algebra.
    pub fn coordinates(&self, matrix: &Matrix) -> Vec<f64> {
        self.basis.iter().map(|e| e.frobenius_inner(matrix)).collect()
    }

    /// The element with the given coordinates.
    pub fn element(&self, coordinates: &[f64]) -> Matrix {
        let size = self.basis[0].rows();
        let mut sum = Matrix::zeros(size, size);
        for (e, &c) in self.basis.iter().zip(coordinates) {
            sum = sum.add_scaled(c, e);
        }
        sum
    }

    /// Relative length of the part of a matrix outside the algebra; 0 for the zero matrix.
    pub fn distance(&self, matrix: &Matrix) -> f64 {
        let norm = matrix.frobenius_norm();
        if norm == 0.0 {
            return 0.0;
        }
        if self.basis.is_empty() {
            return 1.0;
        }
        self.element(&self.coordinates(matrix)).add_scaled(-1.0, matrix).frobenius_norm() / norm
    }

    /// Largest part of Aᵀ outside the algebra over the basis.
    pub fn transpose_distance(&self) -> f64 {
        self.basis.iter().map(|e| self.distance(&e.transpose())).fold(0.0, f64::max)
    }

    /// ad_a as k × k matrices in the basis, and the largest part of a bracket outside the algebra.
    pub fn adjoint(&self) -> (Vec<Matrix>, f64) {
        let k = self.dimension();
        let mut ad = vec![Matrix::zeros(k, k); k];
        let mut outside = 0.0_f64;
        for a in 0..k {
            for b in a + 1..k {
                let bracket = self.basis[a].bracket(&self.basis[b]);
                let c = self.coordinates(&bracket);
                // The basis has unit length, so this absolute length is a relative one as well.
                outside = outside.max(self.element(&c).add_scaled(-1.0, &bracket).frobenius_norm());
                for (i, x) in c.into_iter().enumerate() {
                    ad[a][(i, b)] = x;
                    ad[b][(i, a)] = -x;
                }
            }
        }
        (ad, outside)
    }

    /// Bases of the symmetric and of the antisymmetric elements (complementary when closed under transpose).
    pub fn split(&self) -> Result<(Vec<Matrix>, Vec<Matrix>), SymmetryError> {
        let k = self.dimension();
        let transposition = Matrix::from_fn(k, k, |a, b| self.basis[a].frobenius_inner(&self.basis[b].transpose()));
        let eigen = symmetric_eigen(&transposition)?;
        let pick = |sign: f64| {
            (0..k)
                .filter(|&j| (eigen.values[j] - sign).abs() < 1e-6)
                .map(|j| self.element(&eigen.vectors.column(j)))
                .map(|m| m.add_scaled(sign, &m.transpose()).scaled(0.5))
                .collect()
        };
        Ok((pick(1.0), pick(-1.0)))
    }
}

/// Orthonormal vectors of coordinates.
type Frame = Vec<Vec<f64>>;

/// A reductive algebra taken apart.
pub(crate) struct Decomposition {
    pub centre: Vec<Matrix>,
    pub ideals: Vec<Vec<Matrix>>,
    /// Whether centre and ideals add up to the whole.
    pub complete: bool,
}

/// Centre and simple ideals of an algebra closed under brackets and transpose. `noise` yields N(0, 1) numbers.
pub(crate) fn decompose(
    algebra: &Algebra,
    adjoint: &[Matrix],
    mut noise: impl FnMut() -> f64,
) -> Result<Decomposition, SymmetryError> {
    let k = algebra.dimension();
    let (centre, derived) = kernel_and_complement(adjoint)?;
    let element = |c: &Vec<f64>| algebra.element(c);
    let mut ideals = Vec::new();
    let mut remaining = derived;
    while !remaining.is_empty() {
        let Some(seed) = root_vector(algebra, adjoint, &remaining, &mut noise)? else {
            break;
        };
        let ideal = grow(adjoint, seed, &mut noise)?;
        remaining = complement_within(&remaining, &ideal)?;
        ideals.push(ideal.iter().map(element).collect::<Vec<_>>());
    }
    let total = centre.len() + ideals.iter().map(Vec::len).sum::<usize>();
    Ok(Decomposition {
        centre: centre.iter().map(element).collect(),
        complete: total == k && remaining.is_empty(),
        ideals,
    })
}

/// Kernel of all ad (the centre) and its orthogonal complement, in coordinates.
fn kernel_and_complement(adjoint: &[Matrix]) -> Result<(Frame, Frame), SymmetryError> {
    let k = adjoint.len();
    let mut square = Matrix::zeros(k, k);
    for ad in adjoint {
        square = square.add_scaled(1.0, &ad.gram());
    }
    let eigen = symmetric_eigen(&square)?;
    // Eigenvalues are squares of structure constants, which are of order one.
    let (centre, derived) = (0..k).partition::<Vec<usize>, _>(|&j| eigen.values[j] < STRUCTURE_FLOOR);
    let take = |set: Vec<usize>| set.into_iter().map(|j| eigen.vectors.column(j)).collect();
    Ok((take(centre), take(derived)))
}

/// A vector inside one simple ideal of the span of `remaining`, an ideal itself.
fn root_vector(
    algebra: &Algebra,
    adjoint: &[Matrix],
    remaining: &[Vec<f64>],
    noise: &mut impl FnMut() -> f64,
) -> Result<Option<Vec<f64>>, SymmetryError> {
    let frame = Matrix::from_columns(adjoint.len(), remaining);
    let random: Vec<f64> = (0..remaining.len()).map(|_| noise()).collect();
    let x = algebra.element(&frame.mul_vec(&random));
    let symmetric = algebra.coordinates(&x.add_scaled(1.0, &x.transpose()).scaled(0.5));
    let rotation = algebra.coordinates(&x.add_scaled(-1.0, &x.transpose()).scaled(0.5));
    let norm = |c: &[f64]| c.iter().map(|x| x * x).sum::<f64>().sqrt();
    let combine = |c: &[f64]| {
        let mut sum = Matrix::zeros(adjoint.len(), adjoint.len());
        for (ad, &weight) in adjoint.iter().zip(c) {
            sum = sum.add_scaled(weight, ad);
        }
        sum
    };
    // Without symmetric elements, −ad² of a rotation is symmetric, and its root planes lie in one ideal each.
    let operator =
        if norm(&symmetric) > GROWTH_FLOOR * norm(&random) { combine(&symmetric) } else { combine(&rotation).gram() };
    let restricted = frame.transpose().matmul(&operator).matmul(&frame);
    let restricted = restricted.add_scaled(1.0, &restricted.transpose()).scaled(0.5);
    let eigen = symmetric_eigen(&restricted)?;
    let largest = eigen.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    if largest < STRUCTURE_FLOOR {
        return Ok(None);
    }
    let isolation = |i: usize| {
        let others = eigen.values.iter().map(|v| (v - eigen.values[i]).abs());
        others.filter(|d| *d > 1e-9 * largest).fold(f64::INFINITY, f64::min)
    };
    let best = (0..eigen.values.len())
        .filter(|&i| eigen.values[i].abs() > 0.02 * largest)
        .max_by(|&i, &j| isolation(i).total_cmp(&isolation(j)));
    Ok(best.map(|i| frame.mul_vec(&eigen.vectors.column(i))))
}

/// The ideal generated by a vector: brackets with random elements until nothing new comes.
fn grow(adjoint: &[Matrix], seed: Vec<f64>, noise: &mut impl FnMut() -> f64) -> Result<Vec<Vec<f64>>, SymmetryError> {
    let k = adjoint.len();
    let mut span = orthonormal(k, &[seed])?;
    let mut quiet = 0;
    while quiet < 3 && span.len() < k {
        let mut random = Matrix::zeros(k, k);
        for ad in adjoint {
            random = random.add_scaled(noise(), ad);
        }
        let mut wider = span.clone();
        wider.extend(span.iter().map(|x| random.mul_vec(x)));
        let wider = orthonormal(k, &wider)?;
        quiet = if wider.len() == span.len() { quiet + 1 } else { 0 };
        span = wider;
    }
    Ok(span)
}

/// Orthonormal basis of a span, by singular values.
fn orthonormal(size: usize, vectors: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, SymmetryError> {
    let s = svd(&Matrix::from_columns(size, vectors))?;
    let largest = s.singular_values.first().copied().unwrap_or(0.0);
    let rank = s.singular_values.iter().take_while(|&&x| x > GROWTH_FLOOR * largest).count();
    Ok((0..rank).map(|j| s.u.column(j)).collect())
}

fn complement_within(space: &[Vec<f64>], part: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, SymmetryError> {
    if part.len() >= space.len() {
        return Ok(Vec::new());
    }
    let size = space[0].len();
    let frame = Matrix::from_columns(size, space);
    let inside = qr(&Matrix::from_columns(size, part))?.q;
    let overlap = frame.transpose().matmul(&inside);
    let eigen = symmetric_eigen(&overlap.matmul(&overlap.transpose()))?;
    let kept = space.len() - part.len();
    Ok((0..kept).map(|j| frame.mul_vec(&eigen.vectors.column(j))).collect())
}
