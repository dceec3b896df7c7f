//! Kolmogorov's distribution: what the distance of an exact sample to its law would be.

use std::f64::consts::PI;

/// P(K > x) for Kolmogorov's K, the limit of √n · D: 2 Σ_{k≥1} (−1)^{k−1} e^{−2k²x²}.
///
/// Below 1 that series converges slowly and cancels, so its theta-function dual is summed there:
/// 1 − (√(2π)/x) Σ_{k≥1} e^{−(2k−1)²π²/(8x²)}.
pub fn kolmogorov_survival(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let survival = if x < 1.0 {
        let sum: f64 = (1..=8).map(|k| (-((2 * k - 1) as f64 * PI / x).powi(2) / 8.0).exp()).sum();
        1.0 - (2.0 * PI).sqrt() / x * sum
    } else {
        let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp();
        2.0 * (1..=8).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum::<f64>()
    };
    survival.clamp(0.0, 1.0)
}

/// √n + 0.12 + 0.11/√n: Stephens' (1970) factor, which brings the distance of a sample of size n ≥ 5 to Kolmogorov's distribution.
fn stephens_factor(samples: f64) -> f64 {
    let root = samples.sqrt();
    root + 0.12 + 0.11 / root
}

/// P(D ≥ `distance`) for `samples` independent samples of a continuous law; `samples` may be an effective, non-integer number.
pub fn ks_p_value(distance: f64, samples: f64) -> f64 {
    kolmogorov_survival(distance * stephens_factor(samples))
}

/// P(D ≥ `distance`) for two independent samples of one law, of (effective) sizes n and m: that of one sample of size nm/(n + m).
pub fn two_sample_ks_p_value(distance: f64, left: f64, right: f64) -> f64 {
    ks_p_value(distance, left * right / (left + right))
}

/// The distance that `samples` independent samples of the law exceed with probability `level`, 0 < `level` < 1.
pub fn ks_critical_value(level: f64, samples: f64) -> f64 {
    kolmogorov_quantile(level) / stephens_factor(samples)
}

/// The number of independent samples whose critical value at `level` is `distance`: the root of Stephens' factor, a quadratic in √n.
pub(crate) fn samples_to_resolve(level: f64, distance: f64) -> f64 {
    let linear = kolmogorov_quantile(level) / distance - 0.12;
    (0.5 * (linear + (linear * linear - 0.44).max(0.0).sqrt())).powi(2)
}

/// The x with P(K > x) = `level`.
fn kolmogorov_quantile(level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if kolmogorov_survival(middle) > level { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabulated_quantiles() {
        for (x, level) in [(1.22385, 0.10), (1.35810, 0.05), (1.62762, 0.01), (1.94947, 0.001), (0.82757, 0.5)] {
            let found = kolmogorov_survival(x);
            assert!((found - level).abs() < 2e-5, "P(K > {x}) = {found}, tabulated {level}");
        }
    }

    #[test]
    fn both_series_agree_where_they_meet() {
        let (below, above) = (kolmogorov_survival(1.0 - 1e-12), kolmogorov_survival(1.0));
        assert!((below - above).abs() < 1e-10, "{below} against {above}");
        assert_eq!((kolmogorov_survival(0.0), kolmogorov_survival(0.05), kolmogorov_survival(50.0)), (1.0, 1.0, 0.0));
    }

    /// Exact critical values of the finite-sample distance (Massey 1951; Miller 1956).
    #[test]
    fn small_samples_are_corrected() {
        for (samples, level, exact) in
            [(10.0, 0.05, 0.40925), (10.0, 0.01, 0.48893), (20.0, 0.05, 0.29408), (50.0, 0.01, 0.22604)]
        {
            let found = ks_critical_value(level, samples);
            assert!((found - exact).abs() < 2e-3, "n = {samples}, level {level}: {found}, exact {exact}");
        }
    }

    #[test]
    fn critical_value_and_p_value_invert_each_other() {
        for samples in [12.5, 1e3, 1e6] {
            for level in [0.2, 0.01, 1e-6] {
                let p = ks_p_value(ks_critical_value(level, samples), samples);
                assert!((p / level - 1.0).abs() < 1e-9, "{p} against {level}");
                let resolved = samples_to_resolve(level, ks_critical_value(level, samples));
                assert!((resolved / samples - 1.0).abs() < 1e-9, "{resolved} against {samples}");
            }
        }
    }
}
