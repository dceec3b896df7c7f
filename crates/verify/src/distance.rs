//! Distances between a sample and a law.

use crate::law::{checked_cdf, checked_range};
use crate::{PredictedCdf, StatisticsError};

/// Kolmogorov–Smirnov distance sup_x |F_n(x) − F(x)|, exact for a continuous law: the empirical distribution function jumps at samples only, so both
/// sides of each jump are compared.
///
/// `sorted`: samples in ascending order, in the observable's unit.
///
/// # Errors
/// No samples, or a law whose `cdf` is not a distribution function at them.
pub fn ks_distance(sorted: &[f64], law: &dyn PredictedCdf) -> Result<f64, StatisticsError> {
    if sorted.is_empty() {
        return Err(StatisticsError::TooFewSamples { found: 0, needed: 1 });
    }
    let count = sorted.len() as f64;
    let sides = checked_cdf(law, sorted)?.into_iter().enumerate().map(|(index, predicted)| {
        let (below, above) = (index as f64 / count, (index + 1) as f64 / count);
        (predicted - below).max(above - predicted)
    });
    Ok(sides.fold(0.0, f64::max))
}

/// Two-sample Kolmogorov–Smirnov distance sup_x |F_n(x) − G_m(x)| of two samples in ascending order; ties are passed together.
///
/// # Errors
/// [`StatisticsError::TooFewSamples`] where either is empty.
pub fn two_sample_ks_distance(left: &[f64], right: &[f64]) -> Result<f64, StatisticsError> {
    if left.is_empty() || right.is_empty() {
        return Err(StatisticsError::TooFewSamples { found: 0, needed: 1 });
    }
    let (mut i, mut j, mut largest) = (0, 0, 0.0_f64);
    while i < left.len() && j < right.len() {
        let x = left[i].min(right[j]);
        i += left[i..].iter().take_while(|&&value| value <= x).count();
        j += right[j..].iter().take_while(|&&value| value <= x).count();
        largest = largest.max((i as f64 / left.len() as f64 - j as f64 / right.len() as f64).abs());
    }
    Ok(largest)
}

/// Cells that a law's range is cut into, besides the cuts at samples.
const CELLS: usize = 2048;

/// Wasserstein-1 distance ∫ |F_n − F| dx, in the observable's unit: how far mass must be moved, on average.
///
/// The law is taken as linear between neighbouring nodes (the samples, and 2048 cells of the law's range); on each cell the integral of |linear − constant| is exact.
///
/// # Errors
/// No samples, a law whose range is not a finite interval, or whose `cdf` is not a distribution function.
pub fn wasserstein_distance(sorted: &[f64], law: &dyn PredictedCdf) -> Result<f64, StatisticsError> {
    if sorted.is_empty() {
        return Err(StatisticsError::TooFewSamples { found: 0, needed: 1 });
    }
    let (low, high) = checked_range(law)?;
    let grid = (0..=CELLS).map(|cell| low + (high - low) * cell as f64 / CELLS as f64);
    let mut nodes: Vec<f64> = sorted.iter().copied().chain(grid).collect();
    nodes.sort_unstable_by(f64::total_cmp);
    let predicted = checked_cdf(law, &nodes)?;
    let mut passed = 0;
    let mut distance = 0.0;
    for (ends, values) in nodes.windows(2).zip(predicted.windows(2)) {
        while passed < sorted.len() && sorted[passed] <= ends[0] {
            passed += 1;
        }
        let empirical = passed as f64 / sorted.len() as f64;
        distance += (ends[1] - ends[0]) * mean_absolute(values[0] - empirical, values[1] - empirical);
    }
    Ok(distance)
}

