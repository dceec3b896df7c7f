//! How long training takes: the linearised rate near the solution, and the time in which entries leave a small start.
//!
//! ```text
//! near w*     dz/dt = −M H (z − z*),  M = JJᵀ at z* on the balanced slice, H = ∇²L by z:   1/(η λ) steps for a factor e along an eigenvector of M H
//! from 0      dz/dt = −M(z) g, g = ∂L/∂z:   −η ∫ g = ± ∫ |dz|/M(z) from the start to z*/2 ([`crate::escape`])
//! ```
//!
//! The first is the local rate of a flow dw/dt = −M∇L. The second is counted in descent where coordinates move by themselves ([`descent`]). Elsewhere, and where that is long: g changes whenever an entry has left: from a small start the flow goes from
//! saddle to saddle ([`saddles`]), with the entries that have left at their least squares and the others at 0, and what counts is the integral of g, with its sign. What leaves together is
//! an entry, a group, or a singular direction of the solution ([`crate::blocks::Leaving`]); of groups the integral is a vector. Where a start keeps signs, entries end at the least squares with
//! these signs, and the times are to half of that. Both are for step sizes at which descent follows its flow.

mod descent;
mod fit;
mod saddles;

use crate::advice::Regression;
use crate::{Design, DesignError};
use fit::{Quadratic, UNSEEN};
use gaugebias_linalg::{Matrix, eigvalsh, symmetric_eigen};
use saddles::Path;
use serde::Serialize;

/// Entries for which the saddles are followed, one fit each.
const MOST_ENTRIES: usize = 128;
/// Entries below this share of the largest are not waited for.
const SMALL: f64 = 0.01;
const ESTIMATED: &str = " (estimated from saddle to saddle: too short where features are nearly dependent)";
const SMALL_ONES: &str = "; those below 1 % of the largest are left out";

/// Numbers of steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Convergence {
    /// η.
    pub step_size: f64,
    /// Steps for a factor e near the solution, along the fastest direction.
    pub fastest: f64,
    /// And along the slowest that the data see.
    pub slowest: f64,
    /// Steps until the first and the last entry (group, singular value) has left the start for half of its value at the end of descent (least squares with the signs that the start keeps), of
    /// those that start below it and are at least 1 % of the largest; null where nothing does, beyond 128 entries, and where the saddles do not lead there, as with fewer rows than features.
    pub escape: Option<[f64; 2]>,
    /// Whether these are counted in descent; else they are estimated from saddle to saddle, and too short where features are nearly dependent.
    pub counted: bool,
    /// Entries of the solution whose sign descent does not reach from the printed start.
    pub unreachable: usize,
    /// And that no start of the design has.
    pub forbidden: usize,
}

impl Convergence {
    /// Sentences; `unit` is what leaves the start, an entry or a group.
    pub(crate) fn sentences(&self, unit: &str) -> Vec<String> {
        let mut lines = vec![format!(
            "at η = {:.1e} a deviation from the solution falls by a factor e in {:.1e} steps along the fastest direction and in {:.1e} along the slowest (1/(η λ), λ the eigenvalues of M H)",
            self.step_size, self.fastest, self.slowest
        )];
        lines.extend(self.escape.map(|[first, last]| {
            let of = if self.unreachable > 0 { "of the entries that can, " } else { "" };
            format!("from the printed start, {of}the first {unit} that is below half of its value comes to it in about {first:.1e} steps, the last in {last:.1e}{SMALL_ONES}{}", if self.counted { "" } else { ESTIMATED })
        }));
        lines.extend(self.sign_warning());
        lines
    }

    fn sign_warning(&self) -> Option<String> {
        let missed = self.unreachable;
        if self.forbidden > 0 {
            return Some(format!(
                "{} least-squares coefficients have the sign that this design excludes: they end at 0, and least squares, for which the rates are, is not reached: times of arrival are to the least squares with its signs. Take --negative for the other sign, or sparsity for both",
                self.forbidden
            ));
        }
        (missed > 0).then(|| {
            format!(
                "{missed} entries of the least-squares solution have the other sign than the printed start, and descent keeps w_i's sign: it never reaches them, nor least squares, for which the rates are: times of arrival are to the least squares with the signs of the start. \
                 Start them with their signs, or, for products, take the start of --regime minibatch, which has charges"
            )
        })
    }
}

