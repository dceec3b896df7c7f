//! Everything that is derived about a model, in one serialisable record.

use crate::GeometryError;
use crate::balance::balance_holding_definite;
use crate::charge_law::{ChargeLaw, charge_law};
use crate::closed_form::closed_form;
use crate::nearly::NearInfo;
use crate::orbit::{
    BALANCED_RANK_CUTOFF, RANK_CUTOFF, bias, bias_parts, coarea, is_basis_dependent, orbit_dimension_at,
};
use crate::slice::slice_drift;
use crate::structure::{StructureInfo, structure};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{BasisKind, SearchOptions, Symmetries, find};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use serde::Serialize;

/// Where the bias is evaluated.
#[derive(Clone, Debug)]
pub enum At {
    /// On the balanced slice, at the balanced representative of [`DeriveOptions::start`].
    Balanced,
    /// At the initial parameters.
    Initial(Vec<f64>),
    /// At parameters read from a file.
    File(Vec<f64>),
}

/// Options of [`derive()`].
#[derive(Clone, Debug)]
pub struct DeriveOptions {
    /// Options of the search for symmetries.
    pub search: SearchOptions,
    /// θ whose orbit [`At::Balanced`] uses; a random one when absent.
    pub start: Option<Vec<f64>>,
    /// Random balanced points on which the closed form is compared with the numbers.
    pub formula_points: usize,
    /// Random balanced points on which slice invariance is measured.
    pub slice_points: usize,
}

impl Default for DeriveOptions {
    fn default() -> Self {
        Self { search: SearchOptions::default(), start: None, formula_points: 10, slice_points: 5 }
    }
}

/// The predictor's size and its rank at the given point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictorInfo {
    /// d.
    pub dimension: usize,
    /// Rank of J at the point where the bias is evaluated.
    pub rank: usize,
    /// Rank of J at generic θ.
    pub generic_rank: usize,
    /// Whether that rank is only a lower bound: its maximum over many θ did not recur.
    pub generic_rank_is_bound: bool,
}

/// One named factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorInfo {
    /// rescaling, gl, o, so, translation, scale, boost, shift or other.
    pub kind: &'static str,
    /// r of GL(r), n of SO(n), 1 for one-parameter groups, 2 for boosts.
    pub size: usize,
    /// Number of copies.
    pub count: usize,
    /// Names of tensors.
    pub acts_on: Vec<String>,
    /// All of it in words: `GL(2) × 2 on W_Q, W_K`.
    #[serde(skip)]
    pub text: String,
}

impl From<gaugebias_symmetry::FactorSummary> for FactorInfo {
    fn from(f: gaugebias_symmetry::FactorSummary) -> Self {
        Self { text: f.to_string(), kind: f.kind.word(), size: f.size, count: f.count, acts_on: f.acts_on }
    }
}

/// What the search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SymmetryInfo {
    /// Dimension of the algebra without redundant sections.
    pub dimension: usize,
    /// Symmetric elements and translations.
    pub noncompact: usize,
    /// Antisymmetric elements.
    pub compact: usize,
    /// Closed under brackets.
    pub closed: bool,
    /// Smallest last kept / first dropped singular value; null when nothing was dropped.
    pub spectral_gap: Option<f64>,
    /// Largest |Jξ|/(|J||ξ|) on fresh points.
    pub max_residual: f64,
    /// Named factors.
    pub factors: Vec<FactorInfo>,
    /// State-dependent multiples of translations that were quotiented out.
    pub redundant_sections: usize,
    /// Centre and ideals.
    pub structure: StructureInfo,
}

/// Conserved charges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChargeInfo {
    /// Rank of their gradients at generic points.
    pub independent: usize,
    /// Readable names.
    pub names: Vec<String>,
    /// What the training rule does to a charge; null without `[train]`.
    pub law: Option<ChargeLaw>,
}

