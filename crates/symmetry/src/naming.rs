//! From a component's raw algebra to named factors with canonical generators.

use crate::algebra::{Algebra, shifts_and_rest};
use crate::blocks::{BlockMap, MapEntry, combination, orthonormal_maps};
use crate::clusters::{Cluster, clusters};
use crate::factor::FactorKind;
use crate::ideals::{LinearFactor, name_reductive};
use crate::search::ComponentSymmetry;
use crate::sparse_rows::{FLOOR, sparse_basis};
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{Matrix, least_squares, symmetric_eigen};

/// Parameters, component-local, that transform like one vector.
#[derive(Clone, Debug)]
pub(crate) struct LocalModule {
    pub indices: Vec<usize>,
    pub dual: bool,
}

/// A factor in the component's own coordinates.
pub(crate) struct LocalFactor {
    pub kind: FactorKind,
    pub size: usize,
    pub elements: Vec<Vec<MapEntry>>,
    pub canonical: bool,
    pub modules: Vec<LocalModule>,
}

/// A part of the algebra that shares no parameters with the others, with names.
pub(crate) struct NamedCluster {
    pub factors: Vec<LocalFactor>,
    /// Orthonormal symmetric elements, for charges of factors that are not canonical.
    pub symmetric: Vec<Vec<MapEntry>>,
    /// Orthonormal antisymmetric elements.
    pub antisymmetric: Vec<Vec<MapEntry>>,
    pub compact: usize,
    pub noncompact: usize,
    pub closure_residual: f64,
    pub transpose_closed: bool,
}

/// Names the algebra of a component; what is not recognised becomes `other`. Translations come first.
pub(crate) fn name_component(
    component: &ComponentSymmetry,
    options: &SearchOptions,
    noise: &mut impl FnMut() -> f64,
) -> Result<Vec<NamedCluster>, SymmetryError> {
    let size = component.indices.len();
    let mut named = Vec::new();
    if !component.translations.is_empty() {
        named.push(name_translations(&component.translations));
    }
    for cluster in clusters(&component.elements, size) {
        if work(&cluster) > options.naming_work {
            let (dimension, limit) = (cluster.elements.len(), options.algebra_limit);
            return Err(SymmetryError::AlgebraTooLarge { tensors: String::new(), dimension, limit });
        }
        named.push(name_cluster(&cluster, options, noise)?);
    }
    Ok(named)
}

/// Multiplications of all brackets: the square of the dimension times the cubes of the blocks.
fn work(cluster: &Cluster) -> f64 {
    let of = |copies: &Vec<Vec<usize>>| (copies[0].len() as f64).powi(3);
    (cluster.elements.len() as f64).powi(2) * cluster.layout.classes.iter().map(of).sum::<f64>()
}

fn name_translations(translations: &[Vec<f64>]) -> NamedCluster {
    let n = translations[0].len();
    let rows = Matrix::from_fn(translations.len(), n, |a, i| translations[a][i]);
    let shift = |t: Vec<f64>| -> Vec<MapEntry> {
        t.into_iter().enumerate().filter(|(_, x)| *x != 0.0).map(|(i, x)| (i, n, x)).collect()
    };
    let elements: Vec<Vec<MapEntry>> = sparse_basis(&rows, &[], &vec![1.0; n]).into_iter().map(shift).collect();
    let factor = |element: &Vec<MapEntry>| LocalFactor {
        kind: FactorKind::Translation,
        size: 1,
        elements: vec![element.clone()],
        canonical: true,
        modules: Vec::new(),
    };
    NamedCluster {
        factors: elements.iter().map(factor).collect(),
        noncompact: elements.len(),
        symmetric: elements,
        antisymmetric: Vec::new(),
        compact: 0,
        closure_residual: 0.0,
        transpose_closed: true,
    }
}

