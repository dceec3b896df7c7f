//! A penalty read off samples: R̂(x) = −log p̂(x) + log_weight(x), in bins, with bands.
//!
//! In a bin of observed mass P̂ the estimate is −log(P̂ / ∫ e^log_weight dx), the average of e^(−R) over it under what is known of the law. The target is averaged
//! over the same bins in the same way, so that their width does not bias the comparison. Both are known up to one constant, which is fixed by
//! the mean weighted with the inverse variances.
//!
//! **Bands.** Records of a chain depend on each other and bins of a histogram on all the others, but seeds are independent: the standard error of a bin, after the constant
//! was taken out, is that of a mean over seeds. The band that holds the whole target with 95 % is as many errors wide as Šidák's inequality asks for
//! (1967, *Rectangular confidence regions for the means of multivariate normal distributions*): each of m bins at the level 0.95^(1/m), whatever their
//! correlations, with quantiles of Student's distribution for the number of seeds.
//!
//! **Rejected.** Quantiles of the largest deviation by simulation: 24 bins are so nearly uncorrelated that they differ from Šidák's in the third digit.

use crate::{Chains, StatisticsError};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Bins between the 1 % and the 99 % quantile.
const BINS: usize = 24;
/// Probability that a band holds what it is for.
const LEVEL: f64 = 0.95;
/// Nodes of the quadrature in a bin on either side of its middle, and their distance in t.
const NODES: i32 = 40;
const STEP: f64 = 0.1;
/// Fewest seeds from which a variance is taken.
pub const FEWEST_SEEDS: usize = 16;

/// One bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PenaltyBin {
    /// Its middle.
    pub place: f64,
    /// R̂ up to the common constant, nats.
    pub estimate: f64,
    /// Standard error of R̂, from the variance over seeds.
    pub error: f64,
    /// R, averaged over the bin.
    pub target: f64,
}

/// Estimate and target.
#[derive(Clone, Debug, PartialEq)]
pub struct PenaltyEstimate {
    /// In ascending order of place.
    pub bins: Vec<PenaltyBin>,
    /// Standard errors of half the band that holds all bins at once with 95 %.
    pub simultaneous: f64,
    /// And of the one that holds a single bin.
    pub pointwise: f64,
    /// Share of bins whose target lies in the simultaneous band.
    pub within: f64,
    /// Share of bins whose target lies in the pointwise band: 95 % is to be expected, and scatter.
    pub within_pointwise: f64,
    /// Slope of the estimate against the target over the bins, weighted with inverse variances: 1 where the target has the right strength.
    pub strength: f64,
    /// Its standard error, from the variance over seeds.
    pub strength_error: f64,
    /// Root mean square of estimate − target, nats.
    pub rms: f64,
    /// Largest less smallest target, nats.
    pub range: f64,
}

impl PenaltyEstimate {
    /// Ends of the simultaneous band in a bin.
    pub fn band(&self, bin: &PenaltyBin) -> (f64, f64) {
        (bin.estimate - self.simultaneous * bin.error, bin.estimate + self.simultaneous * bin.error)
    }
}

/// Estimates a penalty from samples of an observable whose density is e^(log_weight − R) up to a constant, and compares it with a target R, which is
/// −∞ at the `singular` points alone.
///
/// # Errors
/// [`StatisticsError::TooFewSamples`] below [`FEWEST_SEEDS`] seeds, or where fewer than five bins hold samples.
pub fn penalty_estimate(
    chains: &Chains,
    log_weight: &dyn Fn(f64) -> f64,
    target: &dyn Fn(f64) -> f64,
    singular: &[f64],
) -> Result<PenaltyEstimate, StatisticsError> {
    if chains.seeds() < FEWEST_SEEDS {
        return Err(StatisticsError::TooFewSamples { found: chains.seeds(), needed: FEWEST_SEEDS });
    }
    let sorted = chains.sorted();
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, high) = (quantile(0.01), quantile(0.99));
    let edge = |k: usize| low + (high - low) * k as f64 / BINS as f64;
    let bins: Vec<Counted> = (0..BINS)
        .filter_map(|k| Counted::new(chains, (edge(k), edge(k + 1)), (log_weight, target), singular))
        .collect();
    if bins.len() < 5 {
        return Err(StatisticsError::TooFewSamples { found: bins.len(), needed: 5 });
    }
    Ok(aligned(&bins))
}

/// A bin before the common constant is known.
struct Counted {
    place: f64,
    estimate: f64,
    target: f64,
    /// Of each seed the change of log P̂ that it makes: its share of records in the bin over the mean share, less one.
    influence: Vec<f64>,
}

