//! Shapes of tensors and NumPy's broadcasting rule.

use std::fmt;

/// The most elements that one tensor may have: half a gibibyte of f64. A larger one is a mistake in a spec.
pub const MOST_ELEMENTS: usize = 1 << 26;

/// The most elements that all constants of a graph may have together.
pub const MOST_CONSTANT_ELEMENTS: usize = 1 << 27;

/// Sizes of a tensor's axes, outermost first; empty for a scalar.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub Vec<usize>);

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Shape = Shape(Vec::new());

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.0.iter().product()
    }

    /// Number of elements, or `None` where it exceeds [`MOST_ELEMENTS`].
    pub fn checked_count(&self) -> Option<usize> {
        // An axis of size zero does not excuse the others: they would still be strides somewhere.
        let extent = self.0.iter().try_fold(1usize, |total, &size| total.checked_mul(size.max(1)))?;
        (extent <= MOST_ELEMENTS).then(|| self.count())
    }

    /// True for a scalar.
    pub fn is_scalar(&self) -> bool {
        self.0.is_empty()
    }

    /// Row-major strides, in elements.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// The shape to which both broadcast, by NumPy's rule; `None` where they do not match.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let size = |shape: &Shape, axis: usize| (axis + shape.rank()).checked_sub(rank).map_or(1, |own| shape.0[own]);
        (0..rank)
            .map(|axis| match (size(self, axis), size(other, axis)) {
                (a, b) if a == b => Some(a),
                (1, b) => Some(b),
                (a, 1) => Some(a),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(Shape)
    }

    /// The same shape without `axes`.
    pub fn without(&self, axes: &[usize]) -> Shape {
        Shape(self.0.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &size)| size).collect())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Shape(sizes)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Shape(sizes.to_vec())
    }
}

impl fmt::Display for Shape {
    /// As NumPy prints it: `()`, `(3,)`, `(2, 3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => write!(f, "()"),
            [one] => write!(f, "({one},)"),
            many => write!(f, "({})", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        type Case = (&'static [usize], &'static [usize], Option<&'static [usize]>);
        let cases: [Case; 6] = [
            (&[3, 1], &[4], Some(&[3, 4])),
            (&[], &[2, 2], Some(&[2, 2])),
            (&[5, 4], &[5, 4], Some(&[5, 4])),
            (&[3], &[4], None),
            (&[2, 1, 3], &[7, 1], Some(&[2, 7, 3])),
            (&[0], &[1], Some(&[0])),
        ];
        for (a, b, expected) in cases {
            let (a, b) = (Shape(a.to_vec()), Shape(b.to_vec()));
            assert_eq!(a.broadcast(&b), expected.map(|sizes| Shape(sizes.to_vec())), "{a} with {b}");
            assert_eq!(a.broadcast(&b), b.broadcast(&a));
        }
    }

    #[test]
    fn an_exhausting_shape_has_no_count() {
        assert_eq!(Shape::from([1 << 20, 1 << 20]).checked_count(), None);
        assert_eq!(Shape::from([usize::MAX, 2, 0]).checked_count(), None);
        assert_eq!(Shape::from([2, 3]).checked_count(), Some(6));
    }
}
