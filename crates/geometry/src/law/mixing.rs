//! What several chains say of their own convergence: split R̂, and how many independent draws they are worth.
//!
//! Both compare the variance between halves of chains with that within them; the second sums autocorrelations in Geyer's
//! pairs while these are positive and falling (Gelman et al., Bayesian Data Analysis, 11.4 and 11.5). Rejected: the variance of
//! the means of the chains alone. Eight means say little of a variance, and nothing of one chain that is stuck in two modes.

/// Values of one function along chains of equal length, halved: the halves of a chain that drifts are two that disagree.
pub(crate) struct Halves<'a> {
    halves: Vec<&'a [f64]>,
    means: Vec<f64>,
    /// Mean variance within the halves.
    within: f64,
    /// The variance of the law by within and between halves.
    whole: f64,
}

impl<'a> Halves<'a> {
    /// Of at least four values a chain.
    pub fn new(chains: &'a [Vec<f64>]) -> Self {
        let half = chains[0].len() / 2;
        let halves: Vec<&[f64]> = chains.iter().flat_map(|c| [&c[..half], &c[c.len() - half..]]).collect();
        let count = half as f64;
        let means: Vec<f64> = halves.iter().map(|h| h.iter().sum::<f64>() / count).collect();
        let squares = |(h, mean): (&&[f64], &f64)| h.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let within = halves.iter().zip(&means).map(squares).sum::<f64>() / halves.len() as f64;
        let middle = means.iter().sum::<f64>() / means.len() as f64;
        let between = means.iter().map(|m| (m - middle).powi(2)).sum::<f64>() / (means.len() as f64 - 1.0);
        Self { halves, means, within, whole: within * (count - 1.0) / count + between }
    }

    /// R̂: 1 where all halves agree.
    pub fn r_hat(&self) -> f64 {
        if self.is_constant() { 1.0 } else { (self.whole / self.within).sqrt() }
    }

    /// Independent draws that all values are worth.
    pub fn independent(&self) -> f64 {
        let length = self.halves[0].len();
        let all = (length * self.halves.len()) as f64;
        if self.is_constant() {
            return all;
        }
        let (mut sum, mut last) = (0.0, f64::INFINITY);
        for pair in 0..length / 2 {
            let both = self.autocorrelation(2 * pair) + self.autocorrelation(2 * pair + 1);
            if both <= 0.0 {
                break;
            }
            last = both.min(last);
            sum += last;
        }
        // Chains that swing from side to side know a mean better than independent draws; no law rests on that.
        all / (2.0 * sum - 1.0).max(1.0)
    }

    fn is_constant(&self) -> bool {
        self.whole <= 1e-24 * self.means.iter().map(|m| m * m).sum::<f64>() || self.whole == 0.0
    }

    fn autocorrelation(&self, lag: usize) -> f64 {
        let covariance = |(h, mean): (&&[f64], &f64)| {
            let pairs = h.iter().zip(&h[lag..]).map(|(x, y)| (x - mean) * (y - mean));
            pairs.sum::<f64>() / h.len() as f64
        };
        let mean = self.halves.iter().zip(&self.means).map(covariance).sum::<f64>() / self.halves.len() as f64;
        1.0 - (self.within - mean) / self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::Halves;
    use rand_distr::{Distribution, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::SeedableRng;

    /// x ← ρx + √(1 − ρ²) z: n draws are worth n(1 − ρ)/(1 + ρ).
    fn autoregressive(rho: f64, shift: f64) -> Vec<Vec<f64>> {
        let chain = |seed| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut x: f64 = StandardNormal.sample(&mut rng);
            let mut next = || {
                let z: f64 = StandardNormal.sample(&mut rng);
                x = rho * x + (1.0 - rho * rho).sqrt() * z;
                x + shift * f64::from(u8::from(seed == 0))
            };
            (0..4000).map(|_| next()).collect()
        };
        (0..8).map(chain).collect()
    }

    #[test]
    fn correlated_draws_are_worth_fewer() {
        for rho in [0.0, 0.5, 0.9] {
            let chains = autoregressive(rho, 0.0);
            let halves = Halves::new(&chains);
            let expected = 32_000.0 * (1.0 - rho) / (1.0 + rho);
            let found = halves.independent();
            assert!((found / expected - 1.0).abs() < 0.12, "{rho}: {found} against {expected}");
            assert!(halves.r_hat() < 1.02, "{rho}: {}", halves.r_hat());
        }
    }

    #[test]
    fn a_chain_in_another_place_is_seen() {
        let chains = autoregressive(0.5, 1.5);
        let halves = Halves::new(&chains);
        assert!(halves.r_hat() > 1.05, "{}", halves.r_hat());
        assert!(halves.independent() < 200.0, "{}", halves.independent());
        let constant = vec![vec![2.0; 10]; 8];
        assert_eq!((Halves::new(&constant).r_hat(), Halves::new(&constant).independent()), (1.0, 80.0));
    }

    #[test]
    fn a_chain_that_drifts_disagrees_with_itself() {
        let drifting: Vec<Vec<f64>> =
            (0..8).map(|k| (0..100).map(|i| f64::from(i) + 0.1 * f64::from(k)).collect()).collect();
        assert!(Halves::new(&drifting).r_hat() > 1.5);
    }
}
