//! Running an operation with the machine's instruction set.
//!
//! The kernels are compiled here, once for each element type and instruction set: generic functions would be compiled
//! again in every crate that runs a program.

use pulp::{Simd, WithSimd};

use super::{Real, Task};
use crate::operations::Op;
use crate::program::InstructionSet;

struct Run<'a, 'b, T> {
    op: &'b Op,
    task: Task<'a, T>,
}

impl<T: Real> WithSimd for Run<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.op.run(simd, &mut self.task);
    }
}

/// [`Real::execute`] for f32.
pub(super) fn execute_f32(set: InstructionSet, op: &Op, task: Task<'_, f32>) {
    set.run(Run { op, task });
}

/// [`Real::execute`] for f64.
pub(super) fn execute_f64(set: InstructionSet, op: &Op, task: Task<'_, f64>) {
    set.run(Run { op, task });
}
