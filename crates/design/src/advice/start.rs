//! What the scale of a start is under flow: the width of its mirror potential.
//!
//! ```text
//! φ'(z) = ∫ dz/M along the level of the start's charges (the time in which z is reached),  φ(z) = ∫ φ' from the start
//! two factors (0, s):    φ = ½ (z arcsinh(z/Q) − √(z² + Q²) + Q), Q = s²/2:  φ/|z| ≈ ½ (log(2|z|/Q) − 1), an L1 norm up to a logarithm
//! D factors (0, s, …):   φ' tends to c s^(2−D): an L1 norm up to a power of |z|^(1/D)/s
//! ```
//!
//! φ is near to c‖z‖₁ where φ/|z| hardly changes over the magnitudes of the solution; ± its half range over its mean is what is told.

use super::{Penalised, Recommended};
use crate::blocks::{Block, StartScale};
use crate::formula::Regime;

/// Largest deviation of φ from an L1 norm at the scale that is advised.
pub(crate) const NEAR: f64 = 0.05;
/// Smallest scale that is looked at.
const LEAST_SCALE: f64 = 1e-60;
/// Entries below this share of the largest are not looked at; and at least a tenth of it is.
const SMALL: f64 = 0.01;
/// Nodes of the quadrature of φ.
const NODES: u32 = 64;
const MEANING: &str = "gradient flow has no strength λ: it fits the data whatever φ is, and of all fits φ picks one. Stopping early fits less; for a stated λ write the penalty down";

/// φ of one coordinate on the level of the start, less its value there, over |z|: ∫_0^1 φ'(xz) dx by midpoints in t, x = t³, since φ' may be a logarithm at 0.
fn slope(block: &dyn Block, z: f64, scale: f64) -> Option<f64> {
    let at = |k: u32| {
        let t = (f64::from(k) + 0.5) / f64::from(NODES);
        block.escape_time(t.powi(3) * z, Regime::Flow, scale).map(|time| 3.0 * t * t * time / f64::from(NODES))
    };
    (0..NODES).map(at).sum()
}

/// Half the range of φ/|z| between two magnitudes over its mean.
fn deviation(block: &dyn Block, (small, large): (f64, f64), scale: f64) -> Option<f64> {
    let (low, high) = (slope(block, small, scale)?, slope(block, large, scale)?);
    Some(((high - low) / (high + low)).abs()).filter(|share| share.is_finite())
}

