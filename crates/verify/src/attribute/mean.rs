//! Means of an observable over the seeds of runs, and of their differences.

use gaugebias_dynamics::Run;

use super::AttributeError;

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
