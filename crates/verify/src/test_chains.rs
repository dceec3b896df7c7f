//! Chains with known statistics, for tests.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Independent standard normals, `[records][seeds]`.
pub fn normal_chains(records: usize, seeds: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut row = || (0..seeds).map(|_| StandardNormal.sample(&mut random)).collect();
    (0..records).map(|_| row()).collect()
}

/// Stationary AR(1) chains with unit variance: x' = ρ x + √(1 − ρ²) ε, `[records][seeds]`.
pub fn autoregressive(rho: f64, records: usize, seeds: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut rows = normal_chains(records, seeds, seed);
    let scale = (1.0 - rho * rho).sqrt();
    for record in 1..records {
        let (before, after) = rows.split_at_mut(record);
        for (value, previous) in after[0].iter_mut().zip(&before[record - 1]) {
            *value = rho * previous + scale * *value;
        }
    }
    rows
}
