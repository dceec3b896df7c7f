//! A dense f64 tensor: the values of constants, and of the slow evaluation that everything fast is tested against.

use crate::shape::Shape;

/// Row-major values with a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes of the axes.
    pub shape: Shape,
    /// Row-major values.
    pub values: Vec<f64>,
}

impl Tensor {
    /// A tensor of the given values; their number must be the shape's.
    pub fn new(shape: impl Into<Shape>, values: Vec<f64>) -> Self {
        let shape = shape.into();
        assert_eq!(shape.count(), values.len(), "a tensor of shape {shape} has as many values as its shape says");
        Self { shape, values }
    }

    /// A scalar.
    pub fn scalar(value: f64) -> Self {
        Self::new(Shape::SCALAR, vec![value])
    }

    /// All elements equal.
    pub fn full(shape: impl Into<Shape>, value: f64) -> Self {
        let shape = shape.into();
        let values = vec![value; shape.count()];
        Self { shape, values }
    }

    /// Element by element.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().copied().map(f).collect() }
    }

    /// Reads the elements `offset + Σ index·stride` over all indices of `shape`, in row-major order.
    pub(crate) fn gather_strided(&self, shape: &Shape, offset: usize, strides: &[usize]) -> Self {
        let mut values = Vec::with_capacity(shape.count());
        for_each_index(shape, |index| {
            values.push(self.values[offset + index.iter().zip(strides).map(|(i, s)| i * s).sum::<usize>()]);
        });
        Self::new(shape.clone(), values)
    }
}

/// Calls `visit` with every multi-index of `shape`, in row-major order.
pub(crate) fn for_each_index(shape: &Shape, mut visit: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.rank()];
    for _ in 0..shape.count() {
        visit(&index);
        for axis in (0..shape.rank()).rev() {
            index[axis] += 1;
            if index[axis] < shape.0[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}
