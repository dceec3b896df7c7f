//! The specs that an attribution runs: one ingredient taken away, or the predictor trained itself.

use gaugebias_model::spec::{Constraint, Definition, Noise, Optimizer, Scheme, Spec, Verify};

use super::frozen::{frozen, has_penalised_loss};

/// The parameter of the reference: the predictor as such.
const PREDICTOR_ITSELF: &str = "predictor_itself";

/// Whether steps are noisy, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoiseKind {
    None,
    /// Injected: the gauge correction is its effect.
    Injected,
    /// Of the gradients.
    Gradients,
}

impl NoiseKind {
    /// Name of the term that is its effect; without noise there is none.
    pub fn term(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Injected => "gauge correction",
            Self::Gradients => "gradient noise",
        }
    }
}

pub(super) fn noise_of(spec: &Spec) -> NoiseKind {
    match spec.train.noise {
        Noise::Isotropic | Noise::Horizontal if spec.train.temperature > 0.0 => NoiseKind::Injected,
        Noise::None if sees_all_rows(spec) => NoiseKind::None,
        _ if spec.draws_at_every_step() => NoiseKind::Gradients,
        _ => NoiseKind::None,
    }
}

/// Whether the only draw of a step is the order of all rows, which changes no gradient.
fn sees_all_rows(spec: &Spec) -> bool {
    spec.batch.len() == 1 && spec.batch_size().is_some_and(|(size, rows)| size == rows)
}

/// Training without noise: no temperature, the label as it is, all rows. `None` where batches cannot be completed.
pub(super) fn without_noise(spec: &Spec) -> Option<Spec> {
    let mut quiet = spec.full_batch()?;
    quiet.train.noise = Noise::None;
    quiet.train.temperature = 0.0;
    quiet.train.scheme = Scheme::Euler;
    if quiet.train.constraint == Constraint::Conditioned {
        quiet.train.constraint = Constraint::Rigid;
    }
    if noise_of(spec) != NoiseKind::None {
        quiet.title.push_str(", without noise");
    }
    Some(quiet)
}

/// An explicit penalty of the parameters: weight decay, or a part of the loss that reads them beside the predictor.
pub(super) fn has_penalty(spec: &Spec) -> bool {
    decays(spec) || has_penalised_loss(spec)
}

fn decays(spec: &Spec) -> bool {
    matches!(spec.train.optimizer, Optimizer::Sgd { weight_decay, .. } if weight_decay > 0.0)
}

/// Training without explicit penalties.
pub(super) fn without_penalty(spec: &Spec) -> Option<Spec> {
    let mut free = if has_penalised_loss(spec) { frozen(spec, None)? } else { spec.clone() };
    if has_penalty(spec) {
        free.title.push_str(", without penalty");
    }
    if let Optimizer::Sgd { momentum, .. } = free.train.optimizer {
        free.train.optimizer = Optimizer::Sgd { momentum, weight_decay: 0.0 };
    }
    Some(free)
}

/// The predictor trained itself, without penalties: the only parameter, with what was `[param]` as data.
pub(super) fn reference(spec: &Spec) -> Option<Spec> {
    let mut plain = frozen(&without_penalty(spec)?, Some(PREDICTOR_ITSELF))?;
    plain.train.constraint = Constraint::None;
    plain.title = format!("{}, the predictor itself", spec.title);
    Some(plain)
}

/// The steps at which an observable is looked at, for a run and all its ablations: what they differ by is then no matter of time. At the end
/// where nothing is noisy; else after the burn-in of `[verify]`, or after half the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    burn_in: u64,
    thin: u64,
}

impl Window {
    pub fn of(spec: &Spec) -> Self {
        let steps = spec.train.steps;
        let noisy = noise_of(spec) != NoiseKind::None;
        match &spec.verify {
            Some(verify) if noisy && verify.burn_in < steps => Self { burn_in: verify.burn_in, thin: verify.thin },
            _ if noisy => Self { burn_in: steps / 2, thin: (steps / 100).max(1) },
            _ => Self { burn_in: steps, thin: 1 },
        }
    }

    /// What is said where the window is not the one of `[verify]`.
    pub fn note(self, spec: &Spec) -> Option<String> {
        let asked = spec
            .verify
            .as_ref()
            .filter(|verify| noise_of(spec) != NoiseKind::None && verify.burn_in != self.burn_in)?;
        Some(format!(
            "verify.burn_in = {} leaves nothing of {} steps: the second half of them is looked at",
            asked.burn_in, spec.train.steps
        ))
    }
}

