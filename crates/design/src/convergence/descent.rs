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
