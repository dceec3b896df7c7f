//! Checkpoints: a killed run goes on where it was last saved, and ends with the same bytes.
//!
//! **Idea.** A run is a function of the spec, so that only what moves is saved: parameters and optimiser states, the
//! random streams, each block's next step, and the records so far. Data, programs and schedules are made again from
//! the spec; that it is the same spec, in the same version and precision, is checked first ([`Identity`]).
//!
//! **Two files**, because one of them grows. `resume.safetensors` holds the states; it is small and is replaced as a
//! whole, atomically. Records are appended to `resume.records` ([`journal`]), each once, so that a run's saving costs
//! what its log holds and not the square of it. The states' file names the length and the digest of the records that
//! belong to it: whatever stands behind that length is from a save that did not come to its end, and is cut off. So
//! the order is: append, sync, replace, sync; and every moment in between leaves the last good state.
//!
//! **When.** All blocks stop at the end of a stretch (40 ms), are saved, and go on ([`saver`]): every five seconds,
//! or so seldom that saving takes at most a thirtieth of the time, and at Ctrl-C. The steps of a round do not depend on
//! pauses, so neither do results. Nothing is saved once a seed has diverged: going on from before finds it again.
//!
//! **Rejected.** Rewriting logs with the states (quadratic); a file for each save or block (thousands of files, and
//! a sync for each); saving blocks while others run (a lock for each stretch, to save some milliseconds); memory-mapped
//! files (neither atomic nor ordered).

mod folder;
mod identity;
mod journal;
mod saver;
mod states;
#[cfg(test)]
mod tests;

pub use folder::{Checkpoints, RECORDS, RESUME, Standing};
pub use identity::Identity;
pub(crate) use saver::{Saver, restore};

use std::io;
use std::path::PathBuf;

use gaugebias_model::Real;
use thiserror::Error;

/// A checkpoint that cannot be written, read, or used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The disk is full, or the folder cannot be written to.
    #[error(
        "cannot save the run: {path}: {source}; what was saved before is untouched: make room there and go on with --resume"
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is damaged, or not ours.
    #[error("{path} is not a checkpoint that can be read: {reason}; put back a copy, or start anew with --force")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is of another run.
    #[error(
        "{path} is of another run: its {what} is {found}, expected {expected}; give the spec and flags that it was \
         started with, choose another folder with --out, or start anew with --force"
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
        /// In the file.
        found: String,
        /// In this run.
        expected: String,
    },
}

/// Appends numbers in the run's precision, little-endian.
fn push_numbers<T: Real>(numbers: impl Iterator<Item = T>, bytes: &mut Vec<u8>) {
    if size_of::<T>() == 4 {
        numbers.for_each(|x| bytes.extend_from_slice(&(x.to_f64() as f32).to_le_bytes()));
    } else {
        numbers.for_each(|x| bytes.extend_from_slice(&x.to_f64().to_le_bytes()));
    }
}

/// The numbers of [`push_numbers`].
fn numbers<T: Real>(bytes: &[u8]) -> impl Iterator<Item = T> + '_ {
    bytes.chunks_exact(size_of::<T>()).map(|chunk| {
        T::from_f64(match chunk.try_into() {
            Ok(single) => f64::from(f32::from_le_bytes(single)),
            Err(_) => f64::from_le_bytes(chunk.try_into().expect("numbers have four or eight bytes")),
        })
    })
}

/// A digest as text.
fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