/// The spec with one observable, looked at in a window, and nothing else recorded.
pub(super) fn observed(spec: &Spec, observable: &Definition, window: Window) -> Spec {
    let mut only = spec.clone();
    only.log.observables.clear();
    only.log.every = u64::MAX;
    only.figures.clear();
    let Window { burn_in, thin } = window;
    let law = spec.verify.as_ref().map_or(gaugebias_model::spec::Law::Flow, |verify| verify.law);
    only.verify = Some(Verify { law, observable: observable.clone(), burn_in, thin });
    only
}

#[cfg(test)]
mod tests {
    use super::*;
    use gaugebias_model::spec::SpecFile;
    use gaugebias_model::{DataBinding, Model};

    fn spec(text: &str) -> Spec {
        SpecFile::parse("t.toml", text.to_owned(), ".".into(), &[]).expect("a right spec").specs.remove(0)
    }

    const BATCHES: &str = "[data]\nX = \"normal(6, 2)\"\n[param]\nu = \"0.1 * normal(2)\"\nv = \"ones(2)\"\n[batch]\ni = \"choice(6, 2)\"\n\
        [model]\ntwice = \"2 * v\"\npredictor = \"u * twice\"\nloss = \"mean((X[i] @ predictor)**2)\"\n[train]\nweight_decay = 0.1";

    #[test]
    fn the_reference_trains_the_predictor_from_the_same_place() {
        let plain = reference(&spec(BATCHES)).expect("it has a predictor");
        assert_eq!(plain.param.len(), 1);
        assert!(!has_penalty(&plain) && has_penalty(&spec(BATCHES)));
        let model = Model::build(&plain, DataBinding::Inputs).expect("it makes sense");
        assert_eq!(model.parameter_count(), 2);
        assert!(model.named("loss").is_some());
    }

    /// λ‖u‖² is a penalty that w itself does not have, whatever it is called on the way; a loss of w alone has none.
    #[test]
    fn penalties_in_the_loss_are_told_and_taken_away() {
        let text = "[param]\nu = 1.5\nv = 0.5\n[model]\nsize = \"u**2 + v**2\"\npredictor = \"u * v\"\nfit = \"0.5 * (predictor - 1)**2\"\n\
            ridge = \"0.1 * size\"\nloss = \"fit + ridge\"";
        let penalised = spec(text);
        assert!(has_penalty(&penalised) && !has_penalty(&spec(&text.replace("fit + ridge", "fit"))));
        let free = without_penalty(&penalised).expect("it has a predictor");
        assert!(!has_penalty(&free), "{:?}", free.model.iter().map(|d| &d.text).collect::<Vec<_>>());
        let model = Model::build(&free, DataBinding::Inputs).expect("it makes sense");
        assert_eq!(model.parameter_count(), 2);
        let plain = reference(&penalised).expect("it has a predictor");
        let model = Model::build(&plain, DataBinding::Inputs).expect("it makes sense");
        assert_eq!((plain.param.len(), model.parameter_count()), (1, 1));
        let observable = |text: &str| Definition::new("o", text).expect("an expression");
        use super::super::frozen::not_of_predictor;
        assert_eq!(not_of_predictor(&penalised, &observable("size - 1")).as_deref(), Some("size"));
        assert_eq!(not_of_predictor(&penalised, &observable("sqrt(loss)")).as_deref(), Some("loss"));
        assert_eq!(not_of_predictor(&penalised, &observable("fit + predictor")), None);
    }

    #[test]
    fn noise_is_told_and_taken_away() {
        let batches = spec(BATCHES);
        assert_eq!(noise_of(&batches), NoiseKind::Gradients);
        let quiet = without_noise(&batches).expect("rows can be completed");
        let model = Model::build(&quiet, DataBinding::Inputs).expect("it makes sense");
        assert!(!model.graph.is_random(&[model.named("loss").expect("it has a loss")]));
        assert!(without_noise(&spec(&BATCHES.replace("choice(6, 2)", "randint(0, 6, 2)"))).is_none());
        assert_eq!(noise_of(&spec(&BATCHES.replace("choice(6, 2)", "choice(6, 6)"))), NoiseKind::None);
    }
}
