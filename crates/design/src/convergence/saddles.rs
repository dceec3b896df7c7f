//! When what starts small comes to half of its end: the flow from saddle to saddle.
//!
//! ```text
//! entry       S = −∫ ∂L/∂z dt is a function of z alone, S(z) = ± ∫ |dz|/M from the start ([`crate::escape`])
//! at rest     z ≈ 0: S moves with the force −∂L/∂z at the saddle, which is constant until something leaves
//! away        once S is that of half its own fit, it is fitted with all others that are away, and keeps its sign
//! back        where that fit is 0 it is at rest again, and S goes back the way it came
//! group       the same with a vector ∫ ∂L/∂z dt, whose length counts; it turns, and has no sign
//! ```
//!
//! For two factors this is the limit of small starts (Pesme and Flammarion, *Saddle-to-saddle dynamics in diagonal linear networks*, 2023, algorithm 1), with S(z) of the real start in place of
//! its limit. An entry that another one first drives to the wrong sign so has the whole way back to go. Comparing |∫ ∂L/∂z| with S(z*/2), as if entries only left, is wrong by factors there.
//! The alternative, descent itself, needs as many steps as it counts.

use super::Landscape;
use super::fit::{Quadratic, Signed};
use crate::blocks::{Block, Leaving, StartScale};
use crate::formula::Regime;
use crate::{Design, DesignError};

/// Saddles for each entry that are followed; a path of more is not told.
const MOST_SADDLES: usize = 20;

/// A coordinate that moves by itself.
struct Entry<'a> {
    block: &'a dyn Block,
    regime: Regime,
    scale: f64,
    /// Its place in z.
    at: usize,
    /// S.
    spent: f64,
    /// Its sign while it is away from 0, else 0.
    sign: f64,
    /// Half of its end, until it has come there; none where it is not waited for.
    goal: Option<f64>,
}

impl Entry<'_> {
    /// S(z); none where descent does not come there.
    fn spent_at(&self, z: f64) -> Option<f64> {
        let kept = self.block.kept_sign(self.regime).is_none_or(|sign| sign * z > 0.0);
        let time = if kept && z != 0.0 { self.block.escape_time(z, self.regime, self.scale) } else { None };
        time.map(|time| time * z.signum()).filter(|spent| spent.is_finite())
    }

    /// The time until it is half of its own fit under a force.
    fn time_left(&self, force: f64, curvature: f64) -> Option<f64> {
        let leaves = self.spent_at(0.5 * force / curvature)?;
        Some(((leaves - self.spent) / force).max(0.0))
    }

    /// The time, at most `most`, until it comes to its goal under a force.
    fn arrival(&self, force: f64, most: f64) -> Option<f64> {
        let time = (self.spent_at(self.goal?)? - self.spent) / force;
        (0.0..=most).contains(&time).then_some(time)
    }
}

/// A group or singular direction that has not left its start.
struct Waiting {
    directions: Vec<Vec<f64>>,
    /// Directions that are fitted with them.
    opened: Vec<Vec<f64>>,
    /// ‖∫ ∂L/∂z dt‖ at which it has.
    budget: f64,
    /// That integral up to now, by direction.
    spent: Vec<f64>,
}

impl Waiting {
    /// The t ≥ 0 at which ‖spent + t g‖ is the budget; none where g is rounding.
    fn time_left(&self, forces: &[f64], rounding: f64) -> Option<f64> {
        let (a, c) = (length(forces).powi(2), length(&self.spent).powi(2) - self.budget.powi(2));
        let b: f64 = forces.iter().zip(&self.spent).map(|(g, spent)| g * spent).sum();
        (a.sqrt() > rounding).then(|| ((-b + (b * b - a * c).max(0.0).sqrt()) / a).max(0.0))
    }
}

/// What leaves next.
#[derive(Clone, Copy)]
enum Next {
    Entry(usize),
    Whole(usize),
}

/// The path from saddle to saddle.
pub(super) struct Path<'a> {
    loss: Quadratic<'a>,
    entries: Vec<Entry<'a>>,
    waiting: Vec<Waiting>,
    /// Directions that are fitted without signs.
    free: Vec<Vec<f64>>,
    now: f64,
    /// When something came to half of its end.
    times: Vec<f64>,
}

