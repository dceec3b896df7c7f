//! The law of one penalised coordinate, group, or 2 × 2 matrix of a design, as a spec that can be simulated and verified.
//!
//! An operator only changes the coordinates in which a block is seen (the proof covers it), so that the block's law by itself is what there
//! is to test. The loss is of the observable alone; then R is had back from the density p of the observable x:
//!
//! ```text
//! R(x) = −log p(x) − L(x)/τ                         x = w of one coordinate
//! R(ρ) = −log p(ρ) + log ∫ e^(−L/τ) over the sphere   ρ = ‖w_g‖ of k entries, L = ½‖w_g − c‖²
//! R(σ₂) = −log p(σ₂) + log ∫ e^(−L/τ) over the 2 × 2 matrices of smaller singular value σ₂, L = ½‖W − C‖²
//! ```
//!
//! The last is R of the margin: that of a matrix, e^(−R) averaged over σ₁ at this σ₂ ([`margin`]).

use crate::operator::Operator;
use crate::part::Part;
use crate::{Design, DesignError, LinkKind, Regime, Settings, Target, design};

mod margin;

/// Of a design behind an operator.
const WITHOUT_OPERATOR: &str = "one entry or group of Tw is simulated, without T: T is a fixed linear map, which adds a constant to R, and the proof covers it";
/// Mass so near to a singularity of R that the samples do not resolve it, and how near.
const UNRESOLVED: f64 = 0.02;
const NEAR: f64 = 1e-5;

/// A spec of a law, and what is known of it.
#[derive(Debug)]
pub struct LawSpec {
    /// The spec.
    pub text: String,
    /// Its loss, where the observable has a penalty of its own.
    shape: Option<Shape>,
    design: Design,
    /// What the observable is called in pictures.
    pub observable: &'static str,
    /// What the law is of, where it is not a coordinate of the design as it stands.
    pub of: Option<&'static str>,
    /// Length of the run in relaxation times of the loss at the median M: below some five, samples still know their start.
    pub relaxations: f64,
}

#[derive(Debug)]
struct Shape {
    loss: Loss,
    temperature: f64,
}

#[derive(Clone, Copy, Debug)]
enum Loss {
    /// ½ stiffness (x − centre)².
    Quadratic { centre: f64, stiffness: f64 },
    /// ½‖w − c‖² with c = (1, …, 1)/√k, |c| = 1.
    Group { width: usize },
    /// ½‖W − C‖² with the diagonal matrix C of [`margin::CENTRE`].
    Matrix,
}

impl Loss {
    /// Logarithm of e^(−L/τ), integrated over all w of the observable.
    fn log_weight(self, x: f64, temperature: f64) -> f64 {
        match self {
            Self::Quadratic { centre, stiffness } => -0.5 * stiffness * (x - centre).powi(2) / temperature,
            Self::Group { width: 1 } => log_sum([1.0, -1.0].map(|c| -0.5 * (x - c).powi(2) / temperature)),
            Self::Group { width } => {
                // ρ^(k−1) ∫ e^(−(ρ² − 2ρ cos θ + 1)/2τ) sin^(k−2) θ dθ, by midpoints.
                let ring = |step: u32| {
                    let angle = std::f64::consts::PI * (f64::from(step) + 0.5) / 400.0;
                    let square = x * x - 2.0 * x * angle.cos() + 1.0;
                    -0.5 * square / temperature + (width as f64 - 2.0) * angle.sin().ln()
                };
                (width as f64 - 1.0) * x.ln() + log_sum((0..400).map(ring).collect::<Vec<_>>())
            }
            Self::Matrix => margin::log_weight(x, temperature, &|_| 0.0),
        }
    }

    /// Second derivative.
    fn curvature(self) -> f64 {
        match self {
            Self::Quadratic { stiffness, .. } => stiffness,
            Self::Group { .. } | Self::Matrix => 1.0,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Quadratic { centre, stiffness } => format!("0.5 * {stiffness:?} * (predictor[0] - {centre:?})**2"),
            Self::Group { width } => format!("0.5 * sum((predictor - {:?})**2)", (width as f64).powf(-0.5)),
            Self::Matrix => {
                let [first, second] = margin::CENTRE;
                format!("0.5 * sum((predictor - [[{first:?}, 0.0], [0.0, {second:?}]])**2)")
            }
        }
    }
}

/// log Σ eˣ.
fn log_sum(logs: impl AsRef<[f64]>) -> f64 {
    let top = logs.as_ref().iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + logs.as_ref().iter().map(|x| (x - top).exp()).sum::<f64>().ln()
}

impl LawSpec {
    /// The logarithm of the density of the observable without R; none where it has no penalty of its own.
    pub fn log_weight(&self, x: f64) -> Option<f64> {
        self.shape.as_ref().map(|shape| shape.loss.log_weight(x, shape.temperature))
    }

