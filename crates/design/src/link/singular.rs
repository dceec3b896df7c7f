//! Singular points between the nodes of the first look at R.
//!
//! A minimum of R on the grid is looked at ever closer: sixteen places in the bracket, then in the two intervals beside the lowest. Around the place that is left, R at distances δ/512 and δ/512² falls by
//! as much as from δ to δ/512 where R ≈ α log|w − w₀|; where R is smooth, or has a kink or a cusp, it dies out. Rejected: slopes that blow up, which cusps have as well.

use super::Function;
use crate::DesignError;

/// Places of a round; a bracket shrinks by half of them.
const PLACES: u32 = 16;
/// Rounds, down to 8⁻¹³ of the first bracket: about the rounding of w.
const ROUNDS: usize = 13;
/// Distances, as shares of the first bracket, at which R is compared around the lowest place.
const DISTANCES: [f64; 3] = [1.0 / 4096.0, 1.0 / (4096.0 * 512.0), 1.0 / (4096.0 * 512.0 * 512.0)];
/// Least fall between them, nats.
const LEAST: f64 = 1e-3;
/// How much the later one may differ.
const ALIKE: f64 = 0.1;

/// Places within the intervals of a grid where R goes to −∞ (`sign` 1) or to ∞ (`sign` −1).
pub(super) fn between(penalty: Function<'_>, grid: &[f64], values: &[f64], sign: f64) -> Result<Vec<f64>, DesignError> {
    let mut found = Vec::new();
    for i in 1..grid.len() - 1 {
        let [before, here, after] = [i - 1, i, i + 1].map(|k| sign * values[k]);
        if here.is_finite() && here <= before && here < after {
            found.extend(closer(penalty, (grid[i - 1], grid[i + 1]), sign)?);
        }
    }
    Ok(found)
}

/// The singular point of a bracket, if it has one.
fn closer(penalty: Function<'_>, bracket: (f64, f64), sign: f64) -> Result<Option<f64>, DesignError> {
    let ((mut low, mut high), mut lowest) = (bracket, bracket.0);
    for _ in 0..ROUNDS {
        let width = (high - low) / f64::from(PLACES);
        let places: Vec<f64> = (0..=PLACES).map(|k| low + width * f64::from(k)).collect();
        let values = penalty(&places)?;
        let least = places.iter().zip(&values).min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
        let (place, value) = least.map(|(place, value)| (*place, sign * *value)).expect("there are seventeen places");
        if value == f64::NEG_INFINITY {
            return Ok(Some(place));
        }
        (low, high, lowest) = ((place - width).max(low), (place + width).min(high), place);
    }
    let mut depths = [0.0; 3];
    for (depth, share) in depths.iter_mut().zip(DISTANCES) {
        let distance = share * (bracket.1 - bracket.0);
        *depth = 0.5 * sign * penalty(&[lowest - distance, lowest + distance])?.iter().sum::<f64>();
    }
    let [earlier, later] = [depths[0] - depths[1], depths[1] - depths[2]];
    if !(later > LEAST && (later / earlier - 1.0).abs() < ALIKE) {
        return Ok(None);
    }
    // The number as it was written, most often.
    let short: f64 = format!("{lowest:.12}").parse().expect("a printed number is one");
    let values = penalty(&[lowest, short])?;
    Ok(Some(if sign * values[1] <= sign * values[0] { short } else { lowest }))
}
