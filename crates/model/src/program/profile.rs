//! How long each instruction of a step takes.
//!
//! Each instruction is run many times by itself, on the buffers as they stand: it writes none that it reads, so every
//! run does the same. Draws go on with their streams, so a workspace that was timed is not to be run any further. What
//! an instruction finds in the caches is what it left there itself: the sum of all times is below the step's time where
//! a block is larger than the first cache.

use std::time::Instant;

use super::{Plan, Program, Workspace};
use crate::lanes::{LANES, Real};

/// Time for each instruction, in seconds.
const TIME: f64 = 2e-3;

impl<T: Real> Program<T> {
    /// What the graph was compiled to, with the time that each instruction of the step takes.
    ///
    /// # Panics
    /// On the workspace of another program.
    pub fn profile(&self, mut workspace: Workspace<T>) -> Plan {
        self.check(&workspace);
        let mut plan = self.plan();
        for (planned, instruction) in plan.step.iter_mut().zip(&self.step) {
            let mut time_of = |repetitions: u32| {
                let started = Instant::now();
                (0..repetitions).for_each(|_| self.execute(std::slice::from_ref(instruction), &mut workspace));
                started.elapsed().as_secs_f64()
            };
            let mut repetitions = 1;
            while time_of(repetitions) < TIME {
                repetitions *= 2;
            }
            let fastest = (0..5).map(|_| time_of(repetitions)).fold(f64::INFINITY, f64::min);
            planned.picoseconds = Some((fastest / f64::from(repetitions) / LANES as f64 * 1e12) as u64);
        }
        plan
    }
}
