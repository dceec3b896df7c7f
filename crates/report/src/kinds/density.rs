use super::{Curve, quantiles};
use crate::Axis;
use crate::drawing::{Drawing, Mark, Sample};
use crate::style::{Dash, Ink};

/// Samples as a histogram with two standard errors, against the densities of predicted laws.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Density {
    /// Name of the samples for the legend.
    pub label: String,
    /// The samples, in any order; those that are not finite are left out.
    pub samples: Vec<f64>,
    /// How many independent samples they are worth; their own number if they are independent.
    pub effective_samples: f64,
    /// Densities of the law that was predicted, drawn solid.
    pub laws: Vec<Curve>,
    /// Densities of its alternatives, drawn dashed.
    pub alternatives: Vec<Curve>,
}

/// A bar: from, to, density, standard error of the density.
struct Bar {
    from: f64,
    to: f64,
    density: f64,
    error: f64,
}

/// Share of the samples on either side that may lie outside the plot.
const TAIL: f64 = 0.001;
/// A law's peak may be this many times as high as the highest bar before it is cut.
const TALLEST: f64 = 1.5;

impl Density {
    pub(crate) fn drawing(&self, x: &Axis) -> Drawing {
        let mut drawing = Drawing::default();
        let range = x.range.or_else(|| self.range(x.log));
        let bars = range.map_or_else(Vec::new, |range| self.bars(range, x.log));
        let outline = bars.iter().flat_map(|bar| [(bar.from, 0.0, bar.density), (bar.to, 0.0, bar.density)]);
        drawing.marks.push(Mark::Band { points: outline.collect(), ink: Ink::Muted, opacity: 0.28 });
        let errors = bars.iter().flat_map(|bar| {
            let (low, high) = ((bar.density - 2.0 * bar.error).max(0.0), bar.density + 2.0 * bar.error);
            [(bar.from, low, high), (bar.to, low, high), (bar.to, f64::NAN, f64::NAN)]
        });
        drawing.marks.push(Mark::Band { points: errors.collect(), ink: Ink::Muted, opacity: 0.4 });
        drawing.entry(self.name(range), Ink::Muted, Sample::Area);
        for (index, (curve, dash)) in self.curves().enumerate() {
            let (ink, points) = (Ink::Series(index), curve.points.clone());
            let width = if dash == Dash::Solid { 2.0 } else { 1.5 };
            drawing.marks.push(Mark::Line { points, ink, width, opacity: 1.0, dash });
            drawing.entry(&curve.label, ink, Sample::Line(dash));
        }
        drawing.x_range = range;
        drawing.y_range = range.map(|range| (0.0, 1.08 * self.top(&bars, range))).filter(|&(_, top)| top > 0.0);
        drawing
    }

    fn curves(&self) -> impl Iterator<Item = (&Curve, Dash)> {
        let laws = self.laws.iter().map(|curve| (curve, Dash::Solid));
        laws.chain(self.alternatives.iter().map(|curve| (curve, Dash::Dashed)))
    }

    fn range(&self, log: bool) -> Option<(f64, f64)> {
        let placed: Vec<f64> = self.samples.iter().copied().filter(|&x| !log || x > 0.0).collect();
        let [low, high] = quantiles(&placed, [TAIL, 1.0 - TAIL]);
        let padded = crate::scale::padded((low, high), log, 0.04);
        // A law on the positive half-line should not seem to reach below it.
        let start = if low >= 0.0 { padded.0.max(0.0) } else { padded.0 };
        (low.is_finite() && high.is_finite()).then_some((if log { padded.0 } else { start }, padded.1))
    }

    /// Number of bins after Freedman and Diaconis, for the number of *independent* samples, within 12…80.
    fn bars(&self, (low, high): (f64, f64), log: bool) -> Vec<Bar> {
        let warp = |x: f64| if log { x.log10() } else { x };
        let unwarp = |x: f64| if log { 10f64.powf(x) } else { x };
        let finite: Vec<f64> = self.samples.iter().copied().filter(|x| x.is_finite()).collect();
        let inside: Vec<f64> = finite.iter().copied().filter(|x| (low..=high).contains(x)).map(warp).collect();
        let [q1, q3] = quantiles(&inside, [0.25, 0.75]);
        let length = warp(high) - warp(low);
        let wanted = length * self.effective_samples.max(1.0).cbrt() / (2.0 * (q3 - q1)).max(1e-3 * length);
        let bins = wanted.ceil().clamp(12.0, 80.0) as usize;
        let mut counts = vec![0_usize; bins];
        for x in &inside {
            let bin = ((x - warp(low)) / length * bins as f64) as usize;
            counts[bin.min(bins - 1)] += 1;
        }
        let edge = |bin: usize| unwarp(warp(low) + length * bin as f64 / bins as f64);
        let bar = |(bin, count): (usize, usize)| {
            let (from, to) = (edge(bin), edge(bin + 1));
            let share = count as f64 / finite.len() as f64;
            let error = (share * (1.0 - share) / self.effective_samples.max(1.0)).sqrt();
            Bar { from, to, density: share / (to - from), error: error / (to - from) }
        };
        counts.into_iter().enumerate().map(bar).collect()
    }

    fn top(&self, bars: &[Bar], (low, high): (f64, f64)) -> f64 {
        let histogram = bars.iter().map(|bar| bar.density + 2.0 * bar.error).fold(0.0, f64::max);
        let visible = |&(x, y): &(f64, f64)| ((low..=high).contains(&x) && y.is_finite()).then_some(y);
        let law = self.curves().flat_map(|(curve, _)| curve.points.iter().filter_map(visible)).fold(0.0, f64::max);
        if histogram > 0.0 { histogram.max(law.min(TALLEST * histogram)) } else { law }
    }

    fn name(&self, range: Option<(f64, f64)>) -> String {
        let finite: Vec<f64> = self.samples.iter().copied().filter(|x| x.is_finite()).collect();
        let outside = finite.iter().filter(|x| range.is_some_and(|(low, high)| **x < low || **x > high)).count();
        let share = 100.0 * outside as f64 / finite.len().max(1) as f64;
        let note = if share >= 0.5 { format!(", {share:.1} % outside") } else { String::new() };
        format!("{} (± 2 s.e.{note})", self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_hold_the_samples_mass_and_its_error() {
        let samples: Vec<f64> = (0..10_000).map(|i| (f64::from(i) + 0.5) / 10_000.0).collect();
        let density = Density { samples, effective_samples: 400.0, ..Density::default() };
        for log in [false, true] {
            let bars = density.bars((0.1, 1.0), log);
            let mass: f64 = bars.iter().map(|bar| bar.density * (bar.to - bar.from)).sum();
            assert!((mass - 0.9).abs() < 1e-3, "{mass}");
            let share = bars[3].density * (bars[3].to - bars[3].from);
            let error = (share * (1.0 - share) / 400.0).sqrt() / (bars[3].to - bars[3].from);
            assert!((bars[3].error / error - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_lies_outside_is_told() {
        let density = Density { label: "w".into(), samples: vec![0.5, 0.6, 7.0, 8.0], ..Density::default() };
        assert_eq!(density.name(Some((0.0, 1.0))), "w (± 2 s.e., 50.0 % outside)");
        assert_eq!(density.name(None), "w (± 2 s.e.)");
    }
}
