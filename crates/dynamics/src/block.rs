//! Sixteen seeds and the loop that moves them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gaugebias_model::operations::Purpose;
use gaugebias_model::program::{Program, Workspace};
use gaugebias_model::random::LaneStream;
use gaugebias_model::{Chunk, LANES, Real};

use crate::error::Diverged;

/// Most steps between checks that all parameters are finite.
const LONGEST_STRETCH: u64 = 256;

/// Most and fewest steps of a round.
const ROUND: (u64, u64) = (16 * LONGEST_STRETCH, 8);

/// Floating-point operations of a round of all blocks, about: a tenth of a second of one core; and fewest of one block, some
/// milliseconds, in which its memory has to come into the cache but once.
const ROUND_FLOPS: (u64, u64) = (1 << 32, 1 << 27);

/// A stretch that takes longer is halved, one that takes less than a quarter of it is doubled: how soon a block sees
/// that it is to stop.
const STRETCH_TIME: Duration = Duration::from_millis(40);

/// When observables are recorded and the verified one is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub every: u64,
    /// (burn-in, thinning)
    pub sample: Option<(u64, u64)>,
    pub steps: u64,
    /// Steps of a round.
    pub round: u64,
}

impl Schedule {
    /// The last step is recorded whether it is a multiple or not: "at the end" is to mean the end.
    pub fn records(&self, step: u64) -> bool {
        step.is_multiple_of(self.every) || step == self.steps
    }

    pub fn samples(&self, step: u64) -> bool {
        self.sample.is_some_and(|(burn_in, thin)| step >= burn_in && (step - burn_in).is_multiple_of(thin) && step > 0)
    }

    /// Steps of a round of `seeds` seeds, from the work of one step. Never from its time: how far the other seeds get
    /// before a divergence ends the run is part of the result.
    pub fn round_length(flops_per_step: u64, seeds: usize) -> u64 {
        let steps = |flops: u64, seeds: usize| flops / flops_per_step.saturating_mul(seeds as u64).max(1);
        steps(ROUND_FLOPS.0, seeds).max(steps(ROUND_FLOPS.1, LANES)).clamp(ROUND.1, ROUND.0)
    }

    /// Ends of the rounds in which all blocks advance together, so that an interrupted run has every seed at nearly
    /// the same step; the last one includes the log after the last step. Starts with the round that `step` is in.
    pub fn rounds_from(&self, step: u64) -> impl Iterator<Item = u64> + '_ {
        let length = self.round;
        (step / length + 1..=(self.steps + 1).div_ceil(length)).map(move |round| (round * length).min(self.steps + 1))
    }

    /// Records before step `end`.
    pub fn records_before(&self, end: u64) -> u64 {
        let regular = end.min(self.steps + 1).div_ceil(self.every);
        regular + u64::from(end > self.steps && !self.steps.is_multiple_of(self.every))
    }

    /// Samples before step `end`.
    pub fn samples_before(&self, end: u64) -> u64 {
        let Some((burn_in, thin)) = self.sample else { return 0 };
        let end = end.min(self.steps + 1);
        end.saturating_sub(burn_in).div_ceil(thin) - u64::from(burn_in == 0 && end > 0)
    }

    /// The steps before `end` that are recorded.
    pub fn record_steps(&self, end: u64) -> impl Iterator<Item = u64> {
        let (every, last) = (self.every, self.steps);
        (0..self.records_before(end)).map(move |record| record.saturating_mul(every).min(last))
    }

    /// The steps before `end` that are sampled.
    pub fn sample_steps(&self, end: u64) -> impl Iterator<Item = u64> {
        let (burn_in, thin) = self.sample.unwrap_or((0, 1));
        let skipped = u64::from(burn_in == 0);
        (0..self.samples_before(end)).map(move |sample| burn_in + (sample + skipped) * thin)
    }
}

/// Counters shared by all threads of a run.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Steps made, summed over blocks.
    pub steps: AtomicU64,
    /// Set by an interruption to make every block stop.
    pub stop: AtomicBool,
    /// Set to make every block stop for a moment, to be saved.
    pub pause: AtomicBool,
}

impl Shared {
    fn halted(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.pause.load(Ordering::Relaxed)
    }
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
    /// Steps of the next stretch; by time, and without influence on any result.
    pub stretch: u64,
}

impl<T: Real> Block<T> {
    /// Runs up to (not including) step `end`, or until something stops it. A divergence is traced to its step, and the
    /// other lanes are run to `end` first: where stretches end is a matter of time, what is told of a divergence is not.
    pub fn run(&mut self, plan: &Plan<T>, end: u64, shared: &Shared) {
        while self.step < end && self.diverged.is_none() && !shared.halted() {
            let start = self.snapshot(plan);
            let (from, lengths) = (self.step, self.logged_lengths());
            let started = Instant::now();
            self.advance_to(plan, (self.step + self.stretch).min(end));
            self.fit_stretch(started.elapsed());
            let last = plan.schedule.steps;
            shared.steps.fetch_add(self.step.min(last) - from.min(last), Ordering::Relaxed);
            if self.finite_lanes(plan).iter().any(|finite| !finite) {
                let (lane, step, tensor) = self.diagnose(plan, start, from);
                self.advance_to(plan, end);
                let seeds = self.finite_lanes(plan)[..self.active].iter().filter(|finite| !**finite).count();
                self.forget_from(plan, step, from, &lengths);
                self.diverged = Some(Diverged { seed: self.first_seed + lane, step, tensor, seeds });
            }
        }
    }

