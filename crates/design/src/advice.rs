//! Settings of training that give a wanted strength λ, and when an explicit penalty is the better choice.
//!
//! ```text
//! noise      L + τR:  R = α·shape,           τ = λ/α
//! minibatch  L + P:   P = c η E[b²]·shape,   η = λ/(c E[b²]),   b = T^(−T) ∂ℓ_batch/∂w
//! flow       no λ: the scale of the start is the width of φ ([`start`])
//! ```
//!
//! Each penalised block has its own λ at one τ or η, and its own sentence. E(b²) is that of least squares, L = ½ mean((Xw − y)²) as in the example of the printed spec, at its minimum, where the
//! gradients of the rows have mean zero; for a given η it decides the size of batches, or the noise on labels (`minibatch`). The step is held against stability, η λ_max(M ∇²L) < 2 at the minimum, M = JJᵀ. On a quadratic
//! of curvature h a step η has the stationary variance η C/(h (2 − η h)), which exceeds its first order by the share η h/2 of it: about the step over that bound, up to a tenth of it.

mod minibatch;
mod number;
mod regression;
mod start;

use crate::blocks::Block;
use crate::convergence::{Convergence, Landscape};
use crate::formula::Regime;
use crate::{Design, DesignError};
pub use minibatch::{AtStep, Batch};
pub(crate) use number::significant;
pub use regression::Regression;
use serde::Serialize;
use std::ops::Range;

/// Singular values of X below this share of the largest count as zero.
const CUTOFF: f64 = 1e-10;
/// Share of the largest stable step beyond which first order in η is said to be inaccurate.
const SAFE: f64 = 0.1;
/// What the sentences about data are about.
const LOSS: &str = "the loss is L = ½ mean(r²), r = Xw − y, as in the printed spec's example, and batches are rows drawn without replacement; λ is that of L + λ·shape, and η that of descent on L: mean(r²) is 2L, so descent on it at η is descent on L at 2η; use η/2 there, which is 2λ in mean(r²) + 2λ·shape";

/// How the user trains on a data set.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The data.
    pub data: &'a Regression,
    /// B, rows in a batch.
    pub batch: usize,
    /// η, where it is chosen already; none for a tenth of the largest stable one.
    pub step_size: Option<f64>,
}

/// What to set, and how long training then takes.
#[derive(Clone, Debug, Default)]
pub struct Advice {
    /// Sentences.
    pub sentences: Vec<String>,
    /// Their numbers.
    pub recommended: Option<Recommended>,
    /// With data.
    pub convergence: Option<Convergence>,
}

/// Settings that give a wanted strength.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommended {
    /// λ.
    pub lambda: f64,
    /// Of each penalised block.
    pub blocks: Vec<BlockSettings>,
    /// 2/λ_max(M ∇²L) at least squares; null without data.
    pub stable_step_size: Option<f64>,
    /// What gives λ of the first block at a given step size; null without data and outside the minibatch regime.
    pub at_step_size: Option<AtStep>,
}

/// Those that belong to one block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BlockSettings {
    /// Its coordinates: from, and the first that is another's.
    pub coordinates: [usize; 2],
    /// τ; null outside the noise regime.
    pub temperature: Option<f64>,
    /// η for batches of the given size; null outside the minibatch regime, without data, and where these have no noise.
    pub step_size: Option<f64>,
    /// Scale of the start at which φ is within 5 % of an L1 norm; null outside the flow regime, without data, and where no scale does it.
    pub l1_scale: Option<f64>,
    /// Largest relative deviation of φ from an L1 norm at the printed start's scale; null likewise.
    pub l1_deviation: Option<f64>,
}

impl BlockSettings {
    fn new(block: &Penalised<'_>) -> Self {
        let coordinates = [block.at.start, block.at.end];
        Self { coordinates, temperature: None, step_size: None, l1_scale: None, l1_deviation: None }
    }
}

/// A penalised block of a design.
struct Penalised<'a> {
    block: &'a dyn Block,
    /// Its coordinates z = Tw.
    at: Range<usize>,
    /// Scale of its printed start.
    scale: f64,
    /// What its sentences begin with; nothing where it is the only one.
    label: String,
}

