//! From a component's raw algebra to named factors with canonical generators.

use crate::algebra::{Algebra, decompose};
use crate::components::groups;
use crate::factor::{FactorKind, Module};
use crate::modules::{coordinate_modules, gl_basis, so_basis};
use crate::search::{AffineElement, ComponentSymmetry};
use crate::torus::{self, TorusGenerator};
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{Matrix, least_squares, symmetric_eigen};

/// A canonical generator must lie in the found algebra to this relative distance.
const MEMBERSHIP: f64 = 1e-9;

/// Eigenvalues and supports below this are zero.
const FLOOR: f64 = 1e-7;

/// A factor in the component's own coordinates.
pub(crate) struct LocalFactor {
    pub kind: FactorKind,
    pub size: usize,
    pub elements: Vec<AffineElement>,
    pub canonical: bool,
    pub modules: Vec<Module>,
}

/// A component with names.
pub(crate) struct NamedComponent {
    pub factors: Vec<LocalFactor>,
    /// Orthonormal symmetric elements, for charges of factors that are not canonical.
    pub symmetric: Vec<AffineElement>,
    /// Orthonormal antisymmetric elements.
    pub antisymmetric: Vec<AffineElement>,
    pub compact: usize,
    pub noncompact: usize,
    pub closure_residual: f64,
    pub transpose_closed: bool,
}

/// Names the algebra of a component; what is not recognised becomes `other`.
pub(crate) fn name_component(
    component: &ComponentSymmetry,
    options: &SearchOptions,
    noise: &mut impl FnMut() -> f64,
) -> Result<NamedComponent, SymmetryError> {
    let n = component.indices.len();
    let mut factors: Vec<LocalFactor> =
        torus::sparse_span(&component.translations).into_iter().map(|t| translation(n, t)).collect();
    let translations = factors.len();
    let mut named = NamedComponent {
        factors: Vec::new(),
        symmetric: factors.iter().flat_map(|f| f.elements.clone()).collect(),
        antisymmetric: Vec::new(),
        compact: 0,
        noncompact: translations,
        closure_residual: 0.0,
        transpose_closed: true,
    };
    if component.elements.is_empty() {
        named.factors = factors;
        return Ok(named);
    }
    let linear: Vec<Matrix> = component.elements.iter().map(|e| e.linear.clone()).collect();
    let algebra = Algebra::new(&linear)?;
    let (adjoint, closure_residual) = algebra.adjoint();
    named.closure_residual = closure_residual;
    let centre_point = fixed_point(&component.elements)?;
    named.transpose_closed = centre_point.is_some() && algebra.transpose_distance() <= options.closure_ceiling;
    let (symmetric, rotations) = algebra.split()?;
    let recognised = match &centre_point {
        Some(c) if named.transpose_closed && closure_residual <= options.closure_ceiling => {
            let affine = |m: &Matrix| affine_about(m, c);
            named.compact = rotations.len();
            named.noncompact += symmetric.len();
            named.symmetric.extend(symmetric.iter().map(affine));
            named.antisymmetric.extend(rotations.iter().map(affine));
            name_reductive(&algebra, &adjoint, noise)?
                .map(|list| list.into_iter().map(|f| f.about(c)).collect::<Vec<_>>())
        }
        _ => {
            // Charges belong to symmetric elements, rotations to antisymmetric ones, in any algebra; what is left is
            // neither.
            let symmetric = elements_with(&component.elements, -1.0)?;
            let antisymmetric = elements_with(&component.elements, 1.0)?;
            named.compact = antisymmetric.len();
            named.noncompact += symmetric.len();
            named.symmetric.extend(symmetric);
            named.antisymmetric.extend(antisymmetric);
            None
        }
    };
    factors.extend(recognised.unwrap_or_else(|| vec![unrecognised(&component.elements)]));
    named.factors = factors;
    Ok(named)
}

fn translation(n: usize, t: Vec<f64>) -> LocalFactor {
    LocalFactor {
        kind: FactorKind::Translation,
        size: 1,
        elements: vec![AffineElement { linear: Matrix::zeros(n, n), translation: t }],
        canonical: true,
        modules: Vec::new(),
    }
}

