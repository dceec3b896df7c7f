//! Lane programs: a graph, compiled once, run on block after block of sixteen lanes.
//!
//! A program has three parts. The *prologue* computes what depends on fixed inputs only, once for each block. The
//! *step* computes the primary outputs; the *log* computes the secondary ones from the same draws and intermediate
//! values, and runs only when asked for. Views cost nothing; buffers are reused as soon as their last reader is done;
//! constants are stored once for all lanes. Feedback from outputs to inputs exchanges buffers instead of copying.
//!
//! **The data's way.** graph → `parts` (which part a node belongs to) → `groups` (which nodes are one instruction) →
//! `linearize` (a group as micro-operations) → `compile` (where values lie, which kernel) → `reuse` (buffers) →
//! `work` (instructions, proved to stay within their buffers) → `execute`. `plan` says what came out.
//!
//! **Rejected.** Fusing by pattern (a residual, an update, …): every experiment would need patterns of its own, where
//! one rule, *a node joins the group of its readers if they are all of one group*, finds all of them. One function
//! compiled for the whole step: a machine-code generator for three instruction sets, for a tenth of the time.

mod along_rows;
mod compile;
mod dispatch;
mod execute;
mod groups;
mod instruction_set;
mod linearize;
mod parts;
mod plan;
mod profile;
mod reuse;
mod work;

pub(crate) use dispatch::{Run, run_f32, run_f64};
pub use execute::Workspace;
pub use instruction_set::InstructionSet;
pub use plan::{Plan, Planned};

use std::sync::Arc;

use crate::graph::{Graph, NodeId};
use crate::lanes::{Chunk, Real, View};
use crate::shape::Shape;
use work::Instruction;

/// What is to be compiled.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Slots of inputs that keep their value while a block is run (data).
    pub fixed: Vec<usize>,
    /// Outputs of every step.
    pub primary: Vec<NodeId>,
    /// Outputs of logged steps only.
    pub secondary: Vec<NodeId>,
    /// (index of a primary output, input slot): the output becomes the input of the next step.
    pub feedback: Vec<(usize, usize)>,
    /// Make only the draws that the outputs need. Training makes all of them, so that what is logged does not
    /// change what is drawn.
    pub only_needed_draws: bool,
    /// What the compiler does to make the program fast.
    pub passes: Passes,
}

/// Optimisations of the compiler; all are on unless a test compares. Those of the graph are in
/// [`Simplify`](crate::graph::Simplify).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Compute what depends on fixed inputs only once for each block.
    pub hoist: bool,
    /// Run chains of element-wise operations in one pass, and after products before these are written.
    pub fuse: bool,
    /// Compute matrix products in tiles.
    pub products: bool,
    /// Compute products with a large fixed matrix of each seed's own along its rows.
    pub rows: bool,
    /// Give a buffer whose last reader is done to later instructions.
    pub reuse: bool,
}

impl Default for Passes {
    fn default() -> Self {
        Self { hoist: true, fuse: true, products: true, rows: true, reuse: true }
    }
}

impl Passes {
    /// None of them.
    pub const OFF: Self = Self { hoist: false, fuse: false, products: false, rows: false, reuse: false };
}

/// What holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Store {
    Constant(usize),
    Buffer(usize),
}

/// Where a value lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub store: Store,
    pub view: View,
}

/// A compiled graph for elements of type T.
#[derive(Clone, Debug)]
pub struct Program<T> {
    /// Nodes of the graph.
    nodes: usize,
    constants: Vec<Vec<T>>,
    /// Chunks of each buffer; workspaces hold the same allocation, to prove that they are this program's.
    buffers: Arc<[usize]>,
    prologue: Vec<Instruction<T>>,
    step: Vec<Instruction<T>>,
    log: Vec<Instruction<T>>,
    /// Slot and buffer of each input.
    inputs: Vec<(usize, usize)>,
    /// Buffer, shape of each primary, then each secondary output.
    outputs: Vec<(usize, Shape)>,
    primary: usize,
    feedback: Vec<(usize, usize)>,
    instruction_set: InstructionSet,
}

impl<T: Real> Program<T> {
    /// Compiles a graph for the machine's best instruction set.
    pub fn compile(graph: &Graph, request: &Request) -> Self {
        compile::compile(graph, request, InstructionSet::detect())
    }

    /// The same program, run with another instruction set.
    pub fn with_instruction_set(self, instruction_set: InstructionSet) -> Self {
        Self { instruction_set, ..self }
    }

    /// Bytes of a workspace: one block of lanes.
    pub fn workspace_bytes(&self) -> usize {
        self.buffers.iter().sum::<usize>() * size_of::<Chunk<T>>()
    }

    /// Number of instructions in the prologue, the step and the log.
    pub fn instruction_counts(&self) -> [usize; 3] {
        [self.prologue.len(), self.step.len(), self.log.len()]
    }

    /// Number of buffers.
    pub fn buffer_count(&self) -> usize {
        self.buffers.len()
    }

    /// Shape of a primary output.
    pub fn primary_shape(&self, index: usize) -> &Shape {
        &self.outputs[index].1
    }

    /// Shape of a secondary output.
    pub fn secondary_shape(&self, index: usize) -> &Shape {
        &self.outputs[self.primary + index].1
    }
}

#[cfg(test)]
mod tests;