/// The gauge bias at a point. Without symmetry its numbers are null: there is no bias, not a bias of 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BiasInfo {
    /// balanced, initial or file.
    pub at: &'static str,
    /// log det Γ over the orbit's dimension, nats.
    pub log_det_gram: Option<f64>,
    /// Half of it.
    pub value: Option<f64>,
    /// canonical or orthonormal.
    pub basis: &'static str,
    /// Whether log det Γ depends on the basis by more than a constant.
    pub basis_dependent: bool,
    /// ½ log det(JJᵀ) on the predictor's rank; null where J is zero.
    pub coarea: Option<f64>,
    /// Closed form on the balanced slice.
    pub formula: Option<String>,
    /// The same in LaTeX.
    pub latex: Option<String>,
    /// Largest |formula − numeric| over random balanced points.
    pub formula_error: Option<f64>,
    /// Rank of Ξ at this point, below the generic orbit dimension where the orbit is singular.
    pub orbit_dimension_here: usize,
    /// log det of the constraint Gram matrix J_Q J_Qᵀ of the charges over its rank: what the conditioned law has in the
    /// place of log det Γ. They differ by the rotations, and by the basis of symmetric elements. Null without charges.
    pub log_det_constraint_gram: Option<f64>,
    /// B as a sum over sets of factors that share no parameters.
    pub parts: Vec<PartInfo>,
}

/// What one set of factors adds to the bias.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartInfo {
    /// Names of tensors.
    pub acts_on: Vec<String>,
    /// Its summand of B, nats.
    pub value: f64,
    /// Shortest over longest direction of its orbit here.
    pub smallest_direction: f64,
}

/// Directions of an orbit shorter than this, relative to the longest, are worth a note.
const NEAR_SINGULAR: f64 = 1e-3;

/// All that is derived about a model; serialises to the object that `derive --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Derivation {
    /// Title of the model.
    pub title: String,
    /// p.
    pub parameters: usize,
    /// Size and rank of the predictor.
    pub predictor: PredictorInfo,
    /// p − generic rank of J.
    pub fiber_dimension: usize,
    /// Generic rank of Ξ.
    pub orbit_dimension: usize,
    /// Fiber dimensions that no affine generator explains.
    pub unexplained: usize,
    /// Tensors on which alone these directions can be chosen.
    pub unexplained_on: Vec<String>,
    /// The symmetries.
    pub symmetries: SymmetryInfo,
    /// The charges.
    pub charges: ChargeInfo,
    /// The bias.
    pub bias: BiasInfo,
    /// Largest |tr(A P_H)| over symmetric generators at balanced points; 0 where horizontal noise leaves the slice
    /// invariant. Null without charges.
    pub slice_invariance: Option<f64>,
    /// Parameters that the predictor ignores.
    pub unused: Vec<String>,
    /// Directions that are nearly symmetries, where they were asked for.
    pub nearly: Vec<NearInfo>,
    /// Remarks: what was held, what is approximate.
    pub notes: Vec<String>,
}

/// Derives symmetries, charges and bias of a model.
///
/// # Errors
/// Refusals of the search and of balancing, see [`GeometryError`].
pub fn derive(
    model: &dyn Parametrization,
    title: &str,
    at: &At,
    options: &DeriveOptions,
) -> Result<Derivation, GeometryError> {
    let symmetries = find(model, &options.search)?;
    derive_from(model, &symmetries, title, at, options)
}