impl Counted {
    /// None for a bin that is empty, or that every seed visits equally often, so that nothing is known of its error.
    fn new(
        chains: &Chains,
        (from, to): (f64, f64),
        (log_weight, target): (&dyn Fn(f64) -> f64, &dyn Fn(f64) -> f64),
        singular: &[f64],
    ) -> Option<Self> {
        let inside = |x: &&f64| (from..to).contains(*x);
        let counts: Vec<f64> = chains.iter().map(|chain| chain.iter().filter(inside).count() as f64).collect();
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let known = integral((from, to), singular, &|x| log_weight(x).exp());
        let penalised = integral((from, to), singular, &|x| (log_weight(x) - target(x)).exp());
        let influence: Vec<f64> = counts.iter().map(|count| count / mean - 1.0).collect();
        let usable = mean > 0.0 && known > 0.0 && penalised > 0.0 && influence.iter().any(|x| *x != 0.0);
        usable.then(|| Self {
            place: 0.5 * (from + to),
            estimate: -(mean / chains.records() as f64 / known).ln(),
            target: -(penalised / known).ln(),
            influence,
        })
    }
}

/// ∫ f, where f may be singular but integrable at either end and at some points: there the interval is divided, and distances are taken from there.
fn integral((from, to): (f64, f64), singular: &[f64], f: &dyn Fn(f64) -> f64) -> f64 {
    let mut places = vec![from, to];
    places.extend(singular.iter().copied().filter(|at| from < *at && *at < to));
    places.sort_unstable_by(f64::total_cmp);
    let piece = |ends: &[f64]| {
        let half = 0.5 * (ends[1] - ends[0]);
        double_exponential(0.0, half, &|x| f(ends[0] + x)) + double_exponential(0.0, half, &|x| f(ends[1] - x))
    };
    places.windows(2).map(piece).sum()
}

/// By the double exponential substitution x = from + (to − from)/(1 + e^(−π sinh t)) (Takahasi and Mori, 1974), for which a power
/// |x|^(−α), α < 1, at `from` or a little below it is as smooth as anything.
fn double_exponential(from: f64, to: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let width = to - from;
    let node = |k: i32| {
        let t = STEP * f64::from(k);
        let fall = (-std::f64::consts::PI * t.sinh()).exp();
        let share = 1.0 / (1.0 + fall);
        // The share of the other end, without cancellation.
        let weight = std::f64::consts::PI * t.cosh() * share * (fall * share);
        f(from + width * share) * weight
    };
    (-NODES..=NODES).map(node).filter(|x| x.is_finite()).sum::<f64>() * STEP * width
}

/// Variance of the mean of independent numbers whose own mean is zero.
fn variance_of_mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.map(|x| x * x).sum::<f64>() / (count * (count - 1.0))
}

/// Takes the common constant out of estimates and of what each seed adds to them.
fn aligned(counted: &[Counted]) -> PenaltyEstimate {
    let seeds = counted[0].influence.len();
    let raw: Vec<f64> = counted.iter().map(|bin| variance_of_mean(bin.influence.iter().copied()).recip()).collect();
    let total: f64 = raw.iter().sum();
    let weighted = |of: &dyn Fn(&Counted) -> f64| -> f64 {
        counted.iter().zip(&raw).map(|(bin, weight)| weight * of(bin)).sum::<f64>() / total
    };
    let shift = weighted(&|bin| bin.target - bin.estimate);
    let common: Vec<f64> = (0..seeds).map(|seed| weighted(&|bin| bin.influence[seed])).collect();
    let bin = |bin: &Counted| PenaltyBin {
        place: bin.place,
        estimate: bin.estimate + shift,
        error: variance_of_mean(bin.influence.iter().zip(&common).map(|(own, common)| own - common)).sqrt(),
        target: bin.target,
    };
    // The slope is linear in the estimates, and so is what a seed adds to it.
    let centre = weighted(&|bin| bin.target);
    let spread = weighted(&|bin| (bin.target - centre).powi(2));
    let slope = |of: &dyn Fn(&Counted) -> f64| weighted(&|bin| (bin.target - centre) * of(bin)) / spread;
    let strength =
        (slope(&|bin| bin.estimate), variance_of_mean((0..seeds).map(|seed| slope(&|bin| bin.influence[seed]))).sqrt());
    summary(counted.iter().map(bin).collect(), seeds, strength)
}

