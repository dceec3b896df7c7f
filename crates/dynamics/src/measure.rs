//! How fast a spec's compiled step is.
//!
//! What is measured is the step alone, without logging: the ensemble is set up as for a run, its blocks are moved round
//! after round, and each round's time is divided by its seed-steps. The minimum over rounds is the figure that other
//! programs' cannot disturb; the median and the maximum tell how much they did. More steps are made than the spec asks for,
//! so a model may diverge on the way; a step takes as long with numbers that are not finite.

use std::time::Instant;

use gaugebias_model::Real;
use gaugebias_model::program::Plan;
use gaugebias_model::spec::{DataType, Spec};

use crate::ensemble::{Ensemble, Options};
use crate::error::DynamicsError;

/// Time that all rounds together take, about, in seconds.
const TOTAL: f64 = 1.5;

/// Rounds that are timed.
const ROUNDS: usize = 15;

/// What [`measure`] finds.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Seeds and steps of a round.
    pub seeds: usize,
    /// Steps of a round.
    pub steps: u64,
    /// Seeds that one block holds.
    pub lanes: usize,
    /// Worker threads.
    pub threads: usize,
    /// Microseconds for each seed and step: fastest, median and slowest round.
    pub us_per_seed_step: [f64; 3],
    /// Floating-point operations of one seed's step.
    pub flops_per_step: u64,
    /// Time to compile the spec, in seconds.
    pub compile_seconds: f64,
    /// Bytes of memory that were predicted before anything was drawn.
    pub memory_predicted_bytes: u64,
    /// What was compiled.
    pub plan: Plan,
}

/// Times a spec's step.
///
/// # Errors
/// [`DynamicsError`]: a wrong spec, too little memory.
pub fn measure(spec: &Spec, options: Options) -> Result<Measurement, DynamicsError> {
    match spec.train.dtype {
        DataType::F32 => measure_as::<f32>(spec, options),
        DataType::F64 => measure_as::<f64>(spec, options),
    }
}

fn measure_as<T: Real>(spec: &Spec, options: Options) -> Result<Measurement, DynamicsError> {
    let mut spec = spec.clone();
    spec.log.observables.clear();
    spec.total.clear();
    spec.log.every = u64::MAX;
    spec.verify = None;
    // There is no last step.
    spec.train.steps = u64::MAX / 2;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .expect("the system can start worker threads");
    let mut ensemble = Ensemble::<T>::build(&spec)?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    let mut steps = 16;
    loop {
        let started = Instant::now();
        pool.install(|| ensemble.advance(steps));
        let seconds = started.elapsed().as_secs_f64();
        if seconds >= TOTAL / ROUNDS as f64 / 2.0 {
            break;
        }
        steps = (steps * 2).max((steps as f64 * TOTAL / ROUNDS as f64 / seconds.max(1e-9)) as u64).min(steps * 8);
    }
    for _ in 0..ROUNDS {
        let started = Instant::now();
        pool.install(|| ensemble.advance(steps));
        rounds.push(started.elapsed().as_secs_f64() * 1e6 / (steps as f64 * spec.ensemble.seeds as f64));
    }
    rounds.sort_by(f64::total_cmp);
    let plan = ensemble.explain();
    Ok(Measurement {
        seeds: spec.ensemble.seeds,
        steps,
        lanes: gaugebias_model::LANES,
        threads: pool.current_num_threads(),
        us_per_seed_step: [rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1]],
        flops_per_step: plan.flops(),
        compile_seconds: ensemble.compile_seconds(),
        memory_predicted_bytes: ensemble.memory_while_running(),
        plan,
    })
}
