//! The law of a run without noise: one point, the end of the flow that its steps follow.
//!
//! ```text
//! dθ/dt = −∇L − λθ over t = η · steps,  by Dormand and Prince's method with step control
//! gradient descent follows L + (η/4)‖∇L‖² to second order in η (Barrett and Dherin 2021): both ends are computed
//! ```
//!
//! The run agrees where it is much nearer to the second end than that is to the first, so that the tolerance is no number of
//! ours. Rejected: comparing with the loss' minimum of least norm, or of a mirror potential; a run of finite length is at
//! neither.

use gaugebias_dynamics::Run;
use gaugebias_geometry::balance;
use gaugebias_model::spec::{DataType, Optimizer, Spec};
use gaugebias_symmetry::Symmetries;

use super::functions::{Functions, has_own_data, has_random_start, start};
use super::gradient_noise::gradient;
use super::label::LawLabel;
use super::{JudgeError, Judgement, LawCurve};
use crate::{Alternative, Report, Verdict};

/// Seeds whose flow is followed.
const SEEDS: usize = 8;
/// Relative error of one step of the method.
const TOLERANCE: f64 = 1e-9;
/// Steps of the method before it is given up: twice those of the run, since one step of a descent that is stable is hardly longer than one of the
/// method, within these bounds.
const MOST_STEPS: (u64, u64) = (20_000, 2_000_000);
/// The distance to the second-order end may be this share of the distance of both ends.
const SHARE: f64 = 0.25;

/// What noise-free training ends at, for each seed that is followed.
pub(super) struct FlowPrediction {
    ends: Vec<[f64; 2]>,
    /// From the balanced start, where the start is not balanced.
    balanced: Option<Vec<f64>>,
    /// Loss and observable of each followed seed, where the seeds have data of their own.
    own: Vec<Functions>,
    rounding: f64,
}

/// Why a spec's run is no flow; `None` where it is.
pub(super) fn obstacle(spec: &Spec) -> Option<&'static str> {
    match spec.train.optimizer {
        Optimizer::Langevin if spec.train.temperature > 0.0 => {
            Some("the law `flow` is that of training without noise: set train.temperature = 0")
        }
        Optimizer::Sgd { momentum, .. } if momentum > 0.0 => Some(
            "the flow of gradient descent with momentum is another one, which is not predicted: set train.momentum = 0",
        ),
        Optimizer::Adam { .. } => Some("Adam follows no gradient flow: its law is not predicted"),
        _ => None,
    }
}

impl FlowPrediction {
    /// Of no seed.
    pub fn none() -> Self {
        Self { ends: Vec::new(), balanced: None, own: Vec::new(), rounding: 0.0 }
    }

    pub fn new(spec: &Spec, functions: &Functions, symmetries: &Symmetries) -> Result<Self, JudgeError> {
        let decay = match spec.train.optimizer {
            Optimizer::Sgd { weight_decay, .. } => weight_decay,
            _ => 0.0,
        };
        let differ = has_own_data(spec)?;
        let seeds = if differ || has_random_start(spec)? { spec.ensemble.seeds.min(SEEDS) } else { 1 };
        let own = (0..if differ { seeds } else { 0 }).map(|seed| Functions::of_seed(spec, seed));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let time = spec.train.step_size * spec.train.steps as f64;
        let (mut ends, mut balanced) = (Vec::new(), Vec::new());
        for seed in 0..seeds {
            let functions = own.get(seed).unwrap_or(functions);
            let flow = Flow::new(spec, functions, decay);
            let start = start(spec, seed)?;
            let plain = flow.end(&start, time, false)?;
            let second = flow.end(&start, time, true)?;
            let observed = functions.observed([plain.as_slice(), &second].into_iter());
            ends.push([observed[0], observed[1]]);
            if let (false, Ok(point)) = (symmetries.charges.is_empty(), balance(symmetries, &start)) {
                let end = flow.end(&point.theta, time, false)?;
                balanced.push(functions.observed(std::iter::once(end.as_slice()))[0]);
            }
        }
        let rounding = if spec.train.dtype == DataType::F32 { 1e-4 } else { 1e-8 };
        let balanced = (balanced.len() == ends.len()).then_some(balanced);
        Ok(Self { ends, balanced, own, rounding })
    }

