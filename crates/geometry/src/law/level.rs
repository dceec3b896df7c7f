//! From a value of the predictor to the parameters that realise it on one level of the charges.
//!
//! ```text
//! lift(w):  F(θ) = w,  Q(θ) = Q₀,  joined to the start by a path on which J keeps its rank
//! ```
//!
//! The horizontal space is orthogonal to every orbit, so a Newton step is the sum of two that do not disturb each other:
//! J⁺(w − F) towards the value and Ξ(ΞᵀΞ)⁺(Q₀ − Q) towards the level. Compact directions need no equation: along them
//! everything that is asked for is constant. The straight path in w is followed with steps that Newton's method contracts, so
//! that a singular stratum is approached and never jumped: what lies behind it is another component. Where the predictor has
//! more coordinates than rank, a chart of the image stands for it: the coordinates along the column space of J at the start.
//! Rejected: minimising ‖F(θ) − w‖² + ‖Q(θ) − Q₀‖² from the start; it finds a point, not the component it is on.

use crate::GeometryError;
use crate::orbit::{RANK_CUTOFF, fields, jacobian};
use gaugebias_linalg::{Matrix, cholesky_solve, pseudo_inverse, svd, svdvals};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{Generator, Symmetries};

/// A lift ends where the least singular value of the chart's Jacobian has lost this many powers of e against the start. (Their
/// product would lose them by moderate changes of many coordinates.)
const DEEPEST: f64 = 10.0;
/// Largest change of ½ log det(JJᵀ) in one step of a path.
const LARGEST_CHANGE: f64 = 0.7;
/// The first correction is to be this much shorter than the step.
const CONTRACTION: f64 = 0.25;
/// Shortest step, as a share of the path.
const SHORTEST: f64 = 1e-5;

/// A level of the charges, seen from a start on it.
pub struct Level<'a> {
    model: &'a dyn Parametrization,
    charges: Vec<&'a Generator>,
    compact: Vec<&'a Generator>,
    every: Vec<&'a Generator>,
    held: Vec<f64>,
    /// r × d, orthonormal rows: the coordinates of the chart in those of the predictor.
    chart: Matrix,
    depth: f64,
}

/// A point on a level.
#[derive(Clone, Debug)]
pub struct Lifted {
    /// Parameters.
    pub theta: Vec<f64>,
    /// Coordinates in the chart, length r.
    pub coordinates: Vec<f64>,
    /// The chart's Jacobian, r × p.
    pub jacobian: Matrix,
    /// ½ log det of that Jacobian times its transpose.
    pub half_log_det: f64,
    /// Logarithm of its least singular value.
    depth: f64,
}

/// Logarithms of the volumes that the laws are made of, at one point.
#[derive(Clone, Copy, Debug)]
pub struct LogVolumes {
    /// ½ log det(JJᵀ) over the rank of J.
    pub coarea: f64,
    /// ½ log det of the Gram matrix of the compact generators, over its rank.
    pub compact: f64,
    /// The same of the gradients of the charges.
    pub noncompact: f64,
    /// The same of all generators.
    pub orbit: f64,
}

fn volume(generators: &[&Generator], theta: &[f64]) -> Result<f64, GeometryError> {
    if generators.is_empty() {
        return Ok(0.0);
    }
    Ok(spanned(&svdvals(&fields(generators.iter().copied(), theta))?))
}

/// Logarithm of the product of the singular values above the cut.
fn spanned(values: &[f64]) -> f64 {
    let largest = values.first().copied().unwrap_or(0.0);
    values.iter().take_while(|&&s| s > RANK_CUTOFF * largest && s > 0.0).map(|s| s.ln()).sum()
}

impl<'a> Level<'a> {
    /// The level that `start` lies on.
    ///
    /// # Errors
    /// [`GeometryError::SingularStart`] where J vanishes there, [`GeometryError::NotFinite`].
    pub fn new(
        model: &'a dyn Parametrization,
        symmetries: &'a Symmetries,
        start: &[f64],
    ) -> Result<(Self, Lifted), GeometryError> {
        let full = jacobian(model, &Point { theta: start.to_vec(), draw: 0 })?;
        let parts = svd(&full)?;
        let largest = parts.singular_values.first().copied().unwrap_or(0.0);
        if largest == 0.0 {
            return Err(GeometryError::SingularStart { gradient: largest });
        }
        let rank = parts.singular_values.iter().take_while(|&&s| s > RANK_CUTOFF * largest).count();
        let d = full.rows();
        // A predictor of full rank keeps its own coordinates.
        let chart = if rank == d { Matrix::identity(d) } else { parts.u.column_range(0..rank).transpose() };
        let mut level = Self {
            model,
            charges: symmetries.charges.iter().map(|charge| charge.generator()).collect(),
            compact: symmetries.rotations.iter().collect(),
            every: symmetries.generators.iter().collect(),
            held: symmetries.charges.iter().map(|charge| charge.value(start)).collect(),
            chart,
            depth: f64::NEG_INFINITY,
        };
        let lifted = level.with_volume(level.at(start.to_vec())?)?;
        level.depth = lifted.depth - DEEPEST;
        Ok((level, lifted))
    }

