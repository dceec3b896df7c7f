//! The kinds of figures. Each turns its data into marks; none of them knows the page.

mod contours;
mod density;
mod levels;
mod lines;
mod scatter;
mod stem;

pub use density::Density;
pub use levels::Levels;
pub(crate) use levels::contour;
pub use lines::{Band, Lines, Reference};
pub use scatter::Scatter;
pub use stem::Stem;

/// Points in order, with a name for the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name for the legend.
    pub label: String,
    /// (x, y); a point that is not finite leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// Values of an ensemble along some positions (steps, indices), with a name for the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name for the legend.
    pub label: String,
    /// `[positions][seeds]`, row-major. A value that is not finite is left out of the summary over seeds, and leaves a gap in its seed's line.
    pub values: Vec<f64>,
}

/// Data that do not fit together.
#[derive(Debug)]
pub struct Misfit {
    pub what: String,
    pub found: usize,
    pub expected: String,
}

impl Series {
    /// Number of seeds, if the values fill `positions` rows.
    fn seeds(&self, positions: usize) -> Result<usize, Misfit> {
        let found = self.values.len();
        if positions > 0 && found > 0 && found.is_multiple_of(positions) {
            return Ok(found / positions);
        }
        let expected = format!("a positive multiple of its {positions} positions (one row of seeds for each)");
        Err(Misfit { what: format!("series `{}`", self.label), found, expected })
    }

    /// 10 %, 50 % and 90 % quantile over the finite seeds at each position (NaN where there is none).
    fn summary(&self, seeds: usize) -> Vec<[f64; 3]> {
        self.values.chunks_exact(seeds).map(|row| quantiles(row, [0.1, 0.5, 0.9])).collect()
    }
}

/// Quantiles of the finite values, linear between order statistics; NaN if there are none.
pub fn quantiles<const N: usize>(values: &[f64], shares: [f64; N]) -> [f64; N] {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    shares.map(|share| {
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let position = share * last as f64;
        let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
        below + (above - below) * position.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_skip_what_is_not_finite() {
        assert_eq!(quantiles(&[3.0, f64::NAN, 1.0, 2.0], [0.0, 0.5, 0.75, 1.0]), [1.0, 2.0, 2.5, 3.0]);
        assert!(quantiles(&[f64::NAN], [0.5])[0].is_nan());
    }

    #[test]
    fn values_must_fill_their_rows() {
        let series = |n: usize| Series { label: "ratio".into(), values: vec![0.0; n] };
        assert_eq!(series(12).seeds(4).unwrap(), 3);
        assert!(series(13).seeds(4).is_err() && series(0).seeds(4).is_err() && series(4).seeds(0).is_err());
    }
}
