//! The motion of the predictor under any noise: the quotient SDE, and the conditions under which it closes.
//!
//! ```text
//! dθ = −∇L dt + Σ^½ dW,  L = ℓ(F(θ))    gives    dw = (−M ∂ℓ + c) dt + D^½ dW
//! M = JJᵀ,    c = ½ tr(Σ ∇²F),    D = JΣJᵀ
//! ```
//!
//! by Itô's formula. It is an equation for w alone where M, c and D are functions of w. On the balanced slice that takes three things: the noise does
//! not move the charges (Σ∇Q = 0, else they diffuse); they do not drift, tr(AΣ) = 0 for every
//! symmetric A; and what is left of the group on the slice, its rotations, changes none of the three coefficients. All are
//! evaluated, none is assumed. In one coordinate the stationary density of a closed equation is 2/D · exp ∫ 2b/D with b the whole drift.
//!
//! The noise is given by its columns, Σ = Σ_k n_k n_kᵀ: then c is a sum of second derivatives along directions, which a compiled spec
//! takes from its graph. Rejected: Σ as a matrix and all of ∇²F, p² d numbers for a few that matter.

use super::{Law, PredictedLaw, Trace};
use crate::GeometryError;
use crate::orbit::{RANK_CUTOFF, jacobian};
use gaugebias_linalg::{Matrix, exponential, svd};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{Generator, Symmetries};

/// Conditions count as met up to this, relative to the noise or the coefficient.
const MET: f64 = 1e-8;

/// Rotations are tried by this angle per unit of a generator.
const ANGLE: f64 = 0.7;

/// Columns n_k of a factor of Σ = Σ_k n_k n_kᵀ at a θ, each of length p.
pub type NoiseColumns = Vec<Vec<f64>>;

/// The coefficients of the quotient SDE at one θ.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotientSde {
    /// M = JJᵀ, d × d.
    pub metric: Matrix,
    /// c = ½ tr(Σ∇²F), length d, in units of the predictor per time.
    pub ito: Vec<f64>,
    /// D = JΣJᵀ, d × d.
    pub diffusion: Matrix,
}

/// The coefficients at a point.
///
/// # Errors
/// [`GeometryError::NotFinite`], [`GeometryError::WrongLength`].
pub fn quotient_sde(
    model: &dyn Parametrization,
    point: &Point,
    noise: &NoiseColumns,
) -> Result<QuotientSde, GeometryError> {
    let j = jacobian(model, point)?;
    if let Some(column) = noise.iter().find(|n| n.len() != point.theta.len()) {
        return Err(GeometryError::WrongLength { found: column.len(), expected: point.theta.len() });
    }
    let d = j.rows();
    let mut ito = vec![0.0; d];
    for second in model.second_derivatives(&vec![point.clone(); noise.len()], noise) {
        ito.iter_mut().zip(second).for_each(|(c, x)| *c += 0.5 * x);
    }
    if ito.iter().any(|x| !x.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the second derivative of the predictor" });
    }
    let seen: Vec<Vec<f64>> = noise.iter().map(|n| j.mul_vec(n)).collect();
    let diffusion =
        if seen.is_empty() { Matrix::zeros(d, d) } else { Matrix::from_columns(d, &seen).transpose().gram() };
    Ok(QuotientSde { metric: j.transpose().gram(), ito, diffusion })
}

/// Columns of 2τ P_H: an orthonormal basis of the rows of J times √(2τ).
///
/// # Errors
/// [`GeometryError::NotFinite`], [`GeometryError::Linalg`].
pub fn horizontal_noise(
    model: &dyn Parametrization,
    point: &Point,
    temperature: f64,
) -> Result<NoiseColumns, GeometryError> {
    let parts = svd(&jacobian(model, point)?.transpose())?;
    let largest = parts.singular_values.first().copied().unwrap_or(0.0);
    let rank = parts.singular_values.iter().take_while(|&&s| s > RANK_CUTOFF * largest && s > 0.0).count();
    let scale = (2.0 * temperature).sqrt();
    Ok((0..rank).map(|k| parts.u.column(k).iter().map(|x| scale * x).collect()).collect())
}

/// Columns of 2τ · 1.
pub fn isotropic_noise(parameters: usize, temperature: f64) -> NoiseColumns {
    let scale = (2.0 * temperature).sqrt();
    (0..parameters).map(|k| (0..parameters).map(|i| if i == k { scale } else { 0.0 }).collect()).collect()
}

/// The conditions of a closed equation on the slice, each relative to what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closure {
    /// Share of tr Σ along the gradients of the charges: 0 for noise of gradients and for horizontal noise.
    pub charge_diffusion: f64,
    /// Largest |tr(AΣ)| / (|A| tr Σ) over symmetric elements A, |A| the largest entry.
    pub charge_drift: f64,
    /// Largest change of M, c or D under a rotation of the group, relative to the coefficient.
    pub rotation_change: f64,
}

impl Closure {
    /// Whether w moves by an equation of its own.
    pub fn holds(&self) -> bool {
        self.charge_diffusion <= MET && self.charge_drift <= MET && self.holds_at_fixed_charges()
    }

    /// The same where something else keeps the charges, such as rebalancing after every step.
    pub fn holds_at_fixed_charges(&self) -> bool {
        self.rotation_change <= MET
    }

