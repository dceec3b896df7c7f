//! The law under a gauge potential of finite stiffness, exactly.
//!
//! With the potential κ‖χ‖²/2 isotropic noise has the density e^{−(L + κ‖χ‖²/2)/τ} dθ, and L is constant along orbits. Where the symmetric elements
//! A_a commute with the whole algebra, θ = exp(Σ c_a A_a)θ_S are coordinates of the fiber, and dθ is det exp(cA) times the volume that the
//! generators and the curve span at θ_S; so, with respect to arc length along the slice,
//!
//! ```text
//! vol(Ξ(θ_S)) e^{−L/τ} ∫ e^{Σ c_a tr A_a − κ‖χ(exp(cA)θ_S)‖²/2τ} dc
//! ```
//!
//! For u·v with χ = (u² − v²)/2 the integral is e^a K₀(a)/2 with a = κw²/4τ. Its limit κ → ∞ is the conditioned law. Rejected: an expansion in 1/κ,
//! which is singular where the slice is (w = 0).

use super::{Law, PredictedLaw, Trace};
use crate::GeometryError;
use crate::orbit::{fields, log_volume};
use gaugebias_linalg::{Matrix, symmetric_eigen};
use gaugebias_symmetry::{Generator, Symmetries};

/// Charges whose coordinates are integrated over; each multiplies the cost.
const MOST_CHARGES: usize = 2;
/// Intervals of the trapezoidal rule along each coordinate; the integrand is analytic and decays at both ends.
const INTERVALS: usize = 200;
/// An integrand below e^−this times its value at 0 is left out.
const DEPTH: f64 = 40.0;
/// Longest coordinate, in units of a generator.
const FARTHEST: f64 = 300.0;

/// The action of a symmetric generator by its eigenvectors.
struct Action<'a> {
    support: &'a [usize],
    vectors: Matrix,
    values: Vec<f64>,
    trace: f64,
}

impl<'a> Action<'a> {
    fn new(generator: &'a Generator) -> Result<Self, GeometryError> {
        let eigen = symmetric_eigen(&generator.linear_on_support())?;
        let trace = generator.trace();
        Ok(Self { support: generator.support(), vectors: eigen.vectors, values: eigen.values, trace })
    }

    /// exp(cA)θ.
    fn moved(&self, c: f64, theta: &[f64]) -> Vec<f64> {
        let local: Vec<f64> = self.support.iter().map(|&i| theta[i]).collect();
        let mut spectral = self.vectors.transpose_mul_vec(&local);
        spectral.iter_mut().zip(&self.values).for_each(|(x, value)| *x *= (c * value).exp());
        let mut moved = theta.to_vec();
        self.support.iter().zip(self.vectors.mul_vec(&spectral)).for_each(|(&i, x)| moved[i] = x);
        moved
    }
}

impl Trace<'_> {
    /// The law of an observable, given at the nodes, under κ‖χ‖²/2; `squared_gauge` is ‖χ‖² as a function of many θ. `None` where the symmetric
    /// elements are more than two, affine, or do not commute with the algebra.
    ///
    /// # Errors
    /// [`GeometryError::NotFinite`] where the potential does not confine the orbit.
    pub fn stiff_law(
        &self,
        symmetries: &Symmetries,
        stiffness: f64,
        squared_gauge: &dyn Fn(&[Vec<f64>]) -> Vec<f64>,
        observed: Vec<f64>,
    ) -> Result<Option<PredictedLaw>, GeometryError> {
        self.check_observed(&observed)?;
        let charges: Vec<&Generator> = symmetries.charges.iter().map(|c| c.generator()).collect();
        if charges.is_empty() || charges.len() > MOST_CHARGES || !are_central(&charges, symmetries) {
            return Ok(None);
        }
        let actions = charges.iter().map(|g| Action::new(g)).collect::<Result<Vec<_>, _>>()?;
        let lowest = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let strength = stiffness / (2.0 * self.temperature);
        let mut logs = Vec::with_capacity(self.thetas.len());
        for (theta, loss) in self.thetas.iter().zip(&self.losses) {
            let columns = fields(&symmetries.generators, theta);
            let rank = gaugebias_linalg::relative_rank(&columns, crate::orbit::RANK_CUTOFF)?;
            let orbit = log_volume(&columns, rank)?;
            let fiber = log_integral(&actions, theta, strength, squared_gauge)?;
            logs.push((lowest - loss) / self.temperature + orbit + fiber);
        }
        let density = self.normalised(&logs)?;
        self.assemble(symmetries, Law::Rigid, density, observed).map(Some)
    }
}

/// Whether the elements are linear and commute with every generator.
fn are_central(elements: &[&Generator], symmetries: &Symmetries) -> bool {
    let commute = |a: &Generator, b: &Generator| {
        let unit = |i: usize| (0..symmetries.parameters).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        b.support().iter().chain(a.support()).all(|&i| {
            let e = unit(i);
            let (ab, ba) = (a.apply_linear(&b.apply_linear(&e)), b.apply_linear(&a.apply_linear(&e)));
            ab.iter().zip(&ba).all(|(x, y)| (x - y).abs() < 1e-9)
        })
    };
    let linear = symmetries.generators.iter().all(|g| g.shifts().is_empty());
    linear && elements.iter().all(|a| symmetries.generators.iter().all(|b| commute(a, b)))
}

/// log ∫ e^{Σ c tr A − strength ‖χ‖²} dc over the coordinates of the fiber, by the trapezoidal rule.
fn log_integral(
    actions: &[Action<'_>],
    theta: &[f64],
    strength: f64,
    squared_gauge: &dyn Fn(&[Vec<f64>]) -> Vec<f64>,
) -> Result<f64, GeometryError> {
    let mut nodes: Vec<(Vec<f64>, f64)> = vec![(theta.to_vec(), 0.0)];
    let mut cell = 1.0;
    for action in actions {
        let exponent = |c: f64| {
            let moved = action.moved(c, theta);
            c * action.trace - strength * squared_gauge(std::slice::from_ref(&moved))[0]
        };
        let (low, high) = (end(&exponent, -1.0)?, end(&exponent, 1.0)?);
        let step = (high - low) / INTERVALS as f64;
        cell *= step;
        let along = |(theta, trace): &(Vec<f64>, f64)| {
            let at = |k: usize| low + k as f64 * step;
            (0..=INTERVALS).map(|k| (action.moved(at(k), theta), trace + at(k) * action.trace)).collect::<Vec<_>>()
        };
        nodes = nodes.iter().flat_map(along).collect();
    }
    let (thetas, traces): (Vec<Vec<f64>>, Vec<f64>) = nodes.into_iter().unzip();
    let exponents: Vec<f64> =
        squared_gauge(&thetas).iter().zip(traces).map(|(chi, trace)| trace - strength * chi).collect();
    let top = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = exponents.iter().map(|x| (x - top).exp()).sum();
    Ok(top + (sum * cell).ln())
}

/// Where the exponent has fallen by the depth, in one direction.
fn end(exponent: &dyn Fn(f64) -> f64, sign: f64) -> Result<f64, GeometryError> {
    let here = exponent(0.0);
    let mut far = 1e-3;
    while far < FARTHEST {
        let there = exponent(sign * far);
        if there.is_nan() || there < here - DEPTH {
            return Ok(sign * far);
        }
        far *= 1.2;
    }
    Err(GeometryError::NotFinite { what: "the weight of an orbit under the potential, which does not confine it," })
}
