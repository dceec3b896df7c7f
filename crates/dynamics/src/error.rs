//! What can go wrong in a simulation: the spec's fault, the model's divergence, too little memory, an interruption.

use gaugebias_model::SpecError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::run::Run;

/// Parameters that stopped being finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// The first seed that diverged.
    pub seed: usize,
    /// The step (from 0) at which a tensor first was not finite.
    pub step: u64,
    /// That tensor: a name of the spec, or the update of a parameter.
    pub tensor: String,
    /// How many seeds had diverged when the run was stopped.
    pub seeds: usize,
}

fn advice(step: u64) -> &'static str {
    match step {
        0 => "it is so before anything is trained: look at the expressions of [data], [param], [batch] and [model]",
        _ => "try a smaller step_size or initial scale",
    }
}

/// A simulation that did not end well.
#[derive(Debug, Error)]
pub enum DynamicsError {
    /// The spec is at fault.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The model diverged; what was logged until then is in `run`.
    #[error(
        "the run diverged: seed {}, step {}: {} is not finite ({} of the seeds diverged); {}",
        .diverged.seed, .diverged.step, .diverged.tensor, .diverged.seeds, advice(.diverged.step)
    )]
    Diverged {
        /// Where.
        diverged: Diverged,
        /// What was logged.
        run: Box<Run>,
    },
    /// The run would not fit.
    #[error(
        "this needs about {needed_mib} MiB of memory, {available_mib} MiB are free; \
         use fewer seeds, log less often, or make the tensors smaller"
    )]
    Memory {
        /// Predicted need.
        needed_mib: u64,
        /// What the machine has free.
        available_mib: u64,
    },
    /// Starts that are not those of the spec's seeds.
    #[error(
        "{starts} starts of {found} numbers were given, expected {seeds}, one for each seed, of {parameters} numbers, one for each parameter"
    )]
    Starts {
        /// How many were given.
        starts: usize,
        /// Numbers of the first one of a wrong size.
        found: usize,
        /// How many the spec has seeds.
        seeds: usize,
        /// Its parameters.
        parameters: usize,
    },
    /// The run could not be saved, or not be gone on with.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The observer asked to stop.
    #[error("the run was interrupted after {steps} steps")]
    Interrupted {
        /// Steps that every seed has made.
        steps: u64,
        /// What was logged.
        run: Box<Run>,
    },
}
