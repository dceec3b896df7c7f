//! The null-space search of one component: translations first, then linear maps of what they leave.
//!
//! The predictor does not change along its translations T, so it is a function of θ/T, and every affine symmetry is,
//! up to fields that lie in T at every θ ("redundant sections"), an affine symmetry of θ/T. Searching in coordinates
//! of T^⊥ therefore removes the redundancy before it arises. Rejected: finding the whole algebra and quotienting it
//! afterwards; its dimension is p·dim T larger, and the quotient would be one more rank decision.

use crate::sampling::Sample;
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{LinalgError, Matrix, NullSpace, NullSpaceParams, null_space, qr, symmetric_eigen};

/// What the search found on one component, before any naming.
#[derive(Clone, Debug)]
pub(crate) struct ComponentSymmetry {
    /// Parameter indices of the component.
    pub indices: Vec<usize>,
    /// Orthonormal basis of the translations, each of the component's length.
    pub translations: Vec<Vec<f64>>,
    /// Affine elements (A, b) that act on T^⊥ and are not redundant.
    pub elements: Vec<AffineElement>,
    /// Smallest last kept / first dropped of the rank decisions; `None` when nothing was dropped.
    pub gap: Option<f64>,
    /// Rows of the linear system that were used.
    pub rows: usize,
}

/// One (A, b) on a component.
#[derive(Clone, Debug)]
pub(crate) struct AffineElement {
    pub linear: Matrix,
    pub translation: Vec<f64>,
}

/// Number of unknowns of the affine ansatz on `size` parameters.
pub(crate) fn unknowns(size: usize) -> usize {
    size * size + size
}

/// Rows to draw so that `size` parameters are over-determined.
pub(crate) fn rows_wanted(size: usize, options: &SearchOptions) -> usize {
    (options.rows_per_unknown * unknowns(size) as f64).ceil() as usize + 20
}

/// Searches one component given samples (θ, Jᵀy) of the whole model. `tensors` names it in errors.
pub(crate) fn search_component(
    indices: &[usize],
    samples: &[Sample],
    tensors: &str,
    options: &SearchOptions,
) -> Result<ComponentSymmetry, SymmetryError> {
    let restrict = |x: &[f64]| -> Vec<f64> { indices.iter().map(|&i| x[i]).collect() };
    let local: Vec<Sample> = samples.iter().map(|(theta, g)| (restrict(theta), restrict(g))).collect();
    let translations = find_translations(indices.len(), &local, tensors, options)?;
    let transverse = orthogonal_complement(&translations.basis)?;
    let mut found = ComponentSymmetry {
        indices: indices.to_vec(),
        translations: columns(&translations.basis),
        elements: Vec::new(),
        gap: translations.info.gap(),
        rows: translations.info.rows_used,
    };
    if transverse.columns() == 0 {
        return Ok(found);
    }
    let maps = find_maps(&transverse, &local, tensors, options)?;
    found.rows = maps.info.rows_used;
    found.gap = smaller(found.gap, maps.info.gap());
    found.elements = columns(&maps.basis).iter().map(|x| lift(&transverse, x)).collect();
    Ok(found)
}

pub(crate) fn smaller(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn columns(matrix: &Matrix) -> Vec<Vec<f64>> {
    (0..matrix.columns()).map(|j| matrix.column(j)).collect()
}

/// T: constant vectors t with Jt = 0 everywhere.
fn find_translations(
    size: usize,
    samples: &[Sample],
    tensors: &str,
    options: &SearchOptions,
) -> Result<NullSpace, SymmetryError> {
    let count = samples.len().min(4 * size + 20);
    let data = samples[..count].iter().flat_map(|(_, g)| g.iter().copied()).collect();
    decided(&Matrix::from_row_major(count, size, data), tensors, options)
}

/// Orthonormal basis of the complement of orthonormal columns; the identity when there are none.
fn orthogonal_complement(basis: &Matrix) -> Result<Matrix, SymmetryError> {
    let size = basis.rows();
    if basis.columns() == 0 {
        return Ok(Matrix::identity(size));
    }
    let projector = basis.matmul(&basis.transpose());
    let eigen = symmetric_eigen(&projector)?;
    Ok(eigen.vectors.column_range(0..size - basis.columns()))
}

/// Null space of the rows (G θᵀ, G) in transverse coordinates. Short rows (a saturated or dead model) are dropped
/// as rounding noise; the caller then draws more.
fn find_maps(
    transverse: &Matrix,
    samples: &[Sample],
    tensors: &str,
    options: &SearchOptions,
) -> Result<NullSpace, SymmetryError> {
    let size = transverse.columns();
    let count = samples.len();
    let mut data = Vec::with_capacity(count * unknowns(size));
    for (theta, gradient) in &samples[..count] {
        let theta = transverse.transpose_mul_vec(theta);
        let gradient = transverse.transpose_mul_vec(gradient);
        for g in &gradient {
            data.extend(theta.iter().map(|t| g * t));
        }
        data.extend(gradient);
    }
    let system = Matrix::from_row_major(count, unknowns(size), data);
    let found = decided(&system, tensors, options)?;
    let needed = found.info.rank + 5;
    if found.info.rows_used < needed.max(unknowns(size).min(count)) {
        return Err(SymmetryError::TooFewRows {
            tensors: tensors.to_owned(),
            nonzero: found.info.rows_used,
            rows: count,
            needed: unknowns(size),
            unknowns: unknowns(size),
        });
    }
    Ok(found)
}

fn decided(system: &Matrix, tensors: &str, options: &SearchOptions) -> Result<NullSpace, SymmetryError> {
    let params = NullSpaceParams {
        kept_floor: options.kept_floor,
        dropped_ceiling: options.dropped_ceiling,
        ..NullSpaceParams::default()
    };
    null_space(system, &params).map_err(|source| match source {
        LinalgError::NoGap { .. } => SymmetryError::NoGap { tensors: tensors.to_owned(), source },
        other => SymmetryError::Linalg(other),
    })
}

/// From transverse coordinates (A', b') to the component: (Q A' Qᵀ, Q b').
fn lift(transverse: &Matrix, unknown: &[f64]) -> AffineElement {
    let size = transverse.columns();
    let linear = Matrix::from_row_major(size, size, unknown[..size * size].to_vec());
    AffineElement {
        linear: transverse.matmul(&linear).matmul(&transverse.transpose()),
        translation: transverse.mul_vec(&unknown[size * size..]),
    }
}

/// An orthonormal basis of the span of matrices (Frobenius), which must be linearly independent.
pub(crate) fn orthonormal_matrices(elements: &[Matrix]) -> Result<Vec<Matrix>, SymmetryError> {
    let Some(first) = elements.first() else {
        return Ok(Vec::new());
    };
    let (rows, columns) = (first.rows(), first.columns());
    let vectors: Vec<Vec<f64>> = elements.iter().map(|e| e.data().to_vec()).collect();
    let q = qr(&Matrix::from_columns(rows * columns, &vectors))?.q;
    Ok((0..q.columns()).map(|j| Matrix::from_row_major(rows, columns, q.column(j))).collect())
}
