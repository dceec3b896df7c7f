//! The quotient SDE of a spec's own noise at its start, and whether it closes there.
//!
//! The noise of gradients is estimated from 8,192 draws (to some per cent), the same at every θ, so that what a rotation of θ does to it is exact. Its covariance
//! enters by its principal columns, at most as many as J has rows.

use gaugebias_geometry::GeometryError;
use gaugebias_geometry::law::quotient::{Closure, NoiseColumns, horizontal_noise, isotropic_noise, quotient_sde};
use gaugebias_linalg::{Matrix, svd};
use gaugebias_model::Parametrization;
use gaugebias_model::spec::{Constraint, Law, Noise, Spec};
use gaugebias_symmetry::Symmetries;
use serde::Serialize;

use super::conditions;
use super::functions::{Functions, at};
use super::gradient_noise::{deviations, gradient};

/// Gradients drawn at a θ.
const DRAWS: u64 = 8192;
/// Models of more parameters are left out: their noise has too many columns.
const MOST_PARAMETERS: usize = 200;
/// Coefficients are listed for predictors of at most this many coordinates.
const MOST_LISTED: usize = 16;
/// Columns shorter than this, relative to the longest, are rounding.
const SHORTEST: f64 = 1e-9;

/// dw = (−M∂ℓ + c) dt + D^½ dW at the start of a spec, per unit of training time (steps × step size).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuotientReport {
    /// Whether w moves by an equation of its own: the symmetries explain the fibers, and the three conditions that follow hold to 1e-8, or the last one does
    /// and a constraint keeps the charges. They suffice and are not all necessary (w = u + v closes under any noise).
    pub closes: bool,
    /// Share of the noise along the gradients of the charges.
    pub charge_diffusion: f64,
    /// Largest |tr(AΣ)| over the charges, relative to |A| tr Σ.
    pub charge_drift: f64,
    /// Largest relative change of M, c or D under a rotation of the group.
    pub rotation_change: f64,
    /// −M∂ℓ + c, length d; null where the predictor has more than sixteen coordinates.
    pub drift: Option<Vec<f64>>,
    /// c = ½ tr(Σ∇²F), its part that is due to the noise.
    pub ito: Option<Vec<f64>>,
    /// D = JΣJᵀ, d rows of d numbers.
    pub diffusion: Option<Vec<Vec<f64>>>,
}

/// `None` where the law is not that of a diffusion of θ, or the model is large.
pub(super) fn report(
    spec: &Spec,
    law: Law,
    functions: &Functions,
    symmetries: &Symmetries,
    start: &[f64],
) -> Result<Option<QuotientReport>, GeometryError> {
    let diffuses = matches!(spec.train.constraint, Constraint::None | Constraint::Rebalanced) && law != Law::Flow;
    if start.len() > MOST_PARAMETERS || !diffuses {
        return Ok(None);
    }
    let map = &functions.predictor;
    let tau = spec.train.temperature;
    // The noise of the run, whatever law it is held to.
    let noise = |theta: &[f64]| {
        let mut columns = match spec.train.noise {
            Noise::Isotropic => isotropic_noise(theta.len(), tau),
            Noise::Horizontal => horizontal_noise(map, &at(theta), tau)?,
            _ => Vec::new(),
        };
        if functions.drawn_loss.is_some() {
            columns.extend(gradient_columns(functions, spec.train.step_size, theta)?);
        }
        Ok(columns)
    };
    let mut closure = Closure::at(map, symmetries, &at(start), &noise)?;
    for theta in conditions::probes(symmetries, start) {
        let there = Closure::at(map, symmetries, &at(&theta), &noise)?;
        closure.charge_diffusion = closure.charge_diffusion.max(there.charge_diffusion);
        closure.charge_drift = closure.charge_drift.max(there.charge_drift);
        closure.rotation_change = closure.rotation_change.max(there.rotation_change);
    }
    let explained = conditions::fibers_are_known(symmetries);
    let holds = if spec.train.constraint.keeps_charges() { closure.holds_at_fixed_charges() } else { closure.holds() };
    let sde = quotient_sde(map, &at(start), &noise(start)?)?;
    let pull = gaugebias_geometry::orbit::jacobian(map, &at(start))?.mul_vec(&gradient(functions, start));
    let drift = sde.ito.iter().zip(pull).map(|(c, pull)| c - pull).collect();
    let listed = map.predictor_dimension() <= MOST_LISTED;
    let rows = |m: &Matrix| (0..m.rows()).map(|i| m.row(i).to_vec()).collect();
    Ok(Some(QuotientReport {
        closes: holds && explained,
        charge_diffusion: closure.charge_diffusion,
        charge_drift: closure.charge_drift,
        rotation_change: closure.rotation_change,
        drift: listed.then_some(drift),
        diffusion: listed.then(|| rows(&sde.diffusion)),
        ito: listed.then_some(sde.ito),
    }))
}

/// Columns of η times the covariance of drawn gradients.
fn gradient_columns(functions: &Functions, step_size: f64, theta: &[f64]) -> Result<NoiseColumns, GeometryError> {
    let drawn = deviations(functions, theta, DRAWS);
    let scale = (step_size / drawn.len().max(1) as f64).sqrt();
    let parts = svd(&Matrix::from_columns(theta.len(), &drawn))?;
    let longest = parts.singular_values.first().copied().unwrap_or(0.0);
    let kept = parts.singular_values.iter().take_while(|&&s| s > SHORTEST * longest && s > 0.0).count();
    let column = |k: usize| parts.u.column(k).iter().map(|x| scale * parts.singular_values[k] * x).collect();
    Ok((0..kept).map(column).collect())
}

impl QuotientReport {
    /// In one line.
    pub fn text(&self) -> String {
        if self.closes {
            return "w moves by an equation of its own (quotient SDE)".to_owned();
        }
        let conditions_met = [
            (self.charge_diffusion, "of the noise moves the charges, which diffuse"),
            (self.charge_drift, "is the drift of a charge, relative to its generator and the noise"),
            (self.rotation_change, "is the change of its coefficients under a rotation of the group"),
        ];
        let failing = conditions_met.iter().filter(|c| c.0 > 1e-8).map(|(size, what)| format!("{size:.3} {what}"));
        let failing: Vec<String> = failing.collect();
        let why =
            if failing.is_empty() { "the symmetries do not explain its fibers".to_owned() } else { failing.join("; ") };
        format!("the equation of w is not known to close: {why}")
    }
}
