//! Settings of training that give a wanted strength λ, and when an explicit penalty is the better choice.
//!
//! ```text
//! noise      L + τR:  R = α·shape,           τ = λ/α
//! minibatch  L + P:   P = c η E[b²]·shape,   η = λ/(c E[b²]),   b = T^(−T) ∂ℓ_batch/∂w
//! ```
//!
//! Each penalised block has its own λ at one τ or η, and its own sentence. E(b²) is that of least squares, L = ½ mean((Xw − y)²) as in the example of the printed spec, at its minimum: there the
//! gradients of the n rows have mean zero, and B of them without replacement have E(b²) = Var(b) (1 − (B − 1)/(n − 1))/B. The step is held against stability, η λ_max(M ∇²L) < 2 at the minimum, M = JJᵀ. On a quadratic
//! of curvature h a step η has the stationary variance η C/(h (2 − η h)), which exceeds its first order by the share η h/2: the step over that bound.

use crate::blocks::Block;
use crate::convergence::{Convergence, Landscape};
use crate::formula::Regime;
use crate::{Design, DesignError};
use gaugebias_linalg::{Matrix, least_squares};
use std::ops::Range;

/// Singular values of X below this share of the largest count as zero.
const CUTOFF: f64 = 1e-10;
/// Share of the largest stable step beyond which first order in η is said to be inaccurate.
const SAFE: f64 = 0.1;
/// E(b²) below this share of its value at w = 0 is rounding.
const NO_NOISE: f64 = 1e-20;
/// What the sentences about data are about.
const LOSS: &str = "the loss is L = ½ mean(r²), r = Xw − y, as in the printed spec's example, and batches are rows drawn without replacement; λ is that of L + λ·shape, so for mean(r²), twice that loss, it is 2λ at the same penalty";

/// A regression: the last column of a table is explained by the others.
#[derive(Clone, Debug)]
pub struct Regression {
    pub(crate) features: Matrix,
    pub(crate) target: Vec<f64>,
}

impl Regression {
    /// From the text of a CSV file; a first line of names is skipped.
    ///
    /// # Errors
    /// [`DesignError::Table`].
    pub fn read(name: &str, text: &str) -> Result<Self, DesignError> {
        let fault = |line: usize, what: String| DesignError::Table { name: name.to_owned(), line, what };
        let (mut rows, mut target, mut width) = (Vec::new(), Vec::new(), 0);
        for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            let cells: Vec<Option<f64>> =
                row.split(',').map(|cell| cell.trim().parse().ok().filter(|x: &f64| x.is_finite())).collect();
            let numbers: Option<Vec<f64>> = cells.iter().copied().collect();
            match numbers {
                Some(numbers) if numbers.len() >= 2 && (target.is_empty() || numbers.len() == width) => {
                    width = numbers.len();
                    target.push(numbers[width - 1]);
                    rows.extend_from_slice(&numbers[..width - 1]);
                }
                None if line == 0 => {}
                _ => {
                    return Err(fault(
                        line + 1,
                        format!("expected {} finite numbers with commas between", width.max(2)),
                    ));
                }
            }
        }
        if target.len() < 2 {
            return Err(fault(text.lines().count(), format!("{} rows; expected at least two", target.len())));
        }
        Ok(Self { features: Matrix::from_row_major(target.len(), width - 1, rows), target })
    }

    /// Features of each row.
    pub fn width(&self) -> usize {
        self.features.columns()
    }

    pub(crate) fn rows(&self) -> usize {
        self.features.rows()
    }

    /// The least-squares coefficients.
    pub(crate) fn solution(&self) -> Result<Vec<f64>, DesignError> {
        Ok(least_squares(&self.features, &self.target, CUTOFF)?)
    }

    /// E(b_i²) of batches of `batch` rows at a point w, for b = S ∂ℓ/∂w.
    ///
    /// # Errors
    /// [`DesignError::Setting`] for a batch that is no part of the rows.
    pub fn mean_squares(&self, w: &[f64], back: &Matrix, batch: usize) -> Result<Vec<f64>, DesignError> {
        let n = self.rows();
        if batch == 0 || batch > n {
            let expected = format!("1 to {n}, the rows of the data");
            return Err(DesignError::Setting { what: "the batch", found: batch.to_string(), expected });
        }
        let fitted = self.features.mul_vec(w);
        let gradient = |row: usize| {
            let residual = fitted[row] - self.target[row];
            back.mul_vec(&self.features.row(row).iter().map(|x| residual * x).collect::<Vec<_>>())
        };
        let gradients: Vec<Vec<f64>> = (0..n).map(gradient).collect();
        let without_replacement = (1.0 - (batch as f64 - 1.0) / (n as f64 - 1.0)) / batch as f64;
        let of = |i: usize| {
            let mean = gradients.iter().map(|g| g[i]).sum::<f64>() / n as f64;
            let variance = gradients.iter().map(|g| (g[i] - mean).powi(2)).sum::<f64>() / n as f64;
            mean * mean + variance * without_replacement
        };
        Ok((0..back.rows()).map(of).collect())
    }
}

