//! The tables of a spec's densities: the tested law first, then its alternatives.

use gaugebias_geometry::GeometryError;
use gaugebias_geometry::law::cloud::{Cloud, CloudOptions, Method, WeightedLaw};
use gaugebias_geometry::law::level::Level;
use gaugebias_geometry::law::{Law as Density, LawOptions, PredictedLaw, Trace};
use gaugebias_model::spec::{Constraint, Law};
use gaugebias_model::{Parametrization, Point};

use super::functions::at;
use super::label::{self, LawLabel};
use super::noise_law::{self, LinearLaw};
use super::table::Table;
use super::{JudgeError, Prediction, place};

/// Laws whose distribution functions differ by less than this are one law.
const COINCIDENT: f64 = 1e-6;
/// In several coordinates, where they are known less well.
const COINCIDENT_CLOUD: f64 = 1e-4;
/// Share of divergent trajectories from which on it is told.
const NOTED_DIVERGENCES: f64 = 0.01;
const QUADRATURE: &str = "quadrature along the curve";

/// e^(−L/τ) at the end of a component, relative to its maximum, from which on a run gets there.
const REACHED: f64 = 1e-4;

/// What a run's samples are compared with.
pub(super) struct Densities {
    pub law: (Table, LawLabel),
    pub others: Vec<(Table, LawLabel)>,
    /// Standard error of the distribution function of a law in several coordinates.
    pub error: Option<f64>,
    /// The predictors of such a law.
    pub cloud: Option<Predictors>,
}

/// Whole predictors under a law: values with weights.
pub(super) struct Predictors {
    values: Vec<Vec<f64>>,
    weights: Vec<f64>,
    /// Independent predictors that they are worth.
    worth: f64,
}

impl Predictors {
    /// A sample without randomness: equal steps through the cumulated weights, at most as many as are independent.
    pub fn sample(&self, most: usize) -> Vec<Vec<f64>> {
        let count = most.min(self.worth as usize);
        let mut sample = Vec::with_capacity(count);
        let mut below = 0.0;
        for (value, weight) in self.values.iter().zip(&self.weights) {
            below += weight;
            while sample.len() < count && (sample.len() as f64 + 0.5) / count as f64 <= below {
                sample.push(value.clone());
            }
        }
        sample
    }
}

fn density(law: Law) -> Density {
    match law {
        Law::Conditioned => Density::Conditioned,
        Law::Rigid => Density::Rigid,
        Law::Isotropic => Density::Isotropic,
        Law::Horizontal | Law::Sgd | Law::Flow => Density::Horizontal,
    }
}

/// The laws beside the tested one. Horizontal and rigid coincide where the group has no compact part, so neither is an
/// alternative to the other.
fn alternatives(law: Law, several: bool) -> Vec<Density> {
    let tested = density(law);
    let pair = [Density::Horizontal, Density::Rigid];
    let same = |other: &Density| *other == tested || (pair.contains(other) && pair.contains(&tested));
    let mut all = vec![Density::Uncorrected, Density::Conditioned, Density::Isotropic, Density::Horizontal];
    all.extend(several.then_some(Density::ConstraintGram));
    all.retain(|other| !same(other));
    all
}

/// Laws of Langevin dynamics.
pub(super) fn density_laws(
    prediction: &Prediction,
    law: Law,
    notes: &mut Vec<String>,
) -> Result<Densities, JudgeError> {
    if prediction.functions.predictor.predictor_dimension() == 1 {
        on_curve(prediction, law, notes)
    } else {
        on_cloud(prediction, law, notes)
    }
}

