//! Forward-mode derivatives of plain arithmetic: independent of the derivatives of the model crate.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value and its gradient; an empty gradient is a constant.
#[derive(Clone, Debug)]
pub struct Dual {
    pub value: f64,
    pub gradient: Vec<f64>,
}

impl Dual {
    pub fn constant(value: f64) -> Self {
        Self { value, gradient: Vec::new() }
    }

    pub fn variable(value: f64, index: usize, count: usize) -> Self {
        let mut gradient = vec![0.0; count];
        gradient[index] = 1.0;
        Self { value, gradient }
    }

    fn chain(&self, value: f64, slope: f64) -> Self {
        Self { value, gradient: self.gradient.iter().map(|g| slope * g).collect() }
    }

    pub fn sqrt(&self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, 0.5 / root)
    }

    pub fn exp(&self) -> Self {
        self.chain(self.value.exp(), self.value.exp())
    }

    pub fn ln(&self) -> Self {
        self.chain(self.value.ln(), 1.0 / self.value)
    }

    pub fn relu(&self) -> Self {
        if self.value > 0.0 { self.clone() } else { self.chain(0.0, 0.0) }
    }

    pub fn silu(&self) -> Self {
        let sigmoid = 1.0 / (1.0 + (-self.value).exp());
        self.chain(self.value * sigmoid, sigmoid * (1.0 + self.value * (1.0 - sigmoid)))
    }

    fn combine(&self, other: &Self, value: f64, a: f64, b: f64) -> Self {
        let gradient = match (self.gradient.is_empty(), other.gradient.is_empty()) {
            (_, true) => self.gradient.iter().map(|g| a * g).collect(),
            (true, false) => other.gradient.iter().map(|g| b * g).collect(),
            _ => self.gradient.iter().zip(&other.gradient).map(|(x, y)| a * x + b * y).collect(),
        };
        Self { value, gradient }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, |$x:ident, $y:ident| $value:expr, $a:expr, $b:expr) => {
        impl $trait<&Dual> for &Dual {
            type Output = Dual;
            fn $method(self, other: &Dual) -> Dual {
                let ($x, $y) = (self.value, other.value);
                self.combine(other, $value, $a, $b)
            }
        }
        impl $trait<Dual> for Dual {
            type Output = Dual;
            fn $method(self, other: Dual) -> Dual {
                (&self).$method(&other)
            }
        }
    };
}

operator!(Add, add, |x, y| x + y, 1.0, 1.0);
operator!(Sub, sub, |x, y| x - y, 1.0, -1.0);
operator!(Mul, mul, |x, y| x * y, y, x);
operator!(Div, div, |x, y| x / y, 1.0 / y, -x / (y * y));

impl Neg for &Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        self.chain(-self.value, -1.0)
    }
}

/// a (n × k) times b (k × m), row-major.
pub fn matmul(a: &[Dual], b: &[Dual], n: usize, k: usize, m: usize) -> Vec<Dual> {
    let entry = |i: usize, j: usize| (0..k).fold(Dual::constant(0.0), |sum, l| sum + &a[i * k + l] * &b[l * m + j]);
    (0..n).flat_map(|i| (0..m).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect()
}

pub fn transpose(a: &[Dual], n: usize, m: usize) -> Vec<Dual> {
    (0..m).flat_map(|j| (0..n).map(move |i| a[i * m + j].clone())).collect()
}

/// Σ a_i².
pub fn square_sum(a: &[Dual]) -> Dual {
    a.iter().fold(Dual::constant(0.0), |sum, x| sum + x * x)
}