/// What to set, in sentences, and how long training then takes.
#[derive(Clone, Debug, Default)]
pub struct Advice {
    /// Sentences.
    pub sentences: Vec<String>,
    /// With data.
    pub convergence: Option<Convergence>,
}

/// A penalised block of a design.
struct Penalised<'a> {
    block: &'a dyn Block,
    /// Its coordinates z = Tw.
    at: Range<usize>,
    /// What its sentences begin with; nothing where it is the only one.
    label: String,
}

fn penalised(design: &Design) -> Vec<Penalised<'_>> {
    let mut found = Vec::new();
    for (part, place) in design.placed() {
        for (block, own) in part.placed().filter(|(block, _)| !block.is_free()) {
            let at = place.start + own.start..place.start + own.end;
            let label = format!("{}[{}:{}]: ", part.names().0, at.start, at.end);
            found.push(Penalised { block, at, label });
        }
    }
    if let [only] = found.as_mut_slice() {
        only.label.clear();
    }
    found
}

/// What to set for a strength λ of the shape that each block shows, and with data how many steps training takes.
///
/// # Errors
/// [`DesignError::Setting`] for a λ that is not positive, or data of another width.
pub fn advice(design: &Design, lambda: f64, data: Option<(&Regression, usize)>) -> Result<Advice, DesignError> {
    if lambda.is_nan() || lambda <= 0.0 {
        let expected = "a number above 0".into();
        return Err(DesignError::Setting { what: "λ", found: lambda.to_string(), expected });
    }
    let blocks = penalised(design);
    if let Some((data, _)) = data.filter(|(data, _)| data.width() != design.size()) {
        let expected = format!("{}, the coordinates of w", design.size());
        return Err(DesignError::Setting { what: "the number of features", found: data.width().to_string(), expected });
    }
    let mut advice = Advice::default();
    let step = match design.settings.regime {
        Regime::Noise => {
            advice.sentences.extend(temperatures(&blocks, lambda));
            None
        }
        Regime::Flow => {
            advice.sentences.push(
                "gradient flow has no strength λ: it fits the data whatever φ is. A smaller start (--scale) makes φ more like an L1 norm, stopping early fits less; for a \
                 stated λ write the penalty down"
                    .to_owned(),
            );
            None
        }
        Regime::Minibatch => step_sizes(design, &blocks, lambda, data, &mut advice.sentences)?,
    };
    let Some((data, _)) = data else { return Ok(advice) };
    advice.sentences.insert(0, LOSS.to_owned());
    let landscape = Landscape::new(design, data)?;
    let stable = landscape.stable_step(design)?;
    advice.sentences.push(stability(step, stable, lambda));
    let used = step.filter(|step| *step <= stable).unwrap_or(SAFE * stable);
    let convergence = landscape.convergence(design, used)?;
    advice.sentences.extend(convergence.sentences());
    advice.convergence = Some(convergence);
    Ok(advice)
}

/// A step against the bound of stability at the solution.
fn stability(step: Option<f64>, stable: f64, lambda: f64) -> String {
    let bound = format!("near the solution descent is stable below η = 2/λ_max(M H) = {stable:.2e}");
    match step {
        Some(step) if step > stable => format!(
            "that step is too long: {bound}. At a tenth of it, η = {:.1e}, these batches give λ = {:.2e}; add noise to labels, take smaller batches, or, better, write the penalty down: a λ \
             of this size is no small correction",
            SAFE * stable,
            lambda * SAFE * stable / step
        ),
        Some(step) if step > SAFE * stable => format!(
            "{bound}; at {:.0} % of it first order in η is no longer accurate: the next order is about that share of λ",
            100.0 * step / stable
        ),
        _ => bound,
    }
}