fn on_curve(prediction: &Prediction, law: Law, notes: &mut Vec<String>) -> Result<Densities, JudgeError> {
    let Prediction { spec, functions, symmetries, start, .. } = prediction;
    let loss = |theta: &[f64]| functions.loss_at(theta);
    let options = LawOptions { through_zeros: true, ..LawOptions::default() };
    let trace = Trace::new(&functions.predictor, spec.train.temperature, start, &loss, &options)?;
    let observed = functions.observed(trace.thetas().iter().map(Vec::as_slice));
    let jumps = trace.jumps(&observed, &|theta| functions.observed(std::iter::once(theta))[0]);
    let of = |density: Density| Ok(trace.law_of_values(symmetries, density, observed.clone())?.split_at(&jumps));
    let stiff = stiff(prediction, law, &trace, &observed, notes)?;
    let tested = match &stiff {
        Some((_, law)) => law.clone().split_at(&jumps),
        None => of(density(law))?,
    };
    let others = alternatives(law, false).into_iter().map(of).collect::<Result<Vec<_>, GeometryError>>()?;
    notes.extend(tested.notes.clone());
    let place = place(prediction, component(&tested), QUADRATURE);
    let table = |law: &PredictedLaw| (Table::of_curve(label::name(law.law), law), label::langevin(law.law, &place));
    // All laws share the curve and its cuts; only the conditioned one depends on where they are.
    let conditioned = others.iter().filter(|other| other.law == Density::Conditioned);
    let improper: Vec<String> = conditioned
        .flat_map(|other| &other.notes)
        .filter(|note| note.contains("improper"))
        .map(|note| format!("conditioned law: {note}"))
        .collect();
    let law = match &stiff {
        Some((stiffness, _)) => (Table::of_curve("conditioned", &tested), label::stiff(*stiffness, &place)),
        None => table(&tested),
    };
    let (same, others) = apart(&law.0, others.iter().map(table).collect(), COINCIDENT);
    notes.extend(same);
    notes.extend(improper);
    Ok(Densities { law, others, error: None, cloud: None })
}

/// The stiffness of a spec's gauge potential and the law under it; `None` without one, or where it is known in the limit only.
fn stiff(
    prediction: &Prediction,
    law: Law,
    trace: &Trace<'_>,
    observed: &[f64],
    notes: &mut Vec<String>,
) -> Result<Option<(f64, PredictedLaw)>, JudgeError> {
    let Prediction { spec, functions, symmetries, .. } = prediction;
    let (Law::Conditioned, Constraint::Stiff { stiffness }) = (law, spec.train.constraint) else { return Ok(None) };
    if functions.gauge.is_none() {
        return Ok(None);
    }
    // A potential of finite stiffness does not keep isotropic noise from crossing the end of a component.
    if trace.weight_at_borders() > REACHED {
        return Err(JudgeError::Missing(format!(
            "{}: the end of the component (where |J| vanishes) is within reach of the noise, which crosses it: the law of a stiff potential is \
             predicted for one component; lower the temperature, or move the minimum away from there",
            spec.title
        )));
    }
    let squares = |thetas: &[Vec<f64>]| functions.squared_gauge(thetas).unwrap_or_default();
    let found = trace.stiff_law(symmetries, stiffness, &squares, observed.to_vec())?;
    if found.is_none() {
        notes.push(format!(
            "the law is that of κ → ∞, κ = {stiffness}: the group does not commute, or has more than two charges"
        ));
    }
    Ok(found.map(|law| (stiffness, law)))
}

fn component(law: &PredictedLaw) -> String {
    format!("that of the start: w from {:.4} to {:.4}", law.domain.0, law.domain.1)
}

/// Remarks on the laws that coincide with the tested one, and those that do not.
fn apart(law: &Table, others: Vec<(Table, LawLabel)>, coincident: f64) -> (Vec<String>, Vec<(Table, LawLabel)>) {
    let (same, different): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(table, _)| table.distance(law) < coincident);
    let note =
        |(table, _): &(Table, LawLabel)| format!("`{}` is the same law here, so it is no alternative", table.name);
    (same.iter().map(note).collect(), different)
}

