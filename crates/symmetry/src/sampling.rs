//! Random points, covectors and the Jacobians there; points with infinities are skipped and counted.
//!
//! A parameter that cancels inside the predictor (a bias before batch normalisation, the bias of keys under softmax) has a
//! derivative that is zero in exact arithmetic and rounding noise here. The search equilibrates its columns, so that noise would
//! pass for a dependence. Where J has never been seen above rounding, entries that are rounding against their row are zero. What is
//! claimed of such a parameter is verified against Jacobians as they are. Rejected: a cut relative to all of J, which would take
//! a predictor coordinate of small unit for noise.

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

/// An entry of J or Jᵀy at most this large, relative to its row, may be the rounding of terms that cancel.
pub(crate) const NOISE: f64 = 1e-12;

/// (θ, Jᵀy) at one random point.
pub(crate) type Sample = (Vec<f64>, Vec<f64>);

/// A seeded source of random points for one parametrization.
pub(crate) struct Sampler<'a> {
    pub model: &'a dyn Parametrization,
    pub parameters: usize,
    pub predictor: usize,
    stream: Xoshiro256PlusPlus,
    /// Parameters whose columns of J have shown nothing but rounding.
    unseen: Vec<usize>,
    /// Factor of every scale.
    closeness: f64,
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
        Ok(Self { model, parameters, predictor, stream, unseen: Vec::new(), closeness: 1.0, tried: 0, skipped: 0 })
    }

    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.stream)
    }

    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    /// θ = scale · N(0, 1), scale log-uniform in the range times the closeness; a fresh draw.
    pub fn point(&mut self, scales: (f64, f64)) -> Point {
        let unit = (self.stream.next_u64() >> 11) as f64 * 2.0_f64.powi(-53);
        let scale = self.closeness * scales.0 * (scales.1 / scales.0).powf(unit);
        let theta = self.normals(self.parameters).iter().map(|x| scale * x).collect();
        Point { theta, draw: self.stream.next_u64() >> 1 }
    }

    /// From here on the rounding noise in these columns of J is zero in gradients and stacked Jacobians.
    pub fn silence(&mut self, unseen: Vec<usize>) {
        self.unseen = unseen;
    }

    /// From here on random points are closer to zero.
    pub fn move_closer(&mut self) {
        self.closeness *= 0.4;
    }

    fn silenced(&self, row: &mut [f64]) {
        let floor = NOISE * row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        for &i in &self.unseen {
            if row[i].abs() <= floor {
                row[i] = 0.0;
            }
        }
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
            for (point, mut gradient) in points.into_iter().zip(gradients) {
                check_length("covector_gradients", &gradient, self.parameters)?;
                if gradient.iter().all(|g| g.is_finite()) {
                    self.silenced(&mut gradient);
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

    /// J at the given points; those with infinities or NaN, in F too, are left out and counted.
    pub fn jacobians_at(&mut self, points: Vec<Point>) -> Result<Vec<(Point, Matrix)>, SymmetryError> {
        let (d, p) = (self.predictor, self.parameters);
        let jacobians = self.model.jacobian(&points);
        let values = self.model.predictor(&points);
        self.tried += points.len();
        let mut found = Vec::with_capacity(points.len());
        for ((point, entries), value) in points.into_iter().zip(jacobians).zip(values) {
            check_length("jacobian", &entries, d * p)?;
            // The derivative of log(−1 + 0·u) is finite.
            if entries.iter().chain(&value).all(|x| x.is_finite()) {
                found.push((point, Matrix::from_row_major(d, p, entries)));
            } else {
                self.skipped += 1;
            }
        }
        Ok(found)
    }

    /// J at θ, without noise, over as many draws as make ≥ `rows` rows (one draw when the predictor ignores it).
    pub fn stacked_jacobian(&mut self, theta: &[f64], rows: usize) -> Result<Matrix, SymmetryError> {
        let draws = if self.model.depends_on_draw() { rows.div_ceil(self.predictor).max(1) } else { 1 };
        let points = (0..draws).map(|_| Point { theta: theta.to_vec(), draw: self.stream.next_u64() >> 1 }).collect();
        let found = self.jacobians_at(points)?;
        self.refuse_when_mostly_skipped()?;
        let rows = found.len() * self.predictor;
        let mut data: Vec<f64> = found.into_iter().flat_map(|(_, jacobian)| jacobian.into_data()).collect();
        data.chunks_exact_mut(self.parameters).for_each(|row| self.silenced(row));
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