/// The largest scale whose deviation is below [`NEAR`], by decades and then by halves of log s.
fn l1_scale(block: &dyn Block, range: (f64, f64)) -> Option<f64> {
    let near = |scale: f64| deviation(block, range, scale).is_some_and(|share| share <= NEAR);
    let decades = (0..).map(|k| 10.0_f64.powi(1 - k)).take_while(|scale| *scale >= LEAST_SCALE);
    let below = decades.into_iter().find(|scale| near(*scale))?;
    let (mut low, mut high) = (below, 10.0 * below);
    for _ in 0..30 {
        let middle = (low * high).sqrt();
        if near(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// The magnitudes that count of a solution: at least a decade.
fn magnitudes(solution: &[f64]) -> Option<(f64, f64)> {
    let large = solution.iter().fold(0.0_f64, |m, z| m.max(z.abs()));
    let counting = solution.iter().map(|z| z.abs()).filter(|z| *z >= SMALL * large);
    (large > 0.0).then(|| (counting.fold(0.1 * large, f64::min), large))
}

/// What the scale of each block's start decides; with the data's solution in coordinates z, in numbers.
pub(super) fn sentences(blocks: &[Penalised<'_>], solution: Option<&[f64]>, found: &mut Recommended) -> Vec<String> {
    let mut lines = vec![MEANING.to_owned()];
    for (one, own) in blocks.iter().zip(&mut found.blocks) {
        let (label, scale) = (&one.label, one.scale);
        match one.block.start_scale() {
            StartScale::Place => lines.push(format!("{label}the scale of the start (--scale) says where z begins; φ is the same at any")),
            StartScale::NoPotential => lines.push(format!(
                "{label}there is no mirror potential, so no norm that a smaller start (--scale) comes near to; it makes the flow go from saddle to saddle, one group or singular value after the other, and slower"
            )),
            StartScale::Width(power) => {
                lines.push(format!("{label}the scale of the start (--scale) is the width of φ: its distance from the start is near to an L1 norm where |z| is far above {:.1e}, and like a square about there", scale.powf(power)));
                let Some(range) = solution.and_then(|solution| magnitudes(&solution[one.at.clone()])) else { continue };
                (own.l1_scale, own.l1_deviation) = (l1_scale(one.block, range), deviation(one.block, range, scale));
                lines.push(told(label, range, scale, own.l1_deviation, own.l1_scale));
            }
        }
    }
    lines
}

fn told(label: &str, (small, large): (f64, f64), scale: f64, deviation: Option<f64>, near: Option<f64>) -> String {
    let now = deviation
        .map_or(String::new(), |share| format!("at scale {scale} φ/|z| differs by ± {:.0} %; ", 100.0 * share));
    let then = match near {
        Some(scale) => format!("φ is within 5 % of an L1 norm from scale {scale:.1e} down"),
        None => "no scale makes φ an L1 norm".to_owned(),
    };
    format!("{label}between |z| = {small:.2e} and {large:.2e}, as in the solution, {now}{then}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Penalty, Settings, Target, design};

    /// Against ½ (z arcsinh(z/Q) − √(z² + Q²) + Q)/z, Q = s²/2.
    #[test]
    fn the_potential_of_two_factors_is_the_closed_form() {
        let settings = Settings { size: Some(1), regime: Regime::Flow, ..Settings::default() };
        let design = design(Target::Sparsity, &settings).unwrap();
        let block = crate::advice::penalised(&design).remove(0).block;
        for (z, scale) in [(0.7_f64, 0.1_f64), (0.02, 0.3), (2.0, 1e-5)] {
            let q = 0.5 * scale * scale;
            let expected = 0.5 * (z * (z / q).asinh() - z.hypot(q) + q) / z;
            let found = slope(block, z, scale).unwrap();
            assert!((found / expected - 1.0).abs() < 2e-3, "{z} {scale}: {found} {expected}");
        }
        // (log 10)/2 over the mean, log(2z/Q) − 1: 5 % at log(2z/Q) = 1 + ½ log 10 (20 + 1).
        let scale = l1_scale(block, (0.1, 1.0)).unwrap();
        let expected = (4.0 * (-1.0 - 0.5 * 10.0_f64.ln() * 21.0).exp()).sqrt();
        assert!((scale / expected - 1.0).abs() < 0.05, "{scale} {expected}");
    }

    /// Deeper products come to an L1 norm at a larger scale; weak powers, groups and links at none.
    #[test]
    fn what_a_smaller_start_does_is_said_of_each_block() {
        let told = |target, settings: Settings| {
            let design = design(target, &Settings { regime: Regime::Flow, ..settings }).unwrap();
            let blocks = crate::advice::penalised(&design);
            let solution = vec![1.0; design.size()];
            let none = crate::advice::BlockSettings::new(&blocks[0]);
            let mut found = Recommended { lambda: 1.0, blocks: vec![none], stable_step_size: None, at_step_size: None };
            let lines = sentences(&blocks, Some(&solution), &mut found).join("\n");
            (found.blocks[0].l1_scale, lines)
        };
        let of = |depth| Settings { size: Some(2), depth: Some(depth), ..Settings::default() };
        let scales = [2, 3, 4].map(|depth| told(Target::Sparsity, of(depth)).0.unwrap());
        assert!(scales[0] < 1e-4 && scales[0] < scales[1] && scales[1] < scales[2], "{scales:?}");
        let weak = told(Target::Sparsity, Settings { size: Some(2), strength: Some(0.3), ..Settings::default() });
        let groups = told(Target::Group, Settings { groups: vec![2], ..Settings::default() });
        let penalty = Some(Penalty::expression("w**2").unwrap());
        let domain = Some((-2.0, 2.0));
        let link = told(Target::Custom, Settings { size: Some(1), penalty, domain, ..Settings::default() });
        assert_eq!((weak.0, groups.0, link.0), (None, None, None));
        assert!(weak.1.contains("the same at any") && link.1.contains("the same at any"), "{} {}", weak.1, link.1);
        assert!(groups.1.contains("no mirror potential"), "{}", groups.1);
    }
}
