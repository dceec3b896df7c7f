//! Names of the simple ideals and of the centre of a reductive algebra.

use crate::SymmetryError;
use crate::algebra::{Algebra, decompose};
use crate::blocks::{BlockMap, combination};
use crate::components::groups;
use crate::factor::FactorKind;
use crate::modules::{BlockModule, coordinate_modules, gl_basis, so_basis};
use crate::sparse_rows::FLOOR;
use crate::torus::{self, TorusGenerator};
use gaugebias_linalg::{Matrix, symmetric_eigen};

/// A canonical generator must lie in the found algebra to this relative distance.
const MEMBERSHIP: f64 = 1e-9;

/// A named factor of linear maps.
pub(crate) struct LinearFactor {
    pub kind: FactorKind,
    pub size: usize,
    pub linear: Vec<BlockMap>,
    pub canonical: bool,
    pub modules: Vec<BlockModule>,
}

impl LinearFactor {
    /// Blocks and coordinates that the factor moves: the order in which factors are listed.
    pub fn first_moved(&self) -> Vec<(usize, usize)> {
        let moves = |&(block, i): &(usize, usize)| {
            self.linear
                .iter()
                .any(|m| m.shifts[block][i].abs() > FLOOR || m.linear[block].row(i).iter().any(|x| x.abs() > FLOOR))
        };
        let sizes = self.linear[0].linear.iter().map(Matrix::rows).enumerate();
        sizes.flat_map(|(block, n)| (0..n).map(move |i| (block, i))).filter(moves).collect()
    }
}

impl From<TorusGenerator> for LinearFactor {
    fn from(g: TorusGenerator) -> Self {
        Self { kind: g.kind, size: g.size, linear: vec![g.linear], canonical: g.canonical, modules: Vec::new() }
    }
}

/// Factors of an algebra closed under brackets and transpose; `None` when the pieces do not add up.
pub(crate) fn name_reductive(
    algebra: &Algebra,
    adjoint: &[Matrix],
    noise: &mut impl FnMut() -> f64,
) -> Result<Option<Vec<LinearFactor>>, SymmetryError> {
    let parts = decompose(algebra, adjoint, &mut *noise)?;
    if !parts.complete {
        return Ok(None);
    }
    let mut used_centre = Vec::new();
    let mut factors = Vec::new();
    for ideal in merge_halves_of_so4(parts.ideals)? {
        factors.push(name_ideal(algebra, &parts.centre, ideal, &mut used_centre, noise)?);
    }
    let centre = Algebra::new(&parts.centre)?;
    let (symmetric, rotations) = if centre.dimension() == 0 { Default::default() } else { centre.split()? };
    if symmetric.len() + rotations.len() != centre.dimension() {
        return Ok(None);
    }
    let torus = torus::symmetric_generators(&symmetric, &used_centre, noise)?;
    factors.extend(merge_rescalings(torus.into_iter().map(LinearFactor::from).collect()));
    factors.extend(torus::antisymmetric_generators(&rotations, noise)?.into_iter().map(LinearFactor::from));
    let total: usize = factors.iter().map(|f| f.linear.len()).sum();
    let inside = factors.iter().flat_map(|f| &f.linear).all(|m| algebra.distance(m) <= MEMBERSHIP);
    factors.sort_by_key(LinearFactor::first_moved);
    Ok((total == algebra.dimension() && inside).then_some(factors))
}

/// Rescalings that share parameters (a product of D factors has D − 1 of them) are one factor.
fn merge_rescalings(torus: Vec<LinearFactor>) -> Vec<LinearFactor> {
    let moved: Vec<Vec<(usize, usize)>> = torus.iter().map(LinearFactor::first_moved).collect();
    let related = |a: usize, b: usize| {
        let rescalings = [a, b].iter().all(|&f| torus[f].kind == FactorKind::Rescaling);
        rescalings && moved[a].iter().any(|place| moved[b].binary_search(place).is_ok())
    };
    let sets = groups(torus.len(), related);
    let mut torus: Vec<Option<LinearFactor>> = torus.into_iter().map(Some).collect();
    let mut merged = Vec::with_capacity(sets.len());
    for set in sets {
        let mut parts = set.into_iter().filter_map(|a| torus[a].take());
        if let Some(mut first) = parts.next() {
            first.linear.extend(parts.flat_map(|f| f.linear));
            merged.push(first);
        }
    }
    merged
}