    /// Mean over the followed seeds of the observable at the end.
    pub fn mean(&self) -> f64 {
        self.means().iter().sum::<f64>() / self.ends.len() as f64
    }

    /// The observable at the end, of each followed seed.
    pub fn means(&self) -> Vec<f64> {
        self.ends.iter().map(|end| end[1]).collect()
    }

    /// Compares the ends of a run's seeds with those of the flow.
    pub fn judge(&self, spec: &Spec, functions: &Functions, run: &Run, notes: Vec<String>) -> Judgement {
        let observable = spec.verify.as_ref().map_or(String::new(), |verify| verify.observable.text.clone());
        let observed = |seed: usize| {
            let functions = self.own.get(seed).unwrap_or(functions);
            functions.observed(std::iter::once(run.end(seed).as_slice()))[0]
        };
        let found: Vec<f64> = (0..self.ends.len()).map(observed).collect();
        let tolerance = |seed: usize| {
            let [plain, second] = self.ends[seed];
            SHARE * (second - plain).abs() + self.rounding * (1.0 + second.abs())
        };
        let outside = |ends: &dyn Fn(usize) -> f64| {
            let wrong = (0..found.len()).filter(|&seed| (found[seed] - ends(seed)).abs() > tolerance(seed));
            wrong.count() as f64 / found.len() as f64
        };
        let ks = outside(&|seed| self.ends[seed][1]);
        let verdict = |share: f64| if share == 0.0 { Verdict::Agrees } else { Verdict::Disagrees };
        let distance = (0..found.len()).map(|seed| (found[seed] - self.ends[seed][1]).abs()).sum::<f64>();
        let alternatives = self.balanced.iter().map(|balanced| {
            let share = outside(&|seed| balanced[seed]);
            let prediction = label("the flow from the balanced point of the start's orbit", "balanced: Q = 0");
            Alternative {
                law: "flow from a balanced start".into(),
                ks: share,
                verdict: verdict(share),
                p_value: 1.0 - share,
                prediction: Some(prediction),
            }
        });
        let [plain, second] = self.ends[0];
        let reason = format!(
            "{} of {} seeds end where the flow does: the first at {:.6}, the flow of L at {plain:.6}, that of L + (η/4)‖∇L‖² at {second:.6}.",
            ((1.0 - ks) * found.len() as f64).round(),
            found.len(),
            found[0],
        );
        let report = Report {
            title: spec.title.clone(),
            law: "flow".into(),
            observable,
            samples: found.len(),
            effective_samples: found.len() as f64,
            ks,
            ks_threshold: 0.0,
            wasserstein: distance / found.len() as f64,
            verdict: verdict(ks),
            alternatives: alternatives.collect(),
            step_size_bias: None,
            slice_invariant: None,
            charge_drift: None,
            p_value: 1.0 - ks,
            prediction: Some(label("the end of the flow, a point", "that of the start: Q = Q₀")),
            mean: found.iter().sum::<f64>() / found.len() as f64,
            mean_error: 0.0,
            predicted_mean: Some(self.mean()),
            prediction_error: None,
            power: None,
            stationary: Some(false),
            charges: Vec::new(),
            noise_estimate: None,
            quotient: None,
            energy: None,
            reason,
        };
        Judgement { report, curves: Vec::<LawCurve>::new(), notes }
    }
}

fn label(measure: &str, slice: &str) -> LawLabel {
    LawLabel {
        noise: "none".into(),
        measure: measure.into(),
        slice: slice.into(),
        component: "that of the start".into(),
        method: "the flow, by Dormand and Prince's method".into(),
    }
}