/// As [`derive()`], with symmetries that were found before.
pub fn derive_from(
    model: &dyn Parametrization,
    symmetries: &Symmetries,
    title: &str,
    at: &At,
    options: &DeriveOptions,
) -> Result<Derivation, GeometryError> {
    let mut notes = Vec::new();
    let mut random = RandomPoints::new(options.search.seed, symmetries.parameters);
    let theta = match at {
        At::Initial(theta) | At::File(theta) => theta.clone(),
        At::Balanced => balanced_start(symmetries, options, &mut random, &mut notes)?,
    };
    if theta.len() != symmetries.parameters {
        return Err(GeometryError::WrongLength { found: theta.len(), expected: symmetries.parameters });
    }
    let coarea = coarea(model, &Point { theta: theta.clone(), draw: 0 })?;
    let bias = bias_info(model, symmetries, &theta, at, options, coarea, &mut notes)?;
    let slice_invariance = slice_invariance(symmetries, options, &mut random)?;
    if slice_invariance.is_some_and(|drift| drift > 1e-8) {
        notes.push(
            "horizontal noise moves the charges off the balanced slice: the horizontal law is approximate".to_owned(),
        );
    }
    if symmetries.unexplained() > 0 {
        let on = &symmetries.unexplained_on;
        let place = if on.is_empty() { String::new() } else { format!(" (they can be chosen on {})", on.join(", ")) };
        notes.push(format!(
            "{} fiber dimensions are not explained by affine generators{place}; log det Γ does not see them",
            symmetries.unexplained()
        ));
    }
    let unused = symmetries.unused();
    if !unused.is_empty() {
        notes.push(format!("the predictor ignores {}: unused, listed as translations", unused.join(", ")));
    }
    if symmetries.rank_is_bound {
        notes.push(format!(
            "the largest rank of J, {}, did not recur over many random points: it is a lower bound, and the fiber and what \
             is unexplained of it are upper bounds",
            symmetries.generic_rank
        ));
    }
    Ok(Derivation {
        title: title.to_owned(),
        parameters: symmetries.parameters,
        predictor: PredictorInfo {
            dimension: symmetries.predictor_dimension,
            rank: coarea.rank,
            generic_rank: symmetries.generic_rank,
            generic_rank_is_bound: symmetries.rank_is_bound,
        },
        fiber_dimension: symmetries.fiber_dimension,
        orbit_dimension: symmetries.orbit_dimension,
        unexplained: symmetries.unexplained(),
        unexplained_on: symmetries.unexplained_on.clone(),
        symmetries: symmetry_info(symmetries),
        charges: ChargeInfo {
            independent: symmetries.independent_charges,
            names: symmetries.charge_names.clone(),
            law: None,
        },
        bias,
        slice_invariance,
        unused,
        nearly: Vec::new(),
        notes,
    })
}

impl Derivation {
    /// Adds what a training rule does to the charges, if there are any.
    pub fn under_training(mut self, train: &gaugebias_model::spec::Train) -> Self {
        if self.charges.independent > 0 {
            self.charges.law = Some(charge_law(train));
        }
        self
    }
}

struct RandomPoints {
    stream: Xoshiro256PlusPlus,
    parameters: usize,
}

impl RandomPoints {
    fn new(seed: u64, parameters: usize) -> Self {
        Self { stream: Xoshiro256PlusPlus::seed_from_u64(seed ^ 0xba1a), parameters }
    }

    fn next(&mut self) -> Vec<f64> {
        (0..self.parameters).map(|_| StandardNormal.sample(&mut self.stream)).collect()
    }
}

/// The balanced representative of the start; of a random point where there is no start or it cannot be balanced.
fn balanced_start(
    symmetries: &Symmetries,
    options: &DeriveOptions,
    random: &mut RandomPoints,
    notes: &mut Vec<String>,
) -> Result<Vec<f64>, GeometryError> {
    let balanced = match &options.start {
        None => balance_holding_definite(symmetries, &random.next())?,
        Some(start) => match balance_holding_definite(symmetries, start) {
            Err(GeometryError::NotConverged { charge, .. }) => {
                notes.push(format!(
                    "the start cannot be balanced (charge {charge:.1e} left); the bias is that of a random balanced point"
                ));
                balance_holding_definite(symmetries, &random.next())?
            }
            other => other?,
        },
    };
    for charge in balanced.held {
        notes.push(format!("{charge} is definite: no balanced point, the slice is {charge} = const"));
    }
    Ok(balanced.theta)
}