    /// The conditions at a balanced point; `noise` gives the columns of Σ at any θ.
    ///
    /// # Errors
    /// As [`quotient_sde`].
    pub fn at(
        model: &dyn Parametrization,
        symmetries: &Symmetries,
        point: &Point,
        noise: &dyn Fn(&[f64]) -> Result<NoiseColumns, GeometryError>,
    ) -> Result<Self, GeometryError> {
        let columns = noise(&point.theta)?;
        let total: f64 = columns.iter().flatten().map(|x| x * x).sum::<f64>().max(f64::MIN_POSITIVE);
        let drift = |generator: &Generator| {
            let form = |n: &Vec<f64>| generator.apply_linear(n).iter().zip(n).map(|(a, b)| a * b).sum::<f64>();
            let largest = generator.entries().iter().fold(0.0_f64, |m, e| m.max(e.value.abs()));
            columns.iter().map(form).sum::<f64>().abs() / (largest.max(f64::MIN_POSITIVE) * total)
        };
        let charge_drift = symmetries.charges.iter().map(|c| drift(c.generator())).fold(0.0, f64::max);
        let here = quotient_sde(model, point, &columns)?;
        let mut rotation_change = 0.0_f64;
        for rotation in &symmetries.rotations {
            let theta = rotated(rotation, &point.theta)?;
            let there = quotient_sde(model, &Point { theta: theta.clone(), draw: point.draw }, &noise(&theta)?)?;
            rotation_change = rotation_change.max(change(&here, &there));
        }
        let charge_diffusion = along_charges(symmetries, &point.theta, &columns)? / total;
        Ok(Self { charge_diffusion, charge_drift, rotation_change })
    }
}

/// Largest change of a coefficient, relative to its size; of c relative to the size of the noise in w too, since c may be zero.
fn change(here: &QuotientSde, there: &QuotientSde) -> f64 {
    let relative = |a: &Matrix, b: &Matrix| a.add_scaled(-1.0, b).max_abs() / a.max_abs().max(f64::MIN_POSITIVE);
    let difference = here.ito.iter().zip(&there.ito).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
    let size = here.ito.iter().fold(here.diffusion.max_abs(), |m, x| m.max(x.abs()));
    relative(&here.metric, &there.metric)
        .max(relative(&here.diffusion, &there.diffusion))
        .max(difference / size.max(f64::MIN_POSITIVE))
}

/// exp(angle · A) about the fixed point of the rotation.
fn rotated(rotation: &Generator, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    let support = rotation.support();
    let n = support.len();
    let linear = rotation.linear_on_support();
    let shift = |i: usize| rotation.shifts().iter().find(|s| s.0 == support[i]).map_or(0.0, |s| s.1);
    let homogeneous = Matrix::from_fn(n + 1, n + 1, |i, j| match (i < n, j < n) {
        (true, true) => linear[(i, j)],
        (true, false) => shift(i),
        _ => 0.0,
    });
    let mut local: Vec<f64> = support.iter().map(|&i| theta[i]).collect();
    local.push(1.0);
    let image = exponential(&homogeneous.scaled(ANGLE))?.mul_vec(&local);
    let mut moved = theta.to_vec();
    support.iter().zip(image).for_each(|(&i, x)| moved[i] = x);
    Ok(moved)
}

/// Σ_k |P n_k|², P the projector on the gradients of the charges.
fn along_charges(symmetries: &Symmetries, theta: &[f64], columns: &NoiseColumns) -> Result<f64, GeometryError> {
    if symmetries.charges.is_empty() {
        return Ok(0.0);
    }
    let parts = svd(&crate::orbit::fields(symmetries.charges.iter().map(|c| c.generator()), theta))?;
    let largest = parts.singular_values[0];
    let rank = parts.singular_values.iter().take_while(|&&s| s > RANK_CUTOFF * largest && s > 0.0).count();
    let basis = parts.u.column_range(0..rank);
    Ok(columns.iter().flat_map(|n| basis.transpose_mul_vec(n)).map(|x| x * x).sum())
}

impl Trace<'_> {
    /// The stationary law of an observable, given at the nodes, under any noise whose quotient SDE closes on the slice. The curve has
    /// to reach as far as the law does: trace it at a temperature at least that of the noise.
    ///
    /// # Errors
    /// As [`quotient_sde`]; [`GeometryError::NoGradientNoise`] where the noise does not move w; [`GeometryError::NotFinite`].
    pub fn law_under_noise(
        &self,
        symmetries: &Symmetries,
        noise: &dyn Fn(&[f64]) -> Result<NoiseColumns, GeometryError>,
        observed: Vec<f64>,
    ) -> Result<PredictedLaw, GeometryError> {
        self.check_observed(&observed)?;
        let mut logs: Vec<f64> = Vec::with_capacity(self.thetas.len());
        // Along the curve dw = √M ds, and 2b/D dw = −2(M/D) dℓ + 2(c/D)√M ds.
        let mut last: Option<(f64, f64)> = None;
        let mut exponent = 0.0;
        for (at, theta) in self.thetas.iter().enumerate() {
            let sde = quotient_sde(self.curve.model, &Point { theta: theta.clone(), draw: 0 }, &noise(theta)?)?;
            let (m, c, d) = (sde.metric[(0, 0)], sde.ito[0], sde.diffusion[(0, 0)]);
            if d.is_nan() || d <= 0.0 {
                return Err(GeometryError::NoGradientNoise { predictor: self.curve.predictor(theta) });
            }
            let (pull, push) = (2.0 * m / d, 2.0 * c / d * m.sqrt());
            if let Some((pull_before, push_before)) = last {
                let step = self.grid.arc_length[at] - self.grid.arc_length[at - 1];
                exponent -= 0.5 * (pull + pull_before) * (self.losses[at] - self.losses[at - 1]);
                exponent += 0.5 * (push + push_before) * step;
            }
            last = Some((pull, push));
            logs.push(exponent + 0.5 * m.ln() - d.ln());
        }
        let density = self.normalised(&logs)?;
        self.assemble(symmetries, Law::Horizontal, density, observed)
    }
}
