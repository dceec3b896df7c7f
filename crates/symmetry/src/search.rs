//! The null-space search of one component: translations first, then the maps of the ansatz that they leave.
//!
//! The predictor does not change along its translations T, so every multiple of a translation by a function of θ is a
//! symmetry too ("redundant sections"). Among all affine maps rows that ask for fields orthogonal to T remove these before they
//! arise, along with T itself: the whole algebra is larger by p·dim T, and a quotient would be one more rank decision. Among the maps of
//! single axes there are few sections, and the orthogonal fields are not among these maps: there the quotient is taken afterwards
//! ([`crate::modulo`]).

use crate::ansatz::Ansatz;
use crate::blocks::MapEntry;
use crate::clusters::reduced_basis;
use crate::modulo::modulo_translations;
use crate::sampling::Sample;
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{LinalgError, Matrix, NullSpace, NullSpaceParams, null_space};

/// What the search found on one component, before any naming.
#[derive(Clone, Debug)]
pub(crate) struct ComponentSymmetry {
    /// Parameter indices of the component.
    pub indices: Vec<usize>,
    /// Orthonormal basis of the translations, each of the component's length.
    pub translations: Vec<Vec<f64>>,
    /// Affine maps with fields orthogonal to the translations, in reduced echelon form.
    pub elements: Vec<Vec<MapEntry>>,
    /// Other representatives of the same classes modulo translations, for the case that these do not close under brackets.
    pub orthogonal: Option<Vec<Vec<MapEntry>>>,
    /// Smallest last kept / first dropped of the rank decisions; `None` when nothing was dropped.
    pub gap: Option<f64>,
    /// Rows of the linear system that were used.
    pub rows: usize,
}

/// Rows to draw so that an ansatz is over-determined.
pub(crate) fn rows_wanted(coordinates: usize, options: &SearchOptions) -> usize {
    (options.rows_per_unknown * coordinates as f64).ceil() as usize + 20
}

/// Searches one component given samples (θ, Jᵀy) of the whole model. `tensors` names it in errors.
pub(crate) fn search_component(
    indices: &[usize],
    ansatz: &Ansatz,
    samples: &[Sample],
    tensors: &str,
    options: &SearchOptions,
) -> Result<ComponentSymmetry, SymmetryError> {
    let restrict = |x: &[f64]| -> Vec<f64> { indices.iter().map(|&i| x[i]).collect() };
    let local: Vec<Sample> = samples.iter().map(|(theta, g)| (restrict(theta), restrict(g))).collect();
    let translations = find_translations(indices.len(), &local, tensors, options)?;
    let mut found = ComponentSymmetry {
        indices: indices.to_vec(),
        translations: columns(&translations.basis),
        elements: Vec::new(),
        orthogonal: None,
        gap: translations.info.gap(),
        rows: translations.info.rows_used,
    };
    if found.translations.len() == indices.len() {
        return Ok(found);
    }
    let quotient = !ansatz.is_affine() && !found.translations.is_empty();
    let orthogonal_to = if quotient { &[] } else { found.translations.as_slice() };
    let maps = find_maps(ansatz, orthogonal_to, &local, tensors, options)?;
    found.rows = maps.info.rows_used;
    let limit = if quotient { options.algebra_limit + ansatz.size() } else { options.algebra_limit };
    refuse_large(maps.basis.columns(), limit, tensors, options)?;
    let entries: Vec<Vec<MapEntry>> = columns(&maps.basis).iter().map(|x| ansatz.entries(x)).collect();
    found.elements = reduced_basis(&entries);
    if !found.translations.is_empty() && !found.elements.is_empty() {
        let thetas: Vec<&[f64]> = local.iter().map(|sample| sample.0.as_slice()).collect();
        let sparse = modulo_translations(&found.elements, &found.translations, ansatz.size(), &thetas)?;
        match sparse {
            Some(elements) if quotient => found.elements = elements,
            Some(elements) => found.orthogonal = Some(std::mem::replace(&mut found.elements, elements)),
            None if quotient => {
                let maps = find_maps(ansatz, &found.translations, &local, tensors, options)?;
                let entries: Vec<Vec<MapEntry>> = columns(&maps.basis).iter().map(|x| ansatz.entries(x)).collect();
                found.elements = reduced_basis(&entries);
            }
            None => {}
        }
        refuse_large(found.elements.len(), options.algebra_limit, tensors, options)?;
    }
    if !found.elements.is_empty() {
        found.gap = smaller(found.gap, maps.info.gap());
    }
    Ok(found)
}

fn refuse_large(dimension: usize, limit: usize, tensors: &str, options: &SearchOptions) -> Result<(), SymmetryError> {
    if dimension <= limit {
        return Ok(());
    }
    Err(SymmetryError::AlgebraTooLarge { tensors: tensors.to_owned(), dimension, limit: options.algebra_limit })
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

/// Null space of the rows gᵀ(A θ + b), over gradients g and over translations g. Short rows (a saturated or dead
/// model) are dropped as rounding noise; the caller then draws more.
fn find_maps(
    ansatz: &Ansatz,
    translations: &[Vec<f64>],
    samples: &[Sample],
    tensors: &str,
    options: &SearchOptions,
) -> Result<NullSpace, SymmetryError> {
    let (count, unknowns) = (samples.len(), ansatz.len());
    let mut data = Vec::with_capacity(count * unknowns);
    let mut longest = 0.0_f64;
    for (theta, gradient) in samples {
        let row = ansatz.row(theta, gradient);
        longest = row.iter().map(|x| x * x).sum::<f64>().max(longest);
        data.extend(row);
    }
    let sections =
        if translations.is_empty() { 0 } else { unknowns.min(translations.len() * (ansatz.size() + 1)) + 20 };
    for at in 0..sections {
        // Numbers with the spread of random ones, without a stream of their own: gradients of other samples.
        let (theta, _) = &samples[at % count];
        let weights = &samples[(7 * at + 3 + at / count) % count].0;
        let mut direction = vec![0.0; ansatz.size()];
        for (a, t) in translations.iter().enumerate() {
            let weight = weights[(a + at) % weights.len()];
            direction.iter_mut().zip(t).for_each(|(d, t)| *d += weight * t);
        }
        let row = ansatz.row(theta, &direction);
        let length = row.iter().map(|x| x * x).sum::<f64>().max(f64::MIN_POSITIVE);
        // As long as the longest of the others, so that none of them counts as rounding noise.
        data.extend(row.iter().map(|x| x * (longest / length).sqrt()));
    }
    let system = Matrix::from_row_major(count + sections, unknowns, data);
    let found = decided(&system, tensors, options)?;
    let needed = (found.info.rank + 5).saturating_sub(sections);
    let used = found.info.rows_used.saturating_sub(sections);
    if used < needed.max(unknowns.min(count)) {
        return Err(SymmetryError::TooFewRows {
            tensors: tensors.to_owned(),
            nonzero: used,
            rows: count,
            needed: unknowns,
            unknowns,
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
