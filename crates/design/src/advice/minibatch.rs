//! Step size, size of batches and noise on labels of mini-batch training.
//!
//! ```text
//! E[b²] = V (n − B)/(B (n − 1)) + σ² X/B,   λ = c η E[b²]
//! ```
//!
//! V is the variance of the gradients of single rows at least squares, X the mean of the squared features, both by the penalised coordinates and on average over those of a block; σ is the
//! deviation of fresh noise on the label of each row (`train.label_noise`). Batches give all λ from 0 (the full batch) to c η V (single rows); noise gives any above that of its batches.

use super::regression::share_of_variance;
use super::{Penalised, Recommended, Regression, SAFE, Training, shared, significant};
use crate::formula::Regime;
use crate::{Design, DesignError};
use gaugebias_linalg::Matrix;
use serde::Serialize;

/// E(b²) below this share of its value at w = 0 is rounding.
const NO_NOISE: f64 = 1e-20;
/// Ratio of the largest E(b²) to the smallest from which on one λ for all coordinates means little.
const UNEQUAL: f64 = 1e4;
const SCALES: &str =
    "; they differ by more than a factor 1e4, and so does λ over the coordinates: standardise the features";

/// What gives the wanted strength of the first block at one step size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtStep {
    /// η.
    pub step_size: f64,
    /// The size of batches whose λ is nearest; null where none comes near.
    pub batch: Option<Batch>,
    /// λ of batches of n − 1 rows and of single rows, between which all others are.
    pub batch_range: [f64; 2],
    /// λ of batches of the given size.
    pub given_batch_strength: f64,
    /// Deviation σ of noise on labels that gives λ with full batches.
    pub label_noise: f64,
    /// And with batches of the given size, where these give less than λ; null where they give more.
    pub label_noise_with_batch: Option<f64>,
}

/// Batches, and what they give.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Batch {
    /// B.
    pub rows: usize,
    /// λ of each penalised block.
    pub strengths: Vec<f64>,
}

/// What the gradients of a block are at least squares.
struct Gradients {
    /// c of P = c η E[b²]·shape.
    factor: f64,
    /// V.
    variance: f64,
    /// X.
    features: f64,
}

impl Gradients {
    /// λ at step size η, batches of B of n rows, and noise σ on labels.
    fn strength(&self, step: f64, batch: usize, rows: usize, noise: f64) -> f64 {
        let labels = noise * noise * self.features / batch as f64;
        self.factor * step * (self.variance * share_of_variance(batch, rows) + labels)
    }

    /// σ that adds `missing` to λ.
    fn noise(&self, missing: f64, step: f64, batch: usize) -> f64 {
        (missing * batch as f64 / (self.factor * step * self.features)).sqrt()
    }

