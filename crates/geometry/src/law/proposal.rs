//! Where the points of a cloud are asked for: a normal proposal, and the nodes of a lattice that it maps.

use crate::GeometryError;
use gaugebias_linalg::{Matrix, symmetric_eigen};
use statrs::function::erf::erf_inv;

/// Standard deviations of the proposal relative to the fitted ones, and their shares.
const MIXTURE: [(f64, f64); 2] = [(1.15, 0.85), (2.5, 0.15)];

/// A mixture of two normal densities with one centre.
pub(crate) struct Proposal {
    pub mean: Vec<f64>,
    pub covariance: Matrix,
    /// Columns: eigenvectors times standard deviations.
    pub axes: Matrix,
    log_det: f64,
}

impl Proposal {
    pub fn new(mean: Vec<f64>, covariance: &Matrix) -> Result<Self, GeometryError> {
        let eigen = symmetric_eigen(covariance)?;
        let largest = eigen.values.iter().copied().fold(0.0, f64::max);
        let deviations: Vec<f64> = eigen.values.iter().map(|x| x.max(1e-8 * largest).sqrt()).collect();
        let axes = Matrix::from_fn(mean.len(), mean.len(), |i, j| eigen.vectors[(i, j)] * deviations[j]);
        let log_det = deviations.iter().map(|s| s.ln()).sum();
        Ok(Self { mean, covariance: covariance.clone(), axes, log_det })
    }

    /// The place of a node of the unit cube, in standard deviations along the axes.
    pub fn standard(&self, node: &[f64]) -> Vec<f64> {
        let n = self.mean.len();
        let width = if node[n] < MIXTURE[0].1 { MIXTURE[0].0 } else { MIXTURE[1].0 };
        node[..n].iter().map(|u| width * std::f64::consts::SQRT_2 * erf_inv(2.0 * u - 1.0)).collect()
    }

    /// Coordinates of a place given in standard deviations along the axes.
    pub fn place(&self, z: &[f64]) -> Vec<f64> {
        self.mean.iter().zip(self.axes.mul_vec(z)).map(|(m, x)| m + x).collect()
    }

    /// The point of a node of the unit cube, and the log density there.
    pub fn point(&self, node: &[f64]) -> (Vec<f64>, f64) {
        let n = self.mean.len();
        let z = self.standard(node);
        let square: f64 = z.iter().map(|z| z * z).sum();
        let parts = MIXTURE.map(|(width, share)| {
            share.ln()
                - 0.5 * square / (width * width)
                - n as f64 * (width.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln())
        });
        let top = parts[0].max(parts[1]);
        let log = top + parts.iter().map(|part| (part - top).exp()).sum::<f64>().ln() - self.log_det;
        (self.place(&z), log)
    }
}

/// Richtmyer's lattices in the unit cube: node k is the fractional part of shift + kα, with α_j the root of the j-th prime. (Powers
/// of the generalised golden ratio were tried: in four and five dimensions the distribution function of a norm came out no better
/// than by random points.)
pub(crate) struct Lattice {
    steps: Vec<f64>,
    seed: u64,
}

impl Lattice {
    pub fn new(dimension: usize, seed: u64) -> Self {
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        let steps = (2_u64..).filter(is_prime).take(dimension).map(|prime| (prime as f64).sqrt().fract()).collect();
        Self { steps, seed }
    }

    pub fn node(&self, shift: usize, index: usize) -> Vec<f64> {
        let at = |(j, step): (usize, &f64)| {
            let offset = uniform(self.seed, shift as u64, j as u64);
            (offset + index as f64 * step).fract().clamp(1e-12, 1.0 - 1e-12)
        };
        self.steps.iter().enumerate().map(at).collect()
    }
}

/// A number in [0, 1) of three whole numbers, by SplitMix64.
fn uniform(seed: u64, shift: u64, axis: u64) -> f64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (shift << 32 | axis).wrapping_mul(0xd134_2543_de82_ef95);
    for multiplier in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
        z = (z ^ (z >> 30)).wrapping_mul(multiplier);
    }
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