    fn fit_stretch(&mut self, took: Duration) {
        if took > STRETCH_TIME {
            self.stretch = (self.stretch / 2).max(1);
        } else if took < STRETCH_TIME / 4 {
            self.stretch = (self.stretch * 2).min(LONGEST_STRETCH);
        }
    }

    /// What a replay starts from: the other inputs stay what they are.
    fn snapshot(&self, plan: &Plan<T>) -> Snapshot<T> {
        let state = |(slot, _): &(usize, String)| plan.program.input(&self.workspace, *slot).unwrap_or(&[]).to_vec();
        Snapshot { states: plan.states.iter().map(state).collect(), streams: self.workspace.streams.clone() }
    }

    /// Steps up to `end`. The state after the last step is logged without a further step.
    pub(crate) fn advance_to(&mut self, plan: &Plan<T>, end: u64) {
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

    /// Replays a stretch to find the first tensor that was not finite: its lane, step and name.
    fn diagnose(&self, plan: &Plan<T>, start: Snapshot<T>, from: u64) -> (usize, u64, String) {
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
                return (lane, step, tensor);
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
        let records = (plan.schedule.records_before(step) - plan.schedule.records_before(start)) as usize;
        let sampled = (plan.schedule.samples_before(step) - plan.schedule.samples_before(start)) as usize;
        for (index, (log, &length)) in self.logs.iter_mut().zip(logs).enumerate() {
            let elements = plan.program.secondary_shape(index).count();
            log.truncate(length + records * self.active * elements);
        }
        self.samples.truncate(samples + sampled * self.active);
        self.step = step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_schedule() {
        for every in [1, 2, 3, 7, 100] {
            for sample in [None, Some((0, 1)), Some((0, 3)), Some((4, 2)), Some((5, 3)), Some((90, 1))] {
                for steps in [0, 1, 6, 7, 20] {
                    let schedule = Schedule { every, sample, steps, round: 8 };
                    for end in 0..=steps + 1 {
                        let records: Vec<u64> = (0..end).filter(|&step| schedule.records(step)).collect();
                        let samples: Vec<u64> = (0..end).filter(|&step| schedule.samples(step)).collect();
                        assert_eq!(schedule.record_steps(end).collect::<Vec<_>>(), records, "{schedule:?}, {end}");
                        assert_eq!(schedule.sample_steps(end).collect::<Vec<_>>(), samples, "{schedule:?}, {end}");
                    }
                }
            }
        }
    }

    /// Where stretches end is a matter of time; what is told of a divergence, and what is kept, is not.
    #[test]
    fn a_divergence_does_not_depend_on_stretches() {
        // Seeds run away one after the other within the first round.
        let text = "[param]\nw = \"0.07 + 0.01 * abs(normal())\"\n[model]\nloss = \"-w**4\"\n[train]\nstep_size = 0.01\nsteps = 9000\n\
                    dtype = \"f64\"\n[ensemble]\nseeds = 40\n[log]\nevery = 2\nw = \"w\"";
        let file = gaugebias_model::spec::SpecFile::parse("test.toml", text.into(), ".".into(), &[]).expect("a spec");
        let found = [1, 100, 256].map(|stretch| {
            let mut ensemble = crate::Ensemble::<f64>::build(&file.specs[0]).expect("a right spec");
            ensemble.blocks().iter_mut().for_each(|block| block.stretch = stretch);
            match ensemble.run(crate::Options::default(), &crate::Silent) {
                Err(crate::DynamicsError::Diverged { diverged, run }) => (diverged, run.record_steps, run.observables),
                other => panic!("expected a divergence, found {:?}", other.map(|run| run.steps)),
            }
        });
        assert_eq!(found[0].0.seeds, 40, "all of them, at the end of the round: {:?}", found[0].0);
        assert!(found[0] == found[1] && found[0] == found[2], "{:?}", found.map(|found| found.0));
    }

    #[test]
    fn rounds_go_on_where_they_stood() {
        let schedule = Schedule { every: 1, sample: None, steps: 20, round: 8 };
        assert_eq!(schedule.rounds_from(0).collect::<Vec<_>>(), [8, 16, 21]);
        assert_eq!(schedule.rounds_from(7).collect::<Vec<_>>(), [8, 16, 21]);
        assert_eq!(schedule.rounds_from(8).collect::<Vec<_>>(), [16, 21]);
        assert_eq!(schedule.rounds_from(21).collect::<Vec<_>>(), [21]);
        assert_eq!(Schedule::round_length(1_000, 16), 4096);
        assert_eq!(Schedule::round_length(1_000_000, 128), 33);
        assert_eq!(Schedule::round_length(100_000, 4096), 83);
        assert_eq!(Schedule::round_length(u64::MAX, 4096), 8);
    }
}