fn name_ideal(
    algebra: &Algebra,
    centre: &[BlockMap],
    ideal: Vec<BlockMap>,
    used_centre: &mut Vec<BlockMap>,
    noise: &mut impl FnMut() -> f64,
) -> Result<LinearFactor, SymmetryError> {
    let (symmetric, rotations) = Algebra { basis: ideal.clone() }.split()?;
    let zero = ideal[0].zeros_like();
    let dimension = ideal.len();
    let member = |basis: &[BlockMap]| basis.iter().all(|m| algebra.distance(m) <= MEMBERSHIP);
    if let Some(m) = special_linear_size(dimension, rotations.len()) {
        if let Some(modules) = coordinate_modules(&ideal, m) {
            let basis = gl_basis(&zero, m, &modules);
            if member(&basis) {
                used_centre.push(trace_element(&basis, m));
                return Ok(LinearFactor { kind: FactorKind::Gl, size: m, linear: basis, canonical: true, modules });
            }
        }
        let attached = supported_inside(centre, &ideal)?;
        if attached.len() == 1 && is_standard(&symmetric, m, noise)? {
            used_centre.push(attached[0].clone());
            let mut linear = ideal;
            linear.extend(attached);
            return Ok(LinearFactor { kind: FactorKind::Gl, size: m, linear, canonical: false, modules: Vec::new() });
        }
    }
    if let Some(m) = rotation_size(dimension, rotations.len()) {
        if let Some(modules) = coordinate_modules(&ideal, m) {
            let basis = so_basis(&zero, m, &modules);
            if member(&basis) {
                let kind = if copies(&ideal, &modules) == 1.0 { FactorKind::So } else { FactorKind::O };
                return Ok(LinearFactor { kind, size: m, linear: basis, canonical: true, modules });
            }
        }
        if let Some(copies) = vector_copies(&rotations, m, noise)? {
            let kind = if copies == 1.0 { FactorKind::So } else { FactorKind::O };
            return Ok(LinearFactor { kind, size: m, linear: ideal, canonical: false, modules: Vec::new() });
        }
    }
    let kind = FactorKind::Simple(rotations.len());
    Ok(LinearFactor { kind, size: dimension, linear: ideal, canonical: false, modules: Vec::new() })
}

/// Σ E_ii of a canonical gl basis in order (i, j).
fn trace_element(basis: &[BlockMap], m: usize) -> BlockMap {
    (0..m).fold(basis[0].zeros_like(), |sum, i| sum.add_scaled(1.0, &basis[i * m + i]))
}

/// m with dim sl(m) = m² − 1 and m(m−1)/2 rotations.
fn special_linear_size(dimension: usize, rotations: usize) -> Option<usize> {
    let m = (dimension + 1).isqrt();
    (m >= 2 && m * m == dimension + 1 && rotations == m * (m - 1) / 2).then_some(m)
}

/// m ≥ 3 with dim so(m) = m(m−1)/2, all of them rotations.
fn rotation_size(dimension: usize, rotations: usize) -> Option<usize> {
    (3..=2 * dimension).find(|m| m * (m - 1) / 2 == dimension && rotations == dimension)
}

/// Modules, copies of their blocks counted.
fn copies(ideal: &[BlockMap], modules: &[BlockModule]) -> f64 {
    modules.iter().map(|m| ideal[0].copies()[m.block]).sum()
}

/// Projectors on the directions that the elements move, block by block.
fn support_projectors(elements: &[BlockMap]) -> Result<Vec<Matrix>, SymmetryError> {
    let of = |block: usize| {
        let n = elements[0].linear[block].rows();
        let mut sum = Matrix::zeros(n, n);
        for e in elements.iter().map(|e| &e.linear[block]) {
            sum = sum.add_scaled(1.0, &e.gram()).add_scaled(1.0, &e.transpose().gram());
        }
        let eigen = symmetric_eigen(&sum)?;
        let moved: Vec<usize> = (0..n).filter(|&j| eigen.values[j] > FLOOR).collect();
        let frame = Matrix::from_fn(n, moved.len(), |i, j| eigen.vectors[(i, moved[j])]);
        Ok(frame.matmul(&frame.transpose()))
    };
    (0..elements[0].linear.len()).map(of).collect()
}

/// Basis of the symmetric central elements that vanish outside the support of an ideal.
fn supported_inside(centre: &[BlockMap], ideal: &[BlockMap]) -> Result<Vec<BlockMap>, SymmetryError> {
    if centre.is_empty() {
        return Ok(Vec::new());
    }
    let (symmetric, _) = Algebra::new(centre)?.split()?;
    if symmetric.is_empty() {
        return Ok(Vec::new());
    }
    let projectors = support_projectors(ideal)?;
    let outside = |z: &BlockMap| {
        let mut image = z.clone();
        for (a, p) in image.linear.iter_mut().zip(&projectors) {
            *a = a.add_scaled(-1.0, &p.matmul(a));
        }
        image
    };
    let images: Vec<BlockMap> = symmetric.iter().map(outside).collect();
    let k = symmetric.len();
    let eigen = symmetric_eigen(&Matrix::from_fn(k, k, |a, b| images[a].inner(&images[b])))?;
    let inside = (0..k).filter(|&j| eigen.values[j] < FLOOR);
    Ok(inside.map(|j| combination(&eigen.vectors.column(j), &symmetric)).collect())
}

