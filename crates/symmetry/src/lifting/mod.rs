//! Symmetries of a model that is too large to search: found on smaller copies, lifted, verified at full size.
//!
//! The pattern of a symmetry does not depend on the sizes of a network: GL(r) on the columns of W_Q and W_K is the same
//! sentence for r = 3 and r = 64. So: two copies of the spec with different small sizes are searched; each factor is
//! read as a family (tensors, axes, weights); families of both copies have to agree after lifting; and each one is
//! verified at full size by reverse derivatives, where one gradient checks all generators of a family. Rejected: reading
//! families off the full model by random probing of single generators, which finds only what is guessed.

mod copy;
mod family;
mod reading;

use crate::{Generator, SearchOptions, SymmetryError, find};
use copy::{CHOICES, Choice, Copy, copies};
pub use family::{Action, Family, Leg};
use gaugebias_linalg::{Matrix, relative_rank};
use gaugebias_model::spec::Spec;
use gaugebias_model::{DataBinding, ParameterTensor, Parametrization, Point, SpecParametrization};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// Models of more parameters are not lifted either: random points and gradients at full size take too long.
pub const LIFTED_LIMIT: usize = 300_000;

/// Most entries of all generators that are written out: 24 bytes each, a few times over.
pub const ENTRY_LIMIT: usize = 8_000_000;

/// Models of more parameters are not given a rank of J at full size: its singular values take minutes.
const RANKED: usize = 1_000;

/// Points at which every family is verified at full size.
const POINTS: usize = 8;

/// What was found by lifting.
#[derive(Clone, Debug)]
pub struct Lifted {
    /// The tensors at full size.
    pub tensors: Vec<ParameterTensor>,
    /// p.
    pub parameters: usize,
    /// d.
    pub predictor_dimension: usize,
    /// Families at full size.
    pub families: Vec<Family>,
    /// Factors of the copies that are no family, in words; the copies' symmetry is larger by them.
    pub not_lifted: Vec<String>,
    /// Parameters of each copy, and its sizes as (full, small).
    pub copies: Vec<CopyInfo>,
    /// Largest |gᵀξ|/(|g||ξ|) over families, generators and points at full size, g a random gradient.
    pub residual: f64,
    /// Largest number of fiber dimensions that no affine generator explains on a copy.
    pub unexplained_on_copies: usize,
    /// Whether the group acts freely at generic points of the copies, so that charges are independent.
    pub free_on_copies: bool,
    /// Rank of J at full size at a random point, a lower bound of its generic rank; `None` where J is too large for it.
    pub rank_at_least: Option<usize>,
    /// Whether the predictor depends on draws, so that its rank may exceed its dimension.
    pub drawn: bool,
}

/// A small copy that was searched.
#[derive(Clone, Debug)]
pub struct CopyInfo {
    /// Its parameters.
    pub parameters: usize,
    /// (full size, small size).
    pub sizes: Vec<(usize, usize)>,
}

impl Lifted {
    /// Dimension of the algebra.
    pub fn dimension(&self) -> usize {
        self.families.iter().map(Family::dimension).sum()
    }

    /// Dimension of its rotations.
    pub fn compact(&self) -> usize {
        self.families.iter().map(Family::compact).sum()
    }

    /// Number of its symmetric elements.
    pub fn noncompact(&self) -> usize {
        self.families.iter().map(Family::noncompact).sum()
    }

    /// All generators at full size, family by family; `None` where they have more than [`ENTRY_LIMIT`] entries.
    pub fn generators(&self) -> Option<Vec<Generator>> {
        let entries: usize = self.families.iter().map(|f| f.entries(&self.tensors)).sum();
        (entries <= ENTRY_LIMIT).then(|| self.families.iter().flat_map(|f| f.generators(&self.tensors)).collect())
    }
}

/// Finds the symmetries of a spec on two smaller copies and lifts them to `model`, the spec at full size.
///
/// # Errors
/// [`SymmetryError::NotLifted`] with the reason: no consistent smaller sizes, copies that disagree, or a family that
/// fails at full size; and whatever the search on a copy refuses.
pub fn find_lifted(spec: &Spec, model: &SpecParametrization, options: &SearchOptions) -> Result<Lifted, SymmetryError> {
    let refuse = |reason: String| SymmetryError::NotLifted { parameters: model.parameter_count(), reason };
    if model.parameter_count() > LIFTED_LIMIT {
        return Err(refuse(format!("lifting stops at {LIFTED_LIMIT} parameters")));
    }
    let mut first_refusal = None;
    for choice in CHOICES {
        match by_copies(spec, model, options, choice) {
            Err(error) if is_size(&error) || first_refusal.is_some() => {
                first_refusal.get_or_insert(error);
            }
            other => return other,
        }
    }
    Err(match first_refusal {
        Some(error) if is_size(&error) => refuse(format!("its smaller copies are still too large ({error})")),
        Some(error) => error,
        None => refuse("no smaller copy was found".to_owned()),
    })
}

/// Whether a copy was refused for size alone.
fn is_size(error: &SymmetryError) -> bool {
    matches!(error, SymmetryError::TooLarge { .. } | SymmetryError::AlgebraTooLarge { .. })
}

