//! Running an operation with the machine's instruction set.
//!
//! The kernels are compiled here, once for each element type and instruction set: generic functions would be compiled
//! again in every crate that runs a program.

use pulp::{Simd, WithSimd};

use super::accumulator::{Fused, RunFused};
use super::memory::Field;
use super::product::Product;
use super::{Chunk, Real, Task};
use crate::operations::Op;
use crate::program::InstructionSet;
use crate::random::LaneStream;

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

struct RunProduct<'a, T> {
    product: &'a Product<T>,
    field: Field<'a, T>,
    constants: &'a [Vec<T>],
}

impl<T: Real> WithSimd for RunProduct<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.product.run(simd, self.field, self.constants);
    }
}

struct Normals<'a, 'b, T> {
    streams: &'a mut LaneStream,
    outputs: &'a mut [&'b mut [Chunk<T>]],
}

impl<T: Real> WithSimd for Normals<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        T::normals(simd, self.streams, self.outputs);
    }
}

macro_rules! dispatch {
    ($type:ident, $operation:ident, $fused:ident, $product:ident, $normals:ident) => {
        /// [`Real::execute`].
        pub(super) fn $operation(set: InstructionSet, op: &Op, task: Task<'_, $type>) {
            set.run(Run { op, task });
        }

        /// [`Real::execute_fused`].
        pub(super) fn $fused(
            set: InstructionSet,
            fused: &Fused<$type>,
            field: Field<'_, $type>,
            constants: &[Vec<$type>],
        ) {
            set.run(RunFused { fused, field, constants, first: 0, end: fused.count });
        }

        /// [`Real::execute_product`].
        pub(super) fn $product(
            set: InstructionSet,
            product: &Product<$type>,
            field: Field<'_, $type>,
            constants: &[Vec<$type>],
        ) {
            set.run(RunProduct { product, field, constants });
        }

        /// [`Real::execute_normals`].
        pub(super) fn $normals(set: InstructionSet, streams: &mut LaneStream, outputs: &mut [&mut [Chunk<$type>]]) {
            set.run(Normals { streams, outputs });
        }
    };
}

dispatch!(f32, execute_f32, fused_f32, product_f32, normals_f32);
dispatch!(f64, execute_f64, fused_f64, product_f64, normals_f64);