impl<'a> Path<'a> {
    pub(super) fn new(landscape: &'a Landscape, design: &'a Design) -> Self {
        let mut found = Self {
            loss: landscape.loss(),
            entries: Vec::new(),
            waiting: Vec::new(),
            free: design.free_directions(),
            now: 0.0,
            times: Vec::new(),
        };
        for (part, place) in design.placed() {
            let (regime, scale) = (part.settings.regime, part.scale());
            for (block, own) in part.placed().filter(|(block, _)| !block.is_free()) {
                let at = place.start + own.start..place.start + own.end;
                if block.start_scale() == StartScale::NoPotential {
                    let leaving = block.leaving(&landscape.limit[at.clone()], regime, scale);
                    found.waiting.extend(leaving.into_iter().filter_map(|one| waiting(one, landscape, at.start)));
                    continue;
                }
                for i in at {
                    let mut entry = Entry { block, regime, scale, at: i, spent: 0.0, sign: 0.0, goal: None };
                    let half = 0.5 * landscape.limit[i];
                    let below = entry.spent_at(half).is_some_and(|spent| spent != 0.0);
                    entry.goal = (below && landscape.counts(2.0 * half)).then_some(half);
                    found.entries.push(entry);
                }
            }
        }
        found
    }

    /// η × steps of the first and the last arrival; none where nothing is waited for, or the path does not come to the end.
    ///
    /// # Errors
    /// [`DesignError::Linalg`].
    pub(super) fn arrivals(mut self) -> Result<Option<[f64; 2]>, DesignError> {
        let most = MOST_SADDLES * (1 + self.loss.pull.len());
        for _ in 0..most {
            let force = self.come_to_saddle()?;
            let awaited = self.entries.iter().any(|entry| entry.goal.is_some()) || !self.waiting.is_empty();
            if !awaited {
                let (first, last) =
                    self.times.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), t| (a.min(*t), b.max(*t)));
                return Ok((!self.times.is_empty()).then_some([first, last]));
            }
            let Some((time, next)) = self.next(&force) else { break };
            self.rest(&force, time);
            self.leave(next, &force);
        }
        Ok(None)
    }

    /// Fits what is away, and gives the forces there.
    fn come_to_saddle(&mut self) -> Result<Vec<f64>, DesignError> {
        let away: Vec<Signed> =
            self.entries.iter().filter(|one| one.sign != 0.0).map(|one| (one.at, one.sign)).collect();
        let z = self.loss.fit(&self.free, &away)?;
        for entry in self.entries.iter_mut().filter(|one| one.sign != 0.0) {
            let value = z[entry.at];
            entry.spent = entry.spent_at(value).unwrap_or(entry.spent);
            entry.sign = if value == 0.0 { 0.0 } else { entry.sign };
            if entry.goal.is_some_and(|goal| value / goal >= 1.0) {
                entry.goal = None;
                self.times.push(self.now);
            }
        }
        Ok(self.loss.force(&z))
    }

    fn next(&self, force: &[f64]) -> Option<(f64, Next)> {
        let rounding = self.loss.rounding();
        let resting =
            self.entries.iter().enumerate().filter(|(_, one)| one.sign == 0.0 && force[one.at].abs() > rounding);
        let entries = resting.filter_map(|(i, one)| {
            let time = one.time_left(force[one.at], self.loss.curvature[(one.at, one.at)])?;
            Some((time, Next::Entry(i)))
        });
        let wholes =
            self.waiting.iter().enumerate().filter_map(|(i, one)| {
                Some((one.time_left(&along(&one.directions, force), rounding)?, Next::Whole(i)))
            });
        entries.chain(wholes).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Moves what is at rest for a time.
    fn rest(&mut self, force: &[f64], time: f64) {
        for entry in self.entries.iter_mut().filter(|one| one.sign == 0.0) {
            if let Some(arrival) = entry.arrival(force[entry.at], time) {
                entry.goal = None;
                self.times.push(self.now + arrival);
            }
            entry.spent += time * force[entry.at];
        }
        for one in &mut self.waiting {
            let forces = along(&one.directions, force);
            one.spent.iter_mut().zip(forces).for_each(|(spent, g)| *spent += time * g);
        }
        self.now += time;
    }

    fn leave(&mut self, next: Next, force: &[f64]) {
        match next {
            Next::Entry(i) => self.entries[i].sign = force[self.entries[i].at].signum(),
            Next::Whole(i) => {
                let left = self.waiting.swap_remove(i);
                self.times.push(self.now);
                self.free.extend(left.directions.into_iter().chain(left.opened));
            }
        }
    }
}

/// A group or singular direction that counts and starts below half of its end, in the coordinates of the whole design.
fn waiting(Leaving { directions, opened, time }: Leaving, landscape: &Landscape, start: usize) -> Option<Waiting> {
    let whole = |direction: &Vec<f64>| {
        let mut whole = vec![0.0; landscape.limit.len()];
        whole[start..start + direction.len()].copy_from_slice(direction);
        whole
    };
    let directions: Vec<Vec<f64>> = directions.iter().map(whole).collect();
    let size = length(&along(&directions, &landscape.limit));
    let budget = time.filter(|time| *time > 0.0 && landscape.counts(size))?;
    let opened = opened.iter().map(whole).collect();
    Some(Waiting { spent: vec![0.0; directions.len()], directions, opened, budget })
}

