//! All seeds of a spec: setting up, running over threads, gathering.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gaugebias_model::graph::{Kind, NodeId};
use gaugebias_model::program::{Plan as ProgramPlan, Program, Request};
use gaugebias_model::spec::{DataType, Spec};
use gaugebias_model::{DataBinding, LANES, Model, Real, Setup, Shape, Tensor};
use indexmap::IndexMap;
use rayon::prelude::*;

use crate::block::{Block, Plan, Schedule, Shared};
use crate::blocks::Blocks;
use crate::checkpoint::{CheckpointError, Checkpoints, Saver, restore};
use crate::error::{Diverged, DynamicsError};
use crate::memory::{Constants, Memory, check_memory};
use crate::run::{Run, Series};
use crate::start::Start;
use crate::update::Update;

/// What a caller can ask of a run besides the spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Worker threads; all cores when absent.
    pub threads: Option<usize>,
}

/// Time to the first look at a run's progress, and between later ones: short runs are not to wait for the watch.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// Watches a run. Called a few times a second from one thread.
pub trait Observer: Sync {
    /// `done` of `total` seed-steps are made. Returning false stops the run.
    fn progress(&self, done: u64, total: u64) -> bool;
}

/// An observer that does nothing.
pub struct Silent;

impl Observer for Silent {
    fn progress(&self, _: u64, _: u64) -> bool {
        true
    }
}

/// Simulates a spec in its own precision.
///
/// # Errors
/// [`DynamicsError`]: a wrong spec, too little memory, divergence (with what was logged), or an interruption.
pub fn simulate(spec: &Spec, options: Options, observer: &dyn Observer) -> Result<Run, DynamicsError> {
    match spec.train.dtype {
        DataType::F32 => Ensemble::<f32>::build(spec)?.run(options, observer),
        DataType::F64 => Ensemble::<f64>::build(spec)?.run(options, observer),
    }
}

/// Simulates a spec from other points than those that its `[param]` says: `starts` are θ of each seed, in the order of `[param]`. Data and
/// noise are those of [`simulate`].
///
/// # Errors
/// As [`simulate`], and [`DynamicsError::Starts`] for starts of another number or size.
pub fn simulate_from(
    spec: &Spec,
    starts: &[Vec<f64>],
    options: Options,
    observer: &dyn Observer,
) -> Result<Run, DynamicsError> {
    match spec.train.dtype {
        DataType::F32 => Ensemble::<f32>::build(spec)?.starting_at(starts)?.run(options, observer),
        DataType::F64 => Ensemble::<f64>::build(spec)?.starting_at(starts)?.run(options, observer),
    }
}

/// Simulates a spec from where its checkpoint stands, and saves it now and then. The result is the same, bit for bit, as
/// [`simulate`]'s. At the end the checkpoint is still there: it goes when the results are written.
///
/// # Errors
/// As [`simulate`], and [`DynamicsError::Checkpoint`].
pub fn simulate_saved(
    spec: &Spec,
    options: Options,
    observer: &dyn Observer,
    checkpoints: &Checkpoints,
) -> Result<Run, DynamicsError> {
    match spec.train.dtype {
        DataType::F32 => Ensemble::<f32>::build(spec)?.run_saved(options, observer, checkpoints),
        DataType::F64 => Ensemble::<f64>::build(spec)?.run_saved(options, observer, checkpoints),
    }
}

/// Bytes of memory that a simulation, `saved` or not, takes at most, with the program itself. Nothing is drawn but shared data, so this
/// is also the check of a whole spec before anything is done for it.
///
/// # Errors
/// [`DynamicsError::Spec`] for an expression that does not make sense, [`DynamicsError::Memory`] for a run that does not fit.
pub fn predict_memory(spec: &Spec, saved: bool) -> Result<u64, DynamicsError> {
    let memory = match spec.train.dtype {
        DataType::F32 => Prepared::<f32>::build(spec)?.memory,
        DataType::F64 => Prepared::<f64>::build(spec)?.memory,
    };
    Ok(memory.peak(saved))
}

