//! A Lie algebra of affine maps given by an orthonormal basis: brackets, transposes, centre, simple ideals.
//!
//! An algebra closed under transpose is reductive, and orthogonal complements of ideals are ideals. Then the
//! centre is the kernel of ad, and a simple ideal grows from one root vector: an eigenvector of the symmetric
//! operator ad_s (s symmetric, random) with an isolated eigenvalue lies in one ideal, and brackets with everything
//! fill that ideal. Rejected: the commutant of the adjoint representation, whose k² unknowns are too many at k = 100.

use crate::SymmetryError;
use crate::blocks::{BlockMap, combination, orthonormal_maps};
use gaugebias_linalg::{Matrix, qr, svd, symmetric_eigen};

/// Structure constants of orthonormal elements are of order one; what is below this is zero.
const STRUCTURE_FLOOR: f64 = 1e-8;

/// A vector added to a growing ideal counts as new above this; noise stays below 1e-9.
const GROWTH_FLOOR: f64 = 1e-6;

/// A Lie algebra with a Frobenius-orthonormal basis.
#[derive(Clone, Debug)]
pub(crate) struct Algebra {
    pub basis: Vec<BlockMap>,
}

impl Algebra {
    pub fn new(elements: &[BlockMap]) -> Result<Self, SymmetryError> {
        Ok(Self { basis: orthonormal_maps(elements)? })
    }

    pub fn dimension(&self) -> usize {
        self.basis.len()
    }

    /// Coordinates of the projection of a map on the algebra.
    pub fn coordinates(&self, map: &BlockMap) -> Vec<f64> {
        self.basis.iter().map(|e| e.inner(map)).collect()
    }

    /// The element with the given coordinates.
    pub fn element(&self, coordinates: &[f64]) -> BlockMap {
        combination(coordinates, &self.basis)
    }

    /// Relative length of the part of a map outside the algebra; 0 for the zero map.
    pub fn distance(&self, map: &BlockMap) -> f64 {
        let norm = map.norm();
        if norm == 0.0 {
            return 0.0;
        }
        if self.basis.is_empty() {
            return 1.0;
        }
        self.element(&self.coordinates(map)).add_scaled(-1.0, map).norm() / norm
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
        let flat: Vec<Vec<f64>> = self.basis.iter().map(BlockMap::flat).collect();
        let size = flat.first().map_or(0, Vec::len);
        let basis = Matrix::from_row_major(k, size, flat.concat());
        let transposed = basis.transpose();
        for a in 0..k {
            // All brackets of one element at once: two products instead of k² inner ones.
            let brackets: Vec<Vec<f64>> =
                self.basis[a + 1..].iter().map(|other| self.basis[a].bracket(other).flat()).collect();
            if brackets.is_empty() {
                break;
            }
            let brackets = Matrix::from_row_major(brackets.len(), size, brackets.concat());
            let coordinates = brackets.matmul(&transposed);
            let rest = brackets.add_scaled(-1.0, &coordinates.matmul(&basis));
            for b in a + 1..k {
                let row = b - a - 1;
                // The basis has unit length, so this absolute length is a relative one as well.
                outside = outside.max(rest.row(row).iter().map(|x| x * x).sum::<f64>().sqrt());
                for (i, &x) in coordinates.row(row).iter().enumerate() {
                    ad[a][(i, b)] = x;
                    ad[b][(i, a)] = -x;
                }
            }
        }
        (ad, outside)
    }

    /// Bases of the symmetric and of the antisymmetric elements (complementary when closed under transpose).
    pub fn split(&self) -> Result<(Vec<BlockMap>, Vec<BlockMap>), SymmetryError> {
        let k = self.dimension();
        let transposed: Vec<BlockMap> = self.basis.iter().map(BlockMap::transpose).collect();
        let transposition = Matrix::from_fn(k, k, |a, b| self.basis[a].inner(&transposed[b]));
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
pub(crate) type Frame = Vec<Vec<f64>>;

/// A reductive algebra taken apart.
pub(crate) struct Decomposition {
    pub centre: Vec<BlockMap>,
    pub ideals: Vec<Vec<BlockMap>>,
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

/// The ideal N = [g, rad g] and its orthogonal complement, in coordinates: what acts by shifts that depend on the state,
/// and the candidate for a reductive rest. The radical is the complement of [g, g] in the Killing form.
pub(crate) fn shifts_and_rest(adjoint: &[Matrix]) -> Result<(Frame, Frame), SymmetryError> {
    let k = adjoint.len();
    let killing = Matrix::from_fn(k, k, |a, b| adjoint[a].frobenius_inner(&adjoint[b].transpose()));
    let columns: Vec<Vec<f64>> = adjoint.iter().flat_map(|ad| (0..k).map(|j| ad.column(j))).collect();
    let derived = orthonormal(k, &columns)?;
    if derived.is_empty() {
        return Ok((Vec::new(), unit_frame(k)));
    }
    // Rows: x ↦ κ(x, d) for d in [g, g]; the radical is their kernel.
    let rows = Matrix::from_columns(k, &derived).transpose().matmul(&killing);
    let eigen = symmetric_eigen(&rows.gram())?;
    let radical = (0..k).filter(|&j| eigen.values[j] < STRUCTURE_FLOOR).map(|j| eigen.vectors.column(j));
    let moved: Vec<Vec<f64>> = radical.flat_map(|r| adjoint.iter().map(move |ad| ad.mul_vec(&r))).collect();
    let shifts = if moved.is_empty() { Vec::new() } else { orthonormal(k, &moved)? };
    let rest = if shifts.is_empty() { unit_frame(k) } else { complement_within(&unit_frame(k), &shifts)? };
    Ok((shifts, rest))
}

fn unit_frame(k: usize) -> Frame {
    (0..k).map(|i| (0..k).map(|j| f64::from(u8::from(i == j))).collect()).collect()
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
    if largest < STRUCTURE_FLOOR {
        return Ok(Vec::new());
    }
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
