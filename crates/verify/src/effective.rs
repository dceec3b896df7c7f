//! How many independent samples correlated chains are worth.

use crate::{Chains, StatisticsError};

/// Lags walked before the series is averaged in pairs. It bounds the cost at (samples × this), however slowly chains mix.
const MOST_LAGS: usize = 64;

/// Effective sample size for the mean of the observable: N_eff = Var(x) / Var(x̄), at most records × seeds.
///
/// Var(x̄) = (γ₀ + 2 Σ_t (1 − t/N) γ_t) / (N·M) for M chains of N records, with autocovariances γ_t pooled over the chains around the *common* mean: a chain
/// that sits somewhere else than the others then shows as slow mixing, as it must. The sum is cut by Geyer's (1992) initial monotone positive
/// sequence. Where 64 lags do not reach the cut, neighbouring records are averaged in pairs, which leaves Var(x̄) as it is.
///
/// # Errors
/// [`StatisticsError::ConstantSample`] if the values have no variance beyond rounding.
pub fn effective_sample_size(chains: &Chains) -> Result<f64, StatisticsError> {
    let chains_of = |chain: &[f64]| chain.to_vec();
    ratio_of_variances(chains.iter().map(chains_of).collect())
        .ok_or_else(|| StatisticsError::ConstantSample { samples: chains.samples(), value: chains.values()[0] })
}

/// Effective sample size for a comparison of *distributions*: the least of those of the observable and of the events {x ≤ q}, q its quartiles.
///
/// A Kolmogorov–Smirnov distance is a supremum over such events, and an observable whose mean mixes at once (say, one with a random sign) can have a
/// scale that mixes slowly.
///
/// # Errors
/// As [`effective_sample_size`].
pub fn effective_samples(chains: &Chains) -> Result<f64, StatisticsError> {
    let sorted = chains.sorted();
    let mut least = effective_sample_size(chains)?;
    for quarter in 1..=3 {
        let quartile = sorted[(sorted.len() * quarter / 4).saturating_sub(1)];
        let event = |chain: &[f64]| chain.iter().map(|&x| f64::from(u8::from(x <= quartile))).collect();
        // An event of probability 1 (heavily tied samples) has no variance, and says nothing about mixing.
        if let Some(size) = ratio_of_variances(chains.iter().map(event).collect()) {
            least = least.min(size);
        }
    }
    Ok(least)
}

/// Var(x)/Var(x̄) of equally long chains, or none if the values do not vary.
fn ratio_of_variances(mut series: Vec<Vec<f64>>) -> Option<f64> {
    let samples = (series.len() * series[0].len()) as f64;
    let centre = series.iter().flatten().sum::<f64>() / samples;
    series.iter_mut().flatten().for_each(|value| *value -= centre);
    let variance = pooled_autocovariance(&series, 0);
    let rounding = (4.0 * f64::EPSILON * centre).powi(2);
    if variance <= rounding {
        return None;
    }
    let variance_of_mean = loop {
        match variance_of_mean(&series) {
            Some(found) => break found,
            None => series.iter_mut().for_each(average_pairs),
        }
    };
    Some((variance / variance_of_mean).min(samples))
}

/// (1/(N·M)) Σ over chains and records of x_i x_{i+lag}, for centred values. Dividing by N and not N − lag carries the weight 1 − lag/N.
fn pooled_autocovariance(series: &[Vec<f64>], lag: usize) -> f64 {
    let samples = series.len() * series[0].len();
    let products = |chain: &Vec<f64>| chain.iter().zip(&chain[lag..]).map(|(a, b)| a * b).sum::<f64>();
    series.iter().map(products).sum::<f64>() / samples as f64
}

