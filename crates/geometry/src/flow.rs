//! The bias of gradient flow through a Hadamard product, from its initial charges alone.
//!
//! **Idea.** Without noise the charges Q_i = (u_i² − v_i²)/2 of w = u∘v stay what they were. On their level set
//! JJᵀ = 2√(w² + Q²) is the inverse Hessian of a potential φ, so that gradient flow is mirror descent: z = ∇φ(w) moves by −∇ℓ. A loss that sees
//! w only through Xw moves z within the row space of X, whatever it is and however long it runs. Of all w with the same Xw the flow
//! is therefore at the one that is nearest to its start in the Bregman distance of φ: that is the prediction, and it needs neither the
//! loss nor the time.
//!
//! ```text
//! φ(w) = ½ Σ [w arcsinh(w/|Q|) − √(w² + Q²) + |Q|],  z = ½ arcsinh(w/|Q|),  w = |Q| sinh 2z
//! w* = |Q| sinh(2 (z₀ + Xᵀν)),  ν: X w* = seen
//! ```
//!
//! φ is like an L1 norm where |Q| is small against w, and like a quadratic one where it is large. A parametrization by w itself has
//! φ = ½|w|², and its flow goes to the point that is nearest in the Euclidean distance ([`nearest_euclidean`]).
//!
//! **Found by** Newton's method on the convex dual problem in ν, damped by halving and with bounded steps in z (sinh grows fast).
//! **Rejected.** Integrating ẇ = −JJᵀ∇ℓ: it needs the loss, and its own time steps are then part of the comparison.

use gaugebias_linalg::{Matrix, least_squares};

use crate::GeometryError;

/// Largest change of a coordinate of z in one step.
const LONGEST_STEP: f64 = 1.0;
/// Most steps of Newton's method; from z within some tens of the solution it takes as many steps as that, and a few more.
const MOST_STEPS: usize = 400;
/// What is left of Xw − seen, relative to what is seen.
const TOLERANCE: f64 = 1e-10;
/// Singular values of X below this share of the largest count as zero.
const CUTOFF: f64 = 1e-12;

/// Gradient flow of w = u∘v from one start.
#[derive(Clone, Debug, PartialEq)]
pub struct HadamardFlow {
    /// |Q_i| > 0.
    charges: Vec<f64>,
    /// z₀ = ∇φ(w₀).
    start: Vec<f64>,
}

impl HadamardFlow {
    /// From the charges Q_i = (u_i² − v_i²)/2 and the products w_i = u_i v_i at the start.
    ///
    /// # Errors
    /// [`GeometryError::WrongLength`], [`GeometryError::NotFinite`], and [`GeometryError::VanishingCharge`]: the potential is
    /// singular where a charge is zero.
    pub fn new(charges: &[f64], products: &[f64]) -> Result<Self, GeometryError> {
        if charges.len() != products.len() {
            return Err(GeometryError::WrongLength { found: products.len(), expected: charges.len() });
        }
        if charges.iter().chain(products).any(|x| !x.is_finite()) {
            return Err(GeometryError::NotFinite { what: "a charge or a product" });
        }
        if let Some(at) = charges.iter().position(|&q| q == 0.0) {
            return Err(GeometryError::VanishingCharge { at });
        }
        let charges: Vec<f64> = charges.iter().map(|q| q.abs()).collect();
        let start = charges.iter().zip(products).map(|(q, w)| 0.5 * (w / q).asinh()).collect();
        Ok(Self { charges, start })
    }

    /// φ(w), in units of w.
    pub fn potential(&self, w: &[f64]) -> f64 {
        let one = |(w, q): (&f64, &f64)| 0.5 * (w * (w / q).asinh() - w.hypot(*q) + q);
        w.iter().zip(&self.charges).map(one).sum()
    }

    /// w = |Q| sinh 2z.
    fn products(&self, z: &[f64]) -> Vec<f64> {
        self.charges.iter().zip(z).map(|(q, z)| q * (2.0 * z).sinh()).collect()
    }

    /// The w with Xw = `seen` that the flow is at; X (`design`) is m × d, `seen` of length m, and has to be in X's range.
    ///
    /// # Errors
    /// [`GeometryError::WrongLength`], [`GeometryError::Linalg`], and [`GeometryError::FlowNotFound`] where Newton's method stalls, as it does for a
    /// `seen` that no w has.
    pub fn nearest(&self, design: &Matrix, seen: &[f64]) -> Result<Vec<f64>, GeometryError> {
        check(design, seen, self.charges.len())?;
        let scale = norm(seen).max(f64::MIN_POSITIVE);
        let mut z = self.start.clone();
        let mut left = f64::INFINITY;
        for _ in 0..MOST_STEPS {
            let w = self.products(&z);
            let residual = difference(seen, &design.mul_vec(&w));
            left = norm(&residual) / scale;
            if left <= TOLERANCE {
                return Ok(w);
            }
            let step = self.newton_step(design, &w, &residual)?;
            let Some(next) = self.descended(&z, &step, &residual, design) else { break };
            z = next;
        }
        Err(GeometryError::FlowNotFound { left })
    }

    /// The change of z: Xᵀ (X D Xᵀ)⁺ residual with D = dw/dz = 2√(w² + Q²).
    fn newton_step(&self, design: &Matrix, w: &[f64], residual: &[f64]) -> Result<Vec<f64>, GeometryError> {
        let roots: Vec<f64> = w.iter().zip(&self.charges).map(|(w, q)| (2.0 * w.hypot(*q)).sqrt()).collect();
        let scaled = Matrix::from_fn(design.rows(), design.columns(), |i, j| design[(i, j)] * roots[j]);
        // X D Xᵀ = (X√D)(X√D)ᵀ, whose condition is the square of that of X√D.
        let change = least_squares(&scaled, residual, CUTOFF)?;
        Ok(change.iter().zip(&roots).map(|(change, root)| change / root).collect())
    }

    /// z after a step that brings Xw nearer to what is seen; `None` where none does.
    fn descended(&self, z: &[f64], step: &[f64], residual: &[f64], design: &Matrix) -> Option<Vec<f64>> {
        let longest = step.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let mut share = (LONGEST_STEP / longest).min(1.0);
        let seen: Vec<f64> = design.mul_vec(&self.products(z)).iter().zip(residual).map(|(x, r)| x + r).collect();
        for _ in 0..60 {
            let next: Vec<f64> = z.iter().zip(step).map(|(z, d)| z + share * d).collect();
            if norm(&difference(&seen, &design.mul_vec(&self.products(&next)))) < norm(residual) {
                return Some(next);
            }
            share *= 0.5;
        }
        None
    }
}

/// The w with Xw = `seen` (in the sense of least squares) that is nearest to `start`: where gradient descent on w itself goes.
///
/// # Errors
/// [`GeometryError::WrongLength`] and [`GeometryError::Linalg`].
pub fn nearest_euclidean(start: &[f64], design: &Matrix, seen: &[f64]) -> Result<Vec<f64>, GeometryError> {
    check(design, seen, start.len())?;
    let change = least_squares(design, &difference(seen, &design.mul_vec(start)), CUTOFF)?;
    Ok(start.iter().zip(change).map(|(w, d)| w + d).collect())
}

fn check(design: &Matrix, seen: &[f64], coordinates: usize) -> Result<(), GeometryError> {
    let wrong = [(design.columns(), coordinates), (seen.len(), design.rows())].into_iter().find(|(a, b)| a != b);
    wrong.map_or(Ok(()), |(found, expected)| Err(GeometryError::WrongLength { found, expected }))
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