    /// The level of other charges, and the point on it with the predictor of `from`; `None` if no path leads there.
    ///
    /// # Errors
    /// As [`Level::lift`].
    pub fn moved(&self, from: &Lifted, charges: &[f64]) -> Result<Option<(Self, Lifted)>, GeometryError> {
        let mut level = Self {
            charges: self.charges.clone(),
            compact: self.compact.clone(),
            every: self.every.clone(),
            held: self.held.clone(),
            chart: self.chart.clone(),
            ..*self
        };
        let mut at = from.clone();
        let steps = 8;
        for step in 1..=steps {
            let share = f64::from(step) / f64::from(steps);
            level.held = self.held.iter().zip(charges).map(|(q, end)| q + share * (end - q)).collect();
            let Some(next) = level.newton(&at, &from.coordinates)? else { return Ok(None) };
            at = next;
        }
        Ok(Some((level, at)))
    }

    /// The charges of the level.
    pub fn held(&self) -> &[f64] {
        &self.held
    }

    /// Coordinates of the chart.
    pub fn dimension(&self) -> usize {
        self.chart.rows()
    }

    /// The volumes at a point of the level.
    ///
    /// # Errors
    /// [`GeometryError::Linalg`].
    pub fn volumes(&self, point: &Lifted) -> Result<LogVolumes, GeometryError> {
        let full = if self.chart.rows() == self.chart.columns() {
            point.half_log_det
        } else {
            spanned(&svdvals(&jacobian(self.model, &Point { theta: point.theta.clone(), draw: 0 })?)?)
        };
        Ok(LogVolumes {
            coarea: full,
            compact: volume(&self.compact, &point.theta)?,
            noncompact: volume(&self.charges, &point.theta)?,
            orbit: if self.compact.is_empty() {
                volume(&self.charges, &point.theta)?
            } else {
                volume(&self.every, &point.theta)?
            },
        })
    }

    /// J⁺ of the chart, p × r: how θ moves with the coordinates, across the orbits.
    ///
    /// # Errors
    /// [`GeometryError::Linalg`].
    pub fn section(&self, point: &Lifted) -> Result<Matrix, GeometryError> {
        let transpose = point.jacobian.transpose();
        let gram = transpose.gram();
        let inverse = match cholesky_solve(&gram, &Matrix::identity(gram.rows())) {
            Ok(inverse) => inverse,
            Err(_) => pseudo_inverse(&gram, 1e-12)?,
        };
        Ok(transpose.matmul(&inverse))
    }

