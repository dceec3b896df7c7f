//! Fresh points: every generator against the full Jacobian, and the dimensions of orbit and fiber.

use crate::charges::Charge;
use crate::find::acting_on;
use crate::generator::Generator;
use crate::sampling::{FRESH_SCALES, SEARCH_SCALES, Sampler};
use crate::{SearchOptions, SymmetryError};
use gaugebias_linalg::{Matrix, relative_rank};
use gaugebias_model::ParameterTensor;

/// Jacobians shorter than this times the longest are rounding noise of a saturated model.
const SATURATED: f64 = 1e-4;

/// Jacobians held at a time.
const BLOCK: usize = 25;

/// Largest |Jξ|/(|J||ξ|) over fresh points and generators; refused above the ceiling.
pub(crate) fn verify(
    sampler: &mut Sampler<'_>,
    generators: &[Generator],
    tensors: &[ParameterTensor],
    options: &SearchOptions,
) -> Result<f64, SymmetryError> {
    let mut checks: Vec<(f64, f64, usize)> = Vec::new();
    let mut left = options.fresh_points;
    while left > 0 && !generators.is_empty() {
        let block = BLOCK.min(left);
        for (point, jacobian) in sampler.jacobians(block, FRESH_SCALES)? {
            let norm = jacobian.frobenius_norm();
            let (residual, worst) = worst_residual(&jacobian, &point.theta, generators);
            checks.push((norm, residual / norm.max(f64::MIN_POSITIVE), worst));
        }
        left -= block;
    }
    let longest = checks.iter().map(|c| c.0).fold(0.0, f64::max);
    let (_, residual, generator) = checks
        .into_iter()
        .filter(|c| c.0 > SATURATED * longest)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0.0, 0.0, 0));
    if residual <= options.residual_ceiling {
        return Ok(residual);
    }
    Err(SymmetryError::Unverified {
        tensors: acting_on(generators[generator].support(), tensors).join(", "),
        residual,
        ceiling: options.residual_ceiling,
    })
}

/// Points at which translations are carried out.
const JUMP_POINTS: usize = 8;

/// Largest relative change of F that a translation may make.
const UNCHANGED: f64 = 1e-6;

/// Refuses parameters that act through jumps (a sign, a comparison): no derivative sees them, but a finite translation does.
pub(crate) fn refuse_jumps(sampler: &mut Sampler<'_>, generators: &[Generator]) -> Result<(), SymmetryError> {
    let translations: Vec<&Generator> = generators.iter().filter(|g| g.is_translation()).collect();
    if translations.is_empty() {
        return Ok(());
    }
    for _ in 0..JUMP_POINTS {
        let point = sampler.point(FRESH_SCALES);
        let parts: Vec<(f64, &Generator)> = translations.iter().map(|t| (3.0 * sampler.normal(), *t)).collect();
        let mut moved = point.clone();
        Generator::combine(&parts).shifts().iter().for_each(|&(i, b)| moved.theta[i] += b);
        let values = sampler.model.predictor(&[point, moved]);
        let size = norm(&values[0]).max(norm(&values[1]));
        let change = values[0].iter().zip(&values[1]).map(|(a, b)| a - b).collect::<Vec<f64>>();
        if norm(&change) > UNCHANGED * size {
            let support: Vec<usize> = translations.iter().flat_map(|t| t.support().iter().copied()).collect();
            let tensors = acting_on(&support, sampler.model.tensors()).join(", ");
            return Err(SymmetryError::Jumps { tensors, change: norm(&change) / size });
        }
    }
    Ok(())
}

