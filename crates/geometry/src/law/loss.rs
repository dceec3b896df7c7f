//! A loss as the laws need it: its value and its gradient.

/// A loss of θ, evaluated in parallel. Every closure is one, with a gradient by differences.
pub trait Loss: Sync {
    /// L(θ).
    fn value(&self, theta: &[f64]) -> f64;

    /// ∇L(θ), of length p. The default takes central differences, good to about ten digits.
    fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        let mut at = theta.to_vec();
        let mut slope = |i: usize| {
            let h = f64::EPSILON.cbrt() * (1.0 + theta[i].abs());
            let mut side = |sign: f64| {
                at[i] = theta[i] + sign * h;
                self.value(&at)
            };
            let difference = side(1.0) - side(-1.0);
            at[i] = theta[i];
            difference / (2.0 * h)
        };
        (0..theta.len()).map(&mut slope).collect()
    }
}

impl<F: Fn(&[f64]) -> f64 + Sync> Loss for F {
    fn value(&self, theta: &[f64]) -> f64 {
        self(theta)
    }
}