    /// The singular point of R that holds the largest share of the law within 1e-5, and that share, if it is too much to be judged: there all of it is a few steps' work.
    pub fn unresolved(&self) -> Option<(f64, f64)> {
        let (low, high) = self.domain()?;
        let share = |at: f64| {
            let width = (high - at).max(at - low);
            // Both sides, in steps of equal ratio.
            let mass = |k: u32| {
                let x = width * 10.0_f64.powf(-f64::from(k) / 40.0);
                let one = |w: f64| self.log_weight(w).map_or(0.0, |weight| (weight - self.penalty(w)).exp());
                let inside = [at + x, at - x].into_iter().filter(|w| (low..=high).contains(w));
                (x, x * inside.map(one).filter(|p| p.is_finite()).sum::<f64>())
            };
            let masses: Vec<(f64, f64)> = (0..1200).map(mass).collect();
            let near = masses.iter().filter(|(x, _)| *x < NEAR).map(|(_, mass)| mass).sum::<f64>();
            near / masses.iter().map(|(_, mass)| mass).sum::<f64>()
        };
        let largest = self.singular_points().into_iter().map(|at| (at, share(at))).max_by(|a, b| a.1.total_cmp(&b.1));
        largest.filter(|(_, share)| *share > UNRESOLVED)
    }

    /// Where R is −∞: 0, but for custom penalties that are singular elsewhere.
    pub fn singular_points(&self) -> Vec<f64> {
        let (points, _) = self.design.parts[0].blocks[0].singular_points();
        if points.is_empty() { vec![0.0] } else { points.to_vec() }
    }

    /// R of the observable.
    pub fn penalty(&self, x: f64) -> f64 {
        if let Some(Shape { loss: Loss::Matrix, temperature }) = self.shape {
            let of = |sigma: [f64; 2]| self.design.penalty(&[sigma[0], 0.0, 0.0, sigma[1]]);
            return margin::log_weight(x, temperature, &|_| 0.0) - margin::log_weight(x, temperature, &of);
        }
        // A group of norm x.
        let k = self.design.size();
        self.design.penalty(&vec![x / (k as f64).sqrt(); k])
    }

    /// Where the penalty is meant, if not everywhere.
    pub fn domain(&self) -> Option<(f64, f64)> {
        self.design.settings.domain
    }
}

impl Part {
    /// The law of a block by itself; none of coordinates without a penalty.
    ///
    /// # Errors
    /// [`DesignError`].
    pub fn law_spec(&self, seeds: u64, steps: u64) -> Result<Option<LawSpec>, DesignError> {
        if self.target == Target::Free {
            return Ok(None);
        }
        let (target, mut settings) = self.alone();
        if target == Target::LowRank {
            return matrix_law(&settings, seeds, steps).map(Some);
        }
        let (loss, temperature, observable) = match target {
            Target::Group => {
                let width = settings.groups[0] as f64;
                let product = settings.link == Some(LinkKind::Product);
                settings.scale = Some(if product { 1.0 } else { width.powf(-0.5) });
                (Loss::Group { width: settings.groups[0] }, 0.1, "norm(predictor)")
            }
            Target::Custom => {
                let (low, high) = settings.domain.unwrap_or((-1.0, 1.0));
                let (centre, half) = (0.5 * (low + high), 0.5 * (high - low));
                settings.scale = Some(centre);
                // L/τ = 16 at the ends, beyond which R is another.
                (Loss::Quadratic { centre, stiffness: 3.2 / (half * half) }, 0.1, "predictor[0]")
            }
            _ => {
                settings.scale = Some(1.0);
                let sign = if settings.negative { -1.0 } else { 1.0 };
                // From three factors on, steps of finite size can cross w = 0 into another component: keep away from it. The model counts, not the flag that asked for it.
                let strength = self.blocks.iter().find(|block| !block.is_free()).map_or(0.0, |block| block.strength());
                let deep = target == Target::Sparsity && strength > 0.5;
                let (centre, temperature) = if deep { (1.2, 0.06) } else { (1.0, 0.2) };
                (Loss::Quadratic { centre: sign * centre, stiffness: 1.0 }, temperature, "predictor[0]")
            }
        };
        let design = design(target, &settings)?;
        let shape = Shape { loss, temperature };
        let (step, median) = step_size(&design, &shape);
        let relaxations = steps as f64 * step * loss.curvature() * median;
        let text = text(&design, &loss.text(), temperature, step, (seeds, steps), observable);
        let label = if target == Target::Group { "‖w_g‖" } else { "w" };
        let of = (self.operator != Operator::Identity).then_some(WITHOUT_OPERATOR);
        Ok(Some(LawSpec { text, shape: Some(shape), design, observable: label, of, relaxations }))
    }

