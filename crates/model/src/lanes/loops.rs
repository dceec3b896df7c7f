//! Loop nests over several strided operands at once.

use super::View;
use crate::shape::Shape;

/// An index space and, for each operand, where its elements lie; neighbouring axes that are contiguous for every
/// operand are merged, so that most loop nests are a single loop. Operand 0 is the output.
#[derive(Clone, Debug)]
pub struct Loops {
    sizes: Vec<usize>,
    offsets: Vec<usize>,
    /// `strides[operand][axis]`
    strides: Vec<Vec<usize>>,
}

impl Loops {
    /// Over the indices of views of equal shape.
    pub fn over(views: &[&View]) -> Self {
        let shape = &views[0].shape;
        debug_assert!(views.iter().all(|view| view.shape == *shape), "{views:?}");
        let mut loops = Self {
            sizes: Vec::new(),
            offsets: views.iter().map(|view| view.offset).collect(),
            strides: vec![Vec::new(); views.len()],
        };
        for (axis, &size) in shape.0.iter().enumerate().filter(|(_, size)| **size != 1) {
            let strides: Vec<usize> = views.iter().map(|view| view.strides[axis]).collect();
            loops.push(size, &strides);
        }
        if loops.sizes.is_empty() {
            loops.push(1, &vec![0; views.len()]);
        }
        loops
    }

    /// Over the indices of a contiguous output and inputs of its shape.
    pub fn elementwise(output: &Shape, inputs: &[&View]) -> Self {
        let target = View::contiguous(output);
        Self::over(&std::iter::once(&target).chain(inputs.iter().copied()).collect::<Vec<_>>())
    }

    fn push(&mut self, size: usize, strides: &[usize]) {
        let nested = |operand: &Vec<usize>, stride: &usize| operand.last().is_some_and(|&outer| outer == stride * size);
        if !self.sizes.is_empty() && self.strides.iter().zip(strides).all(|(operand, stride)| nested(operand, stride)) {
            *self.sizes.last_mut().expect("there is an outer axis") *= size;
            self.strides.iter_mut().zip(strides).for_each(|(operand, &stride)| {
                *operand.last_mut().expect("there is an outer axis") = stride;
            });
        } else {
            self.sizes.push(size);
            self.strides.iter_mut().zip(strides).for_each(|(operand, &stride)| operand.push(stride));
        }
    }

    /// Calls `visit(start of each operand, inner size, inner stride of each operand)` for every innermost loop.
    #[inline(always)]
    pub fn for_each<const N: usize>(&self, mut visit: impl FnMut([usize; N], usize, [usize; N])) {
        debug_assert_eq!(self.strides.len(), N);
        let inner = self.sizes.len() - 1;
        let strides: [usize; N] = std::array::from_fn(|operand| self.strides[operand][inner]);
        let mut starts: [usize; N] = std::array::from_fn(|operand| self.offsets[operand]);
        let outer = &self.sizes[..inner];
        if outer.is_empty() {
            visit(starts, self.sizes[inner], strides);
            return;
        }
        let mut index = vec![0usize; inner];
        for _ in 0..outer.iter().product() {
            visit(starts, self.sizes[inner], strides);
            for axis in (0..inner).rev() {
                index[axis] += 1;
                for (start, operand) in starts.iter_mut().zip(&self.strides) {
                    *start += operand[axis];
                }
                if index[axis] < outer[axis] {
                    break;
                }
                for (start, operand) in starts.iter_mut().zip(&self.strides) {
                    *start -= operand[axis] * outer[axis];
                }
                index[axis] = 0;
            }
        }
    }
}