/// Variance of the mean by Geyer's initial monotone positive sequence; none if it is not cut within [`MOST_LAGS`] of a longer series.
fn variance_of_mean(series: &[Vec<f64>]) -> Option<f64> {
    let records = series[0].len();
    let variance = pooled_autocovariance(series, 0);
    let mut last_pair = f64::INFINITY;
    let mut sum = -variance;
    for lag in (0..records).step_by(2) {
        if lag >= MOST_LAGS && records > 2 * MOST_LAGS {
            return None;
        }
        let odd = if lag + 1 < records { pooled_autocovariance(series, lag + 1) } else { 0.0 };
        let pair = (pooled_autocovariance(series, lag) + odd).min(last_pair);
        if pair <= 0.0 {
            break;
        }
        sum += 2.0 * pair;
        last_pair = pair;
    }
    // Strong anticorrelation at lag 1 can leave nothing; the variance of independent samples is then the safe side.
    let per_sample = if sum > 0.0 { sum } else { variance };
    Some(per_sample / (series.len() * records) as f64)
}

fn average_pairs(chain: &mut Vec<f64>) {
    *chain = chain.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_chains::{autoregressive, normal_chains};

    /// N_eff → N (1 − ρ)/(1 + ρ) for an AR(1) process; the relative error of the estimate is a few per cent at these lengths.
    #[test]
    fn autoregressive_chains_have_the_known_size() {
        for (rho, records, tolerance) in
            [(0.0, 4_000, 0.05), (0.5, 4_000, 0.07), (0.9, 8_000, 0.10), (0.99, 20_000, 0.15), (0.999, 200_000, 0.2)]
        {
            let chains = Chains::from_records(&autoregressive(rho, records, 16, 7)).unwrap();
            let expected = chains.samples() as f64 * (1.0 - rho) / (1.0 + rho);
            let found = effective_sample_size(&chains).unwrap();
            assert!((found / expected - 1.0).abs() < tolerance, "ρ = {rho}: {found:.0}, expected {expected:.0}");
        }
    }

    /// For chains of N records the variance of the mean has a closed form; short chains must not be credited with N → ∞.
    #[test]
    fn short_chains_keep_the_finite_length_weights() {
        let (rho, records, seeds) = (0.9_f64, 8, 20_000);
        let weighted: f64 = (1..records).map(|t| (1.0 - t as f64 / records as f64) * rho.powi(t as i32)).sum();
        let expected = (records * seeds) as f64 / (1.0 + 2.0 * weighted);
        let chains = Chains::from_records(&autoregressive(rho, records, seeds, 3)).unwrap();
        let found = effective_sample_size(&chains).unwrap();
        assert!((found / expected - 1.0).abs() < 0.03, "{found:.0}, expected {expected:.0}");
    }

    #[test]
    fn independent_records_count_in_full() {
        let chains = Chains::from_records(&normal_chains(1, 5_000, 1)).unwrap();
        assert_eq!(effective_samples(&chains).unwrap(), 5_000.0);
    }

    /// Chains that each sit at their own place are worth one sample each, however long they are.
    #[test]
    fn stuck_chains_are_worth_one_sample_each() {
        let seeds = 40;
        let rows: Vec<Vec<f64>> = normal_chains(5_000, seeds, 11)
            .into_iter()
            .map(|row| row.iter().enumerate().map(|(seed, x)| seed as f64 + 0.01 * x).collect())
            .collect();
        let found = effective_sample_size(&Chains::from_records(&rows).unwrap()).unwrap();
        assert!(found < 1.5 * seeds as f64, "{found}");
    }

    /// x = sign · scale, with the sign drawn anew and the scale mixing slowly: the mean converges at once, the law does not.
    #[test]
    fn slow_scales_are_seen_through_fast_signs() {
        let slow = autoregressive(0.99, 20_000, 4, 5);
        let fast = normal_chains(20_000, 4, 6);
        let rows: Vec<Vec<f64>> = slow
            .iter()
            .zip(&fast)
            .map(|(scales, signs)| scales.iter().zip(signs).map(|(scale, sign)| sign.signum() * scale.exp()).collect())
            .collect();
        let chains = Chains::from_records(&rows).unwrap();
        let (mean, law) = (effective_sample_size(&chains).unwrap(), effective_samples(&chains).unwrap());
        assert!(law < 0.2 * mean, "mean {mean:.0}, law {law:.0}");
    }
}
