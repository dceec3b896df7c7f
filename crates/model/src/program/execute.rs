//! Running a program on a block of lanes.

use super::{Instruction, Program, Store};
use crate::lanes::{Chunk, LANES, Operand, Real, Storage, Task};
use crate::operations::Purpose;
use crate::random::LaneStream;
use crate::tensor::Tensor;

/// The state of one block: buffers and random streams.
#[derive(Clone, Debug)]
pub struct Workspace<T> {
    buffers: Vec<Vec<Chunk<T>>>,
    /// One stream for each purpose.
    pub streams: [LaneStream; Purpose::COUNT],
}

impl<T: Real> Program<T> {
    /// Memory for one block, all zero.
    pub fn workspace(&self, streams: [LaneStream; Purpose::COUNT]) -> Workspace<T> {
        let buffers = self.buffers.iter().map(|&size| vec![Chunk([T::ZERO; LANES]); size]).collect();
        Workspace { buffers, streams }
    }

    fn input_buffer(&self, slot: usize) -> Option<usize> {
        self.inputs.iter().find(|(own, ..)| *own == slot).map(|&(_, buffer, _)| buffer)
    }

    /// The chunks of an input, to be filled; `None` where the program does not use that slot.
    pub fn input_mut<'w>(&self, workspace: &'w mut Workspace<T>, slot: usize) -> Option<&'w mut [Chunk<T>]> {
        self.input_buffer(slot).map(|buffer| workspace.buffers[buffer].as_mut_slice())
    }

    /// The chunks of an input.
    pub fn input<'w>(&self, workspace: &'w Workspace<T>, slot: usize) -> Option<&'w [Chunk<T>]> {
        self.input_buffer(slot).map(|buffer| workspace.buffers[buffer].as_slice())
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
    pub fn prepare(&self, workspace: &mut Workspace<T>) {
        self.prologue.iter().for_each(|instruction| self.execute(instruction, workspace));
    }

    /// Computes the primary outputs, and the secondary ones if `log`.
    pub fn step(&self, workspace: &mut Workspace<T>, log: bool) {
        self.step.iter().for_each(|instruction| self.execute(instruction, workspace));
        if log {
            self.log.iter().for_each(|instruction| self.execute(instruction, workspace));
        }
    }

    /// Makes the fed-back outputs the next step's inputs.
    pub fn advance(&self, workspace: &mut Workspace<T>) {
        for &(output, slot) in &self.feedback {
            if let Some(input) = self.input_buffer(slot) {
                workspace.buffers.swap(self.outputs[output].0, input);
            }
        }
    }

    /// A primary output, row-major.
    pub fn primary<'w>(&self, workspace: &'w Workspace<T>, index: usize) -> &'w [Chunk<T>] {
        &workspace.buffers[self.outputs[index].0]
    }

    /// A secondary output, row-major.
    pub fn secondary<'w>(&self, workspace: &'w Workspace<T>, index: usize) -> &'w [Chunk<T>] {
        &workspace.buffers[self.outputs[self.primary + index].0]
    }

    /// A primary output in one lane.
    pub fn primary_tensor(&self, workspace: &Workspace<T>, index: usize, lane: usize) -> Tensor {
        let values = self.primary(workspace, index).iter().map(|chunk| chunk.0[lane].to_f64()).collect();
        Tensor::new(self.outputs[index].1.clone(), values)
    }

    #[inline]
    fn execute(&self, instruction: &Instruction, workspace: &mut Workspace<T>) {
        // The output's buffer is never among the inputs' (it is free when the instruction starts).
        let mut output = std::mem::take(&mut workspace.buffers[instruction.output]);
        let inputs = instruction
            .inputs
            .iter()
            .map(|place| Operand {
                storage: match place.store {
                    Store::Constant(index) => Storage::Uniform(&self.constants[index]),
                    Store::Buffer(index) => Storage::Lanes(&workspace.buffers[index]),
                },
                view: &place.view,
            })
            .collect();
        let task = Task {
            shape: &instruction.shape,
            output: &mut output,
            inputs,
            loops: &instruction.loops,
            streams: &mut workspace.streams,
        };
        T::execute(self.instruction_set, &instruction.op, task);
        workspace.buffers[instruction.output] = output;
    }
}