fn on_cloud(prediction: &Prediction, law: Law, notes: &mut Vec<String>) -> Result<Densities, JudgeError> {
    let Prediction { spec, functions, symmetries, start, .. } = prediction;
    if let (Law::Conditioned, Constraint::Stiff { stiffness }) = (law, spec.train.constraint) {
        notes.push(format!("the law is that of κ → ∞, κ = {stiffness}: at finite κ it is known for one coordinate"));
    }
    let (level, lifted) = Level::new(&functions.predictor, symmetries, start)?;
    let cloud = Cloud::new(&level, &lifted, spec.train.temperature, functions, CloudOptions::default())?;
    let observed = functions.observed(cloud.thetas());
    if observed.iter().any(|x| !x.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the observable" }.into());
    }
    let tested = cloud.weigh(density(law))?;
    let (component, method) = found_by(&cloud.method, observed.len(), tested.effective_points);
    let place = place(prediction, component, &method);
    let observable_draws = cloud.independent_draws(&observed);
    let table = |law: &WeightedLaw| {
        (Table::of_weights(label::name(law.law), &observed, &law.weights), label::langevin(law.law, &place))
    };
    // Draws of the horizontal law say too little of one that is far from it to tell it from the samples by their number.
    let fewest = if observable_draws.is_some() { 0.5 * tested.effective_points } else { 0.0 };
    let mut others = Vec::new();
    for other in alternatives(law, true) {
        let name = label::name(other);
        match cloud.weigh(other) {
            Ok(law) if law.effective_points >= fewest => others.push(table(&law)),
            Ok(law) => notes.push(format!(
                "`{name}` is no alternative here: the draws are worth {:.0} independent ones of it, {fewest:.0} are needed",
                law.effective_points
            )),
            Err(error) => notes.push(format!("`{name}` is no alternative here: {error}")),
        }
    }
    notes.push(format!("{} coordinates: the laws are weights on points of the level; {method}", level.dimension()));
    notes.extend(divergences(&cloud.method));
    let law = table(&tested);
    let (same, others) = apart(&law.0, others, COINCIDENT_CLOUD);
    notes.extend(same);
    let points: Vec<Point> = cloud.thetas().map(at).collect();
    // Eight chains tell their error to a quarter of it: it is no less than that of as many independent draws of the observable.
    let least = match (&cloud.method, observable_draws) {
        (Method::Nuts(report), Some(draws)) => 0.5 / (tested.effective_points * draws / report.independent).sqrt(),
        _ => 0.0,
    };
    let error = cdf_error(&law.0, &tested, &observed).max(least);
    let values = functions.predictor.predictor(&points);
    let cloud = Some(Predictors { values, weights: tested.weights, worth: tested.effective_points });
    Ok(Densities { law, others, error: Some(error), cloud })
}

/// The component that a law in several coordinates lives on, and how it is known.
fn found_by(method: &Method, points: usize, worth: f64) -> (String, String) {
    match method {
        Method::Lattice { outside } => (
            format!("that of the start; {:.1} % of the proposals lie in others", 100.0 * outside),
            format!("a lattice of {points} points, worth {worth:.0} independent ones"),
        ),
        Method::Nuts(report) => (
            "that of the start".into(),
            format!(
                "NUTS, {} chains, {} draws, worth {worth:.0} independent points (R̂ at most {:.3})",
                report.chains,
                report.chains * report.draws,
                report.r_hat
            ),
        ),
    }
}

/// What is said of chains that often end at places without density.
fn divergences(method: &Method) -> Option<String> {
    let Method::Nuts(report) = method else { return None };
    (report.divergent > NOTED_DIVERGENCES).then(|| {
        format!(
            "{:.1} % of the trajectories of NUTS ended early: the border of the component, or a steep place of the density, is within reach",
            100.0 * report.divergent
        )
    })
}

/// Standard error of the distribution function in its middle: ½ √(mean of s²/(p(1 − p))), s its standard errors over the shifts of the lattice
/// or the chains at the deciles p. Independent points have s² = p(1 − p)/n, so that 1/(4e²) is their number. (Of eight shifts
/// one decile alone tells its error to a quarter, and the largest of nine is too large by 1.4.)
fn cdf_error(table: &Table, law: &WeightedLaw, observed: &[f64]) -> f64 {
    let relative = |tenth: i32| {
        let share = f64::from(tenth) / 10.0;
        let at = table.quantile(share);
        let below: Vec<f64> = observed.iter().map(|&x| f64::from(u8::from(x <= at))).collect();
        law.mean(&below).1.powi(2) / (share * (1.0 - share))
    };
    0.5 * ((1..10).map(relative).sum::<f64>() / 9.0).sqrt()
}

