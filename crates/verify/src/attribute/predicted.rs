//! What the theory says of the mean of a run.

use gaugebias_model::spec::{Constraint, Law, Noise, Spec};

use super::ablate::{NoiseKind, noise_of};
use crate::judge::laws;
use crate::{JudgeError, Prediction, predict};

/// The law of a spec's training.
fn law_of(spec: &Spec) -> Law {
    match (noise_of(spec), &spec.train.noise, spec.train.constraint) {
        (NoiseKind::None, ..) => Law::Flow,
        (NoiseKind::Gradients, ..) => Law::Sgd,
        (_, Noise::Horizontal, _) => Law::Horizontal,
        (_, _, Constraint::Rigid) => Law::Rigid,
        (_, _, Constraint::Conditioned | Constraint::Stiff { .. }) => Law::Conditioned,
        (_, _, Constraint::None | Constraint::Rebalanced) => Law::Isotropic,
    }
}

fn with_its_law(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    let law = law_of(&spec);
    if let Some(verify) = &mut spec.verify {
        verify.law = law;
    }
    spec
}

/// The mean of the observable under the law of a spec's training: one for each of the first starts, or one for all.
pub(super) fn means_of(spec: &Spec) -> Result<Vec<f64>, JudgeError> {
    means_under(spec, &laws(&with_its_law(spec))?)
}

/// That, and the conditions under which the law is the run's.
pub(super) fn means_and_conditions(spec: &Spec) -> Result<(Vec<f64>, Vec<String>), JudgeError> {
    let prediction = predict(&with_its_law(spec))?;
    Ok((means_under(spec, &prediction)?, prediction.conditions_of_the_law()))
}

fn means_under(spec: &Spec, prediction: &Prediction) -> Result<Vec<f64>, JudgeError> {
    let means = prediction.means_of_starts();
    if means.is_empty() || means.iter().any(|mean| !mean.is_finite()) {
        return Err(JudgeError::Missing(format!("{}: no law is predicted", spec.title)));
    }
    Ok(means)
}