fn summary(bins: Vec<PenaltyBin>, seeds: usize, (strength, strength_error): (f64, f64)) -> PenaltyEstimate {
    let count = bins.len() as f64;
    let student = StudentsT::new(0.0, 1.0, (seeds - 1) as f64).expect("a positive number of degrees of freedom");
    let factor = |level: f64| student.inverse_cdf(0.5 * (1.0 + level));
    let (simultaneous, pointwise) = (factor(LEVEL.powf(1.0 / count)), factor(LEVEL));
    let share = |factor: f64| {
        let inside = |bin: &&PenaltyBin| (bin.estimate - bin.target).abs() <= factor * bin.error;
        bins.iter().filter(inside).count() as f64 / count
    };
    let widen = |(a, b): (f64, f64), bin: &PenaltyBin| (a.min(bin.target), b.max(bin.target));
    let (lowest, highest) = bins.iter().fold((f64::INFINITY, f64::NEG_INFINITY), widen);
    PenaltyEstimate {
        simultaneous,
        pointwise,
        within: share(simultaneous),
        within_pointwise: share(pointwise),
        strength,
        strength_error,
        rms: (bins.iter().map(|bin| (bin.estimate - bin.target).powi(2)).sum::<f64>() / count).sqrt(),
        range: highest - lowest,
        bins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_chains::{autoregressive, normal_chains};

    /// Samples of N(0, 1) are L/τ = 0 and R = x²/2; a wrong R is seen to be wrong.
    #[test]
    fn the_penalty_of_normal_samples_is_quadratic() {
        let chains = Chains::from_records(&normal_chains(400, 500, 5)).unwrap();
        let found = penalty_estimate(&chains, &|_| 0.0, &|x| 0.5 * x * x, &[]).unwrap();
        assert_eq!(found.within, 1.0, "{found:?}");
        assert!(found.within_pointwise >= 0.83, "{found:?}");
        assert!(found.rms < 0.05 * found.range, "{found:?}");
        assert!((found.range - 2.6).abs() < 0.3, "{}", found.range);
        assert!((found.simultaneous - 3.08).abs() < 0.02 && (found.pointwise - 1.965).abs() < 0.005, "{found:?}");
        let split = penalty_estimate(&chains, &|x| -0.25 * x * x, &|x| 0.25 * x * x, &[]).unwrap();
        assert!(split.within == 1.0 && (split.range / found.range - 0.5).abs() < 0.02);
        let wrong = penalty_estimate(&chains, &|_| 0.0, &|x| 0.6 * x * x, &[]).unwrap();
        assert!(wrong.within < 0.6, "{wrong:?}");
        assert!((found.strength - 1.0).abs() < 4.0 * found.strength_error && found.strength_error < 0.01, "{found:?}");
        assert!((wrong.strength * 1.2 - found.strength).abs() < 1e-3, "{wrong:?}");
    }

    /// Chains that remember: of 200 estimates about 190 hold all of R at once (five deviations of that number are 15). With errors that take
    /// records to be independent, some 90 do.
    #[test]
    fn the_simultaneous_band_holds_as_often_as_it_says() {
        let holds = |seed: u64| {
            let chains = Chains::from_records(&autoregressive(0.8, 60, 64, seed)).unwrap();
            let found = penalty_estimate(&chains, &|_| 0.0, &|x| 0.5 * x * x, &[]).unwrap();
            (found.within == 1.0, found.within_pointwise)
        };
        let all: Vec<(bool, f64)> = (0..200).map(holds).collect();
        let held = all.iter().filter(|(holds, _)| *holds).count();
        let pointwise = all.iter().map(|(_, share)| share).sum::<f64>() / 200.0;
        assert!((175..=200).contains(&held), "{held} of 200");
        assert!((pointwise - 0.95).abs() < 0.02, "{pointwise}");
    }

    /// Also at and near a power that is singular, where a rule of equal steps is far off; off 0 to what rounding of x leaves of it.
    #[test]
    fn singular_bins_are_integrated() {
        for alpha in [0.0, 0.5, 0.75, 0.8] {
            let exact = |x: f64| x.powf(1.0 - alpha) / (1.0 - alpha);
            for from in [0.0, 1e-10, 1e-3, 0.5] {
                let found = integral((from, 0.7), &[0.0], &|x| x.abs().powf(-alpha));
                let expected = exact(0.7) - exact(from);
                assert!((found / expected - 1.0).abs() < 1e-4, "{alpha} {from}: {found} {expected}");
            }
            for at in [0.0, 0.37] {
                let both = integral((at - 0.3, at + 0.2), &[at], &|x| (x - at).abs().powf(-alpha));
                assert!((both / (exact(0.3) + exact(0.2)) - 1.0).abs() < 1e-3, "{alpha} at {at}: {both}");
            }
        }
    }

    #[test]
    fn few_seeds_have_no_band() {
        let chains = Chains::from_records(&normal_chains(400, 4, 5)).unwrap();
        let error = penalty_estimate(&chains, &|_| 0.0, &|x| 0.5 * x * x, &[]).unwrap_err();
        assert_eq!(error, StatisticsError::TooFewSamples { found: 4, needed: FEWEST_SEEDS });
    }
}