/// Eigenvalues of a random symmetric element on the support are ±λ_i for m values λ_i: copies of the standard
/// module and its dual, not, say, the adjoint one.
fn is_standard(symmetric: &[BlockMap], m: usize, noise: &mut impl FnMut() -> f64) -> Result<bool, SymmetryError> {
    let magnitudes = magnitudes_on_support(symmetric, noise)?;
    let distinct = count_distinct(&magnitudes);
    let smallest = magnitudes.first().map_or(0.0, |x| x.0);
    Ok(smallest > 1e-6 && distinct == if m == 2 { 1 } else { m })
}

/// Number of copies of ℝᵐ on which the rotations act, if that is how they act.
fn vector_copies(
    rotations: &[BlockMap],
    m: usize,
    noise: &mut impl FnMut() -> f64,
) -> Result<Option<f64>, SymmetryError> {
    let magnitudes = magnitudes_on_support(rotations, noise)?;
    let count = |of: &dyn Fn(f64) -> bool| magnitudes.iter().filter(|x| of(x.0)).map(|x| x.1).sum::<f64>();
    let (all, zeros) = (count(&|_| true), count(&|x| x < 1e-6));
    let copies = all / m as f64;
    let distinct = count_distinct(&magnitudes) - usize::from(zeros > 0.0);
    let fits = copies.fract() == 0.0 && zeros == copies * (m % 2) as f64 && distinct == m / 2;
    Ok(fits.then_some(copies))
}

/// Ascending singular values of a random combination on the support of the elements, with the copies of each.
fn magnitudes_on_support(
    elements: &[BlockMap],
    noise: &mut impl FnMut() -> f64,
) -> Result<Vec<(f64, f64)>, SymmetryError> {
    let projectors = support_projectors(elements)?;
    let weights: Vec<f64> = elements.iter().map(|_| noise()).collect();
    let random = combination(&weights, elements);
    let mut found = Vec::new();
    for (block, (a, p)) in random.linear.iter().zip(&projectors).enumerate() {
        let support = p.trace().round() as usize;
        let values = gaugebias_linalg::svdvals(a)?;
        found.extend(values[..support].iter().map(|&x| (x, random.copies()[block])));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(found)
}

fn count_distinct(ascending: &[(f64, f64)]) -> usize {
    let scale = ascending.last().map_or(0.0, |x| x.0);
    let steps = ascending.windows(2).filter(|w| w[1].0 - w[0].0 > FLOOR * scale).count();
    if ascending.is_empty() { 0 } else { steps + 1 }
}

/// so(4) = so(3) ⊕ so(3): two three-dimensional compact ideals on one support, both without fixed directions.
fn merge_halves_of_so4(ideals: Vec<Vec<BlockMap>>) -> Result<Vec<Vec<BlockMap>>, SymmetryError> {
    let mut merged: Vec<Vec<BlockMap>> = Vec::new();
    for ideal in ideals {
        let mut partner = None;
        if is_spinor(&ideal)? {
            for (i, other) in merged.iter().enumerate() {
                if is_spinor(other)? && same_support(other, &ideal)? {
                    partner = Some(i);
                    break;
                }
            }
        }
        match partner {
            Some(i) => merged[i].extend(ideal),
            None => merged.push(ideal),
        }
    }
    Ok(merged)
}

fn is_spinor(ideal: &[BlockMap]) -> Result<bool, SymmetryError> {
    let algebra = Algebra { basis: ideal.to_vec() };
    if ideal.len() != 3 || !algebra.split()?.0.is_empty() {
        return Ok(false);
    }
    // In a vector representation a rotation leaves its axis fixed; here it moves everything it can.
    for (a, p) in ideal[0].linear.iter().zip(support_projectors(ideal)?) {
        let support = p.trace().round() as usize;
        if support > 0 && gaugebias_linalg::svdvals(a)?[support - 1] <= 1e-6 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_support(a: &[BlockMap], b: &[BlockMap]) -> Result<bool, SymmetryError> {
    let pairs = support_projectors(a)?.into_iter().zip(support_projectors(b)?);
    Ok(pairs.into_iter().all(|(p, q)| p.add_scaled(-1.0, &q).max_abs() < FLOOR))
}