    /// One coordinate, group or small matrix of this part.
    fn alone(&self) -> (Target, Settings) {
        let mut settings = self.settings.clone();
        let target = match self.target {
            Target::LowRank => Target::LowRank,
            _ if !settings.groups.is_empty() => Target::Group,
            _ if settings.penalty.is_some() => Target::Custom,
            Target::Sign => Target::Sign,
            _ => Target::Sparsity,
        };
        // A custom penalty belongs to its regime; the others start balanced.
        if target != Target::Custom {
            settings.regime = Regime::Noise;
        }
        settings.groups.truncate(1);
        settings.size = match target {
            Target::Group => None,
            // Whether a matrix is square has to be seen.
            Target::LowRank => settings.size,
            _ => Some(1),
        };
        (target, settings)
    }
}

/// A step that is a small share of the shortest relaxation time of the law, and the median of M under it.
fn step_size(design: &Design, shape: &Shape) -> (f64, f64) {
    let k = design.size();
    let (low, high) = design.settings.domain.unwrap_or((-2.5, 2.5));
    let places: Vec<f64> = (1..400).map(|i| low + (high - low) * f64::from(i) / 400.0).collect();
    let at = |x: f64| vec![x / (k as f64).sqrt(); k];
    let log = |x: f64| shape.loss.log_weight(x, shape.temperature) - design.penalty(&at(x));
    let (points, core) = design.parts[0].blocks[0].singular_points();
    let cut_off = |x: f64| points.iter().any(|at| (x - at).abs() <= core);
    let inside = |x: &f64| (!design.settings.negative || *x < 0.0) && !cut_off(*x);
    let logs: Vec<(f64, f64)> =
        places.into_iter().filter(inside).map(|x| (x, log(x))).filter(|(_, l)| l.is_finite()).collect();
    let top = logs.iter().fold(f64::NEG_INFINITY, |m, (_, l)| m.max(*l));
    let seen = logs.iter().filter(|(_, l)| *l > top - 8.0);
    let stiffest = seen.map(|(x, _)| (2.0 * design.penalty(&at(*x)) / k as f64).exp()).fold(1e-3, f64::max);
    // The scheme for isotropic noise is of second order.
    let share = if design.is_redundant() { 0.01 } else { 0.1 };
    // And one that is stable where the law hardly ever is.
    let steep = |x: &f64| (2.0 * design.penalty(&at(*x)) / k as f64).exp();
    let steepest = logs.iter().map(|(x, _)| steep(x)).fold(stiffest, f64::max);
    let mut weighted: Vec<(f64, f64)> = logs.iter().map(|(x, l)| (steep(x), (l - top).exp())).collect();
    weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * weighted.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut below = 0.0;
    let median = weighted.iter().find(|(_, weight)| {
        below += weight;
        below >= half
    });
    ((share / stiffest).min(0.5 / steepest) / shape.loss.curvature(), median.map_or(0.0, |(m, _)| *m))
}

/// The smaller singular value of a 2 × 2 matrix; of matrices with different outer sizes, whose law is approximate, the norm of a 2 × 1 is judged as a whole.
fn matrix_law(settings: &Settings, seeds: u64, steps: u64) -> Result<LawSpec, DesignError> {
    let square = settings.columns.is_none_or(|columns| Some(columns) == settings.size);
    let (rows, columns) = (2, if square { 2 } else { 1 });
    let settings = Settings { size: Some(rows), columns: Some(columns), scale: Some(1.2), ..settings.clone() };
    let design = design(Target::LowRank, &settings)?;
    let (temperature, step) = (0.06, 2e-3);
    let (loss, observable, shape) = if square {
        (Loss::Matrix.text(), "svdvals(predictor)[1]", Some(Shape { loss: Loss::Matrix, temperature }))
    } else {
        ("0.5 * sum((predictor - [[2.0], [0.0]])**2)".to_owned(), "svdvals(predictor)[0]", None)
    };
    let text = text(&design, &loss, temperature, step, (seeds, steps), observable);
    let label = if square { "σ₂, the smaller singular value" } else { "σ" };
    Ok(LawSpec { text, shape, design, observable: label, of: None, relaxations: steps as f64 * step })
}

fn text(
    design: &Design,
    loss: &str,
    temperature: f64,
    step: f64,
    (seeds, steps): (u64, u64),
    observable: &str,
) -> String {
    let (noise, scheme) =
        if design.is_redundant() { ("horizontal", "") } else { ("isotropic", "scheme = \"second-order\"\n") };
    let (burn_in, thin) = (steps / 8, (steps / 80).max(1));
    format!(
        "title = \"Law of {}\"\n\n{}loss = \"{loss}\"\n\n[train]\noptimizer = \"langevin\"\nnoise = \"{noise}\"\ntemperature = {temperature:?}\nstep_size = {step:?}\n\
         steps = {steps}\n{scheme}dtype = \"f64\"\n\n[ensemble]\nseeds = {seeds}\n\n[verify]\nlaw = \"{noise}\"\nobservable = \"{observable}\"\nburn_in = {burn_in}\nthin = {thin}\n",
        design.title(),
        design.core_text(),
    )
}