/// Largest |Jξ|/|ξ| over the generators, and which one it is.
fn worst_residual(jacobian: &Matrix, theta: &[f64], generators: &[Generator]) -> (f64, usize) {
    let mut worst = (0.0, 0);
    for (a, generator) in generators.iter().enumerate() {
        let field = generator.field(theta);
        let field: Vec<(usize, f64)> = generator.support().iter().map(|&i| (i, field[i])).collect();
        let length = field.iter().map(|(_, x)| x * x).sum::<f64>().sqrt();
        if length == 0.0 {
            continue;
        }
        let image = |row: &[f64]| -> f64 { field.iter().map(|&(i, x)| row[i] * x).sum() };
        let images: Vec<f64> = (0..jacobian.rows()).map(|r| image(jacobian.row(r))).collect();
        let residual = norm(&images) / length;
        if residual > worst.0 || residual.is_nan() {
            worst = (residual, a);
        }
    }
    worst
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Generic ranks.
pub(crate) struct Dimensions {
    pub predictor: usize,
    pub orbit: usize,
    pub independent_charges: usize,
    /// Whether the rank of J may be larger: its maximum did not recur, and the orbit does not explain the fiber.
    pub rank_is_bound: bool,
    /// Tensors on which alone the unexplained directions can be chosen.
    pub unexplained_on: Vec<String>,
}

/// A maximum of J's rank that fewer points share does not count as generic.
const RECURRENCES: usize = 3;

/// Operations that go into ranks of J beyond the first few points.
const RANK_WORK: f64 = 1e10;

/// Points at which all ranks are taken, whatever they cost.
const FIRST_POINTS: usize = 2;

/// Beyond this many parameters unexplained directions are counted and not located.
const LOCATED: usize = 400;

/// Maximal ranks over random θ; J is stacked over draws until it has 3p rows. Where the orbit fills the fiber one
/// point proves it, since rank J + rank Ξ ≤ p. Elsewhere many points are needed: units of a deep ReLU net that are dead
/// at most θ hide directions of J.
///
/// Ranks are taken component by component: J and Ξ are block diagonal over `components`.
pub(crate) fn measure_dimensions(
    sampler: &mut Sampler<'_>,
    components: &[Vec<usize>],
    generators: &[Generator],
    charges: &[Charge],
    options: &SearchOptions,
) -> Result<Dimensions, SymmetryError> {
    let p = sampler.parameters;
    let work: f64 = components.iter().map(|c| 3.0 * (c.len() as f64).powi(3)).sum();
    let affordable = (RANK_WORK / work) as usize;
    let most = options.rank_points.min(affordable.max(8)).max(FIRST_POINTS);
    let (mut predictor, mut orbit, mut independent_charges) = (0, 0, 0);
    let (mut seen, mut measured) = (0, 0);
    let mut best = (Vec::new(), Matrix::zeros(0, p));
    while measured < most && (measured < FIRST_POINTS || predictor + orbit < p) {
        let theta = sampler.point(SEARCH_SCALES).theta;
        let jacobian = sampler.stacked_jacobian(&theta, 3 * p)?;
        if jacobian.rows() == 0 {
            continue;
        }
        measured += 1;
        let rank = rank_by_components(&jacobian, components, options)?;
        if rank > predictor {
            (predictor, seen) = (rank, 0);
            best = (theta.clone(), jacobian);
        }
        seen += usize::from(rank == predictor);
        if measured <= FIRST_POINTS {
            orbit = orbit.max(field_rank(generators, &theta, components, options)?);
            let own: Vec<Generator> = charges.iter().map(|c| c.generator().clone()).collect();
            independent_charges = independent_charges.max(field_rank(&own, &theta, components, options)?);
        }
    }
    let explained = predictor + orbit >= p;
    let unexplained_on = if explained || p > LOCATED {
        Vec::new()
    } else {
        locate(sampler.model.tensors(), &best.1, &best.0, generators, (p - predictor, orbit))?
    };
    let rank_is_bound = !explained && seen < RECURRENCES;
    Ok(Dimensions { predictor, orbit, independent_charges, rank_is_bound, unexplained_on })
}

/// The smallest set of tensors, by leaving out one after the other, whose directions alone hold a complement of the
/// orbit in the kernel of J, given the dimensions (fiber, orbit).
fn locate(
    tensors: &[ParameterTensor],
    jacobian: &Matrix,
    theta: &[f64],
    generators: &[Generator],
    (fiber, orbit): (usize, usize),
) -> Result<Vec<String>, SymmetryError> {
    let rows: Vec<usize> = (0..jacobian.rows()).collect();
    let fields: Vec<Vec<f64>> = generators.iter().map(|g| unit(&g.field(theta))).collect();
    let mut kept: Vec<&ParameterTensor> = tensors.iter().collect();
    for tensor in tensors {
        let trial: Vec<&ParameterTensor> = kept.iter().copied().filter(|t| t.name != tensor.name).collect();
        let columns: Vec<usize> = trial.iter().flat_map(|t| t.offset..t.offset + t.len()).collect();
        let mut span = fields.clone();
        for kernel in kernel(&jacobian.submatrix(&rows, &columns))? {
            let mut direction = vec![0.0; theta.len()];
            columns.iter().zip(kernel).for_each(|(&at, x)| direction[at] = x);
            span.push(direction);
        }
        let reached = if span.is_empty() { 0 } else { relative_rank(&Matrix::from_columns(theta.len(), &span), 1e-8)? };
        if reached >= fiber.max(orbit) {
            kept = trial;
        }
    }
    Ok(kept.into_iter().map(|t| t.name.clone()).collect())
}

/// Orthonormal basis of {v : Mv = 0}.
fn kernel(matrix: &Matrix) -> Result<Vec<Vec<f64>>, SymmetryError> {
    let columns = matrix.columns();
    if columns == 0 {
        return Ok(Vec::new());
    }
    // Zero rows change nothing and make the right singular vectors complete.
    let mut data = matrix.data().to_vec();
    data.resize(matrix.rows().max(columns) * columns, 0.0);
    let s = gaugebias_linalg::svd(&Matrix::from_row_major(matrix.rows().max(columns), columns, data))?;
    let largest = s.singular_values[0];
    let null = (0..columns).filter(|&j| s.singular_values[j] <= 1e-10 * largest);
    Ok(null.map(|j| s.v.column(j)).collect())
}

fn unit(v: &[f64]) -> Vec<f64> {
    let length = norm(v).max(f64::MIN_POSITIVE);
    v.iter().map(|x| x / length).collect()
}

/// Rank of a matrix that is block diagonal over sets of columns.
fn rank_by_components(
    jacobian: &Matrix,
    components: &[Vec<usize>],
    options: &SearchOptions,
) -> Result<usize, SymmetryError> {
    let mut rank = 0;
    for columns in components {
        let seen = |&r: &usize| columns.iter().any(|&c| jacobian[(r, c)] != 0.0);
        let rows: Vec<usize> = (0..jacobian.rows()).filter(seen).collect();
        if !rows.is_empty() {
            rank += relative_rank(&jacobian.submatrix(&rows, columns), options.rank_cutoff)?;
        }
    }
    Ok(rank)
}

/// Rank of the fields of generators, each scaled to unit length; a generator acts within one component.
fn field_rank(
    generators: &[Generator],
    theta: &[f64],
    components: &[Vec<usize>],
    options: &SearchOptions,
) -> Result<usize, SymmetryError> {
    let mut home = vec![0; theta.len()];
    for (c, component) in components.iter().enumerate() {
        component.iter().for_each(|&i| home[i] = c);
    }
    let mut fields: Vec<Vec<Vec<f64>>> = vec![Vec::new(); components.len()];
    for generator in generators {
        if let Some(&first) = generator.support().first() {
            let field = unit(&generator.field(theta));
            let component = home[first];
            fields[component].push(components[component].iter().map(|&i| field[i]).collect());
        }
    }
    let mut rank = 0;
    for (component, fields) in components.iter().zip(&fields).filter(|(_, f)| !f.is_empty()) {
        rank += relative_rank(&Matrix::from_columns(component.len(), fields), options.rank_cutoff)?;
    }
    Ok(rank)
}
