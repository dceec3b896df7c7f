//! What is known of a model that is too large to derive directly: its symmetry, lifted from smaller copies, and what the
//! generators tell at full size.
//!
//! The orbit needs no Jacobian: with all generators written out, the rank of Ξ, the bias, the charges and the closure are computed at
//! full size, block by block of Γ. The fiber does: rank J is bounded from above by p less the orbit's dimension, since J ξ = 0,
//! and measured where J is small enough for its singular values. Every number says which of these it is. Rejected: numbers of the
//! copies as if they were those of the model.

use crate::GeometryError;
use crate::bias::BlockVolume;
use crate::closure::closure_residual;
use crate::derivation::{BiasInfo, FactorInfo, PartInfo, SymmetryInfo};
use crate::fields::OrbitFields;
use crate::structure::{Beside, structure};
use gaugebias_model::ParameterTensor;
use gaugebias_symmetry::lifting::{Family, Lifted};
use gaugebias_symmetry::{Generator, SearchOptions};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use serde::Serialize;

/// The record of a lifted derivation. What was not computed at full size is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftedDerivation {
    /// Title of the model.
    pub title: String,
    /// p.
    pub parameters: usize,
    /// Size of the predictor, and bounds of its rank.
    pub predictor: LiftedPredictor,
    /// p − generic rank of J; null where only its bounds are known.
    pub fiber_dimension: Option<usize>,
    /// Rank of Ξ at full size, at a random point; null where the generators are too many to write out.
    pub orbit_dimension: Option<usize>,
    /// Fiber dimensions that no generator explains; null where only bounds are known.
    pub unexplained: Option<usize>,
    /// The symmetries at full size.
    pub symmetries: SymmetryInfo,
    /// The charges.
    pub charges: LiftedCharges,
    /// The bias at the start of the spec; null where the generators are too many to write out, or not all were lifted.
    pub bias: Option<BiasInfo>,
    /// How it was lifted.
    pub lifted: LiftInfo,
    /// Remarks.
    pub notes: Vec<String>,
}

/// The predictor's size; what is known of its rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftedPredictor {
    /// d.
    pub dimension: usize,
    /// Null: J is not evaluated at the start.
    pub rank: Option<usize>,
    /// Where the two bounds meet, else null.
    pub generic_rank: Option<usize>,
    /// Lower bound: the rank of J at one random point; null where J is too large.
    pub generic_rank_at_least: Option<usize>,
    /// Upper bound: p less the dimension of the orbit, and no more than d where there is one draw.
    pub generic_rank_at_most: usize,
}

/// Charges by number and pattern.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftedCharges {
    /// Rank of their gradients at full size, at a random point; null where they are too many to write out.
    pub independent: Option<usize>,
    /// One expression for each family, with a running index.
    pub names: Vec<String>,
}

/// The copies and what did not lift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftInfo {
    /// Parameters of each copy.
    pub copy_parameters: Vec<usize>,
    /// Largest unexplained dimension of a copy.
    pub unexplained_on_copies: usize,
    /// Factors of a copy that are no family of axes, in words.
    pub not_lifted: Vec<String>,
    /// Part of a random bracket outside the algebra at full size; null where that was not computed.
    pub closure_residual: Option<f64>,
}

/// What the generators tell at full size.
struct FullSize {
    orbit: usize,
    independent: usize,
    closure: f64,
    bias: BiasInfo,
}