fn penalised(design: &Design) -> Vec<Penalised<'_>> {
    let mut found = Vec::new();
    for (part, place) in design.placed() {
        for (block, own) in part.placed().filter(|(block, _)| !block.is_free()) {
            let at = place.start + own.start..place.start + own.end;
            let label = format!("{}[{}:{}]: ", part.names().0, at.start, at.end);
            found.push(Penalised { block, at, scale: part.scale(), label });
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
/// [`DesignError::Setting`] for a λ that is not positive, data of another width, a batch that is no part of them, or a step size beyond stability.
pub fn advice(design: &Design, lambda: f64, training: Option<Training<'_>>) -> Result<Advice, DesignError> {
    if lambda.is_nan() || lambda <= 0.0 {
        let expected = "a number above 0".into();
        return Err(DesignError::Setting { what: "λ", found: format!("{lambda:?}"), expected });
    }
    let landscape = training.map(|training| landscape(design, training)).transpose()?;
    let blocks = penalised(design);
    let mut found = Recommended {
        lambda,
        blocks: blocks.iter().map(BlockSettings::new).collect(),
        stable_step_size: landscape.as_ref().map(|(_, stable)| *stable),
        at_step_size: None,
    };
    let regime = design.settings.regime;
    let mut lines = match regime {
        Regime::Noise => temperatures(&blocks, &mut found),
        Regime::Flow => start::sentences(&blocks, landscape.as_ref().map(|(one, _)| one.solution()), &mut found),
        Regime::Minibatch => minibatch::step_sizes(design, &blocks, training, &mut found)?,
    };
    let Some((training, (landscape, stable))) = training.zip(landscape) else {
        return Ok(Advice { sentences: lines, recommended: Some(found), convergence: None });
    };
    lines.insert(0, LOSS.to_owned());
    let advised = found.blocks.first().and_then(|first| first.step_size);
    lines.push(stability(advised, stable, lambda));
    let given = training.step_size.unwrap_or(SAFE * stable);
    if regime == Regime::Minibatch {
        lines.extend(minibatch::at_step(design, &blocks, training, (given, given / stable), &mut found)?);
    }
    let used = training.step_size.or(advised.filter(|step| *step <= stable)).unwrap_or(given);
    let convergence = landscape.convergence(design, used)?;
    let mut units: Vec<&str> = blocks.iter().map(|one| one.block.unit()).collect();
    units.sort_unstable();
    units.dedup();
    lines.extend(convergence.sentences(&units.join(" or ")));
    Ok(Advice { sentences: lines, recommended: Some(found), convergence: Some(convergence) })
}

/// The least-squares problem and its largest stable step, which a chosen step has to stay below.
fn landscape(design: &Design, training: Training<'_>) -> Result<(Landscape, f64), DesignError> {
    let width = training.data.width();
    if width != design.size() {
        let expected = format!("{}, the coordinates of w", design.size());
        return Err(DesignError::Setting { what: "the number of features", found: width.to_string(), expected });
    }
    training.data.check()?;
    let landscape = Landscape::new(design, training.data)?;
    let stable = landscape.stable_step(design)?;
    match training.step_size.filter(|step| !(*step > 0.0 && *step < stable)) {
        Some(step) => {
            let expected = format!(
                "above 0 and below {stable:.2e} = 2/λ_max(M H), where descent near the least squares of these data stops being stable"
            );
            Err(DesignError::Setting { what: "the step size (--step-size)", found: step.to_string(), expected })
        }
        None => Ok((landscape, stable)),
    }
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
            "{bound}; at {:.0} % of it first order in η is no longer accurate: the next order, about that share of λ up to a tenth of the bound, grows faster beyond",
            100.0 * step / stable
        ),
        _ => bound,
    }
}

fn temperatures(blocks: &[Penalised<'_>], found: &mut Recommended) -> Vec<String> {
    let lambda = found.lambda;
    let of = |one: &Penalised<'_>| lambda / one.block.strength();
    let line = |one: &Penalised<'_>| {
        let (shape, lambda, of) = (one.block.shape(Regime::Noise), significant(lambda), significant(of(one)));
        format!("{}λ = {lambda} of {shape}: temperature τ = {of}", one.label)
    };
    let mut lines: Vec<String> = blocks.iter().map(line).collect();
    lines.extend(shared(blocks, lambda, "temperature τ", "--strength or --depth of a block", &of));
    found.blocks.iter_mut().zip(blocks).for_each(|(own, one)| own.temperature = Some(of(one)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Target, design};
    use gaugebias_linalg::Matrix;

    const TABLE: &str = "a,b,y\n1,0.5,1\n-0.3,1,2\n0.7,-1,0.2\n1.5,0.1,-1\n0.2,0.9,1.4\n-1,-1,0.3\n";

    fn training(data: &Regression, batch: usize) -> Training<'_> {
        Training { data, batch, step_size: None }
    }

    #[test]
    fn strengths_become_settings() {
        let of = |regime, depth| Settings { size: Some(2), regime, depth: Some(depth), ..Settings::default() };
        let told = |settings: &Settings, data: Option<Training<'_>>| {
            advice(&design(Target::Sparsity, settings).unwrap(), 0.3, data).unwrap().sentences.join("\n")
        };
        // τ = 0.3/(2/3), η = 0.3/(3/4 E).
        assert!(told(&of(Regime::Noise, 3), None).contains("τ = 0.45"));
        assert!(told(&of(Regime::Minibatch, 3), None).contains("η = λ/(0.75 E[b²]) = 0.4/E[b²]"));
        let data = Regression::read("t.csv", TABLE).unwrap();
        let long = told(&of(Regime::Minibatch, 2), Some(training(&data, 2)));
        assert!(long.contains("too long") && long.contains("L = ½ mean(r²)"), "{long}");
        let full = told(&of(Regime::Minibatch, 2), Some(training(&data, 6)));
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
        let advised = advice(&designed, wanted, Some(training(&data, 1))).unwrap();
        let step = advised.recommended.unwrap().blocks[0].step_size.unwrap();
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
            advice(&design(target, &settings).unwrap(), 0.01, Some(training(&data, 1))).unwrap()
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
        assert!(noise[0].starts_with("w[0:3]: λ = 0.3") && noise[0].ends_with("τ = 0.2"), "{noise:?}");
        assert!(noise[1].starts_with("w[3:5]: ") && noise[1].ends_with("τ = 0.3"), "{noise:?}");
        assert!(noise[2].starts_with("w[5:7]: ") && noise[2].ends_with("τ = 0.6"), "{noise:?}");
        assert!(noise[3].contains("w[5:7]: λ = 1.000e-1"), "{noise:?}");
        let minibatch = of(Regime::Minibatch);
        // c = (3 + 3)/4, (2 + 3)/4 and 2/4.
        for (line, factor) in minibatch.iter().zip(["1.5", "1.25", "0.5"]) {
            assert!(line.contains(&format!("η = λ/({factor} E[b²])")), "{line}");
        }
    }
}
