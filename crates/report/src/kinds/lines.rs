use super::{Misfit, Series};
use crate::drawing::{Drawing, Mark, Sample};
use crate::style::{Dash, HUES, Ink};
use crate::thin::{extremes, means};

/// A horizontal line to compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Where.
    pub value: f64,
    /// Name for the legend.
    pub label: String,
}

/// Observables along the run: the median over seeds, a band from the 10 % to the 90 % quantile, single seeds faint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lines {
    /// Positions along x, ascending.
    pub steps: Vec<f64>,
    /// The observables; each has one row of seeds per step.
    pub series: Vec<Series>,
    /// A horizontal line.
    pub reference: Option<Reference>,
    /// A band that is no spread over seeds.
    pub band: Option<Band>,
}

/// A region between two lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Name for the legend.
    pub label: String,
    /// Lower and upper end at every step.
    pub ends: Vec<(f64, f64)>,
    /// The series whose ink it has.
    pub series: usize,
}

/// Above this many series there is no legend entry, no band and no faint line for each.
const MOST_NAMED: usize = HUES.len() + 2;
/// Points of all faint lines together, and of all medians: keeps an SVG below 300 kB.
const FAINT_POINTS: usize = 9_000;
const MEDIAN_POINTS: usize = 9_000;
/// Lines above this number are thinned to every n-th series, and the legend says so.
const MOST_LINES: usize = 150;
/// Faint lines per series.
const MOST_FAINT: usize = 16;
/// Points of one line: two per unit of the plot's width.
const MOST_POINTS: usize = 900;

impl Lines {
    pub(crate) fn drawing(&self) -> Result<Drawing, Misfit> {
        let seeds: Vec<usize> =
            self.series.iter().map(|series| series.seeds(self.steps.len())).collect::<Result<_, _>>()?;
        let many = self.series.len() > MOST_NAMED;
        let mut drawing = Drawing::default();
        if !many {
            self.spread(&mut drawing, &seeds);
        }
        if let Some(band) = &self.band {
            if band.ends.len() != self.steps.len() {
                let expected = format!("one pair of ends for each of the {} positions", self.steps.len());
                return Err(Misfit { what: "the band".to_owned(), found: band.ends.len(), expected });
            }
            let points = self.steps.iter().zip(&band.ends).map(|(&x, &(low, high))| (x, low, high)).collect();
            drawing.marks.push(Mark::Band { points, ink: Ink::Series(band.series), opacity: 0.25 });
        }
        let budget = (MEDIAN_POINTS / self.series.len().max(1)).clamp(60, MOST_POINTS);
        let every = self.series.len().div_ceil(MOST_LINES).max(1);
        for (index, (series, &seeds)) in self.series.iter().zip(&seeds).enumerate().step_by(every) {
            let median: Vec<f64> = series.summary(seeds).iter().map(|q| q[1]).collect();
            let (ink, dash) = (Ink::Series(index), Dash::of_series(index));
            let (width, opacity) = if many { (1.0, 0.75) } else { (1.8, 1.0) };
            let points = extremes(&self.along(&median), budget);
            drawing.marks.push(Mark::Line { points, ink, width, opacity, dash: if many { Dash::Solid } else { dash } });
            if !many {
                drawing.entry(&series.label, ink, Sample::Line(dash));
            }
        }
        if let Some(band) = &self.band {
            drawing.entry(&band.label, Ink::Series(band.series), Sample::Area);
        }
        self.legend_of_the_whole(&mut drawing, many, every, seeds.iter().any(|&n| n > 1));
        Ok(drawing)
    }

    /// Faint seeds and bands, below the medians.
    fn spread(&self, drawing: &mut Drawing, seeds: &[usize]) {
        let faint: usize = seeds.iter().filter(|&&n| n > 1).map(|n| (*n).min(MOST_FAINT)).sum();
        let budget = (FAINT_POINTS / faint.max(1)).clamp(60, MOST_POINTS);
        for (index, (series, &seeds)) in self.series.iter().zip(seeds).enumerate().filter(|(_, (_, n))| **n > 1) {
            let ink = Ink::Series(index);
            let summary = series.summary(seeds);
            let edges: Vec<_> = self.steps.iter().zip(&summary).map(|(&x, q)| (x, q[0], q[2])).collect();
            drawing.marks.push(Mark::Band { points: means(&edges, MOST_POINTS / 3), ink, opacity: 0.18 });
            for seed in 0..seeds.min(MOST_FAINT) {
                let values: Vec<f64> = series.values.iter().skip(seed).step_by(seeds).copied().collect();
                let points = extremes(&self.along(&values), budget);
                drawing.marks.push(Mark::Line { points, ink, width: 0.5, opacity: 0.28, dash: Dash::Solid });
            }
        }
    }

    fn legend_of_the_whole(&self, drawing: &mut Drawing, many: bool, every: usize, spread: bool) {
        if many {
            let (first, last) = (&self.series[0].label, &self.series[self.series.len() - 1].label);
            let note = if every > 1 { format!(", 1 of {every} drawn") } else { String::new() };
            let label = format!("{first} … {last} ({} medians{note})", self.series.len());
            drawing.entry(label, Ink::Series(0), Sample::Line(Dash::Solid));
        } else if spread {
            drawing.entry("10–90 % of seeds", Ink::Muted, Sample::Area);
        }
        if let Some(Reference { value, label }) = &self.reference {
            drawing.marks.push(Mark::Across { value: *value, ink: Ink::Text, dash: Dash::Dashed });
            drawing.entry(label, Ink::Text, Sample::Line(Dash::Dashed));
        }
    }

    fn along(&self, values: &[f64]) -> Vec<(f64, f64)> {
        self.steps.iter().copied().zip(values.iter().copied()).collect()
    }
}
