//! A Hadamard product at the end of training against what gradient flow from its initial charges predicts.
//!
//! The prediction ([`gaugebias_geometry::flow`]) is given what the loss sees of the solution, Xw, and says all the rest of it. Where it holds, what
//! was found is the flow's bias and nothing else: neither noise nor a gauge correction is needed to explain it. A study
//! that has no charges, because it trains w itself, is compared with the point that is nearest to its start in the Euclidean distance.

use gaugebias_geometry::flow::{HadamardFlow, nearest_euclidean};
use gaugebias_linalg::Matrix;
use gaugebias_model::Setup;
use gaugebias_model::spec::Figure as Wanted;

use super::Study;
use crate::kinds::quantiles;
use crate::{Axis, Content, Curve, Figure, Scatter, number};

/// What was found and predicted, of every seed for which there is a prediction.
pub struct Comparison {
    /// Whether the prediction is that of a Hadamard product's charges.
    pub hadamard: bool,
    /// `[seeds][coordinates]`
    pub found: Vec<Vec<f64>>,
    /// `[seeds][coordinates]`
    pub predicted: Vec<Vec<f64>>,
    /// |found − predicted| / |found|, by seed.
    pub distances: Vec<f64>,
    /// The same with the point nearest in the Euclidean distance.
    pub euclidean: Vec<f64>,
    /// |Q(T)/Q(0)| of all coordinates and seeds.
    pub charges_kept: Vec<f64>,
    /// Why some seeds have no prediction.
    pub failures: Vec<String>,
}

/// Compares; `None` where the study has not logged the product.
pub fn compare(study: &Study, wanted: &Wanted) -> Option<Comparison> {
    let run = &study.run;
    let products = run.observables.get(&wanted.y).filter(|logged| !logged.values.is_empty())?;
    let charges = wanted.charge.as_deref().and_then(|name| run.observables.get(name));
    let charges = charges.filter(|logged| logged.shape == products.shape);
    let last = run.record_steps.len() - 1;
    let designs = Designs::of(study, wanted.design.as_deref()?)?;
    let mut comparison = Comparison {
        hadamard: charges.is_some(),
        found: Vec::new(),
        predicted: Vec::new(),
        distances: Vec::new(),
        euclidean: Vec::new(),
        charges_kept: Vec::new(),
        failures: Vec::new(),
    };
    for seed in 0..run.seeds {
        let design = designs.of_seed(seed, products.elements())?;
        let (start, found) = (products.record(0, seed), products.record(last, seed));
        let seen = design.mul_vec(found);
        let nearest = nearest_euclidean(start, &design, &seen);
        let predicted = match charges {
            Some(charges) => {
                HadamardFlow::new(charges.record(0, seed), start).and_then(|flow| flow.nearest(&design, &seen))
            }
            None => nearest.clone(),
        };
        match (predicted, nearest) {
            (Ok(predicted), Ok(nearest)) => {
                comparison.distances.push(relative_distance(found, &predicted));
                comparison.euclidean.push(relative_distance(found, &nearest));
                comparison.found.push(found.to_vec());
                comparison.predicted.push(predicted);
            }
            (Err(error), _) | (_, Err(error)) => comparison.failures.push(format!("seed {seed}: {error}")),
        }
        if let Some(charges) = charges {
            let (from, to) = (charges.record(0, seed), charges.record(last, seed));
            comparison.charges_kept.extend(from.iter().zip(to).map(|(from, to)| (to / from).abs()));
        }
    }
    Some(comparison)
}

/// The matrix through which the loss sees the product; each seed has its own where the spec draws it.
struct Designs<'a> {
    setup: Setup,
    study: &'a Study,
    name: &'a str,
}

impl<'a> Designs<'a> {
    fn of(study: &'a Study, name: &'a str) -> Option<Self> {
        let setup = Setup::build(&study.spec).ok()?;
        Some(Self { setup, study, name })
    }

    fn of_seed(&self, seed: usize, columns: usize) -> Option<Matrix> {
        let ensemble = &self.study.spec.ensemble;
        let seed = if ensemble.shared_data { 0 } else { seed };
        let design = self.setup.datum(self.name, ensemble.seed, seed)?;
        match design.shape.0[..] {
            [rows, found] if found == columns => Some(Matrix::from_row_major(rows, columns, design.values)),
            _ => None,
        }
    }
}

fn relative_distance(found: &[f64], other: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(other).map(|(a, b)| a - b)) / norm(&mut found.iter().copied())
}

/// Found against predicted, all coordinates of all seeds.
pub(super) fn figure(study: &Study, wanted: &Wanted, name: String, title: String) -> Option<Figure> {
    let comparison = compare(study, wanted)?;
    let pairs = |others: &[Vec<f64>]| -> Vec<(f64, f64)> {
        others.iter().flatten().copied().zip(comparison.found.iter().flatten().copied()).collect()
    };
    let label = if comparison.hadamard { "flow from the initial charges" } else { "nearest to the start" };
    let groups = vec![Curve { label: label.into(), points: pairs(&comparison.predicted) }];
    let own = wanted.caption.as_ref().map_or(String::new(), |caption| format!("{caption} "));
    Some(Figure {
        name,
        title,
        caption: format!("{own}{}", sentence_of(study, &comparison)),
        x: Axis::new(format!("{} predicted", wanted.y)),
        y: Axis::new(format!("{} found", wanted.y)),
        content: Content::Scatter(Scatter { groups, diagonal: Some("prediction = found".into()) }),
    })
}

/// How near the prediction is, with numbers.
pub(super) fn sentence(study: &Study, wanted: &Wanted) -> Option<String> {
    compare(study, wanted).map(|comparison| sentence_of(study, &comparison))
}

fn sentence_of(study: &Study, comparison: &Comparison) -> String {
    let spread = |values: &[f64]| {
        let [low, middle, high] = quantiles(values, [0.1, 0.5, 0.9]).map(number);
        format!("{middle} ({low} to {high})")
    };
    let failed = match comparison.failures.first() {
        Some(first) => format!(" Without a prediction: {} seeds ({first}).", comparison.failures.len()),
        None => String::new(),
    };
    let steps = number(study.run.steps as f64);
    if comparison.distances.is_empty() {
        return format!("There is no flow prediction.{failed}");
    }
    if !comparison.hadamard {
        return format!(
            "After {steps} steps the solution differs by {} of its norm (median over seeds, 10–90 %) from the one nearest to its start \
             among those with the same fit, which is where gradient descent on w itself goes when the loss has no penalty.{failed}",
            spread(&comparison.distances)
        );
    }
    format!(
        "After {steps} steps the solution differs from what gradient flow with the initial charges predicts by {} of its norm (median over \
         seeds, 10–90 %), and from the point nearest to the start by {}; the charges kept {} of what they were.{failed}",
        spread(&comparison.distances),
        spread(&comparison.euclidean),
        spread(&comparison.charges_kept),
    )
}
