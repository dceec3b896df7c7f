//! Running instructions with the machine's instruction set.
//!
//! The kernels are compiled here, once for each element type and instruction set: generic functions would be compiled
//! again in every crate that runs a program. The instruction set is looked at once for a whole part of a program: a
//! step of a small model is a dozen instructions of some hundred nanoseconds for sixteen seeds.

use pulp::{Simd, WithSimd};

use super::work::{Instruction, Operated, Work};
use super::{InstructionSet, Store, Workspace};
use crate::lanes::{Chunk, Operand, Real, RunFused, RunPack, RunProduct, RunRows, Storage, Task};
use crate::operations::Op;
use crate::random::LaneStream;

/// Instructions to be run one after the other.
pub(crate) struct Run<'a, T> {
    pub instructions: &'a [Instruction<T>],
    pub workspace: &'a mut Workspace<T>,
    pub constants: &'a [Vec<T>],
}

impl<T: Real> WithSimd for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { instructions, workspace, constants } = self;
        for instruction in instructions {
            match &instruction.work {
                Work::Fused(fused) => {
                    let (field, end) = (workspace.arena.field(), fused.count);
                    apart(simd, RunFused { fused, field, constants, first: 0, end });
                }
                Work::Product(product) => {
                    apart(simd, RunProduct { product, field: workspace.arena.field(), constants });
                }
                Work::Pack(pack) => apart(simd, RunPack { pack, field: workspace.arena.field() }),
                Work::Rows(rows) => apart(simd, RunRows { rows, field: workspace.arena.field() }),
                Work::Normals(normals) => {
                    let mut outputs = workspace.arena.buffers_mut(&normals.outputs);
                    let streams = &mut workspace.streams[normals.purpose as usize];
                    apart(simd, RunNormals { streams, outputs: &mut outputs });
                }
                Work::Operation(operated) => operate(simd, operated, instruction.output, workspace, constants),
            }
        }
    }
}

/// Runs a kernel as a function of its own: inside of one that holds all of them it would find no registers left for its
/// constants.
#[inline(never)]
fn apart<S: Simd, W: WithSimd>(simd: S, work: W) -> W::Output {
    simd.vectorize(work)
}

fn operate<T: Real, S: Simd>(
    simd: S,
    operated: &Operated,
    output: usize,
    workspace: &mut Workspace<T>,
    constants: &[Vec<T>],
) {
    let (output, others) = workspace.arena.split(output);
    let inputs = operated
        .inputs
        .iter()
        .map(|place| Operand {
            storage: match place.store {
                Store::Constant(index) => Storage::Uniform(&constants[index]),
                Store::Buffer(index) => Storage::Lanes(others.buffer(index)),
            },
            view: &place.view,
        })
        .collect();
    let streams = &mut workspace.streams;
    let mut task = Task { shape: &operated.shape, output, inputs, loops: &operated.loops, streams };
    apart(simd, RunOperation { op: &operated.op, task: &mut task });
}

struct RunOperation<'a, 'b, T> {
    op: &'a Op,
    task: &'a mut Task<'b, T>,
}

impl<T: Real> WithSimd for RunOperation<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.op.run(simd, self.task);
    }
}

struct RunNormals<'a, 'b, T> {
    streams: &'a mut LaneStream,
    outputs: &'a mut [&'b mut [Chunk<T>]],
}

impl<T: Real> WithSimd for RunNormals<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        T::normals(simd, self.streams, self.outputs);
    }
}

/// [`Real::run`] for f32.
pub(crate) fn run_f32(set: InstructionSet, run: Run<'_, f32>) {
    set.run(run);
}

/// [`Real::run`] for f64.
pub(crate) fn run_f64(set: InstructionSet, run: Run<'_, f64>) {
    set.run(run);
}