/// The families that two copies agree on, verified at full size.
fn by_copies(
    spec: &Spec,
    model: &SpecParametrization,
    options: &SearchOptions,
    choice: Choice,
) -> Result<Lifted, SymmetryError> {
    let refuse = |reason: String| SymmetryError::NotLifted { parameters: model.parameter_count(), reason };
    let small = copies(spec, model.tensors(), choice).map_err(refuse)?;
    let mut lifted: Option<Lifted> = None;
    for copy in &small {
        let found = one_copy(copy, model, options)?;
        match &mut lifted {
            None => lifted = Some(found),
            Some(first) => {
                let names = |l: &Lifted| l.families.iter().map(|f| f.describe(&l.tensors)).collect::<Vec<_>>();
                if first.families != found.families && names(first) == names(&found) {
                    let shared = names(first).join("; ");
                    return Err(refuse(format!("two small copies disagree on the weights or the centre of {shared}")));
                }
                if first.families != found.families {
                    return Err(refuse(format!(
                        "two small copies disagree: {} against {}",
                        names(first).join("; "),
                        names(&found).join("; ")
                    )));
                }
                first.copies.extend(found.copies);
                first.unexplained_on_copies = first.unexplained_on_copies.max(found.unexplained_on_copies);
                first.free_on_copies &= found.free_on_copies;
            }
        }
    }
    let mut lifted = lifted.ok_or_else(|| refuse("no smaller copy was found".to_owned()))?;
    lifted.residual = verify(&lifted, model, options)?;
    lifted.rank_at_least = rank_at_random(&lifted, model, options)?;
    Ok(lifted)
}

fn one_copy(copy: &Copy, model: &SpecParametrization, options: &SearchOptions) -> Result<Lifted, SymmetryError> {
    let refuse = |reason: String| SymmetryError::NotLifted { parameters: model.parameter_count(), reason };
    let small = SpecParametrization::predictor(&copy.spec, DataBinding::Drawn)
        .map_err(|error| refuse(format!("the smaller copy has no predictor: {}", error.message())))?;
    let found = find(&small, options)?;
    if !found.closed {
        return Err(refuse(format!("the algebra of a copy does not close ({:.1e})", found.info.closure_residual)));
    }
    let (families, not_lifted) = reading::lifted_families(&found, model.tensors());
    Ok(Lifted {
        tensors: model.tensors().to_vec(),
        parameters: model.parameter_count(),
        predictor_dimension: model.predictor_dimension(),
        families,
        not_lifted,
        copies: vec![CopyInfo { parameters: found.parameters, sizes: copy.sizes.clone() }],
        residual: 0.0,
        unexplained_on_copies: found.unexplained(),
        free_on_copies: found.orbit_dimension == found.dimension() && found.independent_charges == found.noncompact,
        rank_at_least: None,
        drawn: model.depends_on_draw(),
    })
}

/// Every family at full size, at random points and covectors.
fn verify(lifted: &Lifted, model: &SpecParametrization, options: &SearchOptions) -> Result<f64, SymmetryError> {
    let mut random = Random(Xoshiro256PlusPlus::seed_from_u64(options.seed ^ 0x11f7));
    let points: Vec<Point> = (0..POINTS)
        .map(|at| Point { theta: random.theta(&lifted.tensors, 0.5 + 0.25 * at as f64), draw: 77 + at as u64 })
        .collect();
    let covectors: Vec<Vec<f64>> = (0..POINTS).map(|_| random.normals(lifted.predictor_dimension, 1.0)).collect();
    let mut worst = 0.0_f64;
    for (gradient, point) in model.covector_gradients(&points, &covectors).iter().zip(&points) {
        for family in &lifted.families {
            let residual = family.residual(&lifted.tensors, &point.theta, gradient);
            if residual.is_nan() || residual > options.residual_ceiling {
                return Err(SymmetryError::NotLifted {
                    parameters: lifted.parameters,
                    reason: format!(
                        "{} holds on the small copies and fails at full size: residual {residual:.1e}",
                        family.describe(&lifted.tensors)
                    ),
                });
            }
            worst = worst.max(residual);
        }
    }
    Ok(worst)
}

/// Rank of J at one random point, stacked over draws where the predictor depends on them.
fn rank_at_random(
    lifted: &Lifted,
    model: &SpecParametrization,
    options: &SearchOptions,
) -> Result<Option<usize>, SymmetryError> {
    let (p, d) = (lifted.parameters, lifted.predictor_dimension);
    if p > RANKED || d > 4 * RANKED {
        return Ok(None);
    }
    let mut random = Random(Xoshiro256PlusPlus::seed_from_u64(options.seed ^ 0x7a2c));
    let theta = random.theta(&lifted.tensors, 1.0);
    let draws = if lifted.drawn { (3 * p).div_ceil(d) as u64 } else { 1 };
    let points: Vec<Point> = (0..draws).map(|at| Point { theta: theta.clone(), draw: 901 + at }).collect();
    let entries = model.jacobian(&points).concat();
    if entries.iter().any(|x| !x.is_finite()) {
        return Ok(None);
    }
    let jacobian = Matrix::from_row_major(entries.len() / p, p, entries);
    Ok(Some(relative_rank(&jacobian, options.rank_cutoff)?))
}

struct Random(Xoshiro256PlusPlus);

impl Random {
    fn normals(&mut self, count: usize, scale: f64) -> Vec<f64> {
        let normal = |_| -> f64 { StandardNormal.sample(&mut self.0) };
        (0..count).map(normal).map(|x| scale * x).collect()
    }

    /// θ with entries that shrink as the root of the widest axis: wide layers at unit scale saturate what follows them.
    fn theta(&mut self, tensors: &[ParameterTensor], scale: f64) -> Vec<f64> {
        let widest = tensors.iter().flat_map(|t| &t.shape).copied().max().unwrap_or(1) as f64;
        let count = tensors.iter().map(ParameterTensor::len).sum();
        self.normals(count, scale / widest.sqrt())
    }
}
