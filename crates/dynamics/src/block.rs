//! Sixteen seeds and the loop that moves them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gaugebias_model::operations::Purpose;
use gaugebias_model::program::{Program, Workspace};
use gaugebias_model::random::LaneStream;
use gaugebias_model::{Chunk, LANES, Real};

use crate::error::Diverged;

/// Steps between checks that all parameters are finite.
const STRIDE: u64 = 256;

/// When observables are recorded and the verified one is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub every: u64,
    /// (burn-in, thinning)
    pub sample: Option<(u64, u64)>,
    pub steps: u64,
}

impl Schedule {
    /// The last step is recorded whether it is a multiple or not: "at the end" is to mean the end.
    pub fn records(&self, step: u64) -> bool {
        step.is_multiple_of(self.every) || step == self.steps
    }

    pub fn samples(&self, step: u64) -> bool {
        self.sample.is_some_and(|(burn_in, thin)| step >= burn_in && (step - burn_in).is_multiple_of(thin) && step > 0)
    }

    /// Ends of the rounds in which all blocks advance together, so that an interrupted run has every seed at nearly
    /// the same step; the last one includes the log after the last step.
    pub fn rounds(&self) -> impl Iterator<Item = u64> + '_ {
        let length = 16 * STRIDE;
        (1..=(self.steps + 1).div_ceil(length)).map(move |round| (round * length).min(self.steps + 1))
    }

    pub fn record_steps(&self) -> impl Iterator<Item = u64> + '_ {
        (0..=self.steps).filter(|&step| self.records(step))
    }

    pub fn sample_steps(&self) -> impl Iterator<Item = u64> + '_ {
        (0..=self.steps).filter(|&step| self.samples(step))
    }
}

/// Counters shared by all threads of a run.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Steps made, summed over blocks.
    pub steps: AtomicU64,
    /// Set by an interruption to make every block stop.
    pub stop: AtomicBool,
}

/// What all blocks of a run have in common.
pub(crate) struct Plan<T> {
    /// The step; secondary outputs are the observables, then the verified one.
    pub program: Program<T>,
    /// The same step with every named tensor as a secondary output, to find what diverged first.
    pub diagnosis: Program<T>,
    pub diagnosed: Vec<String>,
    /// Slots and names of the states.
    pub states: Vec<(usize, String)>,
    /// Slots of everything that has to be copied to replay a stretch.
    pub slots: Vec<usize>,
    pub observables: usize,
    pub schedule: Schedule,
}

/// States and streams of a block at one moment.
struct Snapshot<T> {
    states: Vec<Vec<Chunk<T>>>,
    streams: [LaneStream; Purpose::COUNT],
}

/// A block of lanes.
pub(crate) struct Block<T> {
    pub workspace: Workspace<T>,
    /// Seeds in use; the other lanes repeat the last one.
    pub active: usize,
    pub first_seed: usize,
    /// Steps made.
    pub step: u64,
    /// For each observable, records × active seeds × elements.
    pub logs: Vec<Vec<T>>,
    /// Samples × active seeds.
    pub samples: Vec<T>,
    pub diverged: Option<Diverged>,
}

impl<T: Real> Block<T> {
    /// Runs up to (not including) step `end`, or until something stops it.
    pub fn run(&mut self, plan: &Plan<T>, end: u64, shared: &Shared) {
        while self.step < end && self.diverged.is_none() && !shared.stop.load(Ordering::Relaxed) {
            let start = self.snapshot(plan);
            let (from, lengths) = (self.step, self.logged_lengths());
            self.stretch(plan, end);
            shared
                .steps
                .fetch_add(self.step.min(plan.schedule.steps) - from.min(plan.schedule.steps), Ordering::Relaxed);
            if self.finite_lanes(plan).iter().any(|finite| !finite) {
                let diverged = self.diagnose(plan, start, from);
                self.forget_from(plan, diverged.step, from, &lengths);
                self.diverged = Some(diverged);
            }
        }
    }

    /// What a replay starts from: the other inputs stay what they are.
    fn snapshot(&self, plan: &Plan<T>) -> Snapshot<T> {
        let state = |(slot, _): &(usize, String)| plan.program.input(&self.workspace, *slot).unwrap_or(&[]).to_vec();
        Snapshot { states: plan.states.iter().map(state).collect(), streams: self.workspace.streams.clone() }
    }

