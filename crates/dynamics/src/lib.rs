//! Ensembles of simulated training: SGD, isotropic and horizontal Langevin dynamics, seeds in lanes.
//!
//! **Idea.** One step, gradient, momentum, noise, projector and all, is a graph from states to states
//! ([`update`]), compiled into one lane program; an ensemble is blocks of sixteen seeds that each run it. What is
//! logged is computed by the same program from the same draws.
//!
//! **The data's way.** `model::Spec` → update graph → `Program` → [`Ensemble`] (blocks, over threads) → [`Run`]
//! (records by seeds, samples, final parameters). A run that is saved now and then ([`Checkpoints`]) goes on, when it is
//! killed, to the same bits.
//!
//! **Independence.** The simulation must not know the prediction that it tests: this crate depends on `model` alone.
//! The horizontal projector comes from the predictor's Jacobian, never from found symmetry generators.
//!
//! **Rejected.** One thread for each seed (memory traffic, and results that depend on scheduling); stepping all
//! blocks in lockstep (a barrier for each step costs more than the step); checking for divergence at every step
//! (instead, blocks are checked now and then and the last stretch is replayed to find the step and the tensor).

mod block;
mod blocks;
mod checkpoint;
mod constraint;
mod ensemble;
mod error;
pub mod files;
mod horizontal;
mod measure;
mod memory;
mod readers;
mod run;
mod start;
pub mod update;

pub use checkpoint::{CheckpointError, Checkpoints, Identity, RECORDS, RESUME, Standing};
pub use ensemble::{
    Ensemble, Observer, Options, Silent, initial_parameters, predict_memory, predict_work, set_threads, simulate,
    simulate_from, simulate_saved,
};
pub use error::{Diverged, DynamicsError};
pub use measure::{Measurement, measure};
pub use memory::check_memory;
pub use run::{Run, Series};
