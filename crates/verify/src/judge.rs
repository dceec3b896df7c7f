//! From a spec and its run to a verdict: predict every law, then compare.
//!
//! The prediction uses the spec alone (its predictor, loss and start), the samples come from the run alone; they meet
//! here for the first time.

use gaugebias_dynamics::Run;
use gaugebias_geometry::law::{Law as Density, LawOptions, PredictedLaw, Trace};
use gaugebias_geometry::{GeometryError, slice_drift};
use gaugebias_model::spec::{Law, Noise, Spec};
use gaugebias_model::{DataBinding, Model, Parametrization, Point, Setup, SpecError, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, Symmetries, SymmetryError, find};
use serde_json::Value;
use thiserror::Error;

use crate::{Measured, PredictedCdf, Report, StatisticsError, compare};

/// Charges of the start above this multiple of |θ|² are remarked upon.
const BALANCED: f64 = 1e-6;

/// Largest |tr(A P_H)| that counts as an invariant slice.
const INVARIANT: f64 = 1e-8;

/// Laws whose distribution functions differ by less than this are one law.
const COINCIDENT: f64 = 1e-6;

/// A verdict with the curves that a figure shows.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The verdict.
    pub report: Report,
    /// Densities of the observable: the predicted law, then the alternatives.
    pub curves: Vec<LawCurve>,
    /// Cuts and conditions of the prediction.
    pub notes: Vec<String>,
}

impl Judgement {
    /// The object that `verify --json` prints: the report, and its notes.
    pub fn to_json(&self) -> Value {
        let mut object = serde_json::to_value(&self.report).expect("a report of plain values is JSON");
        object["notes"] = self.notes.iter().map(String::as_str).collect();
        object
    }
}

/// The density of an observable under a law.
#[derive(Clone, Debug)]
pub struct LawCurve {
    /// Name of the law.
    pub name: String,
    /// (observable, density), ascending.
    pub points: Vec<(f64, f64)>,
}

/// Why no verdict could be reached.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// The spec is at fault.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The symmetries could not be found.
    #[error(transparent)]
    Symmetry(#[from] SymmetryError),
    /// The law could not be predicted.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// The samples cannot be judged.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// Something that the comparison needs is missing.
    #[error("{0}")]
    Missing(String),
}

/// Judges the samples of a run by the law that its spec names, and by the alternatives.
///
/// # Errors
/// [`JudgeError`] where the law cannot be predicted (more than one predictor coordinate, a loss that depends on draws)
/// or there are no samples.
pub fn judge(spec: &Spec, run: &Run) -> Result<Judgement, JudgeError> {
    let missing = |what: &str| JudgeError::Missing(format!("{}: {what}", spec.title));
    let verify = spec.verify.as_ref().ok_or_else(|| missing("the spec has no [verify] section"))?;
    let samples = run.samples.as_ref().ok_or_else(|| missing("the run has no samples of the verified observable"))?;
    if let Noise::Label(_) = spec.train.noise {
        return Err(missing("these laws are for Langevin dynamics; none is predicted for label noise"));
    }
    if spec.train.temperature <= 0.0 {
        return Err(missing("a stationary law needs train.temperature > 0"));
    }
    let functions = Functions::build(spec)?;
    let symmetries = find(&functions.predictor, &SearchOptions::default())?;
    let start = start(spec)?;
    let parameters: usize = run.parameters.values().map(|series| series.values.len()).sum();
    if parameters != start.len() * run.seeds || samples.values.len() % run.seeds.max(1) != 0 {
        return Err(missing("the run's parameters or samples do not have the shapes of its spec"));
    }
    let prediction = Prediction::new(spec, &functions, &symmetries, &start)?;
    let law = prediction.law(density(verify.law))?;
    let others = alternatives(verify.law).map(|other| prediction.law(other)).collect::<Result<Vec<_>, _>>()?;
    let records: Vec<&[f64]> = samples.values.chunks_exact(run.seeds).collect();
    let slice_invariant = match verify.law {
        Law::Horizontal if !symmetries.charges.is_empty() => Some(slice_drift(&symmetries, &start)? <= INVARIANT),
        _ => None,
    };
    let measured = Measured {
        title: spec.title.clone(),
        observable: verify.observable.text.clone(),
        step_size_bias: None,
        slice_invariant,
        charge_drift: charge_drift(&symmetries, run, &start),
    };
    let tables: Vec<Table> = std::iter::once(&law).chain(&others).map(Table::new).collect();
    let (same, different): (Vec<&Table>, Vec<&Table>) =
        tables[1..].iter().partition(|table| table.distance(&tables[0]) < COINCIDENT);
    let dynamic: Vec<&dyn PredictedCdf> = different.iter().map(|table| *table as &dyn PredictedCdf).collect();
    let report = compare(measured, &records, &tables[0], &dynamic)?;
    let mut notes = law.notes.clone();
    notes.extend(same.iter().map(|table| format!("`{}` is the same law here, so it is no alternative", table.name)));
    // All laws share the curve and its cuts; only the conditioned one depends on where they are.
    let conditioned = others.iter().filter(|other| other.law == Density::Conditioned);
    let improper = conditioned.flat_map(|other| &other.notes).filter(|note| note.contains("improper"));
    notes.extend(improper.map(|note| format!("conditioned law: {note}")));
    notes.extend(unbalanced(&symmetries, &start));
    notes.dedup();
    let shown = std::iter::once(&tables[0]).chain(different);
    Ok(Judgement { report, curves: shown.map(Table::curve).collect(), notes })
}