/// Laws of gradient noise.
pub(super) fn gradient_noise_laws(prediction: &Prediction, notes: &mut Vec<String>) -> Result<Densities, JudgeError> {
    if prediction.functions.predictor.predictor_dimension() > 1 {
        return linear(prediction, notes);
    }
    let Prediction { spec, functions, symmetries, start, .. } = prediction;
    let options = LawOptions::default();
    let (trace, variance) = noise_law::trace(spec, functions, symmetries, start, &options)?;
    let observed = functions.observed(trace.thetas().iter().map(Vec::as_slice));
    let observe = |theta: &[f64]| functions.observed(std::iter::once(theta))[0];
    let jumps = trace.jumps(&observed, &observe);
    let law = trace.gradient_noise_law(symmetries, spec.train.step_size, &variance, observed)?.split_at(&jumps);
    notes.extend(law.notes.clone());
    let lowest = trace.thetas().iter().min_by(|a, b| functions.loss_at(a).total_cmp(&functions.loss_at(b)));
    let minimum = lowest.map_or_else(|| start.clone(), Clone::clone);
    let temperature = noise_law::temperature(spec, functions, &minimum)?;
    let place = place(prediction, component(&law), QUADRATURE);
    let tested = (
        Table::of_curve("sgd", &law),
        label::gradient_noise(
            "of the gradients: Σ = ηJᵀCJ",
            "(CM)⁻¹ exp(−∫ 2dL/(ηCM)) ds, M = |J|²: to first order e^(−2(L + (η/4)E‖g‖²)/(ηCM))",
            &place,
        ),
    );
    notes.push(format!("temperature of the gradient noise at the minimum: ηCM/2 = {temperature:.6}"));
    let loss = |theta: &[f64]| functions.loss_at(theta);
    let other = Trace::new(&functions.predictor, temperature, start, &loss, &options)?;
    let observed = functions.observed(other.thetas().iter().map(Vec::as_slice));
    let jumps = other.jumps(&observed, &observe);
    let mut others = Vec::new();
    for density in [Density::Uncorrected, Density::Horizontal, Density::Isotropic] {
        let law = other.law_of_values(symmetries, density, observed.clone())?.split_at(&jumps);
        others.push((Table::of_curve(label::name(density), &law), label::langevin(density, &place)));
    }
    let (same, mut others) = apart(&tested.0, others, COINCIDENT);
    let mut distinct: Vec<(Table, LawLabel)> = Vec::new();
    for other in others.drain(..) {
        match distinct.iter().find(|(table, _)| table.distance(&other.0) < COINCIDENT) {
            Some((table, _)) => {
                notes.push(format!("`{}` is the same law as `{}` at this temperature", other.0.name, table.name));
            }
            None => distinct.push(other),
        }
    }
    notes.extend(same);
    Ok(Densities { law: tested, others: distinct, error: None, cloud: None })
}

fn linear(prediction: &Prediction, notes: &mut Vec<String>) -> Result<Densities, JudgeError> {
    let Prediction { spec, functions, symmetries, start, .. } = prediction;
    let (level, lifted) = Level::new(&functions.predictor, symmetries, start)?;
    let law = LinearLaw::new(spec, functions, &level, &lifted)?;
    let tables = law.tables(functions, &level)?;
    let component = "that of the start, around the minimum of the effective loss";
    let place = place(prediction, component.into(), "moments of the quotient SDE to first order in η");
    let labels = [
        (
            "of the gradients: Σ = ηJᵀCJ",
            "mean, deviation and skewness of the quotient SDE around the minimum of L + (η/4)E‖g‖²",
        ),
        ("of the gradients", "the same shape around the minimum of L"),
        (
            "horizontal at the temperature of the gradients",
            "the same shape around the minimum of L + (τ/2) log det(JJᵀ)",
        ),
    ];
    notes.push(format!(
        "{} coordinates: the law is known by three moments, to first order in η; temperature of the gradient noise η tr(CM)/2n = {:.6}",
        level.dimension(),
        law.temperature
    ));
    let mut labelled = tables
        .into_iter()
        .zip(labels)
        .map(|(table, (noise, measure))| (table, label::gradient_noise(noise, measure, &place)));
    let tested = labelled.next().ok_or_else(|| JudgeError::Missing("the law has no table".into()))?;
    let (same, others) = apart(&tested.0, labelled.collect(), COINCIDENT);
    notes.extend(same);
    Ok(Densities { law: tested, others, error: None, cloud: None })
}