/// The flow of the mean loss, with weight decay.
pub(super) struct Flow<'a> {
    functions: &'a Functions,
    decay: f64,
    step_size: f64,
    most_steps: u64,
}

impl<'a> Flow<'a> {
    pub fn new(spec: &Spec, functions: &'a Functions, decay: f64) -> Self {
        let most_steps = spec.train.steps.saturating_mul(2).clamp(MOST_STEPS.0, MOST_STEPS.1);
        Self { functions, decay, step_size: spec.train.step_size, most_steps }
    }

    /// −∇L − λθ, of the modified loss if asked for.
    fn velocity(&self, theta: &[f64], modified: bool) -> Vec<f64> {
        let plain = |theta: &[f64]| -> Vec<f64> {
            gradient(self.functions, theta).iter().zip(theta).map(|(g, x)| -g - self.decay * x).collect()
        };
        let here = plain(theta);
        let length = here.iter().map(|x| x * x).sum::<f64>().sqrt();
        if !modified || length == 0.0 {
            return here;
        }
        // (η/2)H∇L by a central difference along the velocity.
        let size = 1.0 + theta.iter().map(|x| x * x).sum::<f64>().sqrt();
        let h = 1e-5 * size / length;
        let moved = |sign: f64| plain(&theta.iter().zip(&here).map(|(x, v)| x + sign * h * v).collect::<Vec<f64>>());
        let (up, down) = (moved(1.0), moved(-1.0));
        here.iter()
            .zip(up.iter().zip(down))
            .map(|(v, (up, down))| v - 0.5 * self.step_size * (up - down) / (2.0 * h))
            .collect()
    }

    /// Where the flow is after `time` (steps × step size); of L + (η/4)‖∇L‖² where `modified`.
    ///
    /// # Errors
    /// [`JudgeError::Missing`] where the method needs more steps than it has.
    pub fn end(&self, start: &[f64], time: f64, modified: bool) -> Result<Vec<f64>, JudgeError> {
        let (mut theta, mut left) = (start.to_vec(), time);
        let mut trial = (10.0 * self.step_size).min(time);
        for _ in 0..self.most_steps {
            if left <= 0.0 {
                return Ok(theta);
            }
            let h = trial.min(left);
            let (next, error) = self.step(&theta, h, modified);
            if error.is_finite() && error <= 1.0 {
                theta = next;
                left -= h;
            }
            let factor = if error.is_finite() { 0.9 * error.max(1e-10).powf(-0.2) } else { 0.1 };
            trial = h * factor.clamp(0.1, 5.0);
        }
        Err(JudgeError::Missing(format!(
            "the flow could not be followed to t = steps × step size = {time}: {left:.3} of it are left after {} steps of Dormand and Prince's method, which \
             shrink where the gradient jumps (relu, abs, maximum) or where the loss is not bounded below; take smooth functions (softplus, tanh), fewer \
             steps, or no law",
            self.most_steps
        )))
    }

    /// A step of Dormand and Prince's method and its error over the tolerance.
    fn step(&self, theta: &[f64], h: f64, modified: bool) -> (Vec<f64>, f64) {
        let mut slopes = vec![self.velocity(theta, modified)];
        let mut end = theta.to_vec();
        for row in TABLEAU {
            end = theta.to_vec();
            for (slope, a) in slopes.iter().zip(row) {
                end.iter_mut().zip(slope).for_each(|(x, k)| *x += h * a * k);
            }
            slopes.push(self.velocity(&end, modified));
        }
        let error = |i: usize| h * slopes.iter().zip(ERROR).map(|(k, e)| e * k[i]).sum::<f64>();
        let norm = (0..theta.len()).map(|i| error(i).powi(2)).sum::<f64>().sqrt();
        let size = theta.iter().map(|x| x * x).sum::<f64>().sqrt();
        (end, norm / (TOLERANCE * (size + 1e-6)))
    }
}

const TABLEAU: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];