fn bias_info(
    model: &dyn Parametrization,
    symmetries: &Symmetries,
    theta: &[f64],
    at: &At,
    options: &DeriveOptions,
    coarea: crate::orbit::Coarea,
    notes: &mut Vec<String>,
) -> Result<BiasInfo, GeometryError> {
    let cutoff = match at {
        At::Balanced => BALANCED_RANK_CUTOFF,
        At::Initial(_) | At::File(_) => RANK_CUTOFF,
    };
    let here = orbit_dimension_at(symmetries, theta, cutoff)?.min(symmetries.orbit_dimension);
    let generic = symmetries.orbit_dimension;
    let mut value = bias(symmetries, theta)?;
    if here < generic {
        notes.push(format!("the orbit has {here} dimensions at this point, {generic} at generic ones"));
        let columns = crate::orbit::fields(&symmetries.generators, theta);
        value = (here > 0).then(|| crate::orbit::log_volume(&columns, here)).transpose()?;
    }
    let mut parts = bias_parts(symmetries, theta, cutoff)?;
    parts.retain(|part| part.rank > 0);
    for part in parts.iter().filter(|part| part.smallest_direction < NEAR_SINGULAR) {
        notes.push(format!(
            "the point is near a singular stratum: on {} the shortest direction of the orbit is {:.1e} of the longest",
            part.acts_on.join(", "),
            part.smallest_direction
        ));
    }
    let basis_dependent = is_basis_dependent(symmetries, theta)?;
    let form = if basis_dependent {
        None
    } else {
        closed_form(model, symmetries, options.search.seed, options.formula_points)?
    };
    Ok(BiasInfo {
        at: match at {
            At::Balanced => "balanced",
            At::Initial(_) => "initial",
            At::File(_) => "file",
        },
        log_det_gram: value.map(|b| 2.0 * b),
        value,
        basis: match symmetries.basis {
            BasisKind::Canonical => "canonical",
            BasisKind::Orthonormal => "orthonormal",
        },
        basis_dependent,
        coarea: (coarea.rank > 0).then_some(coarea.value),
        formula: form.as_ref().map(|f| f.text.clone()),
        latex: form.as_ref().map(|f| f.latex.clone()),
        formula_error: form.as_ref().map(|f| f.error),
        orbit_dimension_here: here,
        log_det_constraint_gram: constraint_volume(symmetries, theta, cutoff)?,
        parts: parts
            .into_iter()
            .map(|part| PartInfo {
                acts_on: part.acts_on,
                value: part.value,
                smallest_direction: part.smallest_direction,
            })
            .collect(),
    })
}

/// 2 log of the volume that the gradients of the charges span.
fn constraint_volume(symmetries: &Symmetries, theta: &[f64], cutoff: f64) -> Result<Option<f64>, GeometryError> {
    if symmetries.charges.is_empty() {
        return Ok(None);
    }
    let gradients = crate::orbit::fields(symmetries.charges.iter().map(|c| c.generator()), theta);
    let rank = gaugebias_linalg::relative_rank(&gradients, cutoff)?;
    Ok((rank > 0).then(|| crate::orbit::log_volume(&gradients, rank)).transpose()?.map(|volume| 2.0 * volume))
}

fn slice_invariance(
    symmetries: &Symmetries,
    options: &DeriveOptions,
    random: &mut RandomPoints,
) -> Result<Option<f64>, GeometryError> {
    if symmetries.charges.is_empty() {
        return Ok(None);
    }
    let mut largest: Option<f64> = None;
    for _ in 0..options.slice_points {
        let theta = match balance_holding_definite(symmetries, &random.next()) {
            Err(GeometryError::NotConverged { .. }) => continue,
            other => other?.theta,
        };
        let drift = slice_drift(symmetries, &theta)?;
        largest = Some(largest.map_or(drift, |m| m.max(drift)));
    }
    Ok(largest)
}

fn symmetry_info(symmetries: &Symmetries) -> SymmetryInfo {
    let factors: Vec<FactorInfo> = symmetries.summary().into_iter().map(FactorInfo::from).collect();
    SymmetryInfo {
        structure: structure(&factors),
        dimension: symmetries.dimension(),
        noncompact: symmetries.noncompact,
        compact: symmetries.compact,
        closed: symmetries.closed,
        spectral_gap: symmetries.info.spectral_gap,
        max_residual: symmetries.info.max_residual,
        factors,
        redundant_sections: symmetries.info.redundant_sections,
    }
}
