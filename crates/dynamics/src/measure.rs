//! How fast a spec's compiled step is.
//!
//! What is measured is the step alone, without logging: the ensemble is set up as for a run, its blocks are moved round
//! after round, and each round's time is divided by its seed-steps. The minimum over rounds is the figure that other
//! programs' cannot disturb; the median and the maximum tell how much they did. More steps are made than the spec asks for,
//! so a model may diverge on the way; a step takes as long with numbers that are not finite. Horizontal noise is projected at every
//! step: its rounds take turns with those of the same spec with isotropic noise, so that their ratio is of one machine in one state.

use std::time::Instant;

use gaugebias_model::Real;
use gaugebias_model::program::Plan;
use gaugebias_model::spec::{DataType, Noise, Spec};

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
    /// Fastest round over the fastest one with isotropic noise in the place of horizontal; `None` for other noise.
    pub times_isotropic: Option<f64>,
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
    let spec = bare(spec);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .expect("the system can start worker threads");
    let mut own = Timed::<T>::new(&spec, &pool)?;
    // Not every constraint of horizontal noise is one of isotropic noise.
    let mut isotropic = with_isotropic_noise(&spec).and_then(|other| Timed::<T>::new(&other, &pool).ok());
    for _ in 0..ROUNDS {
        own.round(&pool);
        if let Some(other) = &mut isotropic {
            other.round(&pool);
        }
    }
    let rounds = own.sorted();
    let plan = own.ensemble.explain();
    Ok(Measurement {
        seeds: spec.ensemble.seeds,
        steps: own.steps,
        lanes: gaugebias_model::LANES,
        threads: pool.current_num_threads(),
        us_per_seed_step: [rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1]],
        flops_per_step: plan.flops(),
        compile_seconds: own.ensemble.compile_seconds(),
        memory_predicted_bytes: own.ensemble.memory_while_running(),
        times_isotropic: isotropic.map(|other| rounds[0] / other.sorted()[0]),
        plan,
    })
}

/// The spec without logs and without a last step.
fn bare(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    spec.log.observables.clear();
    spec.total.clear();
    spec.log.every = u64::MAX;
    spec.verify = None;
    spec.train.steps = u64::MAX / 2;
    spec
}

fn with_isotropic_noise(spec: &Spec) -> Option<Spec> {
    let noisy = spec.train.noise == Noise::Horizontal && spec.train.temperature > 0.0;
    noisy.then(|| {
        let mut other = spec.clone();
        other.train.noise = Noise::Isotropic;
        other
    })
}

/// An ensemble, and the microseconds for each seed and step of its rounds.
struct Timed<T: Real> {
    ensemble: Ensemble<T>,
    seeds: usize,
    steps: u64,
    rounds: Vec<f64>,
}

impl<T: Real> Timed<T> {
    /// With as many steps a round as take their share of the time.
    fn new(spec: &Spec, pool: &rayon::ThreadPool) -> Result<Self, DynamicsError> {
        let ensemble = Ensemble::<T>::build(spec)?;
        let mut timed = Self { ensemble, seeds: spec.ensemble.seeds, steps: 16, rounds: Vec::with_capacity(ROUNDS) };
        loop {
            let seconds = timed.advance(pool);
            if seconds >= TOTAL / ROUNDS as f64 / 2.0 {
                return Ok(timed);
            }
            let wanted = (timed.steps as f64 * TOTAL / ROUNDS as f64 / seconds.max(1e-9)) as u64;
            timed.steps = (timed.steps * 2).max(wanted).min(timed.steps * 8);
        }
    }

    /// Seconds of one round.
    fn advance(&mut self, pool: &rayon::ThreadPool) -> f64 {
        let started = Instant::now();
        pool.install(|| self.ensemble.advance(self.steps));
        started.elapsed().as_secs_f64()
    }

    fn round(&mut self, pool: &rayon::ThreadPool) {
        let seconds = self.advance(pool);
        self.rounds.push(seconds * 1e6 / (self.steps as f64 * self.seeds as f64));
    }

    fn sorted(&self) -> Vec<f64> {
        let mut rounds = self.rounds.clone();
        rounds.sort_by(f64::total_cmp);
        rounds
    }
}