    /// Gradient of ½ log det(JJᵀ) with respect to θ, of length p, J that of the chart and `section` its J⁺: Σᵢ ∇²xᵢ J⁺eᵢ.
    pub fn volume_gradient(&self, point: &Lifted, section: &Matrix) -> Vec<f64> {
        let r = self.dimension();
        let points = vec![Point { theta: point.theta.clone(), draw: 0 }; r];
        let coordinates: Vec<Vec<f64>> = (0..r).map(|i| self.chart.row(i).to_vec()).collect();
        let directions: Vec<Vec<f64>> = (0..r).map(|i| section.column(i)).collect();
        let mut sum = vec![0.0; point.theta.len()];
        for part in self.model.covector_curvature(&points, &coordinates, &directions) {
            sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
        sum
    }

    /// A point of the model without its volume, which iterations have no use for.
    fn at(&self, theta: Vec<f64>) -> Result<Lifted, GeometryError> {
        let point = Point { theta, draw: 0 };
        let full = jacobian(self.model, &point)?;
        let jacobian = if self.is_plain() { full } else { self.chart.matmul(&full) };
        let coordinates = self.coordinates(&point.theta);
        Ok(Lifted { theta: point.theta, coordinates, jacobian, half_log_det: f64::NAN, depth: f64::NAN })
    }

    fn with_volume(&self, point: Lifted) -> Result<Lifted, GeometryError> {
        let values = svdvals(&point.jacobian)?;
        let depth = values.last().map_or(f64::NEG_INFINITY, |s| s.ln());
        Ok(Lifted { half_log_det: spanned(&values), depth, ..point })
    }

    fn is_plain(&self) -> bool {
        self.chart.rows() == self.chart.columns()
    }

    /// Coordinates of a point of the model in the chart.
    pub fn coordinates(&self, theta: &[f64]) -> Vec<f64> {
        let values = self.model.predictor(&[Point { theta: theta.to_vec(), draw: 0 }]).swap_remove(0);
        if self.is_plain() { values } else { self.chart.mul_vec(&values) }
    }

    /// The point with the given coordinates that a path joins to `from`; `None` if the path ends at a singular stratum.
    ///
    /// # Errors
    /// [`GeometryError::NotFinite`], [`GeometryError::Linalg`].
    pub fn lift(&self, from: &Lifted, coordinates: &[f64]) -> Result<Option<Lifted>, GeometryError> {
        let mut at = from.clone();
        let (mut travelled, mut step) = (0.0, 1.0_f64);
        while travelled < 1.0 {
            let h = step.min(1.0 - travelled);
            let share = h / (1.0 - travelled);
            let target: Vec<f64> =
                at.coordinates.iter().zip(coordinates).map(|(x, end)| x + share * (end - x)).collect();
            match self.newton(&at, &target)? {
                Some(next) if (next.half_log_det - at.half_log_det).abs() <= LARGEST_CHANGE => {
                    at = next;
                    travelled = if h < 1.0 - travelled { travelled + h } else { 1.0 };
                    step = (2.0 * h).min(1.0);
                    if at.depth < self.depth {
                        return Ok(None);
                    }
                }
                _ => step = 0.5 * h,
            }
            if step < SHORTEST {
                return Ok(None);
            }
        }
        Ok(Some(at))
    }

    /// The solution near `from`, if the first correction is much shorter than the step to it.
    fn newton(&self, from: &Lifted, target: &[f64]) -> Result<Option<Lifted>, GeometryError> {
        let mut at = from.clone();
        let size = 1.0 + norm(&from.theta);
        let mut last = f64::INFINITY;
        for iteration in 0..20 {
            let change = self.change(&at, target)?;
            let length = norm(&change);
            if !length.is_finite() || (iteration > 0 && length > CONTRACTION * last && length > 1e-11 * size) {
                return Ok(None);
            }
            let theta: Vec<f64> = at.theta.iter().zip(&change).map(|(x, d)| x + d).collect();
            if theta.iter().any(|x| !x.is_finite()) {
                return Ok(None);
            }
            at = match self.at(theta) {
                Ok(next) => next,
                Err(GeometryError::NotFinite { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            // The next step would be as long as the square of this one.
            if length <= 1e-12 * size || (length <= 1e-7 * size && iteration > 0) {
                return self.with_volume(at).map(Some);
            }
            last = length;
        }
        Ok(None)
    }

    /// J⁺(w − F) + Ξ(ΞᵀΞ)⁺(Q₀ − Q).
    fn change(&self, at: &Lifted, target: &[f64]) -> Result<Vec<f64>, GeometryError> {
        let rest: Vec<f64> = target.iter().zip(&at.coordinates).map(|(x, y)| x - y).collect();
        let mut change = at.jacobian.transpose_mul_vec(&solve(&at.jacobian.transpose().gram(), &rest)?);
        if !self.charges.is_empty() {
            let columns = fields(self.charges.iter().copied(), &at.theta);
            let rest: Vec<f64> =
                self.charges.iter().zip(&self.held).map(|(g, held)| held - g.quadratic_form(&at.theta)).collect();
            let along = columns.mul_vec(&solve(&columns.gram(), &rest)?);
            change.iter_mut().zip(along).for_each(|(x, y)| *x += y);
        }
        Ok(change)
    }
}

/// The least solution of Gx = r for a Gram matrix G that may be singular.
fn solve(gram: &Matrix, right: &[f64]) -> Result<Vec<f64>, GeometryError> {
    let column = Matrix::from_columns(right.len(), &[right.to_vec()]);
    if let Ok(solution) = cholesky_solve(gram, &column) {
        let error = gram.matmul(&solution).add_scaled(-1.0, &column).max_abs();
        if error <= 1e-9 * (column.max_abs() + f64::MIN_POSITIVE) {
            return Ok(solution.into_data());
        }
    }
    Ok(pseudo_inverse(gram, 1e-12)?.mul_vec(right))
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