fn name_cluster(
    cluster: &Cluster,
    options: &SearchOptions,
    noise: &mut impl FnMut() -> f64,
) -> Result<NamedCluster, SymmetryError> {
    let algebra = Algebra::new(&cluster.elements)?;
    let (adjoint, closure_residual) = algebra.adjoint();
    let closed = closure_residual <= options.closure_ceiling;
    let expand = |maps: &[BlockMap]| maps.iter().map(|m| cluster.layout.expand(m)).collect::<Vec<_>>();
    let mut named = NamedCluster {
        factors: Vec::new(),
        symmetric: Vec::new(),
        antisymmetric: Vec::new(),
        compact: 0,
        noncompact: 0,
        closure_residual,
        transpose_closed: false,
    };
    let mut recognised = None;
    if closed && let Some(parts) = recognise(&algebra, &adjoint, options, noise)? {
        named.transpose_closed = parts.shifts.is_empty();
        named.compact = parts.rotations.len();
        named.noncompact = parts.symmetric.len();
        named.symmetric = expand(&parts.symmetric);
        named.antisymmetric = expand(&parts.rotations);
        recognised = parts.factors;
    } else {
        // Charges belong to symmetric elements, rotations to antisymmetric ones, in any algebra; what is left is
        // neither.
        let symmetric = elements_with(&algebra.basis, -1.0)?;
        // Without a fixed point it is a screw, which runs along its axis for ever.
        let mut antisymmetric = elements_with(&algebra.basis, 1.0)?;
        if fixed_point(&antisymmetric)?.is_none() {
            antisymmetric.clear();
        }
        named.compact = antisymmetric.len();
        named.noncompact = symmetric.len();
        named.symmetric = expand(&symmetric);
        named.antisymmetric = expand(&antisymmetric);
    }
    let factors = recognised.unwrap_or_else(|| vec![unrecognised(&algebra.basis)]);
    named.factors = factors.into_iter().map(|f| local(f, cluster)).collect();
    Ok(named)
}

fn local(factor: LinearFactor, cluster: &Cluster) -> LocalFactor {
    let copies = |m: &crate::modules::BlockModule| -> Vec<LocalModule> {
        let of = |copy: &Vec<usize>| m.places.iter().map(|&p| copy[p]).collect();
        let class = &cluster.layout.classes[m.block];
        class.iter().map(|copy| LocalModule { indices: of(copy), dual: m.dual }).collect()
    };
    LocalFactor {
        kind: factor.kind,
        size: factor.size,
        elements: factor.linear.iter().map(|m| cluster.layout.expand(m)).collect(),
        canonical: factor.canonical,
        modules: factor.modules.iter().flat_map(copies).collect(),
    }
}

fn unrecognised(elements: &[BlockMap]) -> LinearFactor {
    LinearFactor {
        kind: FactorKind::Other,
        size: elements.len(),
        linear: elements.to_vec(),
        canonical: false,
        modules: Vec::new(),
    }
}

/// A closed algebra as a reductive part about a fixed point and an ideal of shifts.
struct Parts {
    symmetric: Vec<BlockMap>,
    rotations: Vec<BlockMap>,
    shifts: Vec<BlockMap>,
    /// `None` when the pieces do not add up to the whole.
    factors: Option<Vec<LinearFactor>>,
}

/// `None` where the algebra is not a reductive part beside shifts.
fn recognise(
    algebra: &Algebra,
    adjoint: &[Matrix],
    options: &SearchOptions,
    noise: &mut impl FnMut() -> f64,
) -> Result<Option<Parts>, SymmetryError> {
    let whole = algebra.basis.clone();
    if let Some(mut parts) = reductive(&whole, options, noise)? {
        parts.shifts = Vec::new();
        return Ok(Some(parts));
    }
    let (shifts, rest) = shifts_and_rest(adjoint)?;
    if shifts.is_empty() {
        return Ok(None);
    }
    let element = |frame: &Vec<Vec<f64>>| frame.iter().map(|c| algebra.element(c)).collect::<Vec<_>>();
    let (shifts, rest) = (element(&shifts), element(&rest));
    let mut parts = if rest.is_empty() {
        Parts { symmetric: Vec::new(), rotations: Vec::new(), shifts: Vec::new(), factors: Some(Vec::new()) }
    } else {
        match reductive(&rest, options, noise)? {
            Some(parts) => parts,
            None => return Ok(None),
        }
    };
    if let Some(factors) = &mut parts.factors {
        factors.push(shift_factor(&shifts)?);
        factors.sort_by_key(LinearFactor::first_moved);
    }
    parts.shifts = shifts;
    Ok(Some(parts))
}

/// The parts of an algebra that closes under brackets and, about a common fixed point, under transpose.
fn reductive(
    elements: &[BlockMap],
    options: &SearchOptions,
    noise: &mut impl FnMut() -> f64,
) -> Result<Option<Parts>, SymmetryError> {
    let Some(centre) = fixed_point(elements)? else {
        return Ok(None);
    };
    let linear: Vec<BlockMap> = elements.iter().map(BlockMap::without_shift).collect();
    let algebra = Algebra::new(&linear)?;
    let (adjoint, outside) = algebra.adjoint();
    if outside > options.closure_ceiling || algebra.transpose_distance() > options.closure_ceiling {
        return Ok(None);
    }
    let (symmetric, rotations) = algebra.split()?;
    let about = |maps: Vec<BlockMap>| -> Vec<BlockMap> { maps.iter().map(|m| affine_about(m, &centre)).collect() };
    let factors = name_reductive(&algebra, &adjoint, noise)?.map(|factors| {
        let moved = factors.into_iter().map(|f| LinearFactor { linear: about(f.linear), ..f });
        moved.collect::<Vec<_>>()
    });
    Ok(Some(Parts { symmetric: about(symmetric), rotations: about(rotations), shifts: Vec::new(), factors }))
}

