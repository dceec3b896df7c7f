//! Where everything goes: computed from the widths of the actual labels, so that nothing collides and nothing is clipped.

use crate::drawing::{Drawing, Entry};
use crate::scale::{Scale, Tick, extent, padded, placeable, ticks};
use crate::text::{fitted, width, wrapped};
use crate::{Axis, Figure};

/// Width of every figure, in SVG units. Narrow on purpose: on a phone it is scaled down by a quarter only.
pub const WIDTH: f64 = 480.0;
pub const TITLE: f64 = 15.0;
pub const TEXT: f64 = 13.0;
const PLOT_HEIGHT: f64 = 235.0;
const EDGE: f64 = 10.0;
/// Gap between ticks' labels.
const GAP: f64 = 12.0;
/// Length of a legend's sample and the space after it.
pub const SAMPLE: f64 = 23.0;

/// A legend's entry at its place: x of its sample, baseline, label cut to its room.
pub struct Placed<'a> {
    pub entry: &'a Entry,
    pub label: String,
    pub x: f64,
    pub baseline: f64,
}

/// A laid-out figure; the plot is the box `x.start..x.end` × `y.end..y.start` (page y points down).
pub struct Layout<'a> {
    pub height: f64,
    /// Title lines with their baselines.
    pub title: Vec<(String, f64)>,
    pub legend: Vec<Placed<'a>>,
    pub x: Scale,
    pub y: Scale,
    pub x_ticks: Vec<Tick>,
    pub y_ticks: Vec<Tick>,
    /// Label of y with its baseline, above the plot at its left edge.
    pub y_label: (String, f64),
    /// Label of x with its baseline, below the ticks' labels, ending at the plot's right edge.
    pub x_label: (String, f64),
    /// Nothing to draw: no value had a place.
    pub empty: bool,
}

impl<'a> Layout<'a> {
    pub fn new(figure: &Figure, drawing: &'a Drawing) -> Self {
        let mut top = EDGE;
        let mut line = |height: f64| {
            top += height;
            top - 0.3 * height
        };
        let title: Vec<_> = wrapped(&figure.title, TITLE, WIDTH - 2.0 * EDGE, 3)
            .into_iter()
            .map(|text| (text, line(TITLE * 1.3)))
            .collect();
        let legend = legend(&drawing.legend, &mut line);
        let y_label = (fitted(&figure.y.label, TEXT, WIDTH - 2.0 * EDGE), line(TEXT * 1.9));
        let plot_top = top + 4.0;
        let points = drawing.points();
        let x_range = range(&figure.x, drawing.x_range, points.iter().map(|point| point.0));
        let y_range = range(&figure.y, drawing.y_range, points.iter().map(|point| point.1));
        let y_ticks = ticks(y_range.0, y_range.1, figure.y.log, 5);
        let widest = y_ticks.iter().map(|tick| width(&tick.label, TEXT)).fold(0.0, f64::max);
        let (left, x_ticks, right) = horizontal(EDGE + widest + 7.0, x_range, figure.x.log);
        let plot_height = if drawing.equal_aspect {
            ((y_range.1 - y_range.0) / (x_range.1 - x_range.0) * (right - left))
                .clamp(0.6 * PLOT_HEIGHT, 1.9 * PLOT_HEIGHT)
        } else {
            PLOT_HEIGHT
        };
        let bottom = plot_top + plot_height;
        let x_label = (fitted(&figure.x.label, TEXT, right - left), bottom + 40.0);
        Self {
            height: bottom + 40.0 + EDGE,
            title,
            legend,
            x: Scale { low: x_range.0, high: x_range.1, log: figure.x.log, start: left, end: right },
            y: Scale { low: y_range.0, high: y_range.1, log: figure.y.log, start: bottom, end: plot_top },
            x_ticks,
            y_ticks,
            y_label,
            x_label,
            empty: !points.iter().any(|point| placeable(point.0, figure.x.log) && placeable(point.1, figure.y.log)),
        }
    }
}

/// Entries side by side, in as many rows as they need.
fn legend<'a>(entries: &'a [Entry], line: &mut impl FnMut(f64) -> f64) -> Vec<Placed<'a>> {
    let mut placed: Vec<Placed> = Vec::new();
    let (mut x, mut baseline) = (f64::INFINITY, 0.0);
    for entry in entries {
        let label = fitted(&entry.label, TEXT, WIDTH - 2.0 * EDGE - SAMPLE);
        let needed = SAMPLE + width(&label, TEXT);
        if x + needed > WIDTH - EDGE {
            (x, baseline) = (EDGE, line(TEXT * 1.45));
        }
        placed.push(Placed { entry, label, x, baseline });
        x += needed + 16.0;
    }
    placed
}

/// The axis' range: fixed by the axis, else by the drawing, else by the data.
fn range(axis: &Axis, hint: Option<(f64, f64)>, values: impl Iterator<Item = f64>) -> (f64, f64) {
    let valid = |&(low, high): &(f64, f64)| low < high && placeable(low, axis.log) && placeable(high, axis.log);
    let data = || extent(values, axis.log).map(|found| padded(found, axis.log, 0.04));
    let nothing = if axis.log { (1.0, 10.0) } else { (0.0, 1.0) };
    axis.range.filter(valid).or(hint.filter(valid)).or_else(data).unwrap_or(nothing)
}

/// Left edge, ticks and right edge of the plot: as many ticks as fit without touching, the outer labels inside the figure.
fn horizontal(left: f64, (low, high): (f64, f64), log: bool) -> (f64, Vec<Tick>, f64) {
    let mut target = 6;
    loop {
        let found = ticks(low, high, log, target);
        let last = found.last().map_or(0.0, |tick| 0.5 * width(&tick.label, TEXT));
        let right = WIDTH - EDGE - last.min(30.0);
        let scale = Scale { low, high, log, start: left, end: right };
        let spans: Vec<(f64, f64)> = found
            .iter()
            .filter_map(|tick| scale.place(tick.value).map(|x| (x, 0.5 * width(&tick.label, TEXT))))
            .map(|(x, half)| (x - half, x + half))
            .collect();
        if target == 1 || spans.windows(2).all(|pair| pair[0].1 + GAP <= pair[1].0) {
            return (left, found, right);
        }
        target -= 1;
    }
}
