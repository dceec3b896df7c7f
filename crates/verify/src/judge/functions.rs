//! What a spec says, as functions of θ: predictor, loss, observable, and the gradient that training sees.

use gaugebias_geometry::law::loss::Loss;
use gaugebias_model::spec::{Noise, Spec};
use gaugebias_model::{DataBinding, Model, Parametrization, Point, Setup, SpecError, SpecParametrization};

use super::JudgeError;

/// Predictor, mean loss and observable of a spec, and the loss as one step sees it.
pub(super) struct Functions {
    pub predictor: SpecParametrization,
    /// The loss without draws: on all rows, and without noise on labels.
    pub loss: SpecParametrization,
    pub observable: SpecParametrization,
    /// `gauge` of the model, where it has one.
    pub gauge: Option<SpecParametrization>,
    /// The loss with the draws of a step; `None` where there are none, or where they leave its gradient as it is.
    pub drawn_loss: Option<SpecParametrization>,
}

impl Functions {
    /// With the data of the first seed.
    pub fn build(spec: &Spec) -> Result<Self, JudgeError> {
        Self::of_seed(spec, 0)
    }

    /// With the data of one seed.
    pub fn of_seed(spec: &Spec, seed: usize) -> Result<Self, JudgeError> {
        let missing = |what: &str| JudgeError::Missing(format!("{}: {what}", spec.title));
        let (data, _) = Setup::build(spec)?.evaluate(spec.ensemble.seed, seed);
        let binding = DataBinding::Values(&data);
        let whole = spec.full_batch().ok_or_else(|| {
            missing(
                "these laws are for a loss on rows of data: [batch] makes draws that cannot be completed to a whole; \
                 draw rows of [data], as in i = \"choice(20, 4)\"",
            )
        })?;
        let scatters = super::completion::completion_is_the_mean(spec)?;
        let mean = Model::build(&whole, binding)?;
        let loss = mean.named("loss").ok_or_else(|| missing("a law needs a `loss` in [model]"))?;
        let observable = mean.verified.ok_or_else(|| missing("the spec has no verified observable"))?;
        let gauge = mean.named("gauge").map(|node| SpecParametrization::of_node(mean.clone(), node));
        let functions = Self {
            gauge,
            predictor: SpecParametrization::predictor(&whole, binding)?,
            loss: SpecParametrization::of_node(mean.clone(), loss),
            observable: SpecParametrization::of_node(mean, observable),
            drawn_loss: if scatters { drawn_loss(spec, binding)? } else { None },
        };
        if functions.loss.depends_on_draw() || functions.observable.depends_on_draw() {
            return Err(missing("these laws are for a loss and an observable that do not depend on [batch] draws"));
        }
        Ok(functions)
    }

    /// The loss at one θ.
    pub fn loss_at(&self, theta: &[f64]) -> f64 {
        self.loss.predictor(&[at(theta)])[0][0]
    }

    /// The first coordinate of the predictor at one θ.
    pub fn value_at(&self, theta: &[f64]) -> f64 {
        self.predictor.predictor(&[at(theta)])[0][0]
    }

    /// ‖gauge‖² at many θ; `None` where the spec has no gauge.
    pub fn squared_gauge(&self, thetas: &[Vec<f64>]) -> Option<Vec<f64>> {
        let points: Vec<Point> = thetas.iter().map(|theta| at(theta)).collect();
        let values = self.gauge.as_ref()?.predictor(&points);
        Some(values.iter().map(|chi| chi.iter().map(|x| x * x).sum()).collect())
    }

    /// The observable at many θ.
    pub fn observed<'a>(&self, thetas: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
        let points: Vec<Point> = thetas.map(at).collect();
        self.observable.predictor(&points).into_iter().map(|value| value[0]).collect()
    }
}

impl Loss for Functions {
    fn value(&self, theta: &[f64]) -> f64 {
        self.loss_at(theta)
    }

    fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        self.loss.covector_gradients(&[at(theta)], &[vec![1.0]]).swap_remove(0)
    }
}

fn drawn_loss(spec: &Spec, binding: DataBinding<'_>) -> Result<Option<SpecParametrization>, JudgeError> {
    let model = Model::build(spec, binding)?;
    let (model, node) = match (&spec.train.noise, model.named("loss")) {
        (Noise::Label(noise), _) => model.with_label_noise(spec, noise)?,
        (_, Some(node)) if model.graph.is_random(&[node]) => (model, node),
        _ => return Ok(None),
    };
    Ok(Some(SpecParametrization::of_node(model, node)))
}

/// A point with the first draw.
pub(super) fn at(theta: &[f64]) -> Point {
    Point { theta: theta.to_vec(), draw: 0 }
}

/// θ of one seed at the start.
pub(super) fn start(spec: &Spec, seed: usize) -> Result<Vec<f64>, SpecError> {
    let (_, values) = Setup::build(spec)?.evaluate(spec.ensemble.seed, seed);
    Ok(spec.param.iter().flat_map(|definition| values[&definition.name].values.clone()).collect())
}

/// Whether the seeds have data of their own.
pub(crate) fn has_own_data(spec: &Spec) -> Result<bool, SpecError> {
    Ok(!spec.ensemble.shared_data && Setup::build(spec)?.has_random_data())
}

/// Whether the seeds start at different points.
pub(crate) fn has_random_start(spec: &Spec) -> Result<bool, SpecError> {
    let setup = Setup::build(spec)?;
    Ok(setup.graph.is_random(&setup.params.iter().map(|(_, node)| *node).collect::<Vec<_>>()))
}