/// Components along directions.
fn along(directions: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    let of = |direction: &Vec<f64>| direction.iter().zip(vector).map(|(a, b)| a * b).sum();
    directions.iter().map(of).collect()
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::Landscape;
    use super::Path;
    use crate::advice::Regression;
    use crate::{Regime, Settings, Target, design};

    /// A regression on these rows.
    fn data(rows: &[Vec<f64>], targets: &[f64]) -> Regression {
        let line =
            |(row, y): (&Vec<f64>, &f64)| row.iter().chain([y]).map(|x| format!("{x:?}")).collect::<Vec<_>>().join(",");
        Regression::read("t.csv", &rows.iter().zip(targets).map(line).collect::<Vec<_>>().join("\n")).unwrap()
    }

    /// First and last arrival, predicted in steps and counted in descent of z = (free, u∘v) from u = 0, v = 0.1.
    fn arrivals(target: Target, regression: &Regression, free: usize, saddles: bool) -> ([f64; 2], [f64; 2]) {
        let settings =
            Settings { size: Some(regression.width()), regime: Regime::Flow, scale: Some(0.1), ..Settings::default() };
        let design = design(target, &settings).unwrap();
        let landscape = Landscape::new(&design, regression).unwrap();
        let step = 0.1 * landscape.stable_step(&design).unwrap();
        let told = if saddles {
            Path::new(&landscape, &design).arrivals().unwrap()
        } else {
            landscape.escape(&design).unwrap().0
        };
        let predicted = told.unwrap().map(|time| time / step);
        let (end, loss, n) = (landscape.solution(), landscape.loss(), regression.width());
        let (mut u, mut v, mut left) = (vec![0.0; n], vec![0.1; n], vec![None; n]);
        v[..free].fill(1.0);
        for k in 0..400_000 {
            let z: Vec<f64> = u.iter().zip(&v).map(|(u, v)| u * v).collect();
            for i in (free..n).filter(|i| z[*i] / end[*i] >= 0.5) {
                left[i].get_or_insert(f64::from(k));
            }
            if (free..n).all(|i| left[i].is_some() || !landscape.counts(end[i])) {
                break;
            }
            for (i, force) in loss.force(&z).into_iter().enumerate() {
                let moved = if i < free { 0.0 } else { step * force * u[i] };
                (u[i], v[i]) = (u[i] + step * force * v[i], v[i] + moved);
            }
        }
        let counted = (free..n).filter(|i| landscape.counts(end[*i])).map(|i| left[i].unwrap());
        (predicted, counted.fold([f64::INFINITY, 0.0], |[a, b], t| [a.min(t), b.max(t)]))
    }

    fn close(case: &str, (predicted, counted): ([f64; 2], [f64; 2])) {
        for (found, simulated) in predicted.iter().zip(counted) {
            assert!((0.5..2.0).contains(&(found / simulated)), "{case}: {predicted:?} predicted, {counted:?} counted");
        }
    }

    /// H = [[1, ρ], [ρ, 1]]: the second entry is first driven to the wrong sign, and comes back from there.
    #[test]
    fn entries_that_start_the_wrong_way_come_back() {
        for (rho, second) in [(0.9_f64, -0.1), (0.5, -0.3), (0.7, -0.3), (0.5, -0.1), (0.7, 0.5)] {
            let root = (1.0 - rho * rho).sqrt();
            let rows = [vec![2.0_f64.sqrt(), 2.0_f64.sqrt() * rho], vec![0.0, 2.0_f64.sqrt() * root]];
            let targets: Vec<f64> = rows.iter().map(|x| x[0] + second * x[1]).collect();
            for saddles in [true, false] {
                let found = arrivals(Target::Sparsity, &data(&rows, &targets), 0, saddles);
                close(&format!("{rho} {second} {saddles}"), found);
            }
        }
    }
    /// Total variation with noise on its labels: jumps share features, and small ones wait for large ones.
    #[test]
    fn jumps_behind_a_sum_come_when_it_is_said() {
        let jumps = [0.5, 0.0, 0.0, 1.2, 0.0, -0.9, 0.0, 0.4];
        for first in [3_u64, 4, 5] {
            let mut seed = first;
            let mut uniform = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
            };
            let rows: Vec<Vec<f64>> = (0..60).map(|_| jumps.iter().map(|_| 3.4 * uniform()).collect()).collect();
            let label = |x: &Vec<f64>| {
                let (mut level, mut sum) = (0.0, 0.0);
                for (x, jump) in x.iter().zip(jumps) {
                    level += jump;
                    sum += level * x;
                }
                sum + 0.7 * uniform()
            };
            let targets: Vec<f64> = rows.iter().map(label).collect();
            close(&format!("seed {first}"), arrivals(Target::TotalVariation, &data(&rows, &targets), 1, false));
        }
    }
}
