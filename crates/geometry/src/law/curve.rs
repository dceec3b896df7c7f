//! The horizontal curve dθ/ds = Jᵀ/|J| of a predictor with one coordinate, by arc length.
//!
//! Dormand–Prince 5(4) with step control. The curve meets every fiber at a right angle, so a curve that starts on the
//! balanced slice stays on it where the slice is one-dimensional, and no projection is needed.
//!
//! It ends where J vanishes, unless there is one parameter alone: then the curve is its axis, which noise follows through zeros of J.

use crate::GeometryError;
use crate::orbit::jacobian;
use gaugebias_model::{Parametrization, Point};

/// Error per step, relative to |θ| + 1.
const TOLERANCE: f64 = 1e-12;

/// Share by which |J| may change in one step of the search for the ends, so that a zero is approached, not crossed.
const GRADIENT_CHANGE: f64 = 0.2;

/// Steps below this length do not get past a border.
const SHORTEST_STEP: f64 = 1e-12;

/// Dormand–Prince coefficients: nodes are not needed for an autonomous field.
const A: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];

/// A model seen as a unit field.
pub(crate) struct Curve<'a> {
    pub model: &'a dyn Parametrization,
    /// The direction of the axis of a model of one parameter, where the curve goes on through zeros of J.
    axis: Option<f64>,
}

impl<'a> Curve<'a> {
    /// The curve of a model; `through_zeros` of J where its start is the axis of one parameter.
    pub fn new(model: &'a dyn Parametrization, start: &[f64], through_zeros: bool) -> Result<Self, GeometryError> {
        let axis = match start {
            [_] if through_zeros => Some(jacobian(model, &point(start))?.into_data()[0].signum()),
            _ => None,
        };
        Ok(Self { model, axis })
    }

    /// Whether the curve ends where J vanishes.
    pub fn ends_at_zeros(&self) -> bool {
        self.axis.is_none()
    }

    /// |J| at θ.
    pub fn gradient_norm(&self, theta: &[f64]) -> Result<f64, GeometryError> {
        Ok(jacobian(self.model, &point(theta))?.frobenius_norm())
    }

    /// w at θ.
    pub fn predictor(&self, theta: &[f64]) -> f64 {
        self.model.predictor(&[point(theta)])[0][0]
    }

    fn direction(&self, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
        if let Some(sign) = self.axis {
            return Ok(vec![sign]);
        }
        let gradient = jacobian(self.model, &point(theta))?.into_data();
        let norm = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            return Err(GeometryError::SingularStart { gradient: norm });
        }
        Ok(gradient.iter().map(|x| x / norm).collect())
    }

    /// One step of signed length h: the new θ and the error estimate relative to the tolerance.
    fn step(&self, theta: &[f64], h: f64) -> Result<(Vec<f64>, f64), GeometryError> {
        let mut slopes = vec![self.direction(theta)?];
        let mut end = theta.to_vec();
        for row in A {
            end = theta.to_vec();
            for (slope, a) in slopes.iter().zip(row) {
                end.iter_mut().zip(slope).for_each(|(x, k)| *x += h * a * k);
            }
            slopes.push(self.direction(&end)?);
        }
        let error = |i: usize| slopes.iter().zip(ERROR).map(|(k, e)| e * k[i]).sum::<f64>();
        let norm: f64 = (0..theta.len()).map(|i| (h * error(i)).powi(2)).sum::<f64>().sqrt();
        let size = 1.0 + theta.iter().map(|x| x * x).sum::<f64>().sqrt();
        Ok((end, norm / (TOLERANCE * size)))
    }

    /// Follows the curve over a signed length exactly, with steps as long as the tolerance allows.
    pub fn advance(&self, theta: &[f64], length: f64, trial: &mut f64) -> Result<Vec<f64>, GeometryError> {
        let mut theta = theta.to_vec();
        let mut left = length;
        while left != 0.0 {
            let h = if trial.abs() >= left.abs() { left } else { trial.copysign(length) };
            let (end, error) = self.step(&theta, h)?;
            let factor = (0.9 * error.max(1e-10).powf(-0.2)).clamp(0.2, 5.0);
            // The direction turns over within rounding of a zero of J; there the step must not shrink for ever.
            if error <= 1.0 || h.abs() < 1e-13 * (1.0 + length.abs()) {
                theta = end;
                left = if h == left { 0.0 } else { left - h };
                let grown = h.abs() * factor;
                *trial = if left == 0.0 { trial.abs().max(grown) } else { grown };
            } else {
                *trial = h.abs() * factor;
            }
        }
        Ok(theta)
    }

    /// A step whose change of |J| is small; returns the new θ, |J| there and the length taken, or `None` where the
    /// direction jumps (the tip of a cone, such as ‖x‖ = 0), so that no step is short enough.
    pub fn cautious_step(
        &self,
        theta: &[f64],
        gradient: f64,
        sign: f64,
        trial: &mut f64,
    ) -> Result<Option<(Vec<f64>, f64, f64)>, GeometryError> {
        if self.axis.is_some() {
            // No length but the curve's own says how long a step may be: its distance from 0.
            let h = trial.min(0.05 * (1.0 + theta[0].abs()));
            let (end, _) = self.step(theta, sign * h)?;
            let next = self.gradient_norm(&end)?;
            *trial *= 1.5;
            return Ok(Some((end, next, h)));
        }
        loop {
            let h = *trial;
            let (end, error) = self.step(theta, sign * h)?;
            let next = self.gradient_norm(&end)?;
            let forward = dot(&self.direction(theta)?, &self.direction(&end)?) > 0.0;
            if error <= 1.0 && forward && (next / gradient - 1.0).abs() <= GRADIENT_CHANGE {
                *trial *= 1.5;
                return Ok(Some((end, next, h)));
            }
            *trial *= 0.5;
            if *trial < SHORTEST_STEP {
                return Ok(None);
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn point(theta: &[f64]) -> Point {
    Point { theta: theta.to_vec(), draw: 0 }
}
