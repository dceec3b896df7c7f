//! What isotropic horizontal noise does to the charges: their drift, and where along an orbit it ends.
//!
//! ```text
//! dE Q_A/dt = τ tr(A P_H),    P_H = 1 − (projector on the orbit)
//! ```
//!
//! The orbit of one charge is θ(c) = exp(cA)θ, along which the predictor is constant and Q_A grows. The drift pulls back to a zero
//! where it falls with c; where it keeps its sign, the charge moves for ever and θ has no stationary law.

use crate::GeometryError;
use crate::orbit::{RANK_CUTOFF, fields};
use gaugebias_linalg::{Matrix, exponential, svd};
use gaugebias_symmetry::{Generator, Symmetries};

/// Orbits are followed to exp(±this · A), in steps of a fortieth.
const FARTHEST: f64 = 6.0;
/// Drifts at most this large are zero.
const ZERO: f64 = 1e-8;

/// What the noise does to one charge at one value of the predictor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoiseEquilibrium {
    /// The drift vanishes where the charge does.
    Balanced,
    /// The drift vanishes, falling, at this value of the charge.
    At(f64),
    /// The drift has this sign along the whole orbit: the charge moves for ever.
    Never(f64),
    /// The drift vanishes along the whole orbit: each level keeps its charge.
    Everywhere,
}

/// tr(A P_H) of every charge, in the order of [`Symmetries::charges`].
///
/// # Errors
/// [`GeometryError::Linalg`].
pub fn charge_drifts(symmetries: &Symmetries, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    if symmetries.charges.is_empty() {
        return Ok(Vec::new());
    }
    let parts = svd(&fields(&symmetries.generators, theta))?;
    let largest = parts.singular_values.first().copied().unwrap_or(0.0);
    let rank = parts.singular_values.iter().take_while(|&&s| s > RANK_CUTOFF * largest && s > 0.0).count();
    let trace = |generator: &Generator| {
        let along = |j: usize| {
            let e = parts.u.column(j);
            generator.apply_linear(&e).iter().zip(&e).map(|(a, b)| a * b).sum::<f64>()
        };
        generator.trace() - (0..rank).map(along).sum::<f64>()
    };
    Ok(symmetries.charges.iter().map(|charge| trace(charge.generator())).collect())
}

/// The noise equilibrium of every charge along its own orbit through a balanced point.
///
/// # Errors
/// [`GeometryError::Linalg`].
pub fn noise_equilibria(symmetries: &Symmetries, balanced: &[f64]) -> Result<Vec<NoiseEquilibrium>, GeometryError> {
    (0..symmetries.charges.len()).map(|index| noise_equilibrium(symmetries, index, balanced)).collect()
}

/// The noise equilibrium of one charge, `symmetries.charges[index]`, along the orbit that its own generator makes through a point.
///
/// # Errors
/// [`GeometryError::Linalg`].
pub fn noise_equilibrium(
    symmetries: &Symmetries,
    index: usize,
    theta: &[f64],
) -> Result<NoiseEquilibrium, GeometryError> {
    let charge = &symmetries.charges[index];
    let drift = |c: f64| -> Result<(f64, f64), GeometryError> {
        let moved = moved(charge.generator(), c, theta)?;
        Ok((charge_drifts(symmetries, &moved)?[index], charge.value(&moved)))
    };
    let here = drift(0.0)?.0;
    let steps = 40;
    let at = |k: i32| f64::from(k) * FARTHEST / f64::from(steps);
    let sampled: Vec<(f64, f64, f64)> = (-steps..=steps)
        .map(|k| drift(at(k)).map(|(drift, charge)| (at(k), drift, charge)))
        .collect::<Result<_, _>>()?;
    let largest = sampled.iter().fold(0.0_f64, |m, (_, drift, _)| m.max(drift.abs()));
    if largest <= ZERO {
        return Ok(NoiseEquilibrium::Everywhere);
    }
    if here.abs() <= ZERO {
        return Ok(NoiseEquilibrium::Balanced);
    }
    for pair in sampled.windows(2) {
        // Rounding far out on the orbit is no equilibrium.
        if pair[0].1 > ZERO && pair[1].1 < -ZERO {
            let (mut low, mut high) = (pair[0].0, pair[1].0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if drift(middle)?.0 > 0.0 { low = middle } else { high = middle }
            }
            return Ok(NoiseEquilibrium::At(drift(low)?.1));
        }
    }
    Ok(NoiseEquilibrium::Never(here.signum()))
}

/// exp(cA)θ on the support of A.
fn moved(generator: &Generator, c: f64, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    let support = generator.support();
    let element: Matrix = exponential(&generator.linear_on_support().scaled(c))?;
    let local: Vec<f64> = support.iter().map(|&i| theta[i]).collect();
    let mut moved = theta.to_vec();
    support.iter().zip(element.mul_vec(&local)).for_each(|(&i, x)| moved[i] = x);
    Ok(moved)
}
