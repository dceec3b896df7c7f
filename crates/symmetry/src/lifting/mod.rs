//! Symmetries of a model that is too large to search: found on smaller copies, lifted, verified at full size.
//!
//! The pattern of a symmetry does not depend on the sizes of a network: GL(r) on the columns of W_Q and W_K is the same
//! sentence for r = 3 and r = 64. So: two copies of the spec with different small sizes are searched; each factor is
//! read as a family (tensors, axes, weights); families of both copies have to agree after lifting; and each one is
//! verified at full size by reverse derivatives, where one gradient checks all generators of a family. Rejected: reading
//! families off the full model by random probing of single generators, which finds only what is guessed.

mod copy;
mod family;

use crate::{SearchOptions, SymmetryError, find};
use copy::{Copy, copies};
pub use family::{Family, Leg};
use gaugebias_model::spec::Spec;
use gaugebias_model::{DataBinding, ParameterTensor, Parametrization, Point, SpecParametrization};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// Models of more parameters are not lifted either: random points and gradients at full size take too long.
pub const LIFTED_LIMIT: usize = 300_000;

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
    let small = copies(spec, model.tensors()).map_err(refuse)?;
    let mut lifted: Option<Lifted> = None;
    for copy in &small {
        let found = one_copy(copy, model, options)?;
        match &mut lifted {
            None => lifted = Some(found),
            Some(first) => {
                let names = |l: &Lifted| l.families.iter().map(|f| f.describe(&l.tensors)).collect::<Vec<_>>();
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
    let (families, not_lifted) = family::lifted_families(&found, model.tensors());
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
    })
}

/// Every family at full size, at random points and covectors.
fn verify(lifted: &Lifted, model: &SpecParametrization, options: &SearchOptions) -> Result<f64, SymmetryError> {
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(options.seed ^ 0x11f7);
    let mut normals = |count: usize, scale: f64| -> Vec<f64> {
        let normal = |_| -> f64 { StandardNormal.sample(&mut stream) };
        (0..count).map(normal).map(|x| scale * x).collect()
    };
    // Wide layers at unit scale saturate whatever follows them: entries shrink as the root of the fan-in.
    let widest = lifted.tensors.iter().flat_map(|t| &t.shape).copied().max().unwrap_or(1) as f64;
    let points: Vec<Point> = (0..POINTS)
        .map(|at| {
            let scale = (0.5 + 0.25 * at as f64) / widest.sqrt();
            Point { theta: normals(lifted.parameters, scale), draw: 77 + at as u64 }
        })
        .collect();
    let covectors: Vec<Vec<f64>> = (0..POINTS).map(|_| normals(lifted.predictor_dimension, 1.0)).collect();
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
