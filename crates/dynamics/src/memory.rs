//! Memory is asked for before the work starts: a run that cannot fit says so at once instead of dying after an hour, or
//! taking the machine with it; and what a run will take at most is told.
//!
//! A run's memory has two peaks. While it goes, there are the blocks' workspaces and logs, and now and then a copy of
//! the states, to be saved. When it has ended, the parameters become f64, workspaces go, and logs become f64 series, one
//! observable after the other and block by block, so that a block's part of one observable is there twice, not all of them.

use gaugebias_model::program::Program;
use gaugebias_model::{LANES, Real};

use crate::block::Plan;
use crate::error::DynamicsError;

/// The program itself, with its threads' stacks and what a spec's text and graph take.
const PROGRAM: u64 = 12 << 20;

/// Bytes that a run takes at most, without the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    running: u64,
    /// A copy of the states, to be saved.
    saving: u64,
    /// The parameters in f64.
    ended: u64,
    gathering: u64,
}

/// How many numbers are constants of a spec's graphs: loaded data, and all data where seeds share them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constants {
    /// Of the graph of data and initial parameters.
    pub start: u64,
    /// Of the step's graph.
    pub step: u64,
}

impl Constants {
    /// They stand in f64 in their graphs, and in the run's precision in the step's program and in the one that looks for
    /// what diverged.
    fn bytes(self, number: u64) -> u64 {
        (8 * self.start).saturating_add((8 + 2 * number).saturating_mul(self.step))
    }
}

impl Memory {
    /// Of a compiled spec; `elements` of each observable.
    pub fn of<T: Real>(
        plan: &Plan<T>,
        start: &Program<T>,
        seeds: usize,
        elements: &[u64],
        constants: Constants,
    ) -> Self {
        let blocks = seeds.div_ceil(LANES) as u64;
        let (seeds, number) = (seeds as u64, size_of::<T>() as u64);
        let all = u64::MAX;
        let recorded = |elements: u64| plan.schedule.records_before(all).saturating_mul(elements.saturating_mul(seeds));
        let series: Vec<u64> = elements.iter().map(|&elements| recorded(elements)).collect();
        let samples = plan.schedule.samples_before(all).saturating_mul(seeds);
        let series: Vec<u64> = series.into_iter().chain([samples]).collect();
        let logs = series.iter().fold(0u64, |sum, &count| sum.saturating_add(count.saturating_mul(number)));
        let states: u64 = (0..plan.states.len()).map(|index| plan.program.primary_shape(index).count() as u64).sum();
        let workspaces = blocks.saturating_mul(plan.program.workspace_bytes() as u64);
        let largest_frame = logs / blocks.max(1);
        // A saved state is there as tensors and as a file's bytes.
        let saving = states.saturating_mul(seeds).saturating_mul(2 * number).saturating_add(largest_frame);
        let running = logs.saturating_add(workspaces).saturating_add(start.workspace_bytes() as u64);
        let constants = constants.bytes(number);
        let running = running.saturating_add(constants);
        let ended = states.saturating_mul(seeds).saturating_mul(8);
        let gathering = gathering(&series, number, blocks).saturating_add(ended).saturating_add(constants);
        // Workspaces are still there when the parameters become f64.
        Self { running, saving: saving.max(ended), ended, gathering }
    }

    /// Bytes while it goes and is neither saved nor ended, with the program: that is all there is to a measurement.
    pub fn while_running(self) -> u64 {
        self.running.saturating_add(PROGRAM)
    }

    /// Bytes at the higher peak, with the program; of a run that is saved, or not.
    pub fn peak(self, saved: bool) -> u64 {
        let saving = if saved { self.saving } else { self.ended };
        self.running.saturating_add(saving).max(self.gathering).saturating_add(PROGRAM)
    }
}

/// Series that become f64 one after the other, and each block by block.
fn gathering(series: &[u64], number: u64, blocks: u64) -> u64 {
    let mut left = series.iter().fold(0u64, |sum, &count| sum.saturating_add(count.saturating_mul(number)));
    let (mut joined, mut peak) = (0u64, 0u64);
    for &count in series {
        let recorded = count.saturating_mul(number);
        joined = joined.saturating_add(count.saturating_mul(8));
        left = left.saturating_sub(recorded);
        peak = peak.max(joined.saturating_add(left).saturating_add(recorded / blocks.max(1)));
    }
    peak
}

/// Refuses a computation that would not fit into the memory that is free.
///
/// # Errors
/// [`DynamicsError::Memory`] with both numbers.
pub fn check_memory(needed: u64) -> Result<(), DynamicsError> {
    let available = available().unwrap_or(8 << 30);
    if needed > available / 10 * 9 {
        return Err(DynamicsError::Memory { needed_mib: needed >> 20, available_mib: available >> 20 });
    }
    Ok(())
}

/// Bytes that can be allocated without swapping; `None` where the system does not say.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
