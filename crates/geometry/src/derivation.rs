//! Everything that is derived about a model, in one record.

use crate::GeometryError;
use crate::balance::{balance_holding_definite, held_charges};
use crate::bias::{bias, log_product, orbit_dimension_at};
use crate::charge_law::charge_law;
use crate::closed_form::{ClosedForms, PartForm, closed_forms};
use crate::fields::OrbitFields;
use crate::orbit::{BALANCED_RANK_CUTOFF, RANK_CUTOFF, bias_parts, coarea, is_basis_dependent};
pub use crate::record::{
    BiasInfo, ChargeInfo, Derivation, FactorInfo, PartInfo, PredictorInfo, SliceInfo, SymmetryInfo,
};
use crate::slice::slice_drift;
use crate::strata::strata;
use crate::structure::{Beside, structure};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{BasisKind, SearchOptions, Symmetries, find};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

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

/// Strata beyond this many are counted, not told.
const STRATA_TOLD: usize = 3;

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
    let mut place = match at {
        At::Initial(theta) | At::File(theta) => Place { theta: theta.clone(), balanced: false, of_start: None },
        At::Balanced => balanced_place(symmetries, options, &mut random, &mut notes)?,
    };
    if place.theta.len() != symmetries.parameters {
        return Err(GeometryError::WrongLength { found: place.theta.len(), expected: symmetries.parameters });
    }
    let at_place = |theta: &[f64]| coarea(model, &Point { theta: theta.to_vec(), draw: 0 });
    let coarea = match (at_place(&place.theta), &options.start) {
        (Err(GeometryError::NotFinite { .. }), Some(start)) if place.balanced => {
            notes.push("the predictor is singular at the balanced point: the bias is that of the start".to_owned());
            place = Place { theta: start.clone(), balanced: false, of_start: Some(false) };
            at_place(&place.theta)?
        }
        (found, _) => found?,
    };
    let bias = bias_info(model, symmetries, &place, at, options, coarea, &mut notes)?;
    let (slice, slice_invariance) = slice(symmetries, options, &mut random, place.of_start)?;
    if slice_invariance.is_some_and(|drift| drift > 1e-8) {
        notes.push(
            "horizontal noise moves the charges off the balanced slice: the horizontal law is approximate".to_owned(),
        );
    }
    if !symmetries.closed {
        notes.push(
            "the directions found are not closed under brackets, so there are more: charges, balanced point and bias are withheld"
                .to_owned(),
        );
    }
    let without_charge = symmetries.dimension().saturating_sub(symmetries.noncompact + symmetries.compact);
    if without_charge > 0 {
        notes.push(format!(
            "{without_charge} directions have neither a charge nor are they rotations: balanced points of one orbit differ by them, and \
             the bias may differ between these"
        ));
    }
    if symmetries.unexplained() > 0 {
        let on = &symmetries.unexplained_on;
        let place = if on.is_empty() { String::new() } else { format!(" (they can be chosen on {})", on.join(", ")) };
        notes.push(format!(
            "{} fiber dimensions are not explained by {}{place}; log det Γ does not see them",
            symmetries.unexplained(),
            if symmetries.info.by_tensors {
                "the maps searched, those of single axes of tensors"
            } else {
                "affine generators"
            }
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
    let derivation = Derivation {
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
        symmetries: symmetry_info(symmetries, &bias.parts, &unused),
        charges: ChargeInfo {
            independent: Some(symmetries.independent_charges),
            names: symmetries.charge_names.clone(),
            law: None,
        },
        bias,
        slice,
        slice_invariance,
        unused,
        nearly: Vec::new(),
        notes,
    };
    Ok(if symmetries.closed { derivation } else { derivation.without_claims() })
}

impl Derivation {
    /// What holds of a span of symmetries that is not all of the algebra: the directions themselves.
    fn without_claims(mut self) -> Self {
        self.charges = ChargeInfo { independent: None, names: Vec::new(), law: None };
        self.bias = BiasInfo {
            at: self.bias.at,
            basis: self.bias.basis,
            basis_dependent: self.bias.basis_dependent,
            coarea: self.bias.coarea,
            orbit_dimension_here: self.bias.orbit_dimension_here,
            ..BiasInfo::default()
        };
        self.slice = SliceInfo {
            balanced_point: false,
            held: Vec::new(),
            start_balanced: None,
            text: "not known, the directions found are not closed under brackets".to_owned(),
        };
        self.slice_invariance = None;
        self.symmetries.structure.tree.iter_mut().flat_map(|b| &mut b.members).for_each(|m| m.bias_parts.clear());
        self
    }

    /// Adds what a training rule does to the charges, if there are any.
    pub fn under_training(mut self, train: &gaugebias_model::spec::Train) -> Self {
        if self.charges.independent.is_some_and(|n| n > 0) {
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

/// Where the bias is evaluated, and what became of the spec's start.
struct Place {
    theta: Vec<f64>,
    /// Whether θ is balanced; if not, the slice is Q = const through it.
    balanced: bool,
    /// Whether the start was balanced; `None` without a start.
    of_start: Option<bool>,
}

/// The balanced representative of the start; of a random point where there is no start or it cannot be balanced; the start itself
/// where that fails too.
fn balanced_place(
    symmetries: &Symmetries,
    options: &DeriveOptions,
    random: &mut RandomPoints,
    notes: &mut Vec<String>,
) -> Result<Place, GeometryError> {
    let mut held: Vec<String> = held_charges(symmetries)?.into_iter().map(|(_, name)| name).collect();
    held.dedup();
    notes.extend(
        held.iter().map(|charge| format!("{charge} is definite: no balanced point, the slice is {charge} = const")),
    );
    let mut left = 0.0;
    let mut try_balance = |theta: &[f64]| match balance_holding_definite(symmetries, theta) {
        Ok(balanced) => Ok(Some(balanced.theta)),
        Err(GeometryError::NotConverged { charge, .. }) => {
            left = charge;
            Ok(None)
        }
        Err(other) => Err(other),
    };
    if options.start.iter().flatten().any(|x| !x.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the spec's start" });
    }
    let of_start = match &options.start {
        None => None,
        Some(start) => match try_balance(start)? {
            Some(theta) => return Ok(Place { theta, balanced: true, of_start: Some(true) }),
            None => Some(false),
        },
    };
    let point = random.next();
    if let Some(theta) = try_balance(&point)? {
        if of_start.is_some() {
            notes.push(format!(
                "the start cannot be balanced (charge {left:.1e} left); the bias is that of a random balanced point"
            ));
        }
        return Ok(Place { theta, balanced: true, of_start });
    }
    notes.push(format!(
        "no balanced point was found (charge {left:.1e} left): the bias is that of {}, on the slice Q = const through it",
        if of_start.is_some() { "the start" } else { "a random point" }
    ));
    Ok(Place { theta: options.start.clone().unwrap_or(point), balanced: false, of_start })
}

fn bias_info(
    model: &dyn Parametrization,
    symmetries: &Symmetries,
    place: &Place,
    at: &At,
    options: &DeriveOptions,
    coarea: crate::orbit::Coarea,
    notes: &mut Vec<String>,
) -> Result<BiasInfo, GeometryError> {
    let theta = place.theta.as_slice();
    let cutoff = if place.balanced { BALANCED_RANK_CUTOFF } else { RANK_CUTOFF };
    let here = orbit_dimension_at(symmetries, theta, cutoff)?.min(symmetries.orbit_dimension);
    let generic = symmetries.orbit_dimension;
    let mut value = bias(symmetries, theta)?;
    if here < generic {
        let limit = if place.balanced { ": it is reached in the limit only, and lies on another orbit" } else { "" };
        notes.push(format!("the orbit has {here} dimensions at this point, {generic} at generic ones{limit}"));
        let lengths = OrbitFields::of(symmetries).lengths(theta)?;
        value = (here > 0).then(|| log_product(&lengths[..here]));
    }
    let mut parts = bias_parts(symmetries, theta, cutoff)?;
    parts.retain(|part| part.rank > 0);
    let strata = strata(symmetries, theta, options.search.seed)?;
    notes.extend(strata.iter().take(STRATA_TOLD).map(crate::strata::Stratum::text));
    if strata.len() > STRATA_TOLD {
        notes.push(format!("{} more combinations of generators almost vanish here", strata.len() - STRATA_TOLD));
    }
    let basis_dependent = is_basis_dependent(symmetries, theta)?;
    let forms = if basis_dependent {
        ClosedForms::default()
    } else {
        closed_forms(model, symmetries, options.search.seed, options.formula_points)?
    };
    let form = forms.whole;
    let of_part = |part: &crate::BiasPart| forms.parts.iter().find(|form| form.factors == part.factors);
    Ok(BiasInfo {
        at: match at {
            At::Balanced if place.balanced => "balanced",
            At::Balanced if place.of_start.is_none() => "random",
            At::Balanced | At::Initial(_) => "initial",
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
        parts: parts.iter().map(|part| part_info(symmetries, part, of_part(part))).collect(),
        strata,
    })
}

fn part_info(symmetries: &Symmetries, part: &crate::BiasPart, form: Option<&PartForm>) -> PartInfo {
    PartInfo {
        acts_on: part.acts_on.clone(),
        value: part.value,
        smallest_direction: Some(part.smallest_direction),
        formula: form.map(|form| form.text.clone()),
        latex: form.map(|form| form.latex.clone()),
        formula_error: form.map(|form| form.error),
        factors: part.factors.iter().map(|&f| FactorInfo::from(&symmetries.factors[f])).collect(),
    }
}

/// 2 log of the volume that the gradients of the charges span.
fn constraint_volume(symmetries: &Symmetries, theta: &[f64], cutoff: f64) -> Result<Option<f64>, GeometryError> {
    if symmetries.charges.is_empty() {
        return Ok(None);
    }
    let gradients = OrbitFields::new(symmetries.charges.iter().map(|c| c.generator()), symmetries.parameters);
    let lengths = gradients.lengths(theta)?;
    let longest = lengths.first().copied().unwrap_or(0.0);
    let rank = lengths.iter().take_while(|&&s| s > cutoff * longest && s > 0.0).count();
    Ok((rank > 0).then(|| 2.0 * log_product(&lengths[..rank])))
}

/// Whether random orbits hold balanced points, and the largest |tr(A P_H)| there; null without charges.
fn slice(
    symmetries: &Symmetries,
    options: &DeriveOptions,
    random: &mut RandomPoints,
    start_balanced: Option<bool>,
) -> Result<(SliceInfo, Option<f64>), GeometryError> {
    let mut held: Vec<String> = held_charges(symmetries)?.into_iter().map(|(_, name)| name).collect();
    let all_held = held.len() == symmetries.charges.len();
    held.dedup();
    let mut largest: Option<f64> = None;
    let mut in_the_limit = None;
    if !symmetries.charges.is_empty() {
        for _ in 0..options.slice_points {
            let theta = match balance_holding_definite(symmetries, &random.next()) {
                Err(GeometryError::NotConverged { .. }) => continue,
                other => other?.theta,
            };
            // All points of an orbit have orbits of its dimension: a point with fewer is only approached.
            let here = orbit_dimension_at(symmetries, &theta, BALANCED_RANK_CUTOFF)?;
            if here < symmetries.orbit_dimension {
                in_the_limit = Some(here);
            }
            let drift = slice_drift(symmetries, &theta)?;
            largest = Some(largest.map_or(drift, |m| m.max(drift)));
        }
    }
    let reached = symmetries.charges.is_empty() || largest.is_some();
    let text = match (held.as_slice(), reached) {
        ([], true) if in_the_limit.is_some() => format!(
            "none: every charge goes to 0 in the limit only, at points whose orbits have {} dimensions instead of {}",
            in_the_limit.unwrap_or(0),
            symmetries.orbit_dimension
        ),
        ([], true) if symmetries.charges.is_empty() => "every point is balanced, there are no charges".to_owned(),
        ([], true) => "generic orbits hold one, where every charge is 0".to_owned(),
        ([], false) => "not found on random orbits; the slice is Q = const through the given point".to_owned(),
        (held, _) => {
            let others = if all_held { "" } else { ", with the other charges 0" };
            format!("none: {} cannot vanish; the slice is Q = const for these{others}", held.join(", "))
        }
    };
    let balanced_point = held.is_empty() && reached && in_the_limit.is_none();
    Ok((SliceInfo { balanced_point, held, start_balanced, text }, largest))
}

fn symmetry_info(symmetries: &Symmetries, parts: &[PartInfo], unused: &[String]) -> SymmetryInfo {
    let factors: Vec<FactorInfo> = symmetries.summary().into_iter().map(FactorInfo::from).collect();
    let beside = Beside {
        unexplained: (symmetries.unexplained(), &symmetries.unexplained_on),
        unused: (symmetries.unused_parameters().len(), unused),
    };
    SymmetryInfo {
        structure: structure(&factors, parts, &beside),
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