fn density(law: Law) -> Density {
    match law {
        Law::Conditioned => Density::Conditioned,
        Law::Rigid => Density::Rigid,
        Law::Horizontal => Density::Horizontal,
        Law::Isotropic => Density::Isotropic,
    }
}

/// The laws beside the tested one. Horizontal and rigid coincide where the group has no compact part, so neither is an
/// alternative to the other.
fn alternatives(law: Law) -> impl Iterator<Item = Density> {
    let same = move |other: &Density| {
        let tested = density(law);
        let pair = [Density::Horizontal, Density::Rigid];
        *other == tested || (pair.contains(other) && pair.contains(&tested))
    };
    [Density::Uncorrected, Density::Conditioned, Density::Isotropic, Density::Horizontal]
        .into_iter()
        .filter(move |other| !same(other))
}

fn name(law: Density) -> &'static str {
    match law {
        Density::Horizontal => "horizontal",
        Density::Rigid => "rigid",
        Density::Conditioned => "conditioned",
        Density::Isotropic => "isotropic",
        Density::Uncorrected => "no correction",
    }
}

/// Predictor, loss and observable of a spec as functions of θ.
struct Functions {
    predictor: SpecParametrization,
    loss: SpecParametrization,
    observable: SpecParametrization,
}

impl Functions {
    fn build(spec: &Spec) -> Result<Self, JudgeError> {
        let missing = |what: &str| JudgeError::Missing(format!("{}: {what}", spec.title));
        let setup = Setup::build(spec)?;
        if setup.has_random_data() && !spec.ensemble.shared_data {
            return Err(missing(
                "the seeds have different data, hence different laws; set ensemble.shared_data = true",
            ));
        }
        if setup.graph.is_random(&setup.params.iter().map(|(_, node)| *node).collect::<Vec<_>>()) {
            return Err(missing(
                "the seeds start at different points, hence on different levels of the charges and perhaps in different \
                 components; give [param] a start without draws",
            ));
        }
        let (data, _) = setup.evaluate(spec.ensemble.seed, 0);
        let model = Model::build(spec, DataBinding::Values(&data))?;
        let loss = model.named("loss").ok_or_else(|| missing("a law needs a `loss` in [model]"))?;
        let observable = model.verified.ok_or_else(|| missing("the spec has no verified observable"))?;
        let functions = Self {
            predictor: SpecParametrization::predictor(spec, DataBinding::Values(&data))?,
            loss: SpecParametrization::of_node(model.clone(), loss),
            observable: SpecParametrization::of_node(model, observable),
        };
        if functions.loss.depends_on_draw() || functions.observable.depends_on_draw() {
            return Err(missing("these laws are for a loss and an observable that do not depend on [batch] draws"));
        }
        Ok(functions)
    }
}

/// θ of the first seed at the start.
fn start(spec: &Spec) -> Result<Vec<f64>, SpecError> {
    let (_, values) = Setup::build(spec)?.evaluate(spec.ensemble.seed, 0);
    Ok(spec.param.iter().flat_map(|definition| values[&definition.name].values.clone()).collect())
}

/// All laws of one spec, over one traced curve.
struct Prediction<'a> {
    trace: Trace<'a>,
    symmetries: &'a Symmetries,
    observed: Vec<f64>,
}

