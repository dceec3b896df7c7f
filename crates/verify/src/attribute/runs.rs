//! The runs of an attribution: means of an observable over their seeds, and of differences.

use gaugebias_dynamics::Run;
use gaugebias_model::spec::Spec;

use super::ablate::{NoiseKind, has_penalty, noise_of, reference, without_noise, without_penalty};
use super::{AttributeError, Simulate};

/// Mean over seeds, its standard error, and the seeds' own means.
pub(super) struct Mean {
    pub value: f64,
    pub seeds: Vec<f64>,
}

impl Mean {
    pub fn of(run: &Run) -> Result<Self, AttributeError> {
        let samples = run.samples.as_ref().filter(|samples| !samples.values.is_empty());
        let samples =
            samples.ok_or_else(|| AttributeError::Unfit(format!("{}: no samples after the burn-in", run.title)))?;
        let records = samples.values.len() / run.seeds;
        let at = |seed: usize| samples.values.iter().skip(seed).step_by(run.seeds).sum::<f64>() / records as f64;
        let seeds: Vec<f64> = (0..run.seeds).map(at).collect();
        if seeds.iter().any(|x| !x.is_finite()) {
            return Err(AttributeError::Unfit(format!("{}: the observable is not finite", run.title)));
        }
        Ok(Self { value: seeds.iter().sum::<f64>() / seeds.len() as f64, seeds })
    }
}

/// Σ c_i O_i over runs with the same seeds, and its standard error over seeds.
pub(super) fn combined(parts: &[(f64, &Mean)]) -> (f64, f64) {
    let count = parts[0].1.seeds.len();
    let own: Vec<f64> = (0..count).map(|seed| parts.iter().map(|(c, mean)| c * mean.seeds[seed]).sum()).collect();
    let mean = own.iter().sum::<f64>() / count as f64;
    let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count.max(2) - 1) as f64;
    (mean, (variance / count as f64).sqrt())
}

/// A spec's run and its ablations. A run that would be the same as another one is not made.
pub(super) struct Runs {
    /// As the spec stands.
    pub whole: Mean,
    /// w itself, without noise and weight decay.
    pub reference: Mean,
    kind: NoiseKind,
    penalised: bool,
    itself: Option<Mean>,
    flow: Option<Mean>,
    quiet: Option<Mean>,
    free: Option<Mean>,
}

/// A name, and the runs whose combination is its effect.
pub(super) type Part<'a> = (&'static str, Vec<(f64, &'a Mean)>);

impl Runs {
    pub fn of(base: &Spec, simulate: &Simulate<'_>) -> Result<Self, AttributeError> {
        let unfit = |what: &str| AttributeError::Unfit(format!("{}: {what}", base.title));
        let run = |spec: &Spec| Mean::of(&simulate(spec, None)?);
        let quiet = |spec: &Spec| -> Result<Mean, AttributeError> {
            let whole = without_noise(spec).ok_or_else(|| {
                unfit("the batches cannot be completed to all rows of [data], so there is no run without their noise")
            })?;
            run(&whole)
        };
        let plain = reference(base).ok_or_else(|| unfit("[model] names no `predictor`, so there is no reference"))?;
        let (kind, penalised) = (noise_of(base), has_penalty(base));
        let noisy = kind != NoiseKind::None;
        let free = without_penalty(base);
        Ok(Self {
            whole: run(base)?,
            reference: quiet(&plain)?,
            kind,
            penalised,
            itself: noisy.then(|| run(&plain)).transpose()?,
            flow: (noisy || penalised).then(|| quiet(&free)).transpose()?,
            quiet: (noisy && penalised).then(|| quiet(base)).transpose()?,
            free: (noisy && penalised).then(|| run(&free)).transpose()?,
        })
    }

    /// w itself with the run's noise.
    pub fn itself(&self) -> &Mean {
        self.itself.as_ref().unwrap_or(&self.reference)
    }

    /// What each ingredient does.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let (whole, reference, itself) = (&self.whole, &self.reference, self.itself());
        let flow = self.flow.as_ref().unwrap_or(whole);
        let mut parts = vec![("flow", vec![(1.0, flow), (-1.0, reference)])];
        if self.kind != NoiseKind::None {
            let quiet = self.quiet.as_ref().unwrap_or(flow);
            parts.push(("noise of w itself", vec![(1.0, itself), (-1.0, reference)]));
            parts.push((self.kind.term(), vec![(1.0, whole), (-1.0, quiet), (-1.0, itself), (1.0, reference)]));
        }
        if self.penalised {
            parts.push(("explicit penalty", vec![(1.0, whole), (-1.0, self.free.as_ref().unwrap_or(flow))]));
        }
        parts
    }
}