fn temperatures(blocks: &[Penalised<'_>], lambda: f64) -> Vec<String> {
    let of = |one: &Penalised<'_>| lambda / one.block.strength();
    let line = |one: &Penalised<'_>| {
        format!("{}λ = {lambda} of {}: temperature τ = {:.6}", one.label, one.block.shape(Regime::Noise), of(one))
    };
    let mut lines: Vec<String> = blocks.iter().map(line).collect();
    lines.extend(shared(blocks, lambda, "temperature τ", "--strength or --depth of a block", &of));
    lines
}

/// There is one τ and one η: what the blocks have at that of the first.
fn shared(
    blocks: &[Penalised<'_>],
    lambda: f64,
    name: &str,
    remedy: &str,
    of: &dyn Fn(&Penalised<'_>) -> f64,
) -> Option<String> {
    let first = of(blocks.first()?);
    if blocks.iter().all(|one| (of(one) / first - 1.0).abs() < 1e-9) {
        return None;
    }
    let each: Vec<String> =
        blocks.iter().map(|one| format!("{}λ = {:.3e}", one.label, lambda * first / of(one))).collect();
    Some(format!(
        "one {name} serves all blocks: at {first:.3e} they have {}; {remedy} changes their ratio",
        each.join(", ")
    ))
}

/// The sentences, and with data the step size of the first block.
fn step_sizes(
    design: &Design,
    blocks: &[Penalised<'_>],
    lambda: f64,
    data: Option<(&Regression, usize)>,
    lines: &mut Vec<String>,
) -> Result<Option<f64>, DesignError> {
    for one in blocks {
        let (factor, shape) = (one.block.minibatch_factor(), one.block.shape(Regime::Minibatch));
        lines.push(format!(
            "{}λ = {lambda} of {shape}: step size η = λ/({factor:.4} E[b²]) = {:.6}/E[b²], b the gradient of a batch by the penalised coordinates",
            one.label,
            lambda / factor
        ));
    }
    let Some((data, batch)) = data else {
        lines.push("give --data FILE.csv and --batch B for E[b²] of least squares".into());
        return Ok(None);
    };
    let back = design.covectors()?;
    let squares = data.mean_squares(&data.solution()?, &back, batch)?;
    if let Some(why) = no_noise(data, &squares, &back, batch)? {
        lines.push(why);
        return Ok(None);
    }
    let of = |one: &Penalised<'_>| {
        let own = &squares[one.at.clone()];
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        (mean, lambda / (one.block.minibatch_factor() * mean))
    };
    for one in blocks {
        let (mean, step) = of(one);
        let (low, high) =
            squares[one.at.clone()].iter().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
        lines.push(format!(
            "{}at least squares, batches of {batch} of {} rows: E[b²] = {mean:.4} on average over coordinates, {low:.4} to {high:.4}, so η = {step:.2e}",
            one.label,
            data.rows()
        ));
    }
    lines.extend(shared(blocks, lambda, "step size η", "the form of a block", &|one| of(one).1));
    Ok(blocks.first().map(|one| of(one).1))
}

/// Why no step size gives any λ, where the batches all have the same gradient at least squares.
fn no_noise(data: &Regression, squares: &[f64], back: &Matrix, batch: usize) -> Result<Option<String>, DesignError> {
    let n = data.rows();
    let origin = data.mean_squares(&vec![0.0; data.width()], back, 1)?;
    if batch < n && squares.iter().sum::<f64>() > NO_NOISE * origin.iter().sum::<f64>() {
        return Ok(None);
    }
    let why = if batch == n {
        format!("a batch of {batch} is all {n} rows: a full batch has no noise")
    } else {
        "least squares fits every row: without residuals batches have no noise".to_owned()
    };
    Ok(Some(format!(
        "{why}, E[b²] = 0 at least squares, and no step size gives this λ. Take smaller batches (--batch) or noise on labels, or write the penalty down"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Target, design};

    const TABLE: &str = "a,b,y\n1,0.5,1\n-0.3,1,2\n0.7,-1,0.2\n1.5,0.1,-1\n0.2,0.9,1.4\n-1,-1,0.3\n";

    /// Against all fifteen batches of two rows.
    #[test]
    fn mean_squares_are_those_of_all_batches() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        let w = data.solution().unwrap();
        let found = data.mean_squares(&w, &Matrix::identity(2), 2).unwrap();
        let gradient = |row: usize, i: usize| {
            let x = data.features.row(row);
            (x[0] * w[0] + x[1] * w[1] - data.target[row]) * x[i]
        };
        for (i, found) in found.iter().enumerate() {
            let pairs = (0..6).flat_map(|a| (0..a).map(move |b| (a, b)));
            let squares: Vec<f64> = pairs.map(|(a, b)| (0.5 * (gradient(a, i) + gradient(b, i))).powi(2)).collect();
            let expected = squares.iter().sum::<f64>() / 15.0;
            assert!((found / expected - 1.0).abs() < 1e-10, "{found} {expected}");
        }
        assert!(data.mean_squares(&w, &Matrix::identity(2), 7).is_err());
    }

    #[test]
    fn strengths_become_settings() {
        let of = |regime, depth| Settings { size: Some(2), regime, depth: Some(depth), ..Settings::default() };
        let told = |settings: &Settings, data: Option<(&Regression, usize)>| {
            advice(&design(Target::Sparsity, settings).unwrap(), 0.3, data).unwrap().sentences.join("\n")
        };
        // τ = 0.3/(2/3), η = 0.3/(3/4 E).
        assert!(told(&of(Regime::Noise, 3), None).contains("τ = 0.450000"));
        assert!(told(&of(Regime::Minibatch, 3), None).contains("η = λ/(0.7500 E[b²]) = 0.400000/E[b²]"));
        let data = Regression::read("t.csv", TABLE).unwrap();
        let long = told(&of(Regime::Minibatch, 2), Some((&data, 2)));
        assert!(long.contains("too long") && long.contains("L = ½ mean(r²)"), "{long}");
        let full = told(&of(Regime::Minibatch, 2), Some((&data, 6)));
        assert!(full.contains("a full batch has no noise") && !full.contains("too long"), "{full}");
        assert!(told(&of(Regime::Flow, 2), None).contains("no strength"));
        let settings = of(Regime::Noise, 2);
        assert!(advice(&design(Target::Sparsity, &settings).unwrap(), -1.0, None).is_err());
        assert!(Regression::read("t.csv", "1,2\n3\n").unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn only_steps_beyond_the_bound_are_too_long() {
        assert!(stability(Some(0.4), 0.3, 1.0).contains("too long"));
        let warned = stability(Some(0.06), 0.3, 1.0);
        assert!(
            warned.contains("at 20 % of it first order in η is no longer accurate") && !warned.contains("too long")
        );
        assert_eq!(stability(Some(0.02), 0.3, 1.0), stability(None, 0.3, 1.0));
    }

    /// By SGD. Rows come in pairs of opposite residuals, so that E(b²) does not change with w to first order.
    #[test]
    fn the_advised_step_has_the_strength() {
        let (x, w) = ([[1.0, 0.3], [-0.4, 1.1], [0.9, -0.8], [0.2, 1.2], [-1.1, 0.1]], [1.0, -0.5]);
        let line = |x: &[f64; 2], noise: f64| format!("{},{},{}\n", x[0], x[1], x[0] * w[0] + x[1] * w[1] + noise);
        let text: String = x.iter().map(|x| line(x, 0.5) + &line(x, -0.5)).collect();
        let data = Regression::read("t.csv", &text).unwrap();
        let settings = Settings { size: Some(2), regime: Regime::Minibatch, ..Settings::default() };
        let designed = design(Target::Sparsity, &settings).unwrap();
        let squares = data.mean_squares(&w, &Matrix::identity(2), 1).unwrap();
        let wanted = 2e-3;
        let step = step_sizes(&designed, &penalised(&designed), wanted, Some((&data, 1)), &mut Vec::new()).unwrap();
        let step = step.unwrap();
        // λ of each coordinate is that of its own E(b²).
        let strengths: Vec<f64> = squares.iter().map(|square| 0.5 * step * square).collect();
        assert!((0.5 * (strengths[0] + strengths[1]) / wanted - 1.0).abs() < 1e-9);
        let (mut u, mut v, mut seed) = ([1.0_f64, -0.5_f64.sqrt()], [1.0_f64, 0.5_f64.sqrt()], 7_u64);
        let (mut mean, steps) = ([0.0; 2], 3_000_000);
        for k in 0..steps + 20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let row = ((seed >> 33) % 10) as usize;
            let x = data.features.row(row);
            let residual = x[0] * u[0] * v[0] + x[1] * u[1] * v[1] - data.target[row];
            for i in 0..2 {
                (u[i], v[i]) = (u[i] - step * residual * x[i] * v[i], v[i] - step * residual * x[i] * u[i]);
                mean[i] += if k >= 20_000 { u[i] * v[i] / f64::from(steps) } else { 0.0 };
            }
        }
        // H (w* − mean) = λ sign(w).
        let gram = data.features.gram();
        for i in 0..2 {
            let force = (0..2).map(|j| gram[(i, j)] * (w[j] - mean[j])).sum::<f64>() / 10.0;
            let found = force * w[i].signum() / strengths[i];
            assert!((found - 1.0).abs() < 0.25, "coordinate {i}: {found} of λ");
        }
    }

    /// Products that start balanced keep signs, and never get to negative coefficients.
    #[test]
    fn unreachable_entries_are_counted() {
        let data = Regression::read("t.csv", "1,0,0.8\n0,1,-0.7\n1,1,0.1\n1,-1,1.6\n").unwrap();
        let told = |target, settings: Settings| {
            let settings = Settings { size: Some(2), ..settings };
            advice(&design(target, &settings).unwrap(), 0.01, Some((&data, 1))).unwrap()
        };
        let noise = told(Target::Sparsity, Settings::default());
        let found = noise.convergence.unwrap();
        assert_eq!((found.unreachable, found.forbidden, found.escape), (1, 0, None));
        assert!(noise.sentences.iter().any(|line| line.contains("never reaches")), "{noise:?}");
        let sign = told(Target::Sign, Settings::default()).convergence.unwrap();
        assert_eq!((sign.unreachable, sign.forbidden), (1, 1));
        let flow = |strength| Settings { regime: Regime::Flow, strength: Some(strength), ..Settings::default() };
        let counts = [0.3, 0.5, 0.6].map(|strength| told(Target::Sparsity, flow(strength)).convergence.unwrap());
        assert_eq!(counts.map(|found| found.unreachable), [0, 0, 1]);
    }

    /// λ, τ and η are those of each block: the groups' α is 1.5 and 1, the product's ½.
    #[test]
    fn every_block_has_its_own_strength() {
        let text = "group:3+2; sparsity:2; free:1";
        let of = |regime| {
            let base = Settings { regime, ..Settings::default() };
            let blocks = crate::read_blocks(text, &base, &|_| Err(String::new())).unwrap();
            advice(&design(Target::Blocks, &Settings { blocks, ..base }).unwrap(), 0.3, None).unwrap().sentences
        };
        let noise = of(Regime::Noise);
        assert_eq!(noise.len(), 4, "{noise:?}");
        assert!(noise[0].starts_with("w[0:3]: λ = 0.3") && noise[0].ends_with("τ = 0.200000"), "{noise:?}");
        assert!(noise[1].starts_with("w[3:5]: ") && noise[1].ends_with("τ = 0.300000"), "{noise:?}");
        assert!(noise[2].starts_with("w[5:7]: ") && noise[2].ends_with("τ = 0.600000"), "{noise:?}");
        assert!(noise[3].contains("w[5:7]: λ = 1.000e-1"), "{noise:?}");
        let minibatch = of(Regime::Minibatch);
        // c = (3 + 3)/4, (2 + 3)/4 and 2/4.
        for (line, factor) in minibatch.iter().zip(["1.5000", "1.2500", "0.5000"]) {
            assert!(line.contains(&format!("η = λ/({factor} E[b²])")), "{line}");
        }
    }
}
