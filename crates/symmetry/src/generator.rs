//! A generator of a one-parameter group of affine maps, stored on its support.

use gaugebias_linalg::Matrix;

/// Entries at most this large, relative to the largest, are zero.
const ENTRY_FLOOR: f64 = 1e-11;

/// How the linear part behaves under transposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A = Aᵀ (a translation too): non-compact, with a conserved charge.
    Symmetric,
    /// A = −Aᵀ: a rotation, compact, without charge.
    Antisymmetric,
    /// Neither.
    Mixed,
}

/// ξ(θ) = Aθ + b. A and b vanish outside the support, a set of parameter indices.
#[derive(Clone, Debug)]
pub struct Generator {
    support: Vec<usize>,
    linear: Matrix,
    translation: Vec<f64>,
    nature: Nature,
}

impl Generator {
    /// From A (n × n) and b (n) on the parameters `indices` (n, ascending); drops what vanishes.
    pub fn new(indices: &[usize], linear: &Matrix, translation: &[f64]) -> Self {
        let largest = translation.iter().fold(linear.max_abs(), |m, x| m.max(x.abs()));
        let floor = ENTRY_FLOOR * largest;
        let present = |i: &usize| {
            translation[*i].abs() > floor
                || (0..indices.len()).any(|j| linear[(*i, j)].abs() > floor || linear[(j, *i)].abs() > floor)
        };
        let kept: Vec<usize> = (0..indices.len()).filter(present).collect();
        let clean = |x: f64| if x.abs() > floor { x } else { 0.0 };
        let mut linear = linear.submatrix(&kept, &kept);
        linear.data_mut().iter_mut().for_each(|x| *x = clean(*x));
        Self {
            support: kept.iter().map(|&i| indices[i]).collect(),
            translation: kept.iter().map(|&i| clean(translation[i])).collect(),
            nature: nature_of(&linear),
            linear,
        }
    }

    /// Parameter indices on which the generator acts, ascending.
    pub fn support(&self) -> &[usize] {
        &self.support
    }

    /// A on the support.
    pub fn linear(&self) -> &Matrix {
        &self.linear
    }

    /// b on the support.
    pub fn translation(&self) -> &[f64] {
        &self.translation
    }

    /// Symmetric, antisymmetric or mixed.
    pub fn nature(&self) -> Nature {
        self.nature
    }

    /// Whether A = 0.
    pub fn is_translation(&self) -> bool {
        self.linear.max_abs() == 0.0
    }

    /// ξ(θ) on the support, for the full θ.
    pub fn field_on_support(&self, theta: &[f64]) -> Vec<f64> {
        let local: Vec<f64> = self.support.iter().map(|&i| theta[i]).collect();
        let mut field = self.linear.mul_vec(&local);
        field.iter_mut().zip(&self.translation).for_each(|(f, b)| *f += b);
        field
    }

    /// ξ(θ) = Aθ + b, of the length of θ.
    pub fn field(&self, theta: &[f64]) -> Vec<f64> {
        let mut field = vec![0.0; theta.len()];
        for (&i, x) in self.support.iter().zip(self.field_on_support(theta)) {
            field[i] = x;
        }
        field
    }

    /// A·x for a tangent vector x (no translation).
    pub fn apply_linear(&self, x: &[f64]) -> Vec<f64> {
        let local: Vec<f64> = self.support.iter().map(|&i| x[i]).collect();
        let mut image = vec![0.0; x.len()];
        for (&i, y) in self.support.iter().zip(self.linear.mul_vec(&local)) {
            image[i] = y;
        }
        image
    }

    /// Aᵀ·x.
    pub fn apply_linear_transposed(&self, x: &[f64]) -> Vec<f64> {
        let local: Vec<f64> = self.support.iter().map(|&i| x[i]).collect();
        let mut image = vec![0.0; x.len()];
        for (&i, y) in self.support.iter().zip(self.linear.transpose_mul_vec(&local)) {
            image[i] = y;
        }
        image
    }

    /// ½ θᵀAθ + bᵀθ: the conserved charge when A is symmetric.
    pub fn quadratic_form(&self, theta: &[f64]) -> f64 {
        let local: Vec<f64> = self.support.iter().map(|&i| theta[i]).collect();
        let image = self.linear.mul_vec(&local);
        (0..local.len()).map(|i| local[i] * (0.5 * image[i] + self.translation[i])).sum()
    }
}

fn nature_of(linear: &Matrix) -> Nature {
    let transposed = linear.transpose();
    let tolerance = 1e-9 * linear.max_abs();
    if linear.add_scaled(-1.0, &transposed).max_abs() <= tolerance {
        Nature::Symmetric
    } else if linear.add_scaled(1.0, &transposed).max_abs() <= tolerance {
        Nature::Antisymmetric
    } else {
        Nature::Mixed
    }
}
