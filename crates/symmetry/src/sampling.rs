//! Random points, covectors and the Jacobians there; points with infinities are skipped and counted.

use crate::SymmetryError;
use gaugebias_linalg::Matrix;
use gaugebias_model::{Parametrization, Point};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Points are evaluated in blocks of this many, so that a compiled model fills its lanes.
const BLOCK: usize = 256;

/// Most entries of a Jacobian: dozens of them are held at once, 128 MiB each at this size.
const MOST_ENTRIES: usize = 1 << 24;

/// Range of the log-uniform scale of θ: one scale alone can sit in a saturated or linear regime.
pub(crate) const SEARCH_SCALES: (f64, f64) = (0.3, 3.0);

/// Fresh points use another range, so that a fault shared by all search points shows.
pub(crate) const FRESH_SCALES: (f64, f64) = (0.2, 2.0);

/// (θ, Jᵀy) at one random point.
pub(crate) type Sample = (Vec<f64>, Vec<f64>);

/// A seeded source of random points for one parametrization.
pub(crate) struct Sampler<'a> {
    pub model: &'a dyn Parametrization,
    pub parameters: usize,
    pub predictor: usize,
    stream: Xoshiro256PlusPlus,
    pub tried: usize,
    pub skipped: usize,
}

impl<'a> Sampler<'a> {
    pub fn new(model: &'a dyn Parametrization, seed: u64) -> Result<Self, SymmetryError> {
        let (parameters, predictor) = (model.parameter_count(), model.predictor_dimension());
        if parameters == 0 || predictor == 0 {
            return Err(SymmetryError::Empty { parameters, predictor });
        }
        if parameters.saturating_mul(predictor) > MOST_ENTRIES {
            return Err(SymmetryError::JacobianTooLarge { parameters, predictor, limit: MOST_ENTRIES });
        }
        let stream = Xoshiro256PlusPlus::seed_from_u64(seed);
        Ok(Self { model, parameters, predictor, stream, tried: 0, skipped: 0 })
    }

    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.stream)
    }

    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    /// θ = scale · N(0, 1), scale log-uniform in the range; a fresh draw.
    pub fn point(&mut self, scales: (f64, f64)) -> Point {
        let unit = (self.stream.next_u64() >> 11) as f64 * 2.0_f64.powi(-53);
        let scale = scales.0 * (scales.1 / scales.0).powf(unit);
        let theta = self.normals(self.parameters).iter().map(|x| scale * x).collect();
        Point { theta, draw: self.stream.next_u64() >> 1 }
    }

    /// `count` pairs (θ, Jᵀy) with finite entries.
    pub fn gradients(&mut self, count: usize) -> Result<Vec<Sample>, SymmetryError> {
        let mut found = Vec::with_capacity(count);
        while found.len() < count {
            let block = BLOCK.min(count - found.len()).max(8);
            let points: Vec<Point> = (0..block).map(|_| self.point(SEARCH_SCALES)).collect();
            let covectors: Vec<Vec<f64>> = (0..block).map(|_| self.normals(self.predictor)).collect();
            let gradients = self.model.covector_gradients(&points, &covectors);
            self.tried += block;
            for (point, gradient) in points.into_iter().zip(gradients) {
                check_length("covector_gradients", &gradient, self.parameters)?;
                if gradient.iter().all(|g| g.is_finite()) {
                    found.push((point.theta, gradient));
                } else {
                    self.skipped += 1;
                }
            }
            self.refuse_when_mostly_skipped()?;
        }
        found.truncate(count);
        Ok(found)
    }

    /// `count` points with finite Jacobians, d × p each.
    pub fn jacobians(&mut self, count: usize, scales: (f64, f64)) -> Result<Vec<(Point, Matrix)>, SymmetryError> {
        let mut found = Vec::with_capacity(count);
        while found.len() < count {
            let missing = count - found.len();
            let points: Vec<Point> = (0..missing).map(|_| self.point(scales)).collect();
            found.extend(self.jacobians_at(points)?);
            self.refuse_when_mostly_skipped()?;
        }
        Ok(found)
    }

    /// J at the given points; those with infinities or NaN are left out and counted.
    pub fn jacobians_at(&mut self, points: Vec<Point>) -> Result<Vec<(Point, Matrix)>, SymmetryError> {
        let (d, p) = (self.predictor, self.parameters);
        let jacobians = self.model.jacobian(&points);
        self.tried += points.len();
        let mut found = Vec::with_capacity(points.len());
        for (point, entries) in points.into_iter().zip(jacobians) {
            check_length("jacobian", &entries, d * p)?;
            if entries.iter().all(|x| x.is_finite()) {
                found.push((point, Matrix::from_row_major(d, p, entries)));
            } else {
                self.skipped += 1;
            }
        }
        Ok(found)
    }

    /// J at θ over as many draws as make ≥ `rows` rows (one draw when the predictor ignores it).
    pub fn stacked_jacobian(&mut self, theta: &[f64], rows: usize) -> Result<Matrix, SymmetryError> {
        let draws = if self.model.depends_on_draw() { rows.div_ceil(self.predictor).max(1) } else { 1 };
        let points = (0..draws).map(|_| Point { theta: theta.to_vec(), draw: self.stream.next_u64() >> 1 }).collect();
        let found = self.jacobians_at(points)?;
        self.refuse_when_mostly_skipped()?;
        let rows = found.len() * self.predictor;
        let data = found.into_iter().flat_map(|(_, jacobian)| jacobian.into_data()).collect();
        Ok(Matrix::from_row_major(rows, self.parameters, data))
    }

    fn refuse_when_mostly_skipped(&self) -> Result<(), SymmetryError> {
        if self.tried >= 32 && 4 * self.skipped > 3 * self.tried {
            return Err(SymmetryError::NotFinite { skipped: self.skipped, tried: self.tried });
        }
        Ok(())
    }
}

fn check_length(method: &'static str, found: &[f64], expected: usize) -> Result<(), SymmetryError> {
    if found.len() == expected {
        return Ok(());
    }
    Err(SymmetryError::WrongLength { method, found: found.len(), expected })
}
