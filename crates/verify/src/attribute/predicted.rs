//! What the theory says of the mean of a run.

use gaugebias_model::spec::{Constraint, Law, Noise, Spec};

use super::ablate::{NoiseKind, noise_of};
use crate::{JudgeError, predict};

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

/// The mean of the observable under the law of a spec's training, with the conditions of that law.
pub(super) fn mean_of(spec: &Spec) -> Result<(f64, Vec<String>), JudgeError> {
    let mut spec = spec.clone();
    let law = law_of(&spec);
    if let Some(verify) = &mut spec.verify {
        verify.law = law;
    }
    let missing = || JudgeError::Missing(format!("{}: no law is predicted", spec.title));
    let prediction = predict(&spec)?;
    let mean = prediction.means().first().map(|(_, mean)| *mean).filter(|mean| mean.is_finite());
    Ok((mean.ok_or_else(missing)?, prediction.conditions_of_the_law()))
}