    /// Up to [`STRIDE`] steps. The state after the last step is logged without a further step.
    fn stretch(&mut self, plan: &Plan<T>, end: u64) {
        let end = (self.step + STRIDE).min(end);
        while self.step < end {
            let (record, sample) = (plan.schedule.records(self.step), plan.schedule.samples(self.step));
            let last = self.step == plan.schedule.steps;
            if record || sample || !last {
                plan.program.step(&mut self.workspace, record || sample);
            }
            if record {
                self.record(plan);
            }
            if sample {
                let chunk = plan.program.secondary(&self.workspace, plan.observables)[0];
                self.samples.extend_from_slice(&chunk.0[..self.active]);
            }
            if !last {
                plan.program.advance(&mut self.workspace);
            }
            self.step += 1;
        }
    }

    fn record(&mut self, plan: &Plan<T>) {
        for (index, log) in self.logs.iter_mut().enumerate() {
            let chunks = plan.program.secondary(&self.workspace, index);
            for lane in 0..self.active {
                log.extend(chunks.iter().map(|chunk| chunk.0[lane]));
            }
        }
    }

    fn finite_lanes(&self, plan: &Plan<T>) -> [bool; LANES] {
        let mut finite = [true; LANES];
        for (slot, _) in &plan.states {
            for chunk in plan.program.input(&self.workspace, *slot).unwrap_or(&[]) {
                for (lane, finite) in finite.iter_mut().enumerate() {
                    *finite &= chunk.0[lane].to_f64().is_finite();
                }
            }
        }
        finite
    }

    /// Replays a stretch to find the first tensor that was not finite.
    fn diagnose(&self, plan: &Plan<T>, start: Snapshot<T>, from: u64) -> Diverged {
        let seeds = self.finite_lanes(plan)[..self.active].iter().filter(|finite| !**finite).count();
        let mut replay = plan.diagnosis.workspace(start.streams.clone());
        for &slot in &plan.slots {
            if let (Some(source), Some(target)) =
                (plan.program.input(&self.workspace, slot), plan.diagnosis.input_mut(&mut replay, slot))
            {
                target.copy_from_slice(source);
            }
        }
        for ((slot, _), state) in plan.states.iter().zip(&start.states) {
            if let Some(target) = plan.diagnosis.input_mut(&mut replay, *slot) {
                target.copy_from_slice(state);
            }
        }
        plan.diagnosis.prepare(&mut replay);
        for step in from..self.step {
            plan.diagnosis.step(&mut replay, true);
            if let Some((lane, tensor)) = self.first_not_finite(plan, &replay) {
                return Diverged { seed: self.first_seed + lane, step, tensor, seeds };
            }
            plan.diagnosis.advance(&mut replay);
        }
        unreachable!("a replayed stretch repeats the divergence, because the same program sees the same numbers")
    }

    fn first_not_finite(&self, plan: &Plan<T>, replay: &Workspace<T>) -> Option<(usize, String)> {
        let named = (0..plan.diagnosed.len())
            .map(|index| (plan.diagnosed[index].clone(), plan.diagnosis.secondary(replay, index)));
        let updated = plan
            .states
            .iter()
            .enumerate()
            .map(|(index, (_, name))| (format!("the update of {name}"), plan.diagnosis.primary(replay, index)));
        named.chain(updated).find_map(|(name, chunks)| {
            let broken = |lane: &usize| chunks.iter().any(|chunk| !chunk.0[*lane].to_f64().is_finite());
            (0..self.active).find(broken).map(|lane| (lane, name))
        })
    }

    fn logged_lengths(&self) -> (Vec<usize>, usize) {
        (self.logs.iter().map(Vec::len).collect(), self.samples.len())
    }

    /// Drops what was logged at `step` and later, where the logs had the given lengths at step `start`.
    fn forget_from(&mut self, plan: &Plan<T>, step: u64, start: u64, (logs, samples): &(Vec<usize>, usize)) {
        let records = (start..step).filter(|&step| plan.schedule.records(step)).count();
        let sampled = (start..step).filter(|&step| plan.schedule.samples(step)).count();
        for (index, (log, &length)) in self.logs.iter_mut().zip(logs).enumerate() {
            let elements = plan.program.secondary_shape(index).count();
            log.truncate(length + records * self.active * elements);
        }
        self.samples.truncate(samples + sampled * self.active);
        self.step = step;
    }
}
