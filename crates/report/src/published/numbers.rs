//! Published numbers beside ours.

use gaugebias_model::graph::Kind;
use gaugebias_model::language::evaluate_over;
use gaugebias_model::spec::{PublishedNumber, Spec};
use gaugebias_model::{DataBinding, Model, SpecError, Tensor};
use serde_json::{Value, json};

use super::{Experiment, Stage, name_beside, name_of};
use crate::kinds::quantiles;
use crate::{ReportError, Table, number};

/// A published number beside ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The experiment's name.
    pub experiment: String,
    /// What the number is, in words.
    pub what: String,
    /// As published.
    pub published: f64,
    /// `plot`, `accuracy` or `other`.
    pub stage: &'static str,
    /// Steps after which ours is taken.
    pub steps: u64,
    /// Ours, of every seed.
    pub ours: Vec<f64>,
}

impl Row {
    /// 10 %, 50 % and 90 % quantile over seeds.
    pub fn band(&self) -> [f64; 3] {
        quantiles(&self.ours, [0.1, 0.5, 0.9])
    }

    /// Whether the published number lies within our band.
    pub fn inside(&self) -> bool {
        let [low, _, high] = self.band();
        (low..=high).contains(&self.published)
    }

    /// In words, with how many seeds lie beyond the published number.
    pub fn verdict(&self) -> String {
        let [low, _, high] = self.band();
        let seeds = self.ours.len();
        let beyond = |is_beyond: &dyn Fn(f64) -> bool| self.ours.iter().filter(|&&x| is_beyond(x)).count();
        match self.published {
            _ if self.stage == "other" => format!("not comparable after {} steps", number(self.steps as f64)),
            value if value < low => {
                format!("outside: below our band; {} of {seeds} seeds are below it", beyond(&|x| x < value))
            }
            value if value > high => {
                format!("outside: above our band; {} of {seeds} seeds are above it", beyond(&|x| x > value))
            }
            value if (low..=high).contains(&value) => "inside our band".to_owned(),
            _ => "ours is not a number".to_owned(),
        }
    }

    /// For `--json`.
    pub fn to_json(&self) -> Value {
        let [low, median, high] = self.band();
        json!({
            "experiment": self.experiment,
            "what": self.what,
            "published": self.published,
            "stage": self.stage,
            "steps": self.steps,
            "seeds": self.ours.len(),
            "median": median,
            "low": low,
            "high": high,
            "inside": self.inside(),
            "verdict": self.verdict(),
        })
    }
}

impl Experiment {
    /// Every published number at every stage.
    ///
    /// # Errors
    /// [`ReportError::Spec`] for an expression that does not make sense, or is not one number for each seed.
    pub fn rows(&self) -> Result<Vec<Row>, ReportError> {
        let Some(published) = &self.stages[0].studies[0].spec.published else { return Ok(Vec::new()) };
        let pairs = published.numbers.iter().flat_map(|number| self.stages.iter().map(move |stage| (number, stage)));
        pairs
            .map(|(number, stage)| {
                Ok(Row {
                    experiment: self.name.clone(),
                    what: number.what.clone(),
                    published: number.value,
                    stage: stage.name,
                    steps: stage.steps(),
                    ours: ours(stage, number)?,
                })
            })
            .collect()
    }
}

/// Checks the expressions of all published numbers before anything is run, on zeros in the place of what will be logged.
///
/// # Errors
/// [`SpecError`] for an expression that does not make sense, or is not one number for each seed.
pub fn check(specs: &[Spec]) -> Result<(), SpecError> {
    let Some(published) = specs.first().and_then(|spec| spec.published.as_ref()) else { return Ok(()) };
    let mut zeros = Vec::new();
    for spec in specs {
        let model = Model::build(spec, DataBinding::Inputs)?;
        let shapes = model.observables.iter().map(|(name, node)| (name, model.graph.shape(*node).clone()));
        zeros.extend(
            shapes.map(|(name, shape)| (name_of(spec.variant.as_deref(), name), Tensor::full(shape, 0.0), Kind::Real)),
        );
    }
    published.numbers.iter().try_for_each(|number| one_number(zeros.clone(), number).map(|_| ()))
}

/// The number of every seed, from what all studies have logged last.
fn ours(stage: &Stage, number: &PublishedNumber) -> Result<Vec<f64>, SpecError> {
    (0..stage.studies[0].run.seeds).map(|seed| one_number(last_records(stage, seed), number)).collect()
}

fn one_number(
    given: impl IntoIterator<Item = (String, Tensor, Kind)>,
    number: &PublishedNumber,
) -> Result<f64, SpecError> {
    let (value, _) = evaluate_over(given, std::slice::from_ref(&number.ours))?.remove(0);
    match value.values[..] {
        [one] => Ok(one),
        _ => {
            let message = format!("a published number is one number, this has shape {}", value.shape);
            Err(SpecError::at(&number.ours.location, message).label(format!("shape {}", value.shape)))
        }
    }
}

fn last_records(stage: &Stage, seed: usize) -> impl Iterator<Item = (String, Tensor, Kind)> + '_ {
    stage.studies.iter().flat_map(move |study| {
        let recorded = study.run.observables.iter().filter(|(_, series)| !series.values.is_empty());
        recorded.map(move |(name, series)| {
            let values = series.record(series.shape[0] - 1, seed).to_vec();
            (name_beside(study, name), Tensor::new(series.shape[2..].to_vec(), values), Kind::Real)
        })
    })
}

/// All rows, for readers.
pub fn table(rows: &[Row]) -> Table {
    let header = ["experiment", "number", "published", "after steps", "ours: median", "10–90 %", "verdict"];
    let row = |row: &Row| {
        let [low, median, high] = row.band().map(number);
        let steps = number(row.steps as f64);
        let ours = [median, format!("{low} to {high}")];
        let head = [row.experiment.clone(), row.what.clone(), number(row.published), steps];
        head.into_iter().chain(ours).chain([row.verdict()]).collect()
    };
    Table {
        title: "Published numbers and ours".into(),
        caption: "The published numbers are of one run with one seed; ours are over seeds. One of five single runs lies outside the 10–90 % band by chance."
            .into(),
        header: header.map(str::to_owned).to_vec(),
        rows: rows.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(published: f64, ours: &[f64]) -> Row {
        let (experiment, what) = ("e".to_owned(), "w".to_owned());
        Row { experiment, what, published, stage: "plot", steps: 10, ours: ours.to_vec() }
    }

    #[test]
    fn a_number_outside_the_band_is_named() {
        let ours: Vec<f64> = (0..=10).map(f64::from).collect();
        assert!(row(5.0, &ours).inside() && row(5.0, &ours).verdict() == "inside our band");
        assert_eq!(row(9.5, &ours).verdict(), "outside: above our band; 1 of 11 seeds are above it");
        assert_eq!(row(-3.0, &ours).verdict(), "outside: below our band; 0 of 11 seeds are below it");
        assert!(!row(9.5, &ours).inside());
        assert_eq!(row(1.0, &[f64::NAN]).verdict(), "ours is not a number");
        assert!(!row(1.0, &[f64::NAN]).inside());
        let short = Row { stage: "other", ..row(5.0, &ours) };
        assert_eq!(short.verdict(), "not comparable after 10 steps");
    }
}