/// Floating-point operations of all steps and seeds of a simulation, without its records.
///
/// # Errors
/// As [`predict_memory`].
pub fn predict_work(spec: &Spec) -> Result<u64, DynamicsError> {
    let flops = match spec.train.dtype {
        DataType::F32 => Prepared::<f32>::build(spec)?.plan.program.plan().flops(),
        DataType::F64 => Prepared::<f64>::build(spec)?.plan.program.plan().flops(),
    };
    Ok(flops.saturating_mul(spec.train.steps).saturating_mul(spec.ensemble.seeds as u64))
}

/// A compiled spec.
struct Prepared<T> {
    start: Start<T>,
    update: Update,
    plan: Plan<T>,
    observable_shapes: Vec<(String, Shape)>,
    memory: Memory,
    compile_seconds: f64,
}

impl<T: Real> Prepared<T> {
    fn build(spec: &Spec) -> Result<Self, DynamicsError> {
        let started = Instant::now();
        let setup = Setup::build(spec)?;
        let start = Start::<T>::compile(&setup);
        check_memory(start.program.workspace_bytes() as u64)?;
        let shared = spec.ensemble.shared_data.then(|| start.first_data(spec, &setup));
        let binding = shared.as_ref().map_or(DataBinding::Inputs, DataBinding::Values);
        let update = Update::build(spec, Model::build(spec, binding)?)?;
        drop(shared);
        let mut plan = plan(
            &update,
            Schedule {
                every: spec.log.every,
                sample: spec.verify.as_ref().map(|verify| (verify.burn_in, verify.thin)),
                steps: spec.train.steps,
                round: 1,
            },
        );
        plan.schedule.round = Schedule::round_length(plan.program.plan().flops(), spec.ensemble.seeds);
        let compile_seconds = started.elapsed().as_secs_f64();
        let model = &update.model;
        let shape_of = |node: NodeId| model.graph.shape(node).clone();
        let observable_shapes: Vec<(String, Shape)> =
            model.observables.iter().map(|(name, node)| (name.clone(), shape_of(*node))).collect();
        let elements: Vec<u64> = observable_shapes.iter().map(|(_, shape)| shape.count() as u64).collect();
        let constants = Constants { start: setup.graph.constant_numbers(), step: model.graph.constant_numbers() };
        let memory = Memory::of(&plan, &start.program, spec.ensemble.seeds, &elements, constants);
        check_memory(memory.peak(true))?;
        Ok(Self { start, update, plan, observable_shapes, memory, compile_seconds })
    }
}

/// A spec ready to run.
pub struct Ensemble<T> {
    spec: Spec,
    plan: Plan<T>,
    blocks: Vec<Block<T>>,
    states: Vec<(String, Shape)>,
    observable_shapes: Vec<(String, Shape)>,
    parameters: usize,
    memory: Memory,
    compile_seconds: f64,
}

impl<T: Real> Ensemble<T> {
    /// Compiles the spec and draws data and initial parameters of every seed.
    ///
    /// # Errors
    /// [`DynamicsError::Spec`] and [`DynamicsError::Memory`].
    pub fn build(spec: &Spec) -> Result<Self, DynamicsError> {
        let Prepared { start, update, plan, observable_shapes, memory, compile_seconds } = Prepared::build(spec)?;
        let blocks = Blocks { spec, start: &start, update: &update, plan: &plan }.build();
        Ok(Self {
            spec: spec.clone(),
            plan,
            blocks,
            states: update.states.iter().map(|state| (state.name.clone(), state.shape.clone())).collect(),
            observable_shapes,
            parameters: update.model.params.len(),
            memory,
            compile_seconds,
        })
    }

