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
use crate::orbit::{bias, factor_clusters, fields, log_volume};
use cluster::ClusterForm;
use gaugebias_model::Parametrization;
use gaugebias_symmetry::{BasisKind, FactorKind, Generator, Symmetries};
use label::{Samples, label_all};
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

/// The closed form of the bias, or `None` where some cluster of factors has none (numbers only).
///
/// # Errors
/// Numerical failures only; a formula that disagrees with the numbers is returned with its error.
pub fn closed_form(
    model: &dyn Parametrization,
    symmetries: &Symmetries,
    seed: u64,
    points: usize,
) -> Result<Option<ClosedForm>, GeometryError> {
    if symmetries.generators.is_empty() || symmetries.basis != BasisKind::Canonical {
        return Ok(None);
    }
    let recognised: Option<Vec<ClusterForm>> =
        factor_clusters(symmetries).iter().map(|cluster| ClusterForm::recognise(symmetries, cluster)).collect();
    let Some(clusters) = recognised else {
        return Ok(None);
    };
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x5eed);
    let mut random =
        || -> Vec<f64> { (0..symmetries.parameters).map(|_| StandardNormal.sample(&mut stream)).collect() };
    let count = 2 * symmetries.predictor_dimension.min(400) + 10;
    let samples = Samples::new(model, (0..count).map(|_| random()).collect());
    let labels = label_all(&clusters, &samples, &symmetries.tensors);
    let constant = translation_volume(symmetries)?;
    let (text, latex) = print::print(&clusters, &labels, constant);
    let mut form = ClosedForm { clusters, constant, text, latex, error: 0.0, points: 0 };
    for _ in 0..points {
        let theta = match balance_holding_definite(symmetries, &random()) {
            // Some orbits have no balanced point; the formula is about those that have.
            Err(GeometryError::NotConverged { .. }) => continue,
            other => other?.theta,
        };
        let numeric = bias(symmetries, &theta)?.unwrap_or(0.0);
        form.error = form.error.max((form.value(&theta) - numeric).abs());
        form.points += 1;
    }
    if form.points == 0 {
        return Ok(None);
    }
    Ok(Some(form))
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
