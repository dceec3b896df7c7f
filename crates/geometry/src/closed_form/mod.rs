//! Formulas for the bias on the balanced slice, built from the factors that were found.
//!
//! Factors whose supports overlap form a cluster; the Gram matrix is block diagonal over clusters, so the bias is a
//! sum. Each cluster's term is a function that is constant on orbits, hence a function of the predictor; it is printed
//! in predictor coordinates where sampling shows that this is true.

mod cluster;
mod label;
mod print;

use crate::GeometryError;
use crate::balance::balance_holding_definite;
use crate::bias::bias;
use crate::orbit::{BALANCED_RANK_CUTOFF, bias_parts, factor_clusters, fields, log_volume};
use cluster::ClusterForm;
use gaugebias_model::Parametrization;
use gaugebias_symmetry::{BasisKind, FactorKind, Generator, Symmetries};
pub(crate) use label::block_label;
use label::{Label, Samples, label_all};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// A formula for B on the balanced slice, and how well it agrees with the numbers.
#[derive(Clone, Debug)]
pub struct ClosedForm {
    clusters: Vec<ClusterForm>,
    /// Part of B that does not depend on θ and comes from translations.
    constant: f64,
    /// The formula as plain text.
    pub text: String,
    /// The formula in LaTeX.
    pub latex: String,
    /// Largest |formula − numeric| over random balanced points.
    pub error: f64,
    /// Number of those points.
    pub points: usize,
}

impl ClosedForm {
    /// B at the balanced representative of θ's orbit, in nats.
    pub fn value(&self, theta: &[f64]) -> f64 {
        self.constant + self.clusters.iter().map(|c| c.value(theta)).sum::<f64>()
    }
}

/// The formula of one summand of the bias, see [`crate::bias_parts`].
#[derive(Clone, Debug)]
pub struct PartForm {
    /// Its factors, as places in the list of factors.
    pub factors: Vec<usize>,
    /// The formula as plain text.
    pub text: String,
    /// The formula in LaTeX.
    pub latex: String,
    /// Largest |formula − numeric| over random balanced points.
    pub error: f64,
}

/// The formula of the whole bias, where every cluster of factors has one, and of each summand that has one.
#[derive(Clone, Debug, Default)]
pub struct ClosedForms {
    /// Of all of B.
    pub whole: Option<ClosedForm>,
    /// Of its summands; those without are numeric.
    pub parts: Vec<PartForm>,
}

/// A formula that differs from the numbers by more than this is none.
const AGREES: f64 = 1e-8;

/// The closed form of the bias, or `None` where some cluster of factors has none (numbers only), or where it does not agree with the
/// numbers: what looks like a catalogued group may act in another way (about another point, on stacked factors).
///
/// # Errors
/// Numerical failures.
pub fn closed_form(
    model: &dyn Parametrization,
    symmetries: &Symmetries,
    seed: u64,
    points: usize,
) -> Result<Option<ClosedForm>, GeometryError> {
    Ok(closed_forms(model, symmetries, seed, points)?.whole)
}

