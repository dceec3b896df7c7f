//! The law of the smaller singular value of a 2 × 2 matrix W under L = ½‖W − C‖², C = diag(c₁, c₂), in the component det W > 0.
//!
//! ```text
//! W = R(α) diag(σ₁, σ₂) R(β),   dW ∝ (σ₁² − σ₂²) dσ₁ dσ₂ dα dβ
//! tr(WᵀC) = ½ (σ₁ + σ₂)(c₁ + c₂) cos(α + β) + ½ (σ₁ − σ₂)(c₁ − c₂) cos(α − β)
//! p(σ₂) ∝ ∫_(σ₁ > σ₂) (σ₁² − σ₂²) e^(−(σ₁² + σ₂²)/2τ − R) I₀((σ₁ + σ₂)(c₁ + c₂)/2τ) I₀((σ₁ − σ₂)(c₁ − c₂)/2τ) dσ₁
//! ```
//!
//! I₀ is the modified Bessel function, which the two angles leave.

use super::log_sum;

/// c₁, c₂: some four deviations away from the border σ₂ = 0 of the component at the temperature of the law.
pub(super) const CENTRE: [f64; 2] = [1.8, 1.1];
/// Midpoints of the quadrature over σ₁.
const NODES: u32 = 240;

/// log p(σ₂) up to a constant for a penalty R(σ₁, σ₂).
pub(super) fn log_weight(sigma: f64, temperature: f64, penalty: &dyn Fn([f64; 2]) -> f64) -> f64 {
    let [first, second] = CENTRE;
    // Beyond this the exponent of σ₁ is below −50.
    let top = sigma.max(first) + 10.0 * temperature.sqrt();
    let width = (top - sigma) / f64::from(NODES);
    let at = |k: u32| {
        let larger = sigma + width * (f64::from(k) + 0.5);
        let (sum, difference) = (larger + sigma, larger - sigma);
        (sum * difference).ln() - 0.5 * (larger * larger + sigma * sigma) / temperature - penalty([larger, sigma])
            + log_bessel(0.5 * sum * (first + second) / temperature)
            + log_bessel(0.5 * difference * (first - second) / temperature)
    };
    width.ln() + log_sum((0..NODES).map(at).collect::<Vec<_>>())
}

/// log I₀(x) for x ≥ 0, to about 2e-7 (Abramowitz and Stegun, 9.8.1 and 9.8.2).
fn log_bessel(x: f64) -> f64 {
    let horner = |coefficients: &[f64], t: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c);
    if x < 3.75 {
        let t = (x / 3.75).powi(2);
        return horner(&[1.0, 3.515_622_9, 3.089_942_4, 1.206_749_2, 0.265_973_2, 0.036_076_8, 0.004_581_3], t).ln();
    }
    let series = [
        0.398_942_28,
        0.013_285_92,
        0.002_253_19,
        -0.001_575_65,
        0.009_162_81,
        -0.020_577_06,
        0.026_355_37,
        -0.016_476_33,
        0.003_923_77,
    ];
    x - 0.5 * x.ln() + horner(&series, 3.75 / x).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I₀(x) is the mean of e^(x cos θ).
    #[test]
    fn the_bessel_function_is_its_integral() {
        for x in [0.0, 0.3, 3.7, 3.8, 12.0, 80.0] {
            let ring = |k: u32| x * (std::f64::consts::TAU * (f64::from(k) + 0.5) / 400.0).cos();
            let expected = log_sum((0..400).map(ring).collect::<Vec<_>>()) - 400.0_f64.ln();
            assert!((log_bessel(x) - expected).abs() < 1e-6, "{x}: {} {expected}", log_bessel(x));
        }
    }

    /// Without a penalty W is normal around C: shares of σ₂ below places, against matrices on a grid of normal quantiles.
    #[test]
    fn without_a_penalty_it_is_the_law_of_normal_matrices() {
        let (temperature, places) = (0.06_f64, [0.7, 1.0, 1.3]);
        let mut below = [0.0; 3];
        let (mut all, count) = (0.0, 22_i32);
        let node = |k: i32| -4.0 + 8.0 * (f64::from(k) + 0.5) / f64::from(count);
        for index in 0..count.pow(4) {
            let x = [0, 1, 2, 3].map(|axis| node(index / count.pow(axis) % count));
            let w: Vec<f64> = x.iter().zip([1.8, 0.0, 0.0, 1.1]).map(|(x, c)| c + temperature.sqrt() * x).collect();
            let (sum, difference) = ((w[0] + w[3]).hypot(w[1] - w[2]), (w[0] - w[3]).hypot(w[1] + w[2]));
            let weight = (-0.5 * x.iter().map(|x| x * x).sum::<f64>()).exp();
            all += weight;
            let sigma = 0.5 * (sum - difference);
            places.iter().zip(&mut below).filter(|(place, _)| sigma < **place).for_each(|(_, below)| *below += weight);
        }
        let grid: Vec<f64> = (1..900).map(|k| f64::from(k) / 400.0).collect();
        let density: Vec<f64> = grid.iter().map(|x| log_weight(*x, temperature, &|_| 0.0).exp()).collect();
        let total: f64 = density.iter().sum();
        for (place, below) in places.iter().zip(below) {
            let share = grid.iter().zip(&density).filter(|(x, _)| *x < place).map(|(_, p)| p).sum::<f64>() / total;
            assert!((share - below / all).abs() < 0.01, "{place}: {share} {}", below / all);
        }
    }
}
