//! Running a program on a block of lanes.

use std::sync::Arc;

use super::work::Instruction;
use super::{Program, Run};
use crate::lanes::{Arena, Chunk, Real};
use crate::operations::Purpose;
use crate::random::LaneStream;
use crate::tensor::Tensor;

/// The state of one block: buffers and random streams.
#[derive(Clone, Debug)]
pub struct Workspace<T> {
    pub(super) arena: Arena<T>,
    /// The program's buffers.
    sizes: Arc<[usize]>,
    /// One stream for each purpose.
    pub streams: [LaneStream; Purpose::COUNT],
}

impl<T: Real> Program<T> {
    /// Memory for one block, all zero.
    pub fn workspace(&self, streams: [LaneStream; Purpose::COUNT]) -> Workspace<T> {
        Workspace { arena: Arena::new(&self.buffers), sizes: Arc::clone(&self.buffers), streams }
    }

    fn input_buffer(&self, slot: usize) -> Option<usize> {
        self.inputs.iter().find(|(own, _)| *own == slot).map(|&(_, buffer)| buffer)
    }

    /// The chunks of an input, to be filled; `None` where the program does not use that slot.
    pub fn input_mut<'w>(&self, workspace: &'w mut Workspace<T>, slot: usize) -> Option<&'w mut [Chunk<T>]> {
        self.input_buffer(slot).map(|buffer| workspace.arena.buffer_mut(buffer))
    }

    /// The chunks of an input.
    pub fn input<'w>(&self, workspace: &'w Workspace<T>, slot: usize) -> Option<&'w [Chunk<T>]> {
        self.input_buffer(slot).map(|buffer| workspace.arena.buffer(buffer))
    }

    /// Sets an input in one lane; a slot that the program does not use is ignored.
    ///
    /// # Panics
    /// When the number of values is not the input's.
    pub fn set_lane(&self, workspace: &mut Workspace<T>, slot: usize, lane: usize, values: &[f64]) {
        if let Some(chunks) = self.input_mut(workspace, slot) {
            assert_eq!(chunks.len(), values.len(), "an input takes as many values as its shape says");
            chunks.iter_mut().zip(values).for_each(|(chunk, &value)| chunk.0[lane] = T::from_f64(value));
        }
    }

    /// Runs the prologue: once, when the fixed inputs are set.
    ///
    /// # Panics
    /// On the workspace of another program.
    pub fn prepare(&self, workspace: &mut Workspace<T>) {
        self.check(workspace);
        self.execute(&self.prologue, workspace);
    }

    /// Computes the primary outputs, and the secondary ones if `log`.
    ///
    /// # Panics
    /// On the workspace of another program.
    pub fn step(&self, workspace: &mut Workspace<T>, log: bool) {
        self.check(workspace);
        self.execute(&self.step, workspace);
        if log {
            self.execute(&self.log, workspace);
        }
    }

    /// Kernels rely on the sizes that the program was compiled for.
    #[inline]
    pub(super) fn check(&self, workspace: &Workspace<T>) {
        assert!(Arc::ptr_eq(&self.buffers, &workspace.sizes), "a program runs on a workspace of its own");
    }

    /// Makes the fed-back outputs the next step's inputs.
    pub fn advance(&self, workspace: &mut Workspace<T>) {
        for &(output, slot) in &self.feedback {
            if let Some(input) = self.input_buffer(slot) {
                workspace.arena.swap(self.outputs[output].0, input);
            }
        }
    }

    /// A primary output, row-major.
    pub fn primary<'w>(&self, workspace: &'w Workspace<T>, index: usize) -> &'w [Chunk<T>] {
        workspace.arena.buffer(self.outputs[index].0)
    }

    /// A secondary output, row-major.
    pub fn secondary<'w>(&self, workspace: &'w Workspace<T>, index: usize) -> &'w [Chunk<T>] {
        workspace.arena.buffer(self.outputs[self.primary + index].0)
    }

    /// A primary output in one lane.
    pub fn primary_tensor(&self, workspace: &Workspace<T>, index: usize, lane: usize) -> Tensor {
        let values = self.primary(workspace, index).iter().map(|chunk| chunk.0[lane].to_f64()).collect();
        Tensor::new(self.outputs[index].1.clone(), values)
    }

    #[inline]
    pub(super) fn execute(&self, instructions: &[Instruction<T>], workspace: &mut Workspace<T>) {
        T::run(self.instruction_set, Run { instructions, workspace, constants: &self.constants });
    }
}