fn unrecognised(elements: &[AffineElement]) -> LocalFactor {
    LocalFactor {
        kind: FactorKind::Other,
        size: elements.len(),
        elements: elements.to_vec(),
        canonical: false,
        modules: Vec::new(),
    }
}

/// A basis of the elements of the span whose linear part satisfies A + sign·Aᵀ = 0: symmetric for −1, antisymmetric
/// for 1.
fn elements_with(elements: &[AffineElement], sign: f64) -> Result<Vec<AffineElement>, SymmetryError> {
    let n = elements[0].translation.len();
    let defects: Vec<Vec<f64>> = elements
        .iter()
        .map(|element| {
            let a = &element.linear;
            (0..n * n).map(|at| a[(at / n, at % n)] + sign * a[(at % n, at / n)]).collect()
        })
        .collect();
    let k = elements.len();
    let mut gram = Matrix::zeros(k, k);
    for (row, left) in defects.iter().enumerate() {
        for (column, right) in defects.iter().enumerate() {
            gram[(row, column)] = left.iter().zip(right).map(|(x, y)| x * y).sum();
        }
    }
    let eigen = symmetric_eigen(&gram)?;
    // Elements have unit size: a defect is either of order one or of the order of rounding.
    let kept = (0..k).filter(|&at| eigen.values[at] < 1e-14);
    let combined = kept.map(|at| {
        let mut sum = AffineElement { linear: Matrix::zeros(n, n), translation: vec![0.0; n] };
        for (element, weight) in elements.iter().zip((0..k).map(|row| eigen.vectors[(row, at)])) {
            for place in 0..n * n {
                sum.linear[(place / n, place % n)] += weight * element.linear[(place / n, place % n)];
            }
            sum.translation.iter_mut().zip(&element.translation).for_each(|(s, t)| *s += weight * t);
        }
        sum
    });
    Ok(combined.collect())
}

/// c with A c + b = 0 for every element, if there is one.
fn fixed_point(elements: &[AffineElement]) -> Result<Option<Vec<f64>>, SymmetryError> {
    let n = elements[0].translation.len();
    let largest = elements.iter().flat_map(|e| &e.translation).fold(0.0_f64, |m, x| m.max(x.abs()));
    if largest < 1e-10 {
        return Ok(Some(vec![0.0; n]));
    }
    let rows = elements.iter().flat_map(|e| e.linear.data().iter().copied()).collect();
    let stacked = Matrix::from_row_major(n * elements.len(), n, rows);
    let right: Vec<f64> = elements.iter().flat_map(|e| e.translation.iter().map(|b| -b)).collect();
    let centre = least_squares(&stacked, &right, 1e-8)?;
    let image = stacked.mul_vec(&centre);
    let residual = image.iter().zip(&right).fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()));
    Ok((residual < FLOOR * largest.max(1e-3)).then_some(centre))
}

fn affine_about(linear: &Matrix, centre: &[f64]) -> AffineElement {
    let translation = linear.mul_vec(centre).iter().map(|x| if *x == 0.0 { 0.0 } else { -x }).collect();
    AffineElement { linear: linear.clone(), translation }
}

/// A named factor of linear maps.
struct LinearFactor {
    kind: FactorKind,
    size: usize,
    linear: Vec<Matrix>,
    canonical: bool,
    modules: Vec<Module>,
}

impl LinearFactor {
    /// First coordinate that the factor moves, and how many it moves: the order in which factors are listed.
    fn first_moved(&self) -> Vec<usize> {
        let moves = |i: &usize| self.linear.iter().any(|m| m.row(*i).iter().any(|x| x.abs() > FLOOR));
        (0..self.linear[0].rows()).filter(moves).collect()
    }

    fn about(self, centre: &[f64]) -> LocalFactor {
        LocalFactor {
            kind: self.kind,
            size: self.size,
            elements: self.linear.iter().map(|m| affine_about(m, centre)).collect(),
            canonical: self.canonical,
            modules: self.modules,
        }
    }
}