/// A least-squares problem in the coordinates z = Tw of a design.
pub(crate) struct Landscape {
    /// z*.
    solution: Vec<f64>,
    /// Where descent from the printed start ends: z* with the signs that it keeps.
    limit: Vec<f64>,
    /// ∇²L.
    curvature: Matrix,
}

impl Landscape {
    pub(crate) fn new(design: &Design, data: &Regression) -> Result<Self, DesignError> {
        let back = design.covectors()?;
        let features = data.features.matmul(&back.transpose());
        let share = 1.0 / data.rows() as f64;
        let gram = features.gram();
        let mut found = Self {
            solution: design.analysed(&data.solution()?),
            limit: Vec::new(),
            curvature: Matrix::from_fn(gram.rows(), gram.columns(), |i, j| share * gram[(i, j)]),
        };
        found.limit = found.with_kept_signs(design)?;
        Ok(found)
    }

    /// 2/λ_max(M H).
    pub(crate) fn stable_step(&self, design: &Design) -> Result<f64, DesignError> {
        Ok(2.0 / self.rates(design)?.iter().fold(0.0_f64, |m, x| m.max(*x)))
    }

    /// The eigenvalues of M H at the solution.
    fn rates(&self, design: &Design) -> Result<Vec<f64>, DesignError> {
        let metric = symmetric_eigen(&design.metric(&self.solution))?;
        let roots: Vec<f64> = metric.values.iter().map(|x| x.max(0.0).sqrt()).collect();
        let half = metric.vectors.matmul(&Matrix::from_diagonal(&roots));
        Ok(eigvalsh(&half.transpose().matmul(&self.curvature).matmul(&half))?)
    }

    pub(crate) fn convergence(&self, design: &Design, step_size: f64) -> Result<Convergence, DesignError> {
        let rates = self.rates(design)?;
        let most = rates.iter().fold(0.0_f64, |m, x| m.max(*x));
        let least = rates.iter().filter(|x| **x > UNSEEN * most).fold(most, |m, x| m.min(*x));
        let (unreachable, forbidden) = self.wrong_signs(design);
        let (escape, counted) = self.escape(design)?;
        Ok(Convergence {
            step_size,
            fastest: 1.0 / (step_size * most),
            slowest: 1.0 / (step_size * least),
            escape: escape.map(|times| times.map(|t| t / step_size)),
            counted,
            unreachable,
            forbidden,
        })
    }

    /// z*.
    pub(crate) fn solution(&self) -> &[f64] {
        &self.solution
    }

    /// Whether an entry is large enough to be waited for.
    fn counts(&self, z: f64) -> bool {
        z.abs() >= SMALL * self.solution.iter().fold(0.0_f64, |m, z| m.max(z.abs()))
    }

    /// Entries whose sign the printed start does not reach, and those whose sign the design does not have.
    fn wrong_signs(&self, design: &Design) -> (usize, usize) {
        let mut found = (0, 0);
        for (part, place) in design.placed() {
            for (block, own) in part.placed() {
                let at = place.start + own.start..place.start + own.end;
                let Some(sign) = block.kept_sign(part.settings.regime) else { continue };
                let wrong = self.solution[at].iter().filter(|z| self.counts(**z) && **z * sign < 0.0).count();
                found.0 += wrong;
                found.1 += if block.has_one_sign() { wrong } else { 0 };
            }
        }
        found
    }