/// The record of what was lifted; `start` is the spec's start, where the bias is evaluated.
///
/// # Errors
/// Decompositions that fail.
pub fn lifted_derivation(
    title: &str,
    lifted: &Lifted,
    start: &[f64],
    options: &SearchOptions,
) -> Result<LiftedDerivation, GeometryError> {
    let p = lifted.parameters;
    let full = match lifted.generators() {
        Some(generators) => full_size(lifted, &generators, start, options)?,
        None => None,
    };
    let orbit = full.as_ref().map(|f| f.orbit);
    let by_shape = if lifted.drawn { p } else { lifted.predictor_dimension };
    let at_most = by_shape.min(p - orbit.unwrap_or(0));
    let generic_rank = lifted.rank_at_least.filter(|rank| *rank == at_most);
    let fiber_dimension = generic_rank.map(|rank| p - rank);
    let unexplained = fiber_dimension.zip(orbit).map(|(fiber, orbit)| fiber.saturating_sub(orbit));
    let factors = factors(lifted);
    // The volume of a part of the orbit is no bias, nor are its summands.
    let whole = lifted.not_lifted.is_empty();
    let parts: &[PartInfo] = full.as_ref().filter(|_| whole).map_or(&[], |f| &f.bias.parts);
    let beside = Beside { unexplained: (unexplained.unwrap_or(0), &[]), ..Beside::default() };
    let dimension = lifted.dimension();
    Ok(LiftedDerivation {
        title: title.to_owned(),
        parameters: p,
        predictor: LiftedPredictor {
            dimension: lifted.predictor_dimension,
            rank: None,
            generic_rank,
            generic_rank_at_least: lifted.rank_at_least,
            generic_rank_at_most: at_most,
        },
        fiber_dimension,
        orbit_dimension: orbit,
        unexplained,
        symmetries: SymmetryInfo {
            dimension,
            noncompact: lifted.noncompact(),
            compact: lifted.compact(),
            // Without generators at full size this is what the copies say; a note tells.
            closed: full.as_ref().is_none_or(|f| f.closure <= options.closure_ceiling),
            spectral_gap: None,
            max_residual: lifted.residual,
            structure: structure(&factors, parts, &beside),
            factors,
            redundant_sections: 0,
        },
        charges: LiftedCharges {
            independent: full.as_ref().map(|f| f.independent),
            names: lifted.families.iter().filter_map(|f| f.charge_name(&lifted.tensors)).collect(),
        },
        notes: notes(lifted, full.as_ref()),
        lifted: LiftInfo {
            copy_parameters: lifted.copies.iter().map(|c| c.parameters).collect(),
            unexplained_on_copies: lifted.unexplained_on_copies,
            not_lifted: lifted.not_lifted.clone(),
            closure_residual: full.as_ref().map(|f| f.closure),
        },
        bias: full.filter(|_| whole).map(|f| f.bias),
    })
}

fn notes(lifted: &Lifted, full: Option<&FullSize>) -> Vec<String> {
    let mut notes =
        vec!["lifted from smaller copies of the spec; every generator was verified at full size".to_owned()];
    match full {
        Some(full) => {
            if full.bias.orbit_dimension_here < full.orbit {
                notes.push(format!(
                    "the orbit has {} dimensions at the start, {} at generic points",
                    full.bias.orbit_dimension_here, full.orbit
                ));
            }
            if full.bias.basis_dependent {
                notes.push("the generators do not act freely: log det Γ depends on their basis".to_owned());
            }
        }
        None => notes.push(
            "the generators have too many entries to be written out, or a block of Γ is too near to singular: orbit, \
             charges and bias are not computed, and the algebra is closed on the copies"
                .to_owned(),
        ),
    }
    if lifted.unexplained_on_copies > 0 {
        notes.push(format!(
            "the copies leave {} fiber dimensions unexplained; at full size there may be more",
            lifted.unexplained_on_copies
        ));
    }
    if !lifted.not_lifted.is_empty() {
        notes.push(format!(
            "not lifted, though the copies have it: {}; dimensions and charges are lower bounds, and the bias is withheld",
            lifted.not_lifted.join("; ")
        ));
    }
    notes
}