    /// Puts each seed at a θ of its own, in the order of `[param]`, in the place of what `[param]` says.
    ///
    /// # Errors
    /// [`DynamicsError::Starts`].
    pub fn starting_at(mut self, starts: &[Vec<f64>]) -> Result<Self, DynamicsError> {
        let sizes: Vec<usize> = self.states.iter().take(self.parameters).map(|(_, shape)| shape.count()).collect();
        let (seeds, parameters) = (self.spec.ensemble.seeds, sizes.iter().sum::<usize>());
        if starts.len() != seeds || starts.iter().any(|theta| theta.len() != parameters) {
            let found = starts.iter().map(Vec::len).find(|&size| size != parameters).unwrap_or(parameters);
            return Err(DynamicsError::Starts { starts: starts.len(), found, seeds, parameters });
        }
        for block in &mut self.blocks {
            for lane in 0..LANES {
                // Lanes beyond the last seed repeat it.
                let mut theta = starts[block.first_seed + lane.min(block.active - 1)].as_slice();
                for ((slot, _), &size) in self.plan.states.iter().zip(&sizes) {
                    let (own, rest) = theta.split_at(size);
                    self.plan.program.set_lane(&mut block.workspace, *slot, lane, own);
                    theta = rest;
                }
            }
        }
        Ok(self)
    }

    /// Runs all seeds to the end.
    ///
    /// # Errors
    /// [`DynamicsError::Diverged`] and [`DynamicsError::Interrupted`], with what was logged.
    pub fn run(self, options: Options, observer: &dyn Observer) -> Result<Run, DynamicsError> {
        self.run_with(options, observer, None)
    }

    /// Runs all seeds to the end from where a checkpoint stands, and saves them now and then.
    ///
    /// # Errors
    /// As [`Ensemble::run`], and [`DynamicsError::Checkpoint`].
    pub fn run_saved(
        mut self,
        options: Options,
        observer: &dyn Observer,
        checkpoints: &Checkpoints,
    ) -> Result<Run, DynamicsError> {
        let saver = restore(checkpoints, &self.plan, &mut self.blocks)?;
        self.run_with(options, observer, Some(saver))
    }

