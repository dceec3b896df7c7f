use super::{Misfit, Series};
use crate::drawing::{Drawing, Mark, Sample};
use crate::style::{Dash, Ink};

/// Values at positions: a dot at the median over seeds, a whisker from the 10 % to the 90 % quantile, and the truth as hollow dots.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stem {
    /// Positions along x, e.g. 0, 1, 2, …
    pub positions: Vec<f64>,
    /// The values; each series has one row of seeds per position.
    pub series: Vec<Series>,
    /// True values, one per position.
    pub truth: Option<Vec<f64>>,
    /// Places along x between which parts stand.
    pub borders: Vec<f64>,
}

impl Stem {
    pub(crate) fn drawing(&self) -> Result<Drawing, Misfit> {
        let mut drawing = Drawing::default();
        drawing.marks.push(Mark::Across { value: 0.0, ink: Ink::Muted, dash: Dash::Solid });
        let borders = self.borders.iter().map(|&value| Mark::Down { value, ink: Ink::Muted, dash: Dash::Dashed });
        drawing.marks.extend(borders);
        self.truth(&mut drawing)?;
        let mut spread = false;
        for (index, series) in self.series.iter().enumerate() {
            let seeds = series.seeds(self.positions.len())?;
            spread |= seeds > 1;
            let ink = Ink::Series(index);
            let shift = self.shift(index);
            let summary = series.summary(seeds);
            let at =
                |value: fn(&[f64; 3]) -> f64| self.positions.iter().map(|x| x + shift).zip(summary.iter().map(value));
            let medians: Vec<_> = at(|q| q[1]).collect();
            drawing.marks.push(rods(medians.iter().map(|&(x, y)| (x, 0.0, y)), ink, 0.8, 0.45));
            if seeds > 1 {
                let ends = at(|q| q[0]).zip(at(|q| q[2])).map(|((x, low), (_, high))| (x, low, high));
                drawing.marks.push(rods(ends, ink, 2.2, 0.55));
            }
            drawing.marks.push(Mark::Dots {
                points: medians,
                ink,
                radius: self.radius(2.4, 0.45 / self.series.len() as f64),
                hollow: false,
            });
            drawing.entry(&series.label, ink, Sample::Dot { hollow: false });
        }
        if spread {
            drawing.entry("10–90 % of seeds", Ink::Muted, Sample::Line(Dash::Solid));
        }
        Ok(drawing)
    }

    fn truth(&self, drawing: &mut Drawing) -> Result<(), Misfit> {
        let Some(truth) = &self.truth else { return Ok(()) };
        if truth.len() != self.positions.len() {
            let expected = format!("one value for each of the {} positions", self.positions.len());
            return Err(Misfit { what: "the truth".to_owned(), found: truth.len(), expected });
        }
        let points = self.positions.iter().copied().zip(truth.iter().copied()).collect();
        drawing.marks.push(Mark::Dots { points, ink: Ink::Text, radius: self.radius(4.2, 0.42), hollow: true });
        drawing.entry("truth", Ink::Text, Sample::Dot { hollow: true });
        Ok(())
    }

    /// A dot's radius: `largest`, or the given share of the distance between positions where they stand close (the plot is about 430 units wide).
    fn radius(&self, largest: f64, share: f64) -> f64 {
        (share * 430.0 / self.positions.len().max(1) as f64).clamp(1.2, largest)
    }

    /// Series stand side by side around their position, within half of the distance between positions.
    fn shift(&self, index: usize) -> f64 {
        let least = self.positions.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
        let room = if least.is_finite() { 0.5 * least } else { 0.5 };
        room * ((index as f64 + 0.5) / self.series.len() as f64 - 0.5)
    }
}

/// Vertical lines (x, low, high), as one broken line.
fn rods(ends: impl Iterator<Item = (f64, f64, f64)>, ink: Ink, width: f64, opacity: f64) -> Mark {
    let points = ends.flat_map(|(x, low, high)| [(x, low), (x, high), (x, f64::NAN)]).collect();
    Mark::Line { points, ink, width, opacity, dash: Dash::Solid }
}