/// Shifts of some parameters by amounts that others make up for, in a sparse basis.
fn shift_factor(shifts: &[BlockMap]) -> Result<LinearFactor, SymmetryError> {
    let places = |m: &BlockMap| -> Vec<f64> {
        let blocks = m.linear.iter().zip(&m.shifts);
        blocks.flat_map(|(a, s)| s.iter().chain(a.data()).copied().collect::<Vec<f64>>()).collect()
    };
    let rows: Vec<Vec<f64>> = shifts.iter().map(places).collect();
    let width = rows[0].len();
    let costs: Vec<f64> = (shifts[0].linear.iter().zip(shifts[0].copies()))
        .flat_map(|(a, &n)| vec![n; a.rows() * (a.rows() + 1)])
        .collect();
    let matrix = Matrix::from_fn(rows.len(), width, |i, j| rows[i][j]);
    let unflatten = |row: Vec<f64>| {
        let mut map = shifts[0].zeros_like();
        let mut values = row.into_iter();
        for (a, s) in map.linear.iter_mut().zip(&mut map.shifts) {
            s.iter_mut().chain(a.data_mut()).zip(&mut values).for_each(|(x, y)| *x = y);
        }
        map
    };
    let linear: Vec<BlockMap> = sparse_basis(&matrix, &[], &costs).into_iter().map(unflatten).collect();
    Ok(LinearFactor { kind: FactorKind::Shift, size: 1, linear, canonical: true, modules: Vec::new() })
}

/// A basis of the elements of the span whose linear part satisfies A + sign·Aᵀ = 0: symmetric for −1, antisymmetric
/// for 1.
fn elements_with(elements: &[BlockMap], sign: f64) -> Result<Vec<BlockMap>, SymmetryError> {
    let defects: Vec<BlockMap> = elements.iter().map(|e| e.without_shift().add_scaled(sign, &e.transpose())).collect();
    let k = elements.len();
    let gram = Matrix::from_fn(k, k, |a, b| defects[a].inner(&defects[b]));
    let eigen = symmetric_eigen(&gram)?;
    // Elements have unit size: a defect is either of order one or of the order of rounding.
    let kept = (0..k).filter(|&at| eigen.values[at] < 1e-14);
    orthonormal_maps(&kept.map(|at| combination(&eigen.vectors.column(at), elements)).collect::<Vec<_>>())
}

/// c with A c + b = 0 for every element, if there is one; block by block.
fn fixed_point(elements: &[BlockMap]) -> Result<Option<Vec<Vec<f64>>>, SymmetryError> {
    if elements.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut centre: Vec<Vec<f64>> = elements[0].shifts.iter().map(|s| vec![0.0; s.len()]).collect();
    for (block, at) in centre.iter_mut().enumerate() {
        let largest = elements.iter().flat_map(|e| &e.shifts[block]).fold(0.0_f64, |m, x| m.max(x.abs()));
        if largest < 1e-10 {
            continue;
        }
        let n = at.len();
        let rows = elements.iter().flat_map(|e| e.linear[block].data().iter().copied()).collect();
        let stacked = Matrix::from_row_major(n * elements.len(), n, rows);
        let right: Vec<f64> = elements.iter().flat_map(|e| e.shifts[block].iter().map(|b| -b)).collect();
        let found = least_squares(&stacked, &right, 1e-8)?;
        let image = stacked.mul_vec(&found);
        let residual = image.iter().zip(&right).fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()));
        if residual >= FLOOR * largest.max(1e-3) {
            return Ok(None);
        }
        *at = found;
    }
    Ok(Some(centre))
}

/// A(θ − c).
fn affine_about(linear: &BlockMap, centre: &[Vec<f64>]) -> BlockMap {
    let mut map = linear.without_shift();
    for ((a, shift), c) in linear.linear.iter().zip(&mut map.shifts).zip(centre) {
        let image = a.mul_vec(c);
        shift.iter_mut().zip(image).for_each(|(s, x)| *s = if x == 0.0 { 0.0 } else { -x });
    }
    map
}
