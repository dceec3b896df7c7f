//! How long training takes: the linearised rate near the solution, and the time in which entries leave a small start.
//!
//! ```text
//! near w*     dz/dt = −M H (z − z*),  M = JJᵀ at z* on the balanced slice, H = ∇²L by z:   1/(η λ) steps for a factor e along an eigenvector of M H
//! from 0      dz/dt = M(z) |g|, g = ∂L/∂z:   η |g| · steps = ∫ dz/M(z) from the start to |z*|/2
//!   D = 2, factors (0, s):     ½ arcsinh(|z*|/s²), about ½ log(2|z*|/s²)
//!   D factors at s:            ½ log(z/s²) for D = 2,  (s^(2−D) − z^((2−D)/D))/(D − 2) beyond
//!   factors (0, s, …, s):      ∫_0^x dx/(s² + x²)^((D−1)/2) with x (s² + x²)^((D−1)/2) = z: arctan(x/s)/s for D = 3
//! ```
//!
//! The first is the local rate of a flow dw/dt = −M∇L. In the second g changes whenever an entry has left: from a small start the flow goes from
//! saddle to saddle, with the entries that have left at their least squares and the others at 0, and what counts is the integral of g (Pesme and Flammarion, *Saddle-to-saddle
//! dynamics in diagonal linear networks*, 2023). Both are for step sizes at which descent follows its flow.

use crate::advice::Regression;
use crate::{Design, DesignError};
use gaugebias_linalg::{Matrix, eigvalsh, least_squares, symmetric_eigen};
use serde::Serialize;

/// Rates below this share of the largest belong to directions that the data do not see.
const UNSEEN: f64 = 1e-10;
/// Entries for which the saddles are followed, one fit each.
const MOST_ENTRIES: usize = 128;
/// Entries below this share of the largest are not waited for.
const SMALL: f64 = 0.01;

/// Numbers of steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Convergence {
    /// η.
    pub step_size: f64,
    /// Steps for a factor e near the solution, along the fastest direction.
    pub fastest: f64,
    /// And along the slowest that the data see.
    pub slowest: f64,
    /// Steps until the first and the last entry has left the start for half of its value, of those that start below it and that descent reaches; null where no block has a closed form.
    pub escape: Option<[f64; 2]>,
    /// Entries of the solution whose sign descent does not reach from the printed start.
    pub unreachable: usize,
    /// And that no start of the design has.
    pub forbidden: usize,
}

impl Convergence {
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "at η = {:.1e} a deviation from the solution falls by a factor e in {:.1e} steps along the fastest direction and in {:.1e} along the slowest (1/(η λ), λ the eigenvalues of M H)",
            self.step_size, self.fastest, self.slowest
        )];
        lines.extend(self.escape.map(|[first, last]| {
            let of = if self.unreachable > 0 { "of the entries that can, " } else { "" };
            format!("from the printed start, {of}the first that is below half of its value comes to it in about {first:.1e} steps, the last in {last:.1e}")
        }));
        lines.extend(self.sign_warning());
        lines
    }

    fn sign_warning(&self) -> Option<String> {
        let missed = self.unreachable;
        if self.forbidden > 0 {
            return Some(format!(
                "{} least-squares coefficients have the sign that this design excludes: they end at 0, and least squares, for which the rates are, is not reached. Take --negative for the other sign, or sparsity for both",
                self.forbidden
            ));
        }
        (missed > 0).then(|| {
            format!(
                "{missed} entries of the least-squares solution have the other sign than the printed start, and descent keeps w_i's sign: it never reaches them, nor least squares, for which the rates are. \
                 Start them with their signs, or, for products, take the start of --regime minibatch, which has charges"
            )
        })
    }
}

/// A least-squares problem in the coordinates z = Tw of a design.
pub(crate) struct Landscape {
    /// z*.
    solution: Vec<f64>,
    /// ∇²L.
    curvature: Matrix,
}

