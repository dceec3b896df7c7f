use crate::StatisticsError;

/// A predicted law of a scalar observable.
///
/// Two facts and a name are enough: everything here works on the distribution function, which needs no choice of bins or bandwidth.
pub trait PredictedCdf {
    /// The law's name as the user knows it, e.g. `horizontal`.
    fn name(&self) -> &str;

    /// P(observable ≤ x): non-decreasing, within [0, 1], continuous. `x` is in the observable's unit and may lie outside [`range`](Self::range).
    fn cdf(&self, x: f64) -> f64;

    /// A finite interval that holds all but a negligible share (say 1e-9) of the law's mass.
    fn range(&self) -> (f64, f64);

    /// Independent draws that the law is known by: infinite where it is known exactly, or to an error far below that of samples.
    fn independent_draws(&self) -> f64 {
        f64::INFINITY
    }
}

/// The law's distribution function at ascending `points`, checked to be one.
pub(crate) fn checked_cdf(law: &dyn PredictedCdf, points: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    let mut previous = 0.0;
    let fault = |at, found, expected| StatisticsError::NotACdf { law: law.name().to_owned(), at, found, expected };
    points
        .iter()
        .map(|&x| {
            let value = law.cdf(x);
            if !(-ROUNDING..=1.0 + ROUNDING).contains(&value) {
                return Err(fault(x, value, "a distribution function lies within [0, 1]"));
            }
            if value < previous - ROUNDING {
                return Err(fault(x, value, "a distribution function never decreases, and it was larger further left"));
            }
            previous = value.clamp(previous, 1.0);
            Ok(previous)
        })
        .collect()
}

/// Slack for a distribution function made by quadrature.
const ROUNDING: f64 = 1e-9;

/// The law's range, checked to be a finite interval.
pub(crate) fn checked_range(law: &dyn PredictedCdf) -> Result<(f64, f64), StatisticsError> {
    let (low, high) = law.range();
    if low.is_finite() && high.is_finite() && low < high {
        Ok((low, high))
    } else {
        Err(StatisticsError::BadRange { law: law.name().to_owned(), low, high })
    }
}