impl<'a> Prediction<'a> {
    fn new(
        spec: &Spec,
        functions: &'a Functions,
        symmetries: &'a Symmetries,
        start: &[f64],
    ) -> Result<Self, GeometryError> {
        let at = |theta: &[f64]| Point { theta: theta.to_vec(), draw: 0 };
        let loss = |theta: &[f64]| functions.loss.predictor(&[at(theta)])[0][0];
        let trace = Trace::new(&functions.predictor, spec.train.temperature, start, &loss, &LawOptions::default())?;
        let points: Vec<Point> = trace.thetas().iter().map(|theta| at(theta)).collect();
        let observed = functions.observable.predictor(&points).into_iter().map(|value| value[0]).collect();
        Ok(Self { trace, symmetries, observed })
    }

    fn law(&self, law: Density) -> Result<PredictedLaw, GeometryError> {
        self.trace.law_of_values(self.symmetries, law, self.observed.clone())
    }
}

/// A distribution function between the observable's values on the curve, where it is linear.
struct Table {
    name: String,
    values: Vec<f64>,
    cumulative: Vec<f64>,
}

impl Table {
    fn new(law: &PredictedLaw) -> Self {
        let mut values = law.observable.clone();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let cumulative = values.iter().map(|&x| law.cdf(x)).collect();
        Self { name: name(law.law).into(), values, cumulative }
    }

    /// The density as differences of the distribution function, over cells that hold a visible share of the mass.
    fn curve(&self) -> LawCurve {
        let last = self.values.len() - 1;
        let bins = 300.min(last.max(1));
        let (low, high) = (self.quantile(1e-4), self.quantile(1.0 - 1e-4));
        let width = (high - low) / bins as f64;
        let points = (0..bins).map(|bin| {
            let left = low + bin as f64 * width;
            (left + 0.5 * width, (self.cdf(left + width) - self.cdf(left)) / width)
        });
        LawCurve { name: self.name.clone(), points: points.collect() }
    }

    /// Largest difference of two distribution functions on the same curve.
    fn distance(&self, other: &Table) -> f64 {
        self.cumulative.iter().zip(&other.cumulative).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    fn quantile(&self, share: f64) -> f64 {
        let place = self.cumulative.partition_point(|&mass| mass < share);
        self.values[place.min(self.values.len() - 1)]
    }
}

impl PredictedCdf for Table {
    fn name(&self) -> &str {
        &self.name
    }

    fn cdf(&self, x: f64) -> f64 {
        let place = self.values.partition_point(|&value| value <= x);
        if place == 0 {
            return 0.0;
        }
        if place == self.values.len() {
            return 1.0;
        }
        let (left, right) = (self.values[place - 1], self.values[place]);
        let (below, above) = (self.cumulative[place - 1], self.cumulative[place]);
        below + (above - below) * (x - left) / (right - left)
    }

    fn range(&self) -> (f64, f64) {
        (self.values[0], self.values[self.values.len() - 1])
    }
}

/// Largest change of a charge over the run, as a share of |θ|² at the start.
fn charge_drift(symmetries: &Symmetries, run: &Run, start: &[f64]) -> Option<f64> {
    if symmetries.charges.is_empty() {
        return None;
    }
    let scale: f64 = start.iter().map(|x| x * x).sum();
    let theta = |seed: usize| -> Vec<f64> {
        let part = |series: &gaugebias_dynamics::Series| {
            let size = series.values.len() / run.seeds;
            series.values[seed * size..(seed + 1) * size].to_vec()
        };
        run.parameters.values().flat_map(part).collect()
    };
    let change = |seed: usize| {
        let end = theta(seed);
        let charges = symmetries.charges.iter();
        charges.map(|charge| (charge.value(&end) - charge.value(start)).abs()).fold(0.0, f64::max)
    };
    Some((0..run.seeds).map(change).fold(0.0, f64::max) / scale)
}

/// A remark where the start does not lie on the balanced slice.
fn unbalanced(symmetries: &Symmetries, start: &[f64]) -> Option<String> {
    let scale: f64 = start.iter().map(|x| x * x).sum();
    let largest = symmetries.charges.iter().map(|charge| charge.value(start).abs()).fold(0.0, f64::max);
    (largest > BALANCED * scale).then(|| {
        format!(
            "the start is not balanced (largest charge {largest:.2e}): the laws are those of its own level of charges"
        )
    })
}