    /// The loss with its minimum at least squares.
    fn loss(&self) -> Quadratic<'_> {
        Quadratic { curvature: &self.curvature, pull: self.curvature.mul_vec(&self.solution) }
    }

    /// η × steps of the first and the last of what leaves its start: counted in descent where it is short, else saddle by saddle and at least as long as descent was followed.
    fn escape(&self, design: &Design) -> Result<(Option<[f64; 2]>, bool), DesignError> {
        if self.solution.len() > MOST_ENTRIES {
            return Ok((None, false));
        }
        let counted = descent::count(self, design)?;
        let Some(counted) = counted else { return Ok((Path::new(self, design).arrivals()?, false)) };
        let first = counted.times.first().copied();
        if counted.pending == 0 || counted.ended {
            let both = first.zip(counted.times.last()).map(|(first, last)| [first, *last]);
            return Ok((both.filter(|_| counted.pending == 0), true));
        }
        let told = Path::new(self, design).arrivals()?;
        let late = told.map(|[early, late]| [first.unwrap_or(early.max(counted.now)), late.max(counted.now)]);
        Ok((late, false))
    }

    /// Whether an entry is waited for: it counts, is penalised and does not end at 0.
    fn waits(&self, design: &Design, i: usize) -> bool {
        let free = design.free_directions().iter().any(|direction| direction[i] != 0.0);
        !free && self.counts(self.limit[i])
    }

    /// Least squares among the signs that descent keeps from the printed start; z* where it keeps none.
    fn with_kept_signs(&self, design: &Design) -> Result<Vec<f64>, DesignError> {
        let (mut free, mut signed) = (Vec::new(), Vec::new());
        for (part, place) in design.placed() {
            for (block, own) in part.placed() {
                let sign = block.kept_sign(part.settings.regime);
                for i in place.start + own.start..place.start + own.end {
                    match sign {
                        Some(sign) => signed.push((i, sign)),
                        None => free.push((0..self.solution.len()).map(|j| f64::from(u8::from(i == j))).collect()),
                    }
                }
            }
        }
        if signed.iter().all(|(i, sign)| sign * self.solution[*i] >= 0.0) {
            return Ok(self.solution.clone());
        }
        self.loss().fit(&free, &signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Regime, Settings, Target, design};

    /// Gradient descent of u₁∘…∘u_D on a regression, from `start`; (losses less the least, steps after which each entry has come to half of its end).
    fn descend(data: &Regression, depth: usize, start: &[f64], step: f64, steps: usize) -> (Vec<f64>, Vec<usize>) {
        let n = data.width();
        let solution = data.solution().unwrap();
        let share = 1.0 / data.rows() as f64;
        let mut u = start.to_vec();
        let (mut losses, mut left) = (Vec::new(), vec![usize::MAX; n]);
        for k in 0..steps {
            let w: Vec<f64> = (0..n).map(|i| (0..depth).map(|d| u[d * n + i]).product()).collect();
            let residual: Vec<f64> = data.features.mul_vec(&w).iter().zip(&data.target).map(|(f, y)| f - y).collect();
            let away: Vec<f64> = w.iter().zip(&solution).map(|(w, s)| w - s).collect();
            losses.push(data.features.mul_vec(&away).iter().map(|x| x * x).sum::<f64>());
            for i in 0..n {
                if left[i] == usize::MAX && w[i] / solution[i] >= 0.5 {
                    left[i] = k;
                }
            }
            let gradient = data.features.transpose_mul_vec(&residual);
            let old = u.clone();
            for d in 0..depth {
                for i in 0..n {
                    let others: f64 = (0..depth).filter(|other| *other != d).map(|other| old[other * n + i]).product();
                    u[d * n + i] -= step * share * gradient[i] * others;
                }
            }
        }
        (losses, left)
    }

    const TABLE: &str =
        "1,0.1,-0.2,1.3\n-0.9,1,0.1,0.2\n0.2,-1.1,1,-0.1\n0.1,0.2,-0.9,-0.4\n1.1,0.9,0.2,2.1\n-1,0.3,0.8,-0.3\n";

    /// The slowest and the first and last escape, as predicted to a factor of 2; near the end the loss falls at twice the slowest rate, to 10 %.
    #[test]
    fn predicted_numbers_of_steps_are_those_of_descent() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        for depth in [2, 3] {
            let scale = if depth == 2 { 0.02 } else { 0.1 };
            let settings = Settings {
                size: Some(3),
                depth: Some(depth),
                regime: Regime::Flow,
                scale: Some(scale),
                ..Settings::default()
            };
            let design = design(Target::Sparsity, &settings).unwrap();
            let step = 2e-3;
            let found = Landscape::new(&design, &data).unwrap().convergence(&design, step).unwrap();
            let start: Vec<f64> = (0..3 * depth).map(|i| if i < 3 { 0.0 } else { scale }).collect();
            let (losses, left) = descend(&data, depth, &start, step, 60_000);
            let [first, last] = found.escape.unwrap();
            let simulated = [left.iter().min().unwrap(), left.iter().max().unwrap()].map(|k| *k as f64);
            for (found, simulated) in [first, last].iter().zip(simulated) {
                assert!((0.5..2.0).contains(&(found / simulated)), "depth {depth}: {first} {last}, {left:?}");
            }
            // Where the loss is far below its start and far above rounding.
            let at = |size: f64| losses.iter().position(|loss| *loss < size * losses[0]).unwrap();
            let (from, to) = (at(1e-8), at(1e-14));
            let slowest = 2.0 * (to - from) as f64 / (losses[from] / losses[to]).ln();
            assert!((found.slowest / slowest - 1.0).abs() < 0.1, "depth {depth}: {} {slowest}", found.slowest);
            assert!(found.fastest < found.slowest);
        }
    }

    type Function<'a> = &'a dyn Fn(&[f64]) -> Vec<f64>;

    /// Steps after which each of the sizes that `measure` finds in z has come to half of its end; descent of z = `forward`(θ) by differences.
    fn half_way(
        data: &Regression,
        (start, forward): (Vec<f64>, Function<'_>),
        measure: Function<'_>,
        step: f64,
    ) -> [f64; 2] {
        let ends = measure(&data.solution().unwrap());
        let (mut theta, mut left, share) = (start, vec![f64::NAN; ends.len()], 1.0 / data.rows() as f64);
        for k in 0..200_000 {
            let z = forward(&theta);
            for (left, (size, end)) in left.iter_mut().zip(measure(&z).iter().zip(&ends)) {
                if left.is_nan() && *size >= 0.5 * end {
                    *left = f64::from(k);
                }
            }
            if left.iter().all(|k| !k.is_nan()) {
                break;
            }
            let residual: Vec<f64> = data.features.mul_vec(&z).iter().zip(&data.target).map(|(f, y)| f - y).collect();
            let gradient = data.features.transpose_mul_vec(&residual);
            let old = theta.clone();
            for (i, entry) in theta.iter_mut().enumerate() {
                let moved = |by: f64| {
                    forward(&old.iter().enumerate().map(|(j, t)| if i == j { t + by } else { *t }).collect::<Vec<_>>())
                };
                let slope: f64 =
                    moved(1e-5).iter().zip(moved(-1e-5)).zip(&gradient).map(|((a, b), g)| g * (a - b) / 2e-5).sum();
                *entry -= step * share * slope;
            }
        }
        [left.iter().copied().fold(f64::INFINITY, f64::min), left.iter().copied().fold(0.0, f64::max)]
    }

    fn uniforms() -> impl FnMut() -> f64 {
        let mut seed = 3_u64;
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        }
    }

    /// Rows of uniform features and labels of w without noise.
    fn made(w: &[f64], rows: usize) -> Regression {
        let mut uniform = uniforms();
        let row = |_| {
            let x: Vec<f64> = w.iter().map(|_| 3.4 * (uniform() - 0.5)).collect();
            let y: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
            x.iter().chain([&y]).map(|x| format!("{x:?}")).collect::<Vec<_>>().join(",")
        };
        Regression::read("made.csv", &(0..rows).map(row).collect::<Vec<_>>().join("\n")).unwrap()
    }

    fn predicted(target: Target, settings: &Settings, data: &Regression, step: f64) -> [f64; 2] {
        let design = design(target, settings).unwrap();
        Landscape::new(&design, data).unwrap().convergence(&design, step).unwrap().escape.unwrap()
    }

    fn close(case: &str, found: [f64; 2], simulated: [f64; 2]) {
        for (found, simulated) in found.iter().zip(simulated) {
            assert!((0.5..2.0).contains(&(found / simulated)), "{case}: {found} predicted, {simulated} simulated");
        }
    }

    /// Radial groups from equal entries, which turn, and s·x from x = 0.
    #[test]
    fn groups_leave_when_it_is_said() {
        let (data, step) = (made(&[1.2, -0.4, 0.3, 0.5], 24), 2e-3);
        let norms = |z: &[f64]| vec![z[0].hypot(z[1]), z[2].hypot(z[3])];
        for strength in [0.7, 1.0, 1.2] {
            let gamma = 2.0 / (2.0 - strength);
            let scale = if gamma > 2.0 { 0.1 } else { 0.02 };
            let settings = Settings {
                groups: vec![2, 2],
                strength: Some(strength),
                regime: Regime::Flow,
                scale: Some(scale),
                ..Settings::default()
            };
            let forward = |x: &[f64]| {
                let of = |pair: &[f64]| {
                    pair.iter().map(|x| x * pair[0].hypot(pair[1]).powf(gamma - 1.0)).collect::<Vec<_>>()
                };
                x.chunks(2).flat_map(of).collect()
            };
            let simulated = half_way(&data, (vec![scale; 4], &forward), &norms, step);
            close(&format!("γ = {gamma}"), predicted(Target::Group, &settings, &data, step), simulated);
        }
        let settings = Settings {
            groups: vec![2, 2],
            link: Some(crate::LinkKind::Product),
            regime: Regime::Flow,
            scale: Some(0.02),
            ..Settings::default()
        };
        let forward = |t: &[f64]| vec![t[0] * t[2], t[0] * t[3], t[1] * t[4], t[1] * t[5]];
        let start = vec![0.02, 0.02, 0.0, 0.0, 0.0, 0.0];
        let simulated = half_way(&data, (start, &forward), &norms, step);
        close("s·x", predicted(Target::Group, &settings, &data, step), simulated);
    }

    /// Two and three factors of 2 × 2, the middle one of nine starts with small normal entries.
    #[test]
    fn singular_values_leave_when_it_is_said() {
        let (data, step) = (made(&[1.5, 0.4, -0.2, 0.7], 24), 2e-2);
        let matrix = |z: &[f64]| Matrix::from_row_major(2, 2, z.to_vec());
        let values = |z: &[f64]| gaugebias_linalg::svd(&matrix(z)).unwrap().singular_values;
        let mut uniform = uniforms();
        let mut normal = || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
        for (depth, scale) in [(2, 0.01), (3, 0.1)] {
            let settings = Settings {
                size: Some(2),
                depth: Some(depth),
                regime: Regime::Flow,
                scale: Some(scale),
                ..Settings::default()
            };
            let forward = |t: &[f64]| {
                let factors = t.chunks(4).map(matrix);
                factors.reduce(|a, b| a.matmul(&b)).unwrap().into_data()
            };
            let mut run =
                || half_way(&data, ((0..4 * depth).map(|_| scale * normal()).collect(), &forward), &values, step);
            let runs: Vec<[f64; 2]> = (0..9).map(|_| run()).collect();
            let middle = [0, 1].map(|which| {
                let mut all: Vec<f64> = runs.iter().map(|run| run[which]).collect();
                all.sort_by(f64::total_cmp);
                all[4]
            });
            close(&format!("depth {depth}"), predicted(Target::LowRank, &settings, &data, step), middle);
        }
    }

    /// Links of a penalty: a bump, and a singularity that one entry has to pass.
    #[test]
    fn linked_coordinates_leave_when_it_is_said() {
        let data = made(&[1.4, -0.9], 16);
        for (text, step) in [("log(1 + w**2)", 5e-3), ("0.4 * log(abs(w))", 5e-3)] {
            let penalty = crate::Penalty::expression(text).unwrap();
            let settings = Settings {
                size: Some(2),
                penalty: Some(penalty.clone()),
                domain: Some((-3.0, 3.0)),
                regime: Regime::Flow,
                ..Settings::default()
            };
            let horizontal = |w: &[f64]| penalty.as_horizontal(Regime::Noise, w);
            let link = crate::Link::new(&horizontal, (-3.0, 3.0), 1e-8, &[0.0], false).unwrap();
            let forward = |s: &[f64]| s.iter().map(|s| link.value(*s)).collect::<Vec<_>>();
            let start = vec![link.arc_length(0.1); 2];
            let sizes = |z: &[f64]| vec![z[0], -z[1]];
            let simulated = half_way(&data, (start, &forward), &sizes, step);
            let settings = Settings { regime: Regime::Noise, scale: Some(0.1), ..settings };
            close(text, predicted(Target::Custom, &settings, &data, step), simulated);
        }
    }
}
