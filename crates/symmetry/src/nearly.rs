//! Directions that are nearly symmetries, ranked by how much they move the predictor.
//!
//! The search for exact symmetries takes the null space of a linear system; the right singular vectors with the next
//! smallest singular values are the affine maps that come closest. They are measured like exact generators, by
//! |Jξ|/(|J||ξ|) at fresh points, and that number is reported: no threshold turns "nearly" into "is". Rejected: a larger
//! ceiling in the search, which would name and close an algebra that is not one.

use crate::find::{acting_on, ansatz, lift, split};
use crate::generator::Generator;
use crate::sampling::{FRESH_SCALES, Sampler};
use crate::search::rows_wanted;
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{Matrix, svd};
use gaugebias_model::Parametrization;

/// Coordinates of a component up to which all singular vectors are affordable.
const COORDINATES: usize = 1_700;

/// Below this a direction is an exact symmetry, which [`crate::find`] reports.
const EXACT: f64 = 1e-10;

/// Fresh points at which a violation is measured.
const POINTS: usize = 40;

/// An affine map that moves the predictor little.
#[derive(Clone, Debug)]
pub struct NearSymmetry {
    /// ξ = Aθ + b, of unit Frobenius norm.
    pub generator: Generator,
    /// Root mean square of |Jξ|/(|J||ξ|) over fresh points.
    pub violation: f64,
    /// Tensors that it moves by more than a tenth of what it moves most.
    pub acts_on: Vec<String>,
}

/// The `count` directions of the ansatz, orthogonal to the exact symmetries and to each other in its equilibrated
/// coordinates, that violate least; ascending.
///
/// # Errors
/// As [`crate::find`]; and [`SymmetryError::TooLarge`] already at fewer coordinates, since all singular vectors are taken.
pub fn nearly(
    model: &dyn Parametrization,
    options: &SearchOptions,
    count: usize,
) -> Result<Vec<NearSymmetry>, SymmetryError> {
    let options = SearchOptions { unknown_limit: options.unknown_limit.min(COORDINATES), ..options.clone() };
    let mut sampler = Sampler::new(model, options.seed)?;
    let mut candidates: Vec<Generator> = Vec::new();
    for component in split(&mut sampler, &options)? {
        let ansatz = ansatz(&component, model.tensors(), &options)?;
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for (theta, gradient) in sampler.gradients(rows_wanted(ansatz.len(), &options))? {
            let restrict = |x: &[f64]| component.iter().map(|&i| x[i]).collect::<Vec<f64>>();
            rows.push(ansatz.row(&restrict(&theta), &restrict(&gradient)));
        }
        let (system, scales) = prepared(&rows, ansatz.len());
        let decomposition = svd(&system)?;
        // Exact and trivial directions come first; a few more than wanted make up for them.
        let values = &decomposition.singular_values;
        let exact = values.iter().rev().take_while(|&&s| s <= options.dropped_ceiling * values[0]).count();
        for at in (0..values.len().saturating_sub(exact)).rev().take(count) {
            let coordinates: Vec<f64> = (0..ansatz.len()).map(|c| decomposition.v[(c, at)] / scales[c]).collect();
            let generator = lift(&component, &ansatz.entries(&coordinates));
            let size = size(&generator);
            if size > 0.0 {
                candidates.push(Generator::combine(&[(1.0 / size, &generator)]));
            }
        }
    }
    let mut squares = vec![0.0; candidates.len()];
    for (point, jacobian) in sampler.jacobians(POINTS, FRESH_SCALES)? {
        for (generator, square) in candidates.iter().zip(&mut squares) {
            let field = generator.field(&point.theta);
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let scale = jacobian.frobenius_norm() * norm(&field);
            *square += (norm(&jacobian.mul_vec(&field)) / scale.max(f64::MIN_POSITIVE)).powi(2) / POINTS as f64;
        }
    }
    let mut found: Vec<NearSymmetry> = candidates
        .into_iter()
        .zip(squares)
        .map(|(generator, square)| NearSymmetry {
            acts_on: acting_on(&moved(&generator), model.tensors()),
            violation: square.sqrt(),
            generator,
        })
        .filter(|near| near.violation > EXACT)
        .collect();
    found.sort_by(|a, b| a.violation.total_cmp(&b.violation));
    found.truncate(count);
    Ok(found)
}

/// Rows of unit length, then columns of unit length with their scales.
fn prepared(rows: &[Vec<f64>], columns: usize) -> (Matrix, Vec<f64>) {
    let mut data = Vec::with_capacity(rows.len() * columns);
    for row in rows {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        data.extend(row.iter().map(|x| x / length));
    }
    let mut system = Matrix::from_row_major(rows.len(), columns, data);
    let square = |c: usize| (0..rows.len()).map(|r| system[(r, c)].powi(2)).sum::<f64>();
    let scales: Vec<f64> = (0..columns).map(square).map(|s| if s > 0.0 { s.sqrt() } else { 1.0 }).collect();
    for r in 0..rows.len() {
        system.row_mut(r).iter_mut().zip(&scales).for_each(|(x, s)| *x /= s);
    }
    (system, scales)
}

fn size(generator: &Generator) -> f64 {
    let linear = generator.entries().iter().map(|e| e.value * e.value);
    linear.chain(generator.shifts().iter().map(|s| s.1 * s.1)).sum::<f64>().sqrt()
}

/// Parameters that change by more than a tenth of the largest entry.
fn moved(generator: &Generator) -> Vec<usize> {
    let entries = || {
        let linear = generator.entries().iter().map(|e| (e.row, e.value.abs()));
        linear.chain(generator.shifts().iter().map(|s| (s.0, s.1.abs())))
    };
    let largest = entries().fold(0.0_f64, |m, (_, x)| m.max(x));
    entries().filter(|(_, x)| *x > 0.1 * largest).map(|(i, _)| i).collect()
}