impl Landscape {
    pub(crate) fn new(design: &Design, data: &Regression) -> Result<Self, DesignError> {
        let back = design.covectors()?;
        let features = data.features.matmul(&back.transpose());
        let share = 1.0 / data.rows() as f64;
        let gram = features.gram();
        Ok(Self {
            solution: design.analysed(&data.solution()?),
            curvature: Matrix::from_fn(gram.rows(), gram.columns(), |i, j| share * gram[(i, j)]),
        })
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
        Ok(Convergence {
            step_size,
            fastest: 1.0 / (step_size * most),
            slowest: 1.0 / (step_size * least),
            escape: self.escape(design)?.map(|times| times.map(|t| t / step_size)),
            unreachable,
            forbidden,
        })
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

    /// η × steps of the first and the last entry that leaves its start, saddle by saddle.
    fn escape(&self, design: &Design) -> Result<Option<[f64; 2]>, DesignError> {
        let budgets = self.budgets(design);
        if self.solution.len() > MOST_ENTRIES || budgets.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut active = design.free_coordinates();
        let (mut spent, mut now, mut times) = (vec![0.0; budgets.len()], 0.0, Vec::new());
        for _ in 0..budgets.len() {
            let gradient = self.gradient_at_saddle(&active)?;
            // The time until the gradients' integral has what the entry needs, in either direction.
            let left = |i: usize| -> Option<f64> {
                let budget = budgets[i].filter(|_| !active.contains(&i) && gradient[i].abs() > UNSEEN)?;
                Some((budget - gradient[i].signum() * spent[i]) / gradient[i].abs())
            };
            let all = (0..budgets.len()).filter_map(|i| left(i).map(|time| (time.max(0.0), i)));
            let Some((time, next)) = all.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            spent.iter_mut().zip(&gradient).for_each(|(spent, g)| *spent += time * g);
            now += time;
            times.push(now);
            active.push(next);
        }
        Ok(times.first().zip(times.last()).map(|(first, last)| [*first, *last]))
    }

    /// ∫ dz/M to half of its value, of each entry that counts.
    fn budgets(&self, design: &Design) -> Vec<Option<f64>> {
        let mut found = Vec::new();
        for (part, place) in design.placed() {
            for (block, own) in part.placed() {
                let (regime, scale) = (part.settings.regime, part.scale());
                let sign = block.kept_sign(regime);
                let reached = |z: &f64| self.counts(*z) && sign.is_none_or(|sign| *z * sign > 0.0);
                // An entry that starts beyond half of its value does not have to leave for it.
                let time = |z: &f64| block.escape_time(0.5 * z, regime, scale).filter(|time| *time > 0.0);
                let entries = &self.solution[place.start + own.start..place.start + own.end];
                found.extend(entries.iter().map(|z| Some(z).filter(|z| reached(z)).and_then(time)));
            }
        }
        found
    }

    /// ∂L/∂z where the active entries are fitted and the others 0: with L = ½(z − z*)ᵀH(z − z*).
    fn gradient_at_saddle(&self, active: &[usize]) -> Result<Vec<f64>, DesignError> {
        let n = self.solution.len();
        let target = self.curvature.mul_vec(&self.solution);
        let mut z = vec![0.0; n];
        if !active.is_empty() {
            let m = active.len();
            let own = Matrix::from_fn(m, m, |a, b| self.curvature[(active[a], active[b])]);
            let right: Vec<f64> = active.iter().map(|i| target[*i]).collect();
            for (i, value) in active.iter().zip(least_squares(&own, &right, UNSEEN)?) {
                z[*i] = value;
            }
        }
        Ok(self.curvature.mul_vec(&z).iter().zip(&target).map(|(a, b)| a - b).collect())
    }
}

/// ∫_s^x dx/x^(D−1): D factors that start equal.
pub(crate) fn equal_factors(start: f64, end: f64, depth: f64) -> f64 {
    let time = if depth == 2.0 {
        (end / start).ln()
    } else {
        (start.powf(2.0 - depth) - end.powf(2.0 - depth)) / (depth - 2.0)
    };
    time.max(0.0)
}

/// ∫_0^x dx/(s² + x²)^((D−1)/2) with x (s² + x²)^((D−1)/2) = z: one factor at 0, the others at s.
pub(crate) fn one_at_zero(start: f64, reach: f64, depth: f64) -> f64 {
    let power = 0.5 * (depth - 1.0);
    let (mut low, mut high) = (0.0_f64, reach.powf(1.0 / depth));
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        let below = middle * (start * start + middle * middle).powf(power) < reach;
        (low, high) = if below { (middle, high) } else { (low, middle) };
    }
    // x = s sinh t, so that the integrand is smooth: ∫ s^(2−D) cosh(t)^(2−D) dt, by midpoints.
    let (end, nodes) = ((low / start).asinh(), 2_000);
    let width = end / f64::from(nodes);
    let at = |k: u32| (width * (f64::from(k) + 0.5)).cosh().powf(2.0 - depth);
    start.powf(2.0 - depth) * (0..nodes).map(at).sum::<f64>() * width
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Regime, Settings, Target, design};

    #[test]
    fn escape_times_are_the_closed_forms() {
        let (s, z) = (0.1_f64, 0.7_f64);
        assert!((one_at_zero(s, z, 2.0) - 0.5 * (2.0 * z / (s * s)).asinh()).abs() < 1e-6);
        let x: f64 = (0..200).fold(0.5, |x: f64, _| x - (x * (s * s + x * x) - z) / (s * s + 3.0 * x * x));
        assert!((one_at_zero(s, z, 3.0) - (x / s).atan() / s).abs() < 1e-4);
        assert!((equal_factors(s, z.sqrt(), 2.0) - 0.5 * (z / (s * s)).ln()).abs() < 1e-12);
        assert!((equal_factors(0.5, 1.0, 3.0) - 1.0).abs() < 1e-12);
        assert_eq!(equal_factors(1.0, 0.5, 3.0), 0.0);
    }

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
}
