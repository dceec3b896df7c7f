//! Loop nests over several strided operands at once.

use super::View;
use crate::shape::Shape;

/// Operands of a loop nest, the output included.
pub const MOST_OPERANDS: usize = 4;

/// An index space and, for each operand, where its elements lie; neighbouring axes that are contiguous for every
/// operand are merged, so that most loop nests are a single run. Operand 0 is the output.
///
/// The starts of all innermost runs are listed when the nest is made: kernels, of which there are many, then hold one
/// plain loop each.
#[derive(Clone, Debug)]
pub struct Loops {
    /// Where each run starts, for each operand.
    pub starts: Vec<[usize; MOST_OPERANDS]>,
    /// Elements of a run.
    pub size: usize,
    /// Distance between neighbours of a run, for each operand.
    pub strides: [usize; MOST_OPERANDS],
}

impl Loops {
    /// Over the indices of views of equal shape.
    pub fn over(views: &[&View]) -> Self {
        let shape = &views[0].shape;
        debug_assert!(views.iter().all(|view| view.shape == *shape), "{views:?}");
        let strides_along =
            |axis: usize| std::array::from_fn(|operand| views.get(operand).map_or(0, |view| view.strides[axis]));
        let mut axes: Vec<(usize, [usize; MOST_OPERANDS])> = Vec::new();
        for (axis, &size) in shape.0.iter().enumerate().filter(|(_, size)| **size != 1) {
            let strides: [usize; MOST_OPERANDS] = strides_along(axis);
            match axes.last_mut() {
                Some((outer, wide)) if wide.iter().zip(&strides).all(|(wide, stride)| *wide == stride * size) => {
                    (*outer, *wide) = (*outer * size, strides);
                }
                _ => axes.push((size, strides)),
            }
        }
        let (size, strides) = axes.pop().unwrap_or((1, [0; MOST_OPERANDS]));
        let first = std::array::from_fn(|operand| views.get(operand).map_or(0, |view| view.offset));
        let mut starts = vec![first];
        for (count, steps) in axes {
            let moved = |start: [usize; MOST_OPERANDS]| {
                (0..count).map(move |at| std::array::from_fn(|operand| start[operand] + at * steps[operand]))
            };
            starts = starts.into_iter().flat_map(moved).collect();
        }
        Self { starts, size, strides }
    }

    /// Over the indices of a contiguous output and inputs of its shape.
    pub fn elementwise(output: &Shape, inputs: &[&View]) -> Self {
        let target = View::contiguous(output);
        Self::over(&std::iter::once(&target).chain(inputs.iter().copied()).collect::<Vec<_>>())
    }
}
