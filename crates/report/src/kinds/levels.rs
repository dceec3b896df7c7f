use super::contours::Grid;
use super::{Curve, Misfit};
use crate::drawing::{Drawing, Mark, Sample};
use crate::scale::number;
use crate::style::{Dash, Ink};

/// Level sets of a function of two variables, each labelled with its value, and curves on top.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Levels {
    /// Name of the level sets for the legend, e.g. `uv = const`.
    pub label: String,
    /// Grid along x, ascending.
    pub xs: Vec<f64>,
    /// Grid along y, ascending.
    pub ys: Vec<f64>,
    /// The function on the grid, `[ys][xs]`, row-major; a value that is not finite leaves a hole.
    pub values: Vec<f64>,
    /// The values whose level sets are drawn.
    pub levels: Vec<f64>,
    /// Curves on top.
    pub curves: Vec<Curve>,
    /// Hollow points: where runs start.
    pub starts: Vec<(f64, f64)>,
    /// Filled points: where they end.
    pub ends: Vec<(f64, f64)>,
}

/// Level sets shorter than this many grid cells carry no label.
const SHORTEST_LABELLED: usize = 8;
/// Half a label, as a share of the plot.
const LABEL_ROOM: f64 = 0.04;

impl Levels {
    pub(crate) fn drawing(&self) -> Result<Drawing, Misfit> {
        let (found, needed) = (self.values.len(), self.xs.len() * self.ys.len());
        if found != needed {
            let expected = format!("{needed}: {} rows (ys) of {} (xs)", self.ys.len(), self.xs.len());
            return Err(Misfit { what: "the grid".to_owned(), found, expected });
        }
        let mut drawing = Drawing { equal_aspect: true, ..Drawing::default() };
        drawing.x_range = ends(&self.xs);
        drawing.y_range = ends(&self.ys);
        let grid = Grid { xs: &self.xs, ys: &self.ys, values: &self.values };
        let mut notes = Vec::new();
        for &level in &self.levels {
            for points in grid.contour(level) {
                if points.len() >= SHORTEST_LABELLED {
                    notes.push(Mark::Note { text: number(level), places: self.places(&points), ink: Ink::Muted });
                }
                let (ink, dash) = (Ink::Muted, Dash::Solid);
                drawing.marks.push(Mark::Line { points, ink, width: 1.0, opacity: 0.8, dash });
            }
        }
        drawing.entry(&self.label, Ink::Muted, Sample::Line(Dash::Solid));
        for (index, curve) in self.curves.iter().enumerate() {
            let (ink, dash) = (Ink::Series(index), Dash::of_series(index));
            let points = curve.points.clone();
            drawing.marks.push(Mark::Line { points, ink, width: 2.0, opacity: 1.0, dash });
            drawing.entry(&curve.label, ink, Sample::Line(dash));
        }
        for (label, points, hollow) in [("start", &self.starts, true), ("end", &self.ends, false)] {
            if !points.is_empty() {
                let ink = Ink::Series(self.curves.len());
                drawing.marks.push(Mark::Dots { points: points.clone(), ink, radius: 3.2, hollow });
                drawing.entry(label, ink, Sample::Dot { hollow });
            }
        }
        drawing.marks.extend(notes);
        Ok(drawing)
    }

    /// Places for a label along a level set: a third from its start first, then further on; none near a curve.
    fn places(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let shares = [0.33, 0.5, 0.67, 0.25, 0.75, 0.15, 0.85, 0.4, 0.6];
        let places = shares.map(|share| points[(share * (points.len() - 1) as f64) as usize]);
        let dots =
            self.starts.iter().chain(&self.ends).map(|&dot| Curve { label: String::new(), points: vec![dot, dot] });
        let around: Vec<Curve> = self.curves.iter().cloned().chain(dots).collect();
        places.into_iter().filter(|place| around.iter().all(|curve| self.clear(curve, *place))).collect()
    }

    /// Whether a curve keeps away from a place by the size of a label, in shares of the grid's extent.
    fn clear(&self, curve: &Curve, place: (f64, f64)) -> bool {
        let length = |axis: &[f64]| ends(axis).map_or(1.0, |(low, high)| high - low);
        let (width, height) = (length(&self.xs), length(&self.ys));
        let scaled = |p: (f64, f64)| ((p.0 - place.0) / width, (p.1 - place.1) / height);
        // A gap in a curve (a point that is not finite) is nowhere near.
        let near = |pair: &[(f64, f64)]| distance_of_segment(scaled(pair[0]), scaled(pair[1])) <= LABEL_ROOM;
        !curve.points.windows(2).any(near)
    }
}

/// Distance of the origin from the segment between two points.
fn distance_of_segment(from: (f64, f64), to: (f64, f64)) -> f64 {
    let step = (to.0 - from.0, to.1 - from.1);
    let square = step.0 * step.0 + step.1 * step.1;
    let share = if square > 0.0 { (-(from.0 * step.0 + from.1 * step.1) / square).clamp(0.0, 1.0) } else { 0.0 };
    (from.0 + share * step.0).hypot(from.1 + share * step.1)
}

/// Lines on which a function on a grid, `[ys][xs]`, equals `level`.
pub(crate) fn contour(xs: &[f64], ys: &[f64], values: &[f64], level: f64) -> Vec<Vec<(f64, f64)>> {
    Grid { xs, ys, values }.contour(level)
}

fn ends(axis: &[f64]) -> Option<(f64, f64)> {
    let (low, high) = (*axis.first()?, *axis.last()?);
    (low < high).then_some((low, high))
}
