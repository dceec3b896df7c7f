//! Whether the loss on all rows is the mean of the losses on batches.
//!
//! [`Spec::full_batch`] completes a batch by its text, `choice(n, k)` to `arange(n)`. For a loss that is a mean over the drawn rows that is the mean loss;
//! for a sum over them, weights of their number or a slice of them it is another loss, and every prediction one of other training. So drawn gradients
//! are compared with the completed one, at points around the start: at the start itself both may vanish.

use gaugebias_model::spec::{Noise, Spec};
use gaugebias_model::{DataBinding, Model, Parametrization, Point, Setup, SpecParametrization};

use super::functions::{at, start};
use super::{JudgeError, conditions};

/// Draws at a point, more where that many do not see every row some twenty times, up to the largest number.
const DRAWS: usize = 512;
const MOST_DRAWS: usize = 8192;
const TIMES_SEEN: usize = 20;
/// Points beside the start.
const PROBES: usize = 2;
/// Standard errors, and relative size, of a difference that is one.
const ERRORS: f64 = 8.0;
const RELATIVE: f64 = 1e-6;
/// Relative scatter that is rounding.
const ROUNDING: f64 = 1e-10;

/// Whether the draws of a step, if there are any, scatter its gradient (noise of labels included); refuses a spec whose loss on all rows is not the mean
/// of that on batches.
///
/// # Errors
/// [`JudgeError::Missing`] for such a spec; [`JudgeError::Spec`].
pub(crate) fn completion_is_the_mean(spec: &Spec) -> Result<bool, JudgeError> {
    let noisy_labels = matches!(spec.train.noise, Noise::Label(_));
    let (setup, whole) = (Setup::build(spec)?, spec.full_batch());
    let Some(whole) = whole.filter(|_| !spec.batch.is_empty()) else { return Ok(true) };
    let (data, _) = setup.evaluate(spec.ensemble.seed, 0);
    let binding = DataBinding::Values(&data);
    let drawn = Model::build(spec, binding)?;
    let complete = Model::build(&whole, binding).map_err(|error| refusal(spec, error.message()))?;
    let (Some(node), Some(mean)) = (drawn.named("loss"), complete.named("loss")) else { return Ok(true) };
    if !drawn.graph.is_random(&[node]) {
        return Ok(true);
    }
    let drawn = SpecParametrization::of_node(drawn, node);
    let complete = SpecParametrization::of_node(complete, mean);
    let first = start(spec, 0)?;
    let mut points = vec![first.clone()];
    points.extend((0..PROBES).map(|probe| conditions::near(&first, probe)));
    let mut scatters = noisy_labels;
    for theta in &points {
        let found = Comparison::at(&drawn, &complete, theta, draws(spec));
        if let Some(difference) = found.difference() {
            return Err(refusal(spec, &difference));
        }
        scatters |= found.scatters();
    }
    Ok(scatters)
}

fn refusal(spec: &Spec, found: &str) -> JudgeError {
    JudgeError::Missing(format!(
        "{}: predictions are for the mean loss, which is taken as the loss with all rows in place of those that [batch] draws (choice(n, k) becomes \
         arange(n)), and here that is not the mean of the loss on batches: {found}; write the loss as a mean over the drawn rows, as in \
         mean((X[i] @ w - y[i])**2), with weights of the rows among [data] (weights[i]) and no slices of a draw",
        spec.title
    ))
}

fn draws(spec: &Spec) -> usize {
    let (size, rows) = spec.batch_size().unwrap_or((1, 1));
    (TIMES_SEEN * rows / size.max(1)).clamp(DRAWS, MOST_DRAWS)
}

/// Drawn gradients beside the completed one at a point.
struct Comparison {
    mean: Vec<f64>,
    deviation: Vec<f64>,
    complete: Vec<f64>,
    draws: f64,
    size: f64,
}

impl Comparison {
    fn at(drawn: &SpecParametrization, complete: &SpecParametrization, theta: &[f64], draws: usize) -> Self {
        let points: Vec<Point> = (0..draws as u64).map(|draw| Point { theta: theta.to_vec(), draw }).collect();
        let found = drawn.covector_gradients(&points, &vec![vec![1.0]; draws]);
        let count = draws as f64;
        let mean: Vec<f64> = (0..theta.len()).map(|i| found.iter().map(|g| g[i]).sum::<f64>() / count).collect();
        let variance = |i: usize| found.iter().map(|g| (g[i] - mean[i]).powi(2)).sum::<f64>() / (count - 1.0);
        let deviation = (0..theta.len()).map(|i| variance(i).sqrt()).collect();
        let size = (found.iter().flatten().map(|x| x * x).sum::<f64>() / count).sqrt();
        let complete = complete.covector_gradients(&[at(theta)], &[vec![1.0]]).swap_remove(0);
        Self { mean, deviation, complete, draws: count, size }
    }

    fn scatters(&self) -> bool {
        self.deviation.iter().any(|s| *s > ROUNDING * self.size)
    }

    /// What differs, in words; `None` where both agree.
    fn difference(&self) -> Option<String> {
        let scatters = self.scatters();
        let wrong = |i: &usize| {
            let (gap, error) = ((self.mean[*i] - self.complete[*i]).abs(), self.deviation[*i] / self.draws.sqrt());
            // A coordinate that no drawn row reaches says nothing where others scatter.
            let seen = !scatters || error > ROUNDING * self.size;
            seen && gap > ERRORS * error && gap > RELATIVE * self.size
        };
        let gap = |i: usize| (self.mean[i] - self.complete[i]).abs();
        let at = (0..self.mean.len()).filter(wrong).max_by(|&a, &b| gap(a).total_cmp(&gap(b)))?;
        Some(format!(
            "near the start one derivative is {:.5} on all rows, and {:.5} ± {:.5} over {} batches",
            self.complete[at],
            self.mean[at],
            self.deviation[at] / self.draws.sqrt(),
            self.draws
        ))
    }
}
