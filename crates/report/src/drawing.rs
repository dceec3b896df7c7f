//! What every kind of figure becomes before it is drawn: marks in data coordinates, and a legend.

use crate::style::{Dash, Ink};

/// One thing on the plot, in data coordinates.
#[derive(Debug, Clone)]
pub enum Mark {
    /// A line through the points; it breaks where a point has no place.
    Line { points: Vec<(f64, f64)>, ink: Ink, width: f64, opacity: f64, dash: Dash },
    /// The area between two lines, (x, low, high).
    Band { points: Vec<(f64, f64, f64)>, ink: Ink, opacity: f64 },
    /// Dots.
    Dots { points: Vec<(f64, f64)>, ink: Ink, radius: f64, hollow: bool },
    /// A line across the whole plot at y = value.
    Across { value: f64, ink: Ink, dash: Dash },
    /// A line down the whole plot at one x.
    Down { value: f64, ink: Ink, dash: Dash },
    /// A line across the whole plot at x = y.
    Diagonal { ink: Ink, dash: Dash },
    /// Text centred on a point, kept clear of other notes; `alternatives` are further places for it, best first.
    Note { text: String, places: Vec<(f64, f64)>, ink: Ink },
}

/// How a legend shows its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Line(Dash),
    Area,
    Dot { hollow: bool },
}

/// A legend's entry.
#[derive(Debug, Clone)]
pub struct Entry {
    pub label: String,
    pub ink: Ink,
    pub sample: Sample,
}

/// A figure's content, ready to be laid out.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    pub marks: Vec<Mark>,
    pub legend: Vec<Entry>,
    /// Range of y if the marks' extent is not to decide.
    pub y_range: Option<(f64, f64)>,
    /// Range of x, likewise.
    pub x_range: Option<(f64, f64)>,
    /// One unit of x is to be as long as one of y.
    pub equal_aspect: bool,
}

impl Drawing {
    pub fn entry(&mut self, label: impl Into<String>, ink: Ink, sample: Sample) {
        self.legend.push(Entry { label: label.into(), ink, sample });
    }

    /// Every (x, y) that the marks need room for; NaN where a mark does not care.
    pub fn points(&self) -> Vec<(f64, f64)> {
        self.marks.iter().flat_map(Mark::points).collect()
    }
}

impl Mark {
    fn points(&self) -> Vec<(f64, f64)> {
        match self {
            Self::Line { points, .. } | Self::Dots { points, .. } => points.clone(),
            Self::Band { points, .. } => points.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]).collect(),
            Self::Across { value, .. } => vec![(f64::NAN, *value)],
            Self::Down { value, .. } => vec![(*value, f64::NAN)],
            Self::Diagonal { .. } | Self::Note { .. } => Vec::new(),
        }
    }
}