    /// The batch of n rows whose λ is nearest to the wanted one; none where its end of the range is not within it. B = n/(1 + (n − 1) f) for the share f = λ/(c η V).
    fn batch(&self, wanted: f64, step: f64, rows: usize) -> Option<usize> {
        let share = wanted / (self.factor * step * self.variance);
        let real = rows as f64 / (1.0 + (rows as f64 - 1.0) * share);
        let distance = |batch: &usize| (self.strength(step, *batch, rows, 0.0) - wanted).abs();
        let near = (real.floor() as usize).clamp(1, rows - 1);
        let inside = wanted <= self.strength(step, 1, rows, 0.0) && wanted >= self.strength(step, rows - 1, rows, 0.0);
        let nearest =
            || [near, (near + 1).min(rows - 1)].into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        inside.then(nearest).flatten()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn gradients(design: &Design, blocks: &[Penalised<'_>], data: &Regression) -> Result<Vec<Gradients>, DesignError> {
    let back = design.covectors()?;
    let (squares, features) = (data.mean_squares(&data.solution()?, &back, 1)?, data.mean_square_features(&back));
    let origin = data.mean_squares(&vec![0.0; data.width()], &back, 1)?;
    let share = squares.iter().sum::<f64>() / origin.iter().sum::<f64>();
    let of = |one: &Penalised<'_>| Gradients {
        factor: one.block.minibatch_factor(),
        variance: if share > NO_NOISE { mean(&squares[one.at.clone()]) } else { 0.0 },
        features: mean(&features[one.at.clone()]),
    };
    Ok(blocks.iter().map(of).collect())
}

/// Batches and noise on labels that give λ of the first block at a step size, a share of the largest stable one.
pub(super) fn at_step(
    design: &Design,
    blocks: &[Penalised<'_>],
    training: Training<'_>,
    (step, share): (f64, f64),
    found: &mut Recommended,
) -> Result<Vec<String>, DesignError> {
    let (rows, lambda, own) = (training.data.rows(), found.lambda, gradients(design, blocks, training.data)?);
    let Some(first) = own.first() else { return Ok(Vec::new()) };
    let strengths = |batch, noise| own.iter().map(|one| one.strength(step, batch, rows, noise)).collect::<Vec<f64>>();
    let at = AtStep {
        step_size: step,
        batch: first.batch(lambda, step, rows).map(|batch| Batch { rows: batch, strengths: strengths(batch, 0.0) }),
        batch_range: [rows - 1, 1].map(|batch| first.strength(step, batch, rows, 0.0)),
        given_batch_strength: first.strength(step, training.batch, rows, 0.0),
        label_noise: first.noise(lambda, step, rows),
        label_noise_with_batch: Some(first.strength(step, training.batch, rows, 0.0))
            .filter(|strength| *strength < lambda && training.batch < rows)
            .map(|strength| first.noise(lambda - strength, step, training.batch)),
    };
    let chosen = match training.step_size {
        None => ", a tenth of that bound,".to_owned(),
        Some(_) if share <= SAFE => String::new(),
        Some(_) => format!(", {:.0} % of that bound and no longer accurate to first order,", 100.0 * share),
    };
    let told = |strengths: &[f64]| {
        let each: Vec<String> =
            blocks.iter().zip(strengths).map(|(one, strength)| format!("{}λ = {strength:.3e}", one.label)).collect();
        each.join(", ")
    };
    let mut lines = vec![match &at.batch {
        Some(batch) => format!(
            "at η = {step:.2e}{chosen} batches of {} of {rows} rows give {}",
            batch.rows,
            told(&batch.strengths)
        ),
        None => format!(
            "at η = {step:.2e}{chosen} no size of batches gives λ = {}: from {} rows down to one it goes from {:.2e} to {:.2e}",
            significant(lambda),
            rows - 1,
            at.batch_range[0],
            at.batch_range[1]
        ),
    }];
    let others =
        if blocks.len() > 1 { format!(" ({})", told(&strengths(rows, at.label_noise))) } else { String::new() };
    lines.push(format!(
        "or noise of deviation σ = {noise} on every label, fresh at each step of the full batch: train.noise = \"label\", train.label_noise = {noise}{others}{}",
        drowned(at.label_noise, training.data.deviation()),
        noise = significant(at.label_noise)
    ));
    if training.batch < rows {
        let batch = training.batch;
        lines.push(match at.label_noise_with_batch {
            Some(noise) => format!(
                "batches of {batch} give λ = {:.3e} of it at that η, and σ = {} on their labels the rest{}",
                at.given_batch_strength,
                significant(noise),
                drowned(noise, training.data.deviation())
            ),
            None => {
                format!("batches of {batch} give λ = {:.3e} at that η, more than is wanted", at.given_batch_strength)
            }
        });
    }
    found.at_step_size = Some(at);
    Ok(lines)
}

/// Step sizes of each block, in symbols and with data in numbers.
pub(super) fn step_sizes(
    design: &Design,
    blocks: &[Penalised<'_>],
    training: Option<Training<'_>>,
    found: &mut Recommended,
) -> Result<Vec<String>, DesignError> {
    let lambda = found.lambda;
    let symbols = |one: &Penalised<'_>| {
        let (factor, shape) = (one.block.minibatch_factor(), one.block.shape(Regime::Minibatch));
        format!(
            "{}λ = {} of {shape}: step size η = λ/({} E[b²]) = {}/E[b²], b the gradient of a batch by the penalised coordinates",
            one.label,
            significant(lambda),
            significant(factor),
            significant(lambda / factor)
        )
    };
    let mut lines: Vec<String> = blocks.iter().map(symbols).collect();
    let Some(Training { data, batch, .. }) = training else {
        lines.push("give --data FILE.csv and --batch B for E[b²] of least squares".into());
        return Ok(lines);
    };
    let back = design.covectors()?;
    let squares = data.mean_squares(&data.solution()?, &back, batch)?;
    if let Some(why) = no_noise(data, &squares, &back, batch)? {
        lines.push(why);
        return Ok(lines);
    }
    let of = |one: &Penalised<'_>| lambda / (one.block.minibatch_factor() * mean(&squares[one.at.clone()]));
    for (one, own) in blocks.iter().zip(&mut found.blocks) {
        let squares = &squares[one.at.clone()];
        let (low, high) = squares.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
        own.step_size = Some(of(one));
        lines.push(format!(
            "{}at least squares, batches of {batch} of {} rows: E[b²] = {} on average over coordinates, {} to {}, so η = {:.2e}{}",
            one.label,
            data.rows(),
            significant(mean(squares)),
            significant(low),
            significant(high),
            of(one),
            if high > UNEQUAL * low { SCALES } else { "" }
        ));
    }
    lines.extend(shared(blocks, lambda, "step size η", "the form of a block", &of));
    Ok(lines)
}

/// Noise on labels that is louder than they are.
fn drowned(noise: f64, labels: f64) -> String {
    if noise <= labels {
        return String::new();
    }
    format!(
        "; that is larger than the deviation of the labels, {}: a λ of this size is better written down",
        significant(labels)
    )
}

/// Whether single rows have no gradients at least squares, but for rounding.
fn squares_of_rows_vanish(data: &Regression, back: &Matrix, origin: f64) -> Result<bool, DesignError> {
    Ok(data.mean_squares(&data.solution()?, back, 1)?.iter().sum::<f64>() <= NO_NOISE * origin)
}

/// Why no step size gives any λ, where the batches all have the same gradient at least squares.
fn no_noise(data: &Regression, squares: &[f64], back: &Matrix, batch: usize) -> Result<Option<String>, DesignError> {
    let n = data.rows();
    let origin = data.mean_squares(&vec![0.0; data.width()], back, 1)?;
    if batch < n && squares.iter().sum::<f64>() > NO_NOISE * origin.iter().sum::<f64>() {
        return Ok(None);
    }
    let fits = squares_of_rows_vanish(data, back, origin.iter().sum())?;
    let (why, remedy) = if fits {
        (
            "least squares fits every row: without residuals batches of any size have no noise".to_owned(),
            "Take noise on labels",
        )
    } else {
        (
            format!("a batch of {batch} is all {n} rows: a full batch has no noise"),
            "Take smaller batches (--batch), noise on labels",
        )
    };
    Ok(Some(format!(
        "{why}, E[b²] = 0 at least squares, and no step size gives this λ. {remedy}, or write the penalty down"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::advice;
    use crate::{Settings, Target, design};

    const TABLE: &str = "a,b,y\n1,0.5,1\n-0.3,1,2\n0.7,-1,0.2\n1.5,0.1,-1\n0.2,0.9,1.4\n-1,-1,0.3\n";

    fn told(data: &Regression, lambda: f64, batch: usize, step: f64) -> (AtStep, String) {
        let settings = Settings { size: Some(2), regime: Regime::Minibatch, ..Settings::default() };
        let design = design(Target::Sparsity, &settings).unwrap();
        let found = advice(&design, lambda, Some(Training { data, batch, step_size: Some(step) })).unwrap();
        (found.recommended.unwrap().at_step_size.unwrap(), found.sentences.join("\n"))
    }

    /// Against all pairs of rows and all signs of the noise on their labels.
    #[test]
    fn noise_on_labels_adds_what_batches_lack() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        let (w, step, lambda) = (data.solution().unwrap(), 0.02, 0.01);
        let (at, _) = told(&data, lambda, 2, step);
        let noise = at.label_noise_with_batch.unwrap();
        let residual = |row: usize| data.features.mul_vec(&w)[row] - data.target[row];
        let mut sum = 0.0;
        for (a, b) in (0..6).flat_map(|a| (0..a).map(move |b| (a, b))) {
            for (s, t) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
                let of = |row: usize, sign: f64, i: usize| (residual(row) - sign * noise) * data.features.row(row)[i];
                sum += (0..2).map(|i| (0.5 * (of(a, s, i) + of(b, t, i))).powi(2)).sum::<f64>();
            }
        }
        let strength = 0.5 * step * sum / (15.0 * 4.0 * 2.0);
        assert!((strength / lambda - 1.0).abs() < 1e-10, "{strength}");
    }

    /// The nearest of all sizes, found by trying them; and none beyond both ends.
    #[test]
    fn the_size_of_batches_is_the_nearest() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        let squares = |batch| data.mean_squares(&data.solution().unwrap(), &Matrix::identity(2), batch).unwrap();
        let of = |batch| 0.5 * 0.02 * mean(&squares(batch));
        for lambda in [of(1), 0.6 * of(1), 0.4 * of(1), of(3), 0.9 * of(3), of(5)] {
            let (at, _) = told(&data, lambda, 1, 0.02);
            let found = at.batch.unwrap();
            let best = (1..6).min_by(|a, b| (of(*a) - lambda).abs().total_cmp(&(of(*b) - lambda).abs()));
            assert_eq!(Some(found.rows), best);
            assert!((found.strengths[0] / of(found.rows) - 1.0).abs() < 1e-10);
            assert!((at.batch_range[0] / of(5) - 1.0).abs() < 1e-10 && (at.batch_range[1] / of(1) - 1.0).abs() < 1e-10);
        }
        for lambda in [1.01 * of(1), 0.99 * of(5)] {
            let (at, lines) = told(&data, lambda, 1, 0.02);
            assert!(at.batch.is_none() && lines.contains("no size of batches"), "{lines}");
        }
    }

    /// By descent of full batches with signs ±σ on labels: H (w* − mean) = λ sign(w) on average over coordinates.
    #[test]
    fn the_advised_noise_on_labels_has_the_strength() {
        let (x, w) = ([[1.0, 0.3], [-0.4, 1.1], [0.9, -0.8], [0.2, 1.2], [-1.1, 0.1]], [1.0, -0.5]);
        let text: String = x.iter().map(|x| format!("{},{},{}\n", x[0], x[1], x[0] * w[0] + x[1] * w[1])).collect();
        let data = Regression::read("t.csv", &text).unwrap();
        let (wanted, step) = (1e-2, 0.05);
        let (at, lines) = told(&data, wanted, 5, step);
        assert!(at.batch.is_none() && lines.contains("train.label_noise"), "{lines}");
        let (mut u, mut v, mut seed) = ([1.0_f64, -0.5_f64.sqrt()], [1.0_f64, 0.5_f64.sqrt()], 7_u64);
        let (mut mean, steps) = ([0.0; 2], 600_000);
        for k in 0..steps + 5_000 {
            let mut gradient = [0.0; 2];
            for x in &x {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let noise = if seed >> 63 == 0 { at.label_noise } else { -at.label_noise };
                let residual = (0..2).map(|i| x[i] * (u[i] * v[i] - w[i])).sum::<f64>() + noise;
                (0..2).for_each(|i| gradient[i] += residual * x[i] / 5.0);
            }
            for i in 0..2 {
                (u[i], v[i]) = (u[i] - step * gradient[i] * v[i], v[i] - step * gradient[i] * u[i]);
                mean[i] += if k >= 5_000 { u[i] * v[i] / f64::from(steps) } else { 0.0 };
            }
        }
        let gram = data.features.gram();
        let force = |i: usize| (0..2).map(|j| gram[(i, j)] * (w[j] - mean[j])).sum::<f64>() / 5.0 * w[i].signum();
        let found = 0.5 * (force(0) + force(1)) / wanted;
        assert!((found - 1.0).abs() < 0.2, "{found} of λ");
    }

    /// Exact fits and noise louder than the labels are said, and features of unequal scale.
    #[test]
    fn remedies_are_those_that_can_help() {
        let settings = Settings { size: Some(2), regime: Regime::Minibatch, ..Settings::default() };
        let design = design(Target::Sparsity, &settings).unwrap();
        let said = |text: &str, lambda, batch| {
            let data = Regression::read("t.csv", text).unwrap();
            advice(&design, lambda, Some(Training { data: &data, batch, step_size: None }))
                .unwrap()
                .sentences
                .join("\n")
        };
        for batch in [1, 3] {
            let exact = said("1,0,1\n0,1,2\n1,1,3\n", 0.01, batch);
            assert!(exact.contains("fits every row") && !exact.contains("smaller batches"), "{exact}");
        }
        assert!(said(TABLE, 0.01, 6).contains("Take smaller batches"));
        assert!(said(TABLE, 50.0, 1).contains("larger than the deviation of the labels"));
        assert!(!said(TABLE, 1e-4, 1).contains("larger than the deviation"));
        let uneven = TABLE.replace("1,0.5", "1000,0.5").replace("0.7,", "-700,");
        assert!(said(&uneven, 1e-3, 1).contains("standardise") && !said(TABLE, 1e-3, 1).contains("standardise"));
    }

    #[test]
    fn a_step_beyond_stability_is_refused() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        let settings = Settings { size: Some(2), regime: Regime::Minibatch, ..Settings::default() };
        let design = design(Target::Sparsity, &settings).unwrap();
        for step in [0.0, -1.0, f64::NAN, 50.0] {
            let asked = Some(Training { data: &data, batch: 1, step_size: Some(step) });
            let said = advice(&design, 0.1, asked).unwrap_err().to_string();
            assert!(said.contains("--step-size") && said.contains("2/λ_max"), "{said}");
        }
    }
}
