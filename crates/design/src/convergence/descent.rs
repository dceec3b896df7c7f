//! Arrivals counted in descent itself, of designs whose coordinates all move by themselves.
//!
//! dx/dt = k(x) f, z = ψ(x) for each ([`Motion`]), f = −∂L/∂z, in steps of a tenth of the stable ones: nothing is taken for instantaneous, so that ill-conditioned fits between saddles are
//! counted too. Behind cumulative sums these take most of the time. It costs n² per step, and ends at a stated number of operations; [`super::saddles`] then has the word.

use super::Landscape;
use crate::blocks::Motion;
use crate::{Design, DesignError};

/// Operations that are spent, and those of one coordinate beside its row of H.
const MOST_OPERATIONS: usize = 200_000_000;
const OWN_OPERATIONS: usize = 50;
/// Of the largest stable step.
const SHARE: f64 = 0.1;
/// Forces below this share of the first ones: descent has ended.
const ENDED: f64 = 1e-9;

/// How far descent was followed.
pub(super) struct Counted {
    /// η × steps of arrivals, in their order.
    pub(super) times: Vec<f64>,
    /// η × steps in all.
    pub(super) now: f64,
    /// What has not arrived.
    pub(super) pending: usize,
    /// Whether descent has ended.
    pub(super) ended: bool,
}

/// Follows descent from the printed start; none where coordinates move together, or nothing finite comes out.
///
/// # Errors
/// [`DesignError::Linalg`].
pub(super) fn count(landscape: &Landscape, design: &Design) -> Result<Option<Counted>, DesignError> {
    let Some(motions) = motions(design) else { return Ok(None) };
    let (n, loss, step) = (motions.len(), landscape.loss(), SHARE * landscape.stable_step(design)?);
    let mut x: Vec<f64> = motions.iter().map(|one| one.start).collect();
    let values = |x: &[f64]| motions.iter().zip(x).map(|(one, x)| one.value(*x)).collect::<Vec<f64>>();
    let mut z = values(&x);
    let mut pending: Vec<usize> =
        (0..n).filter(|i| landscape.waits(design, *i) && !arrived(&z, landscape, *i)).collect();
    let mut found = Counted { times: Vec::new(), now: 0.0, pending: pending.len(), ended: false };
    let least = ENDED * largest(&loss.force(&z));
    for k in 1..=MOST_OPERATIONS / (n * (n + OWN_OPERATIONS)) {
        let force = loss.force(&z);
        found.ended = largest(&force) <= least;
        if pending.is_empty() || found.ended {
            break;
        }
        x.iter_mut().zip(&motions).zip(&force).for_each(|((x, one), f)| *x += step * one.velocity(*x, *f));
        z = values(&x);
        found.now = step * k as f64;
        pending.retain(|i| !arrived(&z, landscape, *i));
        found.times.resize(found.pending - pending.len(), found.now);
    }
    found.pending = pending.len();
    Ok(z.iter().all(|z| z.is_finite()).then_some(found))
}

/// Of all coordinates in their order.
fn motions(design: &Design) -> Option<Vec<Motion>> {
    let mut found = Vec::with_capacity(design.size());
    for (part, _) in design.placed() {
        for (block, own) in part.placed() {
            let motion = block.motion(part.settings.regime, part.scale())?;
            found.extend(std::iter::repeat_n(motion, own.len()));
        }
    }
    Some(found)
}

fn arrived(z: &[f64], landscape: &Landscape, i: usize) -> bool {
    z[i] / landscape.limit[i] >= 0.5
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, x| m.max(x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::Regression;
    use crate::{Regime, Settings, Target, design};

    fn settings(strength: Option<f64>, depth: Option<usize>, regime: Regime) -> Settings {
        Settings { size: Some(2), strength, depth, regime, scale: Some(0.3), ..Settings::default() }
    }

    /// dz/dt · d(∫ dz/M)/dz = 1 under a force of one, for z of both signs where the start has both.
    #[test]
    fn coordinates_move_as_their_times_of_escape_say() {
        let (positive, both) = ([0.4, 0.9].as_slice(), [0.4, 0.9, -0.5].as_slice());
        let cases = [
            (Target::Sparsity, settings(None, Some(2), Regime::Flow), both),
            (Target::Sparsity, settings(None, Some(4), Regime::Flow), both),
            (Target::Sparsity, settings(None, Some(3), Regime::Noise), positive),
            (Target::Sparsity, settings(Some(0.3), None, Regime::Flow), both),
            (Target::Sparsity, settings(Some(0.6), None, Regime::Flow), positive),
            (Target::Sign, settings(None, None, Regime::Flow), positive),
        ];
        for (target, settings, places) in cases {
            let (regime, design) = (settings.regime, design(target, &settings).unwrap());
            let motion = motions(&design).unwrap()[0];
            let (part, _) = design.placed().next().unwrap();
            let (block, _) = part.placed().next().unwrap();
            for x in places {
                let time = |x: f64| {
                    let z = motion.value(x);
                    z.signum() * block.escape_time(z, regime, 0.3).unwrap()
                };
                let slope = (time(x + 1e-3) - time(x - 1e-3)) / 2e-3 * motion.velocity(*x, 1.0);
                assert!((slope - 1.0).abs() < 1e-2, "{settings:?} {x}: {slope}");
            }
        }
    }

    /// x² with H = [[1, 0.6], [0.6, 1]] and z* = (1, −0.5) ends at (0.7, 0), and the time is to half of that.
    #[test]
    fn excluded_signs_end_at_the_least_squares_without_them() {
        let text =
            "1.4142135623730951,0.848528137423857,0.9899494936611665\n0,1.1313708498984762,-0.5656854249492381\n";
        let data = Regression::read("t.csv", text).unwrap();
        let design = design(Target::Sign, &settings(None, None, Regime::Flow)).unwrap();
        let landscape = Landscape::new(&design, &data).unwrap();
        assert!((landscape.limit[0] - 0.7).abs() < 1e-9 && landscape.limit[1] == 0.0, "{:?}", landscape.limit);
        let (mut x, mut now, step) = ([0.3_f64; 2], 0.0, 1e-4);
        while x[0] * x[0] < 0.35 {
            let away = [x[0] * x[0] - 1.0, x[1] * x[1] + 0.5];
            let slopes = [away[0] + 0.6 * away[1], 0.6 * away[0] + away[1]];
            (0..2).for_each(|i| x[i] -= 2.0 * step * x[i] * slopes[i]);
            now += step;
        }
        let told = landscape.convergence(&design, 0.1).unwrap();
        assert_eq!(told.forbidden, 1);
        assert!((0.1 * told.escape.unwrap()[1] / now - 1.0).abs() < 0.1, "{:?} {now}", told.escape);
    }
}
