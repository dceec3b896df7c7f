/// Holm's (1979) step-down adjustment: rejecting every hypothesis whose adjusted p-value is at most α keeps the family-wise error at α, under any
/// dependence, and rejects all that Bonferroni's division rejects.
///
/// For p₍₁₎ ≤ … ≤ p₍ₘ₎: adjusted p₍ᵢ₎ = max_{j ≤ i} min(1, (m − j + 1) p₍ⱼ₎), returned in the order given. For families that span several reports,
/// e.g. one law tested on many specs.
pub fn holm_adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest.max(((p_values.len() - rank) as f64 * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_example() {
        let adjusted = holm_adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn never_above_one_never_below_the_raw_value() {
        let raw = [0.9, 0.8, 0.4];
        let adjusted = holm_adjusted(&raw);
        assert_eq!(adjusted, [1.0, 1.0, 1.0]);
        assert!(holm_adjusted(&[]).is_empty());
    }
}