    pub(crate) fn run_with(
        mut self,
        options: Options,
        observer: &dyn Observer,
        mut saver: Option<Saver>,
    ) -> Result<Run, DynamicsError> {
        let started = Instant::now();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads.unwrap_or(0))
            .build()
            .expect("the system can start worker threads");
        let last = self.spec.train.steps;
        let shared = Shared::default();
        shared.steps.store(self.blocks.iter().map(|block| block.step.min(last)).sum(), Ordering::Relaxed);
        let total = last.saturating_mul(self.spec.ensemble.seeds as u64);
        // When the next save is due.
        let due = Mutex::new(saver.as_ref().map(|saver| Instant::now() + saver.first_pause()));
        let (mut interrupted, mut look) = (false, FIRST_LOOK);
        let worked = std::thread::scope(|scope| {
            let (ensemble, saver, shared_ref, due_ref) = (&mut self, saver.as_mut(), &shared, &due);
            let work = scope.spawn(move || pool.install(|| ensemble.work(shared_ref, saver, due_ref)));
            while !work.is_finished() {
                std::thread::park_timeout(look);
                look = (look * 2).min(LAST_LOOK);
                let done = shared.steps.load(Ordering::Relaxed) * LANES as u64;
                if !interrupted && !observer.progress(done.min(total), total) {
                    interrupted = true;
                    shared.stop.store(true, Ordering::Relaxed);
                }
                if due.lock().expect("saving does not panic").is_some_and(|due| Instant::now() >= due) {
                    shared.pause.store(true, Ordering::Relaxed);
                }
            }
            work.join().expect("a block's panic ends the program")
        });
        worked?;
        let diverged = self.diverged().filter(|_| !interrupted || self.round_is_whole());
        let finished = self.blocks.iter().all(|block| block.step > last);
        let seconds = saver.as_ref().map_or_else(|| started.elapsed().as_secs_f64(), Saver::seconds);
        let run = self.gather(seconds);
        match diverged {
            Some(diverged) => Err(DynamicsError::Diverged { diverged, run: Box::new(run) }),
            None if interrupted && !finished => {
                Err(DynamicsError::Interrupted { steps: run.steps, run: Box::new(run) })
            }
            None => Ok(run),
        }
    }

    /// Runs round after round. All blocks end a round first, so that what is told of a divergence and what is kept of
    /// the others do not depend on which thread was faster.
    fn work(
        &mut self,
        shared: &Shared,
        mut saver: Option<&mut Saver>,
        due: &Mutex<Option<Instant>>,
    ) -> Result<(), CheckpointError> {
        let (plan, blocks) = (&self.plan, &mut self.blocks);
        let first = blocks.iter().map(|block| block.step).min().unwrap_or(0);
        for end in plan.schedule.rounds_from(first) {
            loop {
                blocks.par_iter_mut().for_each(|block| block.run(plan, end, shared));
                let diverged = blocks.iter().any(|block| block.diverged.is_some());
                let stopped = shared.stop.load(Ordering::Relaxed);
                let paused = shared.pause.swap(false, Ordering::Relaxed);
                if let Some(saver) = saver.as_mut().filter(|_| (stopped || paused) && !diverged) {
                    let pause = saver.save(plan, blocks)?;
                    *due.lock().expect("saving does not panic") = Some(Instant::now() + pause);
                }
                if stopped {
                    return Ok(());
                }
                if blocks.iter().all(|block| block.step >= end || block.diverged.is_some()) {
                    if diverged {
                        return Ok(());
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether all blocks that did not diverge are at the end of a round.
    fn round_is_whole(&self) -> bool {
        let schedule = &self.plan.schedule;
        let ended = |step: u64| step.is_multiple_of(schedule.round) || step > schedule.steps;
        let mut others = self.blocks.iter().filter(|block| block.diverged.is_none());
        others.all(|block| ended(block.step))
    }

    #[cfg(test)]
    pub(crate) fn blocks(&mut self) -> &mut [Block<T>] {
        &mut self.blocks
    }

    /// Moves every block by `steps` steps, whether its numbers stay finite or not.
    pub(crate) fn advance(&mut self, steps: u64) {
        let plan = &self.plan;
        self.blocks.par_iter_mut().for_each(|block| block.advance_to(plan, block.step + steps));
    }

    /// From the parsed spec to the compiled programs, in seconds.
    pub(crate) fn compile_seconds(&self) -> f64 {
        self.compile_seconds
    }

    /// Bytes of memory that this takes at most while it runs.
    pub(crate) fn memory_while_running(&self) -> u64 {
        self.memory.while_running()
    }

    /// What the step was compiled to, and how long each instruction takes.
    pub(crate) fn explain(&self) -> ProgramPlan {
        match self.blocks.first() {
            Some(block) => self.plan.program.profile(block.workspace.clone()),
            None => self.plan.program.plan(),
        }
    }

    /// The first divergence of all blocks, with the number of seeds that diverged in any.
    fn diverged(&self) -> Option<Diverged> {
        let found = || self.blocks.iter().filter_map(|block| block.diverged.as_ref());
        let first = found().min_by_key(|diverged| (diverged.step, diverged.seed))?;
        Some(Diverged { seeds: found().map(|diverged| diverged.seeds).sum(), ..first.clone() })
    }

    /// The blocks' results as one. Workspaces go first, and each observable's parts when it is joined: logs are large, and
    /// are not to be there twice.
    fn gather(self, seconds: f64) -> Run {
        let parameters = self.final_parameters();
        let schedule = self.plan.schedule;
        let seeds = self.spec.ensemble.seeds;
        let done = self.blocks.iter().map(|block| block.step).min().unwrap_or(0);
        let record_steps: Vec<u64> = schedule.record_steps(done).collect();
        let sample_steps: Vec<u64> = schedule.sample_steps(done).collect();
        let mut recorded: Vec<Recorded<T>> =
            self.blocks.into_iter().map(|block| (block.active, block.logs, block.samples)).collect();
        let mut observables = IndexMap::new();
        for (index, (name, shape)) in self.observable_shapes.iter().enumerate() {
            let parts = recorded.iter_mut().map(|(active, logs, _)| (*active, std::mem::take(&mut logs[index])));
            observables.insert(name.clone(), interleave(record_steps.len(), seeds, shape, parts));
        }
        let samples = self.spec.verify.is_some().then(|| {
            let parts = recorded.iter_mut().map(|(active, _, samples)| (*active, std::mem::take(samples)));
            interleave(sample_steps.len(), seeds, &Shape::SCALAR, parts)
        });
        Run {
            title: self.spec.title.clone(),
            seeds,
            steps: done.min(self.spec.train.steps),
            dtype: self.spec.train.dtype,
            record_steps,
            observables,
            sample_steps,
            samples,
            parameters,
            seconds,
        }
    }

    fn final_parameters(&self) -> IndexMap<String, Series> {
        let mut parameters = IndexMap::new();
        for ((slot, name), (_, shape)) in self.plan.states.iter().zip(&self.states).take(self.parameters) {
            let mut values = Vec::with_capacity(self.spec.ensemble.seeds * shape.count());
            for block in &self.blocks {
                let chunks = self.plan.program.input(&block.workspace, *slot).unwrap_or(&[]);
                for lane in 0..block.active {
                    values.extend(chunks.iter().map(|chunk| chunk.0[lane].to_f64()));
                }
            }
            let shape = [vec![self.spec.ensemble.seeds], shape.0.clone()].concat();
            parameters.insert(name.clone(), Series { shape, values });
        }
        parameters
    }
}

/// Seeds of a block, its logs and its samples.
type Recorded<T> = (usize, Vec<Vec<T>>, Vec<T>);

/// Joins (records × seeds × elements) of blocks into one such array.
fn interleave<T: Real>(
    records: usize,
    seeds: usize,
    shape: &Shape,
    parts: impl Iterator<Item = (usize, Vec<T>)>,
) -> Series {
    let elements = shape.count();
    let mut values = vec![0.0; records * seeds * elements];
    let mut first = 0;
    for (active, part) in parts {
        for (record, rows) in part.chunks_exact((active * elements).max(1)).take(records).enumerate() {
            let start = (record * seeds + first) * elements;
            values[start..start + rows.len()].iter_mut().zip(rows).for_each(|(v, x)| *v = x.to_f64());
        }
        first += active;
    }
    Series { shape: [vec![records, seeds], shape.0.clone()].concat(), values }
}

fn plan<T: Real>(update: &Update, schedule: Schedule) -> Plan<T> {
    let model = &update.model;
    let primary: Vec<NodeId> = update.states.iter().map(|state| state.next).collect();
    let feedback = update.states.iter().enumerate().map(|(index, state)| (index, state.slot)).collect();
    let fixed: Vec<usize> = model.data.iter().map(|slot| slot.slot).collect();
    let logged: Vec<NodeId> = model.observables.iter().map(|(_, node)| *node).chain(model.verified).collect();
    let request = Request { fixed: fixed.clone(), primary, secondary: logged, feedback, ..Request::default() };
    let named: Vec<(&String, NodeId)> = model
        .names
        .iter()
        .map(|(name, &node)| (name, node))
        .filter(|(_, node)| model.graph.kind(*node) == Kind::Real)
        .collect();
    let diagnosis = Request { secondary: named.iter().map(|(_, node)| *node).collect(), ..request.clone() };
    Plan {
        program: Program::compile(&model.graph, &request),
        diagnosis: Program::compile(&model.graph, &diagnosis),
        diagnosed: named.into_iter().map(|(name, _)| name.clone()).collect(),
        slots: fixed.into_iter().chain(update.states.iter().map(|state| state.slot)).collect(),
        states: update.states.iter().map(|state| (state.slot, state.name.clone())).collect(),
        observables: model.observables.len(),
        schedule,
    }
}

/// The initial parameters of one seed, by name.
///
/// # Errors
/// [`DynamicsError::Spec`] for an expression that does not make sense.
pub fn initial_parameters(spec: &Spec, seed: usize) -> Result<HashMap<String, Tensor>, DynamicsError> {
    Ok(Setup::build(spec)?.evaluate(spec.ensemble.seed, seed).1)
}

/// Sets the number of worker threads that this process uses outside of simulations (which take [`Options`]).
///
/// # Errors
/// When the workers are already running.
pub fn set_threads(threads: usize) -> Result<(), rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()
}