/// Mean of |x| while x goes linearly from `start` to `end`.
fn mean_absolute(start: f64, end: f64) -> f64 {
    if start * end >= 0.0 { 0.5 * (start + end).abs() } else { 0.5 * (start * start + end * end) / (end - start).abs() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Uniform;

    impl PredictedCdf for Uniform {
        fn name(&self) -> &str {
            "uniform"
        }
        fn cdf(&self, x: f64) -> f64 {
            x.clamp(0.0, 1.0)
        }
        fn range(&self) -> (f64, f64) {
            (0.0, 1.0)
        }
    }

    #[test]
    fn known_distances() {
        assert!((ks_distance(&[0.5], &Uniform).unwrap() - 0.5).abs() < 1e-15);
        assert!((ks_distance(&[0.1, 0.2, 0.9], &Uniform).unwrap() - (2.0 / 3.0 - 0.2)).abs() < 1e-15);
        assert!((ks_distance(&[0.25, 0.25, 0.25, 0.25], &Uniform).unwrap() - 0.75).abs() < 1e-15);
        assert_eq!(ks_distance(&[-3.0, -2.0], &Uniform).unwrap(), 1.0);
    }

    #[test]
    fn two_samples_of_known_distance() {
        let distance = |a: &[f64], b: &[f64]| two_sample_ks_distance(a, b).unwrap();
        assert_eq!(distance(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(distance(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.0);
        assert_eq!(distance(&[1.0, 1.0, 2.0, 5.0], &[1.0, 3.0]), 0.25);
        assert!(two_sample_ks_distance(&[], &[1.0]).is_err());
    }

    /// One sample at a: E|U − a| = (a² + (1 − a)²)/2; outside the support, the whole way counts.
    #[test]
    fn known_transport() {
        for (at, expected) in [(0.5, 0.25), (0.25, 0.3125), (0.0, 0.5), (3.0, 2.5), (-1.0, 1.5)] {
            let found = wasserstein_distance(&[at], &Uniform).unwrap();
            assert!((found - expected).abs() < 1e-9, "sample at {at}: {found}, expected {expected}");
        }
    }

    #[test]
    fn laws_that_are_none_are_refused() {
        struct Wrong(fn(f64) -> f64, (f64, f64));
        impl PredictedCdf for Wrong {
            fn name(&self) -> &str {
                "wrong"
            }
            fn cdf(&self, x: f64) -> f64 {
                self.0(x)
            }
            fn range(&self) -> (f64, f64) {
                self.1
            }
        }
        let samples = [0.1, 0.6];
        for cdf in [|x| 1.5 * x + 0.5, |x| 1.0 - x, |_| f64::NAN] as [fn(f64) -> f64; 3] {
            let error = ks_distance(&samples, &Wrong(cdf, (0.0, 1.0))).unwrap_err();
            assert!(matches!(error, StatisticsError::NotACdf { .. }), "{error}");
        }
        for range in [(1.0, 0.0), (0.0, f64::INFINITY), (f64::NAN, 1.0)] {
            let error = wasserstein_distance(&samples, &Wrong(|x| x, range)).unwrap_err();
            assert!(matches!(error, StatisticsError::BadRange { .. }), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Slow oracle: the supremum and the integral on a fine grid.
        #[test]
        fn brute_force_agrees(mut samples in proptest::collection::vec(-0.3..1.3_f64, 1..20)) {
            samples.sort_by(f64::total_cmp);
            let cells = 20_000;
            let (mut supremum, mut integral) = (0.0_f64, 0.0);
            for cell in 0..cells {
                let x = -0.5 + 2.0 * (cell as f64 + 0.5) / cells as f64;
                let empirical = samples.iter().filter(|&&sample| sample <= x).count() as f64 / samples.len() as f64;
                let gap = (empirical - Uniform.cdf(x)).abs();
                supremum = supremum.max(gap);
                integral += gap * 2.0 / cells as f64;
            }
            prop_assert!((ks_distance(&samples, &Uniform).unwrap() - supremum).abs() < 2e-4);
            prop_assert!((wasserstein_distance(&samples, &Uniform).unwrap() - integral).abs() < 2e-3);
        }
    }
}