impl From<TorusGenerator> for LinearFactor {
    fn from(g: TorusGenerator) -> Self {
        Self { kind: g.kind, size: g.size, linear: vec![g.linear], canonical: g.canonical, modules: Vec::new() }
    }
}

/// Factors of an algebra closed under brackets and transpose; `None` when the pieces do not add up.
fn name_reductive(
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
    let torus = torus::independent_of(&used_centre, torus::symmetric_generators(&symmetric, noise)?)?;
    factors.extend(merge_rescalings(torus.into_iter().map(LinearFactor::from).collect()));
    factors.extend(torus::antisymmetric_generators(&rotations, noise)?.into_iter().map(LinearFactor::from));
    let total: usize = factors.iter().map(|f| f.linear.len()).sum();
    let inside = factors.iter().flat_map(|f| &f.linear).all(|m| algebra.distance(m) <= MEMBERSHIP);
    factors.sort_by_key(LinearFactor::first_moved);
    Ok((total == algebra.dimension() && inside).then_some(factors))
}

/// Rescalings that share parameters (a product of D factors has D − 1 of them) are one factor.
fn merge_rescalings(torus: Vec<LinearFactor>) -> Vec<LinearFactor> {
    let moves = |f: &LinearFactor, i: usize| f.linear.iter().any(|m| m.row(i).iter().any(|x| *x != 0.0));
    let related = |a: usize, b: usize| {
        let rescalings = [a, b].iter().all(|&f| torus[f].kind == FactorKind::Rescaling);
        let n = torus[a].linear[0].rows();
        rescalings && (0..n).any(|i| moves(&torus[a], i) && moves(&torus[b], i))
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
    centre: &[Matrix],
    ideal: Vec<Matrix>,
    used_centre: &mut Vec<Matrix>,
    noise: &mut impl FnMut() -> f64,
) -> Result<LinearFactor, SymmetryError> {
    let (symmetric, rotations) = Algebra { basis: ideal.clone() }.split()?;
    let n = ideal[0].rows();
    let dimension = ideal.len();
    let member = |basis: &[Matrix]| basis.iter().all(|m| algebra.distance(m) <= MEMBERSHIP);
    if let Some(m) = special_linear_size(dimension, rotations.len()) {
        if let Some(modules) = coordinate_modules(&ideal, m) {
            let basis = gl_basis(n, m, &modules);
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
            let basis = so_basis(n, m, &modules);
            if member(&basis) {
                let kind = if modules.len() == 1 { FactorKind::So } else { FactorKind::O };
                return Ok(LinearFactor { kind, size: m, linear: basis, canonical: true, modules });
            }
        }
        if let Some(copies) = vector_copies(&rotations, m, noise)? {
            let kind = if copies == 1 { FactorKind::So } else { FactorKind::O };
            return Ok(LinearFactor { kind, size: m, linear: ideal, canonical: false, modules: Vec::new() });
        }
    }
    Ok(LinearFactor { kind: FactorKind::Other, size: dimension, linear: ideal, canonical: false, modules: Vec::new() })
}

/// Σ E_ii of a canonical gl basis in order (i, j).
fn trace_element(basis: &[Matrix], m: usize) -> Matrix {
    let n = basis[0].rows();
    (0..m).fold(Matrix::zeros(n, n), |sum, i| sum.add_scaled(1.0, &basis[i * m + i]))
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

/// Projector on the directions that the elements move.
fn support_projector(elements: &[Matrix]) -> Result<Matrix, SymmetryError> {
    let n = elements[0].rows();
    let mut sum = Matrix::zeros(n, n);
    for e in elements {
        sum = sum.add_scaled(1.0, &e.gram()).add_scaled(1.0, &e.transpose().gram());
    }
    let eigen = symmetric_eigen(&sum)?;
    let moved: Vec<usize> = (0..n).filter(|&j| eigen.values[j] > FLOOR).collect();
    let frame = Matrix::from_fn(n, moved.len(), |i, j| eigen.vectors[(i, moved[j])]);
    Ok(frame.matmul(&frame.transpose()))
}

/// Basis of the symmetric central elements that vanish outside the support of an ideal.
fn supported_inside(centre: &[Matrix], ideal: &[Matrix]) -> Result<Vec<Matrix>, SymmetryError> {
    if centre.is_empty() {
        return Ok(Vec::new());
    }
    let (symmetric, _) = Algebra::new(centre)?.split()?;
    if symmetric.is_empty() {
        return Ok(Vec::new());
    }
    let projector = support_projector(ideal)?;
    let n = projector.rows();
    let outside = Matrix::identity(n).add_scaled(-1.0, &projector);
    let images: Vec<Vec<f64>> = symmetric.iter().map(|z| outside.matmul(z).into_data()).collect();
    let eigen = symmetric_eigen(&Matrix::from_columns(n * n, &images).gram())?;
    let algebra = Algebra { basis: symmetric };
    let inside = (0..eigen.values.len()).filter(|&j| eigen.values[j] < FLOOR);
    Ok(inside.map(|j| algebra.element(&eigen.vectors.column(j))).collect())
}

/// Eigenvalues of a random symmetric element on the support are ±λ_i for m values λ_i: copies of the standard
/// module and its dual, not, say, the adjoint one.
fn is_standard(symmetric: &[Matrix], m: usize, noise: &mut impl FnMut() -> f64) -> Result<bool, SymmetryError> {
    let magnitudes = magnitudes_on_support(symmetric, noise)?;
    let distinct = count_distinct(&magnitudes);
    let smallest = magnitudes.first().copied().unwrap_or(0.0);
    Ok(smallest > 1e-6 && distinct == if m == 2 { 1 } else { m })
}

/// Number of copies of ℝᵐ on which the rotations act, if that is how they act.
fn vector_copies(
    rotations: &[Matrix],
    m: usize,
    noise: &mut impl FnMut() -> f64,
) -> Result<Option<usize>, SymmetryError> {
    let magnitudes = magnitudes_on_support(rotations, noise)?;
    let zeros = magnitudes.iter().filter(|x| **x < 1e-6).count();
    let copies = magnitudes.len() / m;
    let distinct = count_distinct(&magnitudes) - usize::from(zeros > 0);
    let fits = magnitudes.len() % m == 0 && zeros == copies * (m % 2) && distinct == m / 2;
    Ok(fits.then_some(copies))
}

/// Ascending singular values of a random combination, on the support of the elements only.
fn magnitudes_on_support(elements: &[Matrix], noise: &mut impl FnMut() -> f64) -> Result<Vec<f64>, SymmetryError> {
    let projector = support_projector(elements)?;
    let n = projector.rows();
    let random = elements.iter().fold(Matrix::zeros(n, n), |sum, e| sum.add_scaled(noise(), e));
    let support = projector.trace().round() as usize;
    let values = gaugebias_linalg::svdvals(&random)?;
    Ok(values[..support].iter().rev().copied().collect())
}

fn count_distinct(ascending: &[f64]) -> usize {
    let scale = ascending.last().copied().unwrap_or(0.0);
    let steps = ascending.windows(2).filter(|w| w[1] - w[0] > FLOOR * scale).count();
    if ascending.is_empty() { 0 } else { steps + 1 }
}

/// so(4) = so(3) ⊕ so(3): two three-dimensional compact ideals on one support, both without fixed directions.
fn merge_halves_of_so4(ideals: Vec<Vec<Matrix>>) -> Result<Vec<Vec<Matrix>>, SymmetryError> {
    let mut merged: Vec<Vec<Matrix>> = Vec::new();
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

fn is_spinor(ideal: &[Matrix]) -> Result<bool, SymmetryError> {
    let algebra = Algebra { basis: ideal.to_vec() };
    if ideal.len() != 3 || !algebra.split()?.0.is_empty() {
        return Ok(false);
    }
    // In a vector representation a rotation leaves its axis fixed; here it moves everything it can.
    let support = support_projector(ideal)?.trace().round() as usize;
    let values = gaugebias_linalg::svdvals(&ideal[0])?;
    Ok(values[support - 1] > 1e-6)
}

fn same_support(a: &[Matrix], b: &[Matrix]) -> Result<bool, SymmetryError> {
    Ok(support_projector(a)?.add_scaled(-1.0, &support_projector(b)?).max_abs() < FLOOR)
}