/// The closed forms of the bias and of its summands, checked at up to `points` random balanced points.
///
/// # Errors
/// As [`closed_form`].
pub fn closed_forms(
    model: &dyn Parametrization,
    symmetries: &Symmetries,
    seed: u64,
    points: usize,
) -> Result<ClosedForms, GeometryError> {
    let clusters = factor_clusters(symmetries);
    let recognised: Vec<Option<ClusterForm>> =
        clusters.iter().map(|cluster| ClusterForm::recognise(symmetries, cluster)).collect();
    if symmetries.generators.is_empty() || (!clusters.is_empty() && recognised.iter().all(Option::is_none)) {
        return Ok(ClosedForms::default());
    }
    let known: Vec<usize> = (0..clusters.len()).filter(|&c| recognised[c].is_some()).collect();
    let forms: Vec<ClusterForm> = recognised.iter().flatten().cloned().collect();
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x5eed);
    let mut random =
        || -> Vec<f64> { (0..symmetries.parameters).map(|_| StandardNormal.sample(&mut stream)).collect() };
    let count = 2 * symmetries.predictor_dimension.min(400) + 10;
    let samples = Samples::new(model, (0..count).map(|_| random()).collect());
    let labels = label_all(&forms, &samples, &symmetries.tensors);
    let mut balanced: Vec<Vec<f64>> = Vec::new();
    for _ in 0..points {
        match balance_holding_definite(symmetries, &random()) {
            // Some orbits have no balanced point; the formula is about those that have.
            Err(GeometryError::NotConverged { .. }) => {}
            other => balanced.push(other?.theta),
        }
    }
    if balanced.is_empty() {
        return Ok(ClosedForms::default());
    }
    let parts = part_forms(symmetries, &clusters, (&known, &forms, &labels), &balanced)?;
    if known.len() < clusters.len() || symmetries.basis != BasisKind::Canonical {
        return Ok(ClosedForms { whole: None, parts });
    }
    let constant = translation_volume(symmetries)?;
    let (text, latex) = print::print(&forms, &labels, constant);
    let mut form = ClosedForm { clusters: forms, constant, text, latex, error: 0.0, points: balanced.len() };
    for theta in &balanced {
        let numeric = bias(symmetries, theta)?.unwrap_or(0.0);
        form.error = form.error.max((form.value(theta) - numeric).abs());
    }
    Ok(ClosedForms { whole: (form.error <= AGREES).then_some(form), parts })
}

/// Formulas of the summands all of whose clusters have one: the known clusters, their forms and labels are given.
fn part_forms(
    symmetries: &Symmetries,
    clusters: &[Vec<usize>],
    (known, forms, labels): (&[usize], &[ClusterForm], &[Label]),
    balanced: &[Vec<f64>],
) -> Result<Vec<PartForm>, GeometryError> {
    let mut found: Vec<PartForm> = Vec::new();
    let at: Vec<Vec<crate::BiasPart>> =
        balanced.iter().map(|theta| bias_parts(symmetries, theta, BALANCED_RANK_CUTOFF)).collect::<Result<_, _>>()?;
    for (p, part) in at[0].iter().enumerate() {
        let own: Vec<usize> = (0..clusters.len()).filter(|&c| part.factors.contains(&clusters[c][0])).collect();
        if own.is_empty() {
            // Translations alone: a constant.
            let text = format!("{:.6}", part.value);
            found.push(PartForm { factors: part.factors.clone(), latex: text.clone(), text, error: 0.0 });
            continue;
        }
        if own.iter().any(|c| !known.contains(c)) {
            continue;
        }
        let places: Vec<usize> = own.iter().filter_map(|c| known.binary_search(c).ok()).collect();
        let own_forms: Vec<ClusterForm> = places.iter().map(|&i| forms[i].clone()).collect();
        let own_labels: Vec<Label> = places.iter().map(|&i| labels[i].clone()).collect();
        let (text, latex) = print::print(&own_forms, &own_labels, 0.0);
        let value = |theta: &[f64]| own_forms.iter().map(|form| form.value(theta)).sum::<f64>();
        let errors = balanced.iter().zip(&at).map(|(theta, parts)| (value(theta) - parts[p].value).abs());
        let error = errors.fold(0.0, f64::max);
        if error <= AGREES {
            found.push(PartForm { factors: part.factors.clone(), text, latex, error });
        }
    }
    Ok(found)
}

/// Translations are orthogonal to all other fields and do not depend on θ.
fn translation_volume(symmetries: &Symmetries) -> Result<f64, GeometryError> {
    let translations: Vec<&Generator> = symmetries
        .factors
        .iter()
        .filter(|f| f.kind == FactorKind::Translation)
        .flat_map(|f| &symmetries.generators[f.generators.clone()])
        .collect();
    let theta = vec![0.0; symmetries.parameters];
    log_volume(&fields(translations.iter().copied(), &theta), translations.len())
}