/// Ranks, closure and bias; `None` where a block of Γ is too large and too near to singular.
fn full_size(
    lifted: &Lifted,
    generators: &[Generator],
    start: &[f64],
    options: &SearchOptions,
) -> Result<Option<FullSize>, GeometryError> {
    if start.len() != lifted.parameters {
        return Err(GeometryError::WrongLength { found: start.len(), expected: lifted.parameters });
    }
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(options.seed ^ 0xf011);
    let random: Vec<f64> = (0..lifted.parameters).map(|_| StandardNormal.sample(&mut stream)).collect();
    let fields = OrbitFields::new(generators, lifted.parameters);
    let symmetric: Vec<Generator> =
        lifted.families.iter().flat_map(|f| f.symmetric_elements(&lifted.tensors)).collect();
    let gradients = OrbitFields::new(&symmetric, lifted.parameters);
    let (Some(generic), Some(here)) = (fields.volumes(&random)?, fields.volumes(start)?) else {
        return Ok(None);
    };
    let (Some(charges), constraint) = (gradients.volumes(&random)?, gradients.volumes(start)?) else {
        return Ok(None);
    };
    let rank = |volumes: &[BlockVolume]| volumes.iter().map(|v| v.rank).sum::<usize>();
    let volume = |volumes: &[BlockVolume]| volumes.iter().map(|v| v.log_volume).sum::<f64>();
    let value = (rank(&here) > 0).then(|| volume(&here));
    let orbit = rank(&generic);
    Ok(Some(FullSize {
        orbit,
        independent: rank(&charges),
        closure: closure_residual(generators, lifted.parameters, options.seed)?,
        bias: BiasInfo {
            at: "initial",
            log_det_gram: value.map(|b| 2.0 * b),
            value,
            basis: "canonical",
            basis_dependent: orbit < generators.len(),
            coarea: None,
            formula: None,
            latex: None,
            formula_error: None,
            orbit_dimension_here: rank(&here),
            log_det_constraint_gram: constraint.filter(|c| rank(c) > 0).map(|c| 2.0 * volume(&c)),
            parts: parts(lifted, generators, &here),
            strata: Vec::new(),
        },
    }))
}

/// Blocks of Γ on the same tensors, added up.
fn parts(lifted: &Lifted, generators: &[Generator], volumes: &[BlockVolume]) -> Vec<PartInfo> {
    let mut family_of: Vec<usize> = Vec::with_capacity(generators.len());
    for (f, family) in lifted.families.iter().enumerate() {
        family_of.extend(std::iter::repeat_n(f, family.dimension()));
    }
    let mut parts: Vec<PartInfo> = Vec::new();
    for volume in volumes.iter().filter(|v| v.rank > 0) {
        let mut families: Vec<usize> = volume.generators.iter().map(|&a| family_of[a]).collect();
        families.dedup();
        families.sort_unstable();
        families.dedup();
        let summaries = families.iter().map(|&f| lifted.families[f].summary(&lifted.tensors));
        let factors: Vec<FactorInfo> = summaries.map(FactorInfo::from).collect();
        let used = |t: &&ParameterTensor| factors.iter().any(|f| f.acts_on.contains(&t.name));
        let acts_on: Vec<String> = lifted.tensors.iter().filter(used).map(|t| t.name.clone()).collect();
        match parts.iter_mut().find(|part| part.acts_on == acts_on) {
            Some(part) => {
                part.value += volume.log_volume;
                let new = factors.into_iter().filter(|f| !part.factors.contains(f)).collect::<Vec<_>>();
                part.factors.extend(new);
            }
            None => {
                parts.push(PartInfo {
                    acts_on,
                    value: volume.log_volume,
                    smallest_direction: None,
                    formula: None,
                    latex: None,
                    formula_error: None,
                    factors,
                });
            }
        }
    }
    parts
}

/// Families of equal kind, size and tensors counted together.
fn factors(lifted: &Lifted) -> Vec<FactorInfo> {
    let mut summary: Vec<gaugebias_symmetry::FactorSummary> = Vec::new();
    for family in lifted.families.iter().map(|f: &Family| f.summary(&lifted.tensors)) {
        let same = |s: &&mut gaugebias_symmetry::FactorSummary| {
            (s.kind, s.size, &s.acts_on) == (family.kind, family.size, &family.acts_on)
        };
        match summary.iter_mut().find(same) {
            Some(found) => found.count += family.count,
            None => summary.push(family),
        }
    }
    summary.into_iter().map(FactorInfo::from).collect()
}
