//! A penalty read off samples: R̂(x) = −log p̂(x) + log_weight(x), in bins, with bands.
//!
//! In a bin of observed mass P̂ the estimate is −log(P̂ / ∫ e^log_weight dx), the average of e^(−R) over it under what is known of the law. Its standard
//! error is that of log P̂ at the number of independent samples that the event "in this bin" is worth. The target is averaged
//! over the same bins in the same way, so that their width does not bias the comparison. Both are known up to one constant, which is fixed by
//! the mean weighted with the inverse variances.

use crate::effective::event_size;
use crate::{Chains, StatisticsError};

/// Bins between the 1 % and the 99 % quantile.
const BINS: usize = 24;
/// Of a normal distribution, both sides.
const BAND: f64 = 1.959_963_984_540_054;
/// Nodes of the quadrature in a bin (even).
const NODES: usize = 32;

/// One bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PenaltyBin {
    /// Its middle.
    pub place: f64,
    /// R̂ up to the common constant, nats.
    pub estimate: f64,
    /// Standard error of R̂.
    pub error: f64,
    /// R, averaged over the bin.
    pub target: f64,
}

/// Estimate and target.
#[derive(Clone, Debug, PartialEq)]
pub struct PenaltyEstimate {
    /// In ascending order of place.
    pub bins: Vec<PenaltyBin>,
    /// Share of bins whose 95 % band holds the target.
    pub within: f64,
    /// Root mean square of estimate − target, nats.
    pub rms: f64,
    /// Largest less smallest target, nats.
    pub range: f64,
}

impl PenaltyBin {
    /// Ends of the 95 % band.
    pub fn band(&self) -> (f64, f64) {
        (self.estimate - BAND * self.error, self.estimate + BAND * self.error)
    }
}

/// Estimates a penalty from samples of an observable whose density is e^(log_weight − R) up to a constant, and compares it with a target R.
///
/// # Errors
/// [`StatisticsError::ConstantSample`]; [`StatisticsError::TooFewSamples`] where fewer than five bins hold samples.
pub fn penalty_estimate(
    chains: &Chains,
    log_weight: &dyn Fn(f64) -> f64,
    target: &dyn Fn(f64) -> f64,
) -> Result<PenaltyEstimate, StatisticsError> {
    let sorted = chains.sorted();
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, high) = (quantile(0.01), quantile(0.99));
    let edge = |k: usize| low + (high - low) * k as f64 / BINS as f64;
    let mut bins = Vec::new();
    for k in 0..BINS {
        bins.extend(bin(chains, &sorted, (edge(k), edge(k + 1)), log_weight, target));
    }
    if bins.len() < 5 {
        return Err(StatisticsError::TooFewSamples { found: bins.len(), needed: 5 });
    }
    Ok(aligned(bins))
}

fn bin(
    chains: &Chains,
    sorted: &[f64],
    (from, to): (f64, f64),
    log_weight: &dyn Fn(f64) -> f64,
    target: &dyn Fn(f64) -> f64,
) -> Option<PenaltyBin> {
    let count = sorted.partition_point(|x| *x < to) - sorted.partition_point(|x| *x < from);
    let share = count as f64 / sorted.len() as f64;
    let size = event_size(chains, from, to)?;
    let known = simpson(from, to, &|x| log_weight(x).exp());
    let penalised = simpson(from, to, &|x| (log_weight(x) - target(x)).exp());
    (count > 0 && known > 0.0 && penalised > 0.0).then(|| PenaltyBin {
        place: 0.5 * (from + to),
        estimate: -(share / known).ln(),
        error: ((1.0 - share) / (size * share)).sqrt(),
        target: -(penalised / known).ln(),
    })
}

fn simpson(from: f64, to: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let h = (to - from) / NODES as f64;
    let weight = |k: usize| if k == 0 || k == NODES { 1.0 } else { 2.0 * (1 + k % 2) as f64 };
    (0..=NODES).map(|k| weight(k) * f(from + h * k as f64)).filter(|x| x.is_finite()).sum::<f64>() * h / 3.0
}

fn aligned(mut bins: Vec<PenaltyBin>) -> PenaltyEstimate {
    let weights: Vec<f64> = bins.iter().map(|bin| bin.error.powi(-2)).collect();
    let total: f64 = weights.iter().sum();
    let shift =
        bins.iter().zip(&weights).map(|(bin, weight)| weight * (bin.target - bin.estimate)).sum::<f64>() / total;
    bins.iter_mut().for_each(|bin| bin.estimate += shift);
    let count = bins.len() as f64;
    let inside = |bin: &&PenaltyBin| bin.band().0 <= bin.target && bin.target <= bin.band().1;
    let widen = |(a, b): (f64, f64), bin: &PenaltyBin| (a.min(bin.target), b.max(bin.target));
    let (lowest, highest) = bins.iter().fold((f64::INFINITY, f64::NEG_INFINITY), widen);
    PenaltyEstimate {
        within: bins.iter().filter(inside).count() as f64 / count,
        rms: (bins.iter().map(|bin| (bin.estimate - bin.target).powi(2)).sum::<f64>() / count).sqrt(),
        range: highest - lowest,
        bins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_chains::normal_chains;

    /// Samples of N(0, 1) are L/τ = 0 and R = x²/2; a wrong R is seen to be wrong.
    #[test]
    fn the_penalty_of_normal_samples_is_quadratic() {
        let chains = Chains::from_records(&normal_chains(400, 500, 5)).unwrap();
        let found = penalty_estimate(&chains, &|_| 0.0, &|x| 0.5 * x * x).unwrap();
        assert!(found.within >= 0.9, "{found:?}");
        assert!(found.rms < 0.05 * found.range, "{found:?}");
        assert!((found.range - 2.6).abs() < 0.3, "{}", found.range);
        let split = penalty_estimate(&chains, &|x| -0.25 * x * x, &|x| 0.25 * x * x).unwrap();
        assert!(split.within >= 0.9 && (split.range / found.range - 0.5).abs() < 0.02);
        let wrong = penalty_estimate(&chains, &|_| 0.0, &|x| 0.55 * x * x).unwrap();
        assert!(wrong.within < 0.6, "{wrong:?}");
    }
}
