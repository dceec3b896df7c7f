//! What the theory says of a term, and of a setting.

use gaugebias_model::spec::{Constraint, Law, Noise, Spec};

use super::ablate::{NoiseKind, has_penalty, noise_of, without_noise, without_penalty};
use super::runs::Mean;
use crate::{JudgeError, predict};

/// The law of a spec's training.
pub(super) fn law_of(spec: &Spec) -> Law {
    match (noise_of(spec), &spec.train.noise, spec.train.constraint) {
        (NoiseKind::None, ..) => Law::Flow,
        (NoiseKind::Gradients, ..) => Law::Sgd,
        (_, Noise::Horizontal, _) => Law::Horizontal,
        (_, _, Constraint::Rigid) => Law::Rigid,
        (_, _, Constraint::Conditioned | Constraint::Stiff { .. }) => Law::Conditioned,
        (_, _, Constraint::None | Constraint::Rebalanced) => Law::Isotropic,
    }
}

/// Names of the laws of a spec's training and their means of the observable: its own law first.
fn means(spec: &Spec) -> Result<Vec<(String, f64)>, JudgeError> {
    let mut spec = spec.clone();
    let law = law_of(&spec);
    if let Some(verify) = &mut spec.verify {
        verify.law = law;
    }
    Ok(predict(&spec)?.means())
}

/// The mean of the observable under the law of a spec's training.
pub(super) fn mean_of(spec: &Spec) -> Result<f64, JudgeError> {
    let missing = || JudgeError::Missing(format!("{}: no law is predicted", spec.title));
    means(spec)?.first().map(|(_, mean)| *mean).filter(|mean| mean.is_finite()).ok_or_else(missing)
}

/// What the law of a spec's training says of the observable, less what is said of w itself: under noise the law without a correction; without noise
/// w itself ends where it was seen to end.
pub(super) fn excess_of(spec: &Spec, itself: &Mean) -> Result<f64, JudgeError> {
    if noise_of(spec) == NoiseKind::None {
        return Ok(mean_of(spec)? - itself.value);
    }
    let missing = || JudgeError::Missing(format!("{}: no law is predicted", spec.title));
    let means = means(spec)?;
    let plain = means.iter().find(|(name, _)| name == "no correction").map(|(_, mean)| *mean);
    let excess = means.first().zip(plain).map(|((_, own), plain)| own - plain);
    excess.filter(|excess| excess.is_finite()).ok_or_else(missing)
}

/// What the theory says of each term, by the term's name.
pub(super) fn terms(spec: &Spec, base: &Spec, reference: &Mean, notes: &mut Vec<String>) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let kind = noise_of(spec);
    if kind != NoiseKind::None {
        let name = kind.term();
        match means(base) {
            Ok(means) => {
                let plain = means.iter().find(|(other, _)| other == "no correction").map(|(_, mean)| *mean);
                if let (Some((_, own)), Some(plain)) = (means.first(), plain) {
                    found.push((name.to_owned(), own - plain));
                    found.push(("noise of w itself".to_owned(), plain - reference.value));
                }
            }
            Err(error) => notes.push(format!("the {name} is not predicted: {error}")),
        }
    }
    let flow_of = |spec: &Spec| without_noise(spec).map(|quiet| mean_of(&quiet));
    match flow_of(&without_penalty(base)) {
        Some(Ok(free)) => {
            found.push(("flow".into(), free - reference.value));
            if let (true, Some(Ok(kept))) = (has_penalty(spec), flow_of(base)) {
                found.push(("explicit penalty".into(), kept - free));
            }
        }
        Some(Err(error)) => notes.push(format!("the flow is not predicted: {error}")),
        None => {}
    }
    found
}
