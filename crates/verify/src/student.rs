//! Standard errors of means over few seeds.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::erf::erfc;

/// Standard errors that a mean over so many normal seeds exceeds as rarely as a normal number exceeds `normal` deviations.
pub(crate) fn standard_errors(seeds: usize, normal: f64) -> f64 {
    let rare = erfc(normal / std::f64::consts::SQRT_2);
    StudentsT::new(0.0, 1.0, seeds.max(2) as f64 - 1.0).map_or(f64::INFINITY, |t| -t.inverse_cdf(0.5 * rare))
}

/// The mean of numbers, and its standard error.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count.max(2) - 1) as f64;
    (mean, (variance / count as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::standard_errors;

    /// Against tables of Student's distribution: 0.27 % beyond 4.53 (7 degrees of freedom), and 3.0 for many.
    #[test]
    fn few_seeds_need_more_standard_errors() {
        assert!((standard_errors(8, 3.0) - 4.530).abs() < 2e-3, "{}", standard_errors(8, 3.0));
        assert!((standard_errors(100_000, 3.0) - 3.0).abs() < 1e-3);
        assert!((standard_errors(2, 1.0) - 1.837).abs() < 2e-3, "{}", standard_errors(2, 1.0));
    }
}
