//! Strided views of a tensor's elements: how transposes, slices, broadcasts and most reshapes cost nothing.

use crate::shape::Shape;

/// The element at index i lies at `offset + Σ iₐ·strideₐ`, counted in elements of the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Place of the first element.
    pub offset: usize,
    /// Sizes of the axes.
    pub shape: Shape,
    /// Distance between neighbours along each axis; 0 where an axis repeats.
    pub strides: Vec<usize>,
}

impl View {
    /// All elements in row-major order.
    pub fn contiguous(shape: &Shape) -> Self {
        Self { offset: 0, shape: shape.clone(), strides: shape.strides() }
    }

    /// One element repeated over `shape`.
    pub fn repeated(shape: &Shape) -> Self {
        Self { offset: 0, shape: shape.clone(), strides: vec![0; shape.rank()] }
    }

    /// True where the elements are those of the storage in order, from its start.
    pub fn is_contiguous(&self) -> bool {
        let expected = self.shape.strides();
        let matches = |axis: usize| self.shape.0[axis] <= 1 || self.strides[axis] == expected[axis];
        self.offset == 0 && (0..self.shape.rank()).all(matches)
    }

    /// Axis `permutation[i]` becomes axis i.
    pub fn transposed(&self, permutation: &[usize]) -> Self {
        let pick = |from: &[usize]| permutation.iter().map(|&axis| from[axis]).collect::<Vec<_>>();
        Self { offset: self.offset, shape: Shape(pick(&self.shape.0)), strides: pick(&self.strides) }
    }

    /// Repeated along new and unit axes.
    pub fn broadcast(&self, shape: &Shape) -> Self {
        let lead = shape.rank() - self.shape.rank();
        let stride = |axis: usize| match axis.checked_sub(lead) {
            Some(own) if self.shape.0[own] == shape.0[axis] => self.strides[own],
            _ => 0,
        };
        Self { offset: self.offset, shape: shape.clone(), strides: (0..shape.rank()).map(stride).collect() }
    }

    /// `sizes[a]` elements along each axis, from `starts[a]`, `steps[a]` apart.
    pub fn sliced(&self, starts: &[usize], steps: &[usize], sizes: &[usize]) -> Self {
        Self {
            offset: self.offset + self.strides.iter().zip(starts).map(|(stride, start)| stride * start).sum::<usize>(),
            shape: Shape(sizes.to_vec()),
            strides: self.strides.iter().zip(steps).map(|(stride, step)| stride * step).collect(),
        }
    }

    /// The same elements in another shape, where strides can express it.
    pub fn reshaped(&self, shape: &Shape) -> Option<Self> {
        if shape.count() == 0 {
            return Some(Self { offset: self.offset, shape: shape.clone(), strides: vec![0; shape.rank()] });
        }
        // Runs of own axes that lie one inside the other are merged, then split as the new shape asks.
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (&size, &stride) in self.shape.0.iter().zip(&self.strides).filter(|(size, _)| **size != 1) {
            match runs.last_mut() {
                Some((total, inner)) if *inner == stride * size => (*total, *inner) = (*total * size, stride),
                _ => runs.push((size, stride)),
            }
        }
        let mut strides = vec![0; shape.rank()];
        for axis in (0..shape.rank()).rev().filter(|&axis| shape.0[axis] != 1) {
            let (rest, stride) = runs.last_mut()?;
            if *rest % shape.0[axis] != 0 {
                return None;
            }
            strides[axis] = *stride;
            (*rest, *stride) = (*rest / shape.0[axis], *stride * shape.0[axis]);
            if *rest == 1 {
                runs.pop();
            }
        }
        Some(Self { offset: self.offset, shape: shape.clone(), strides })
    }

    /// Places of all elements in row-major order.
    pub fn offsets(&self) -> Vec<usize> {
        let mut offsets = Vec::with_capacity(self.shape.count());
        crate::tensor::for_each_index(&self.shape, |index| {
            offsets.push(self.offset + index.iter().zip(&self.strides).map(|(i, s)| i * s).sum::<usize>());
        });
        offsets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reshaped_view_visits_the_same_elements_in_order() {
        let base = View::contiguous(&Shape::from([4, 3, 2]));
        let views = [
            base.clone(),
            base.transposed(&[1, 0, 2]),
            base.transposed(&[2, 1, 0]),
            base.sliced(&[1, 0, 0], &[2, 1, 1], &[2, 3, 2]),
            View::contiguous(&Shape::from([1, 3])).broadcast(&Shape::from([8, 3])),
        ];
        let targets: [&[usize]; 7] = [&[24], &[12], &[2, 3, 2], &[4, 6], &[6, 2], &[1, 24, 1], &[3, 8]];
        let mut possible = 0;
        for view in &views {
            for target in targets.iter().filter(|target| target.iter().product::<usize>() == view.shape.count()) {
                if let Some(reshaped) = view.reshaped(&Shape(target.to_vec())) {
                    assert_eq!(reshaped.offsets(), view.offsets(), "{view:?} to {target:?}");
                    possible += 1;
                }
            }
        }
        assert_eq!(possible, 5, "four of the contiguous view, one of the slice");
        assert!(base.transposed(&[2, 1, 0]).reshaped(&Shape::from([24])).is_none());
    }
}
