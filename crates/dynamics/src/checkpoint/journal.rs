//! `resume.records`: the records so far, each written once.
//!
//! The file is a sequence of frames: number of the block and its next step (u64, little-endian), then what the block
//! recorded since its last frame: for each observable, and then for the samples, records × seeds × elements in
//! the run's precision. How many records that are follows from the schedule.

use std::io::Read;

use gaugebias_model::Real;
use sha2::{Digest, Sha256};

use super::{hexadecimal, numbers, push_numbers};
use crate::block::{Block, Plan};

/// What has been appended.
#[derive(Clone, Default)]
pub(super) struct Journal {
    pub length: u64,
    digest: Sha256,
}

impl Journal {
    pub fn digest(&self) -> String {
        hexadecimal(&self.digest.clone().finalize())
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.digest.update(bytes);
    }
}

/// Numbers of each series (observables, then samples) that a block records in the steps `from..to`.
fn counts<T: Real>(plan: &Plan<T>, active: usize, from: u64, to: u64) -> Vec<usize> {
    let schedule = &plan.schedule;
    let records = (schedule.records_before(to) - schedule.records_before(from)) as usize;
    let samples = (schedule.samples_before(to) - schedule.samples_before(from)) as usize;
    let of = |index: usize| records * active * plan.program.secondary_shape(index).count();
    (0..plan.observables).map(of).chain([samples * active]).collect()
}

/// What a block has recorded from step `from` on.
pub(super) fn frame<T: Real>(plan: &Plan<T>, index: usize, block: &Block<T>, from: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&(index as u64).to_le_bytes());
    bytes.extend_from_slice(&block.step.to_le_bytes());
    let counts = counts(plan, block.active, from, block.step);
    for (series, count) in block.logs.iter().chain([&block.samples]).zip(counts) {
        push_numbers(series[series.len() - count..].iter().copied(), &mut bytes);
    }
    bytes
}

/// Reads the frames of the first `length` bytes into the blocks.
///
/// # Errors
/// What is wrong with the file, in words.
pub(super) fn read<T: Real>(
    reader: impl Read,
    length: u64,
    plan: &Plan<T>,
    blocks: &mut [Block<T>],
) -> Result<Journal, String> {
    let mut journal = Journal::default();
    let mut reader = reader.take(length);
    let mut take = |count: usize, journal: &mut Journal| -> Result<Vec<u8>, String> {
        if journal.length + count as u64 > length {
            return Err("its records end within a frame".to_owned());
        }
        let mut bytes = vec![0; count];
        reader.read_exact(&mut bytes).map_err(|error| format!("its records cannot be read ({error})"))?;
        journal.add(&bytes);
        Ok(bytes)
    };
    while journal.length < length {
        let head = take(16, &mut journal)?;
        let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let (index, step) = (word(0), word(8));
        let block = usize::try_from(index).ok().and_then(|index| blocks.get_mut(index));
        let block = block.ok_or_else(|| format!("its records name block {index}, which the run does not have"))?;
        if step < block.step || step > plan.schedule.steps + 1 {
            return Err(format!("its records of block {index} go from step {} to step {step}", block.step));
        }
        let counts = counts(plan, block.active, block.step, step);
        for (series, count) in block.logs.iter_mut().chain([&mut block.samples]).zip(counts) {
            series.extend(numbers::<T>(&take(count * size_of::<T>(), &mut journal)?));
        }
        block.step = step;
    }
    Ok(journal)
}
