//! Laid-out figures as SVG text.

use crate::Figure;
use crate::drawing::{Drawing, Mark, Sample};
use crate::layout::{Layout, Placed, SAMPLE, TEXT, TITLE, WIDTH};
use crate::style::{Dash, Ink, sheet};
use crate::text::{FONT_FAMILY, escaped, width};
use std::fmt::Write;

/// A file of its own: style sheet and white background included.
pub fn standalone(figure: &Figure, drawing: &Drawing) -> String {
    let layout = Layout::new(figure, drawing);
    let size = format!(" width=\"{}\" height=\"{}\"", short(WIDTH), short(layout.height));
    let style = format!("<style>{}</style><rect class=\"gb-paper\" width=\"100%\" height=\"100%\"/>", sheet(false));
    document(figure, drawing, &layout, &size, &style)
}

/// For a page that holds the style sheet.
pub fn inline(figure: &Figure, drawing: &Drawing) -> String {
    document(figure, drawing, &Layout::new(figure, drawing), "", "")
}

fn document(figure: &Figure, drawing: &Drawing, layout: &Layout, size: &str, style: &str) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\"{size} role=\"img\" aria-label=\"{}\" font-family=\"{FONT_FAMILY}\" font-size=\"{TEXT}\">{style}",
        short(WIDTH),
        short(layout.height),
        escaped(&format!("{}. {}", figure.title, figure.caption)),
    );
    words(&mut out, layout);
    axes(&mut out, layout);
    if layout.empty {
        let (x, y) = (0.5 * (layout.x.start + layout.x.end), 0.5 * (layout.y.start + layout.y.end));
        text(&mut out, x, y, "middle", Ink::Muted, "no finite values to draw");
    } else {
        marks(&mut out, drawing, layout);
    }
    out.push_str("</svg>");
    out
}

fn words(out: &mut String, layout: &Layout) {
    for (line, baseline) in &layout.title {
        put(
            out,
            format_args!(
                "<text class=\"gb-ft\" x=\"10\" y=\"{}\" font-size=\"{TITLE}\">{}</text>",
                short(*baseline),
                escaped(line)
            ),
        );
    }
    for placed in &layout.legend {
        sample(out, placed);
        text(out, placed.x + SAMPLE, placed.baseline, "start", Ink::Text, &placed.label);
    }
    text(out, 10.0, layout.y_label.1, "start", Ink::Muted, &layout.y_label.0);
    text(out, layout.x.end, layout.x_label.1, "end", Ink::Muted, &layout.x_label.0);
}

fn sample(out: &mut String, placed: &Placed) {
    let (x, middle) = (placed.x, placed.baseline - 0.35 * TEXT);
    match placed.entry.sample {
        Sample::Line(dash) => put(
            out,
            format_args!(
                "<path class=\"{}\" stroke-width=\"2\"{} d=\"M{} {}h17\"/>",
                placed.entry.ink.stroke(),
                dash.attribute(),
                short(x),
                short(middle)
            ),
        ),
        Sample::Area => put(
            out,
            format_args!(
                "<rect class=\"{}\" opacity=\"0.4\" x=\"{}\" y=\"{}\" width=\"17\" height=\"9\"/>",
                placed.entry.ink.fill(),
                short(x),
                short(middle - 4.5)
            ),
        ),
        Sample::Dot { hollow } => {
            dots(out, &[(x + 9.0, middle)], placed.entry.ink, if hollow { 4.2 } else { 3.0 }, hollow)
        }
    }
}

fn axes(out: &mut String, layout: &Layout) {
    let (left, right) = (short(layout.x.start), short(layout.x.end));
    let (top, bottom) = (short(layout.y.end), short(layout.y.start));
    let mut grid = String::new();
    for tick in &layout.y_ticks {
        let Some(y) = layout.y.place(tick.value) else { continue };
        put(&mut grid, format_args!("M{left} {}H{right}", short(y)));
        text(out, layout.x.start - 6.0, y + 0.36 * TEXT, "end", Ink::Muted, &tick.label);
    }
    for tick in &layout.x_ticks {
        let Some(x) = layout.x.place(tick.value) else { continue };
        put(&mut grid, format_args!("M{} {top}V{bottom}", short(x)));
        let half = 0.5 * width(&tick.label, TEXT);
        let inside = x.max(half + 2.0).min(WIDTH - half - 2.0);
        text(out, inside, layout.y.start + 19.0, "middle", Ink::Muted, &tick.label);
    }
    put(out, format_args!("<path class=\"gb-grid\" d=\"{grid}\"/>"));
    put(out, format_args!("<path class=\"gb-frame\" d=\"M{left} {top}V{bottom}H{right}\"/>"));
}

/// Marks in an inner viewport, which clips them at the plot's edge without needing an id.
fn marks(out: &mut String, drawing: &Drawing, layout: &Layout) {
    let (x, y) = (layout.x.start, layout.y.end);
    let (w, h) = (layout.x.end - x, layout.y.start - y);
    let viewport = [x, y, w, h].map(short);
    put(
        out,
        format_args!(
            "<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} {3}\" overflow=\"hidden\">",
            viewport[0], viewport[1], viewport[2], viewport[3]
        ),
    );
    let mut notes: Vec<[f64; 4]> = Vec::new();
    for mark in &drawing.marks {
        one_mark(out, mark, layout, &mut notes);
    }
    out.push_str("</svg>");
}

fn one_mark(out: &mut String, mark: &Mark, layout: &Layout, notes: &mut Vec<[f64; 4]>) {
    let place = |&(x, y): &(f64, f64)| Some((layout.x.place(x)?, layout.y.place(y)?));
    match mark {
        Mark::Line { points, ink, width, opacity, dash } => {
            line(out, &polyline(points.iter().map(place)), *ink, *width, *opacity, *dash);
        }
        Mark::Band { points, ink, opacity } => {
            let area = areas(points, layout);
            put(out, format_args!("<path class=\"{}\" opacity=\"{opacity}\" d=\"{area}\"/>", ink.fill()));
        }
        Mark::Dots { points, ink, radius, hollow } => {
            let placed: Vec<_> = points.iter().filter_map(place).collect();
            dots(out, &placed, *ink, *radius, *hollow);
        }
        Mark::Across { value, ink, dash } => {
            let ends = [layout.x.start, layout.x.end].map(|x| layout.y.place(*value).map(|y| (x, y)));
            line(out, &polyline(ends.into_iter()), *ink, 1.2, 1.0, *dash);
        }
        Mark::Down { value, ink, dash } => {
            let ends = [layout.y.start, layout.y.end].map(|y| layout.x.place(*value).map(|x| (x, y)));
            line(out, &polyline(ends.into_iter()), *ink, 1.2, 1.0, *dash);
        }
        Mark::Diagonal { ink, dash } => {
            let (low, high) = (layout.x.low.max(layout.y.low), layout.x.high.min(layout.y.high));
            let ends = [low, high].map(|v| place(&(v, v)));
            line(out, &polyline(ends.into_iter()), *ink, 1.2, 1.0, *dash);
        }
        Mark::Note { text: words, places, ink } => {
            note(out, words, places.iter().filter_map(place), *ink, layout, notes)
        }
    }
}

/// Written at the first place where it lies inside the plot and touches no other note; left out if there is none.
fn note(
    out: &mut String,
    words: &str,
    mut places: impl Iterator<Item = (f64, f64)>,
    ink: Ink,
    layout: &Layout,
    notes: &mut Vec<[f64; 4]>,
) {
    let (half, rise) = (0.5 * width(words, TEXT) + 3.0, 0.5 * TEXT + 2.0);
    let frame = |&(x, y): &(f64, f64)| [x - half, y - rise, x + half, y + rise];
    let free = |place: &(f64, f64)| {
        let [left, top, right, bottom] = frame(place);
        let inside = left >= layout.x.start && right <= layout.x.end && top >= layout.y.end && bottom <= layout.y.start;
        inside && notes.iter().all(|n| right < n[0] || n[2] < left || bottom < n[1] || n[3] < top)
    };
    let Some(place) = places.find(free) else { return };
    let [left, top, right, bottom] = frame(&place);
    notes.push([left, top, right, bottom]);
    let [x, y, w, h] = [left, top, right - left, bottom - top].map(short);
    put(out, format_args!("<rect class=\"gb-paper\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/>"));
    text(out, place.0, place.1 + 0.36 * TEXT, "middle", ink, words);
}

fn line(out: &mut String, path: &str, ink: Ink, width: f64, opacity: f64, dash: Dash) {
    if path.is_empty() {
        return;
    }
    let faint = if opacity < 1.0 { format!(" opacity=\"{opacity}\"") } else { String::new() };
    put(
        out,
        format_args!(
            "<path class=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{faint}{} d=\"{path}\"/>",
            ink.stroke(),
            dash.attribute()
        ),
    );
}

/// Many dots as one path of vanishing strokes with round ends: a tenth of the text that circles would take.
fn dots(out: &mut String, places: &[(f64, f64)], ink: Ink, radius: f64, hollow: bool) {
    if hollow {
        for (x, y) in places {
            put(
                out,
                format_args!(
                    "<circle class=\"{}\" stroke-width=\"1.3\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
                    ink.stroke(),
                    short(*x),
                    short(*y)
                ),
            );
        }
        return;
    }
    let path: String = places.iter().map(|(x, y)| format!("M{} {}h.01", short(*x), short(*y))).collect();
    put(
        out,
        format_args!(
            "<path class=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" opacity=\"0.85\" d=\"{path}\"/>",
            ink.stroke(),
            2.0 * radius
        ),
    );
}

/// A path through the places, broken where there is none. A lone point becomes a short stroke, so that it is seen.
fn polyline(places: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut run: Vec<(f64, f64)> = Vec::new();
    for place in places.chain([None]) {
        match place {
            Some(place) => run.push(place),
            None => {
                if let [lone] = run[..] {
                    put(&mut path, format_args!("M{} {}h1", short(lone.0 - 0.5), short(lone.1)));
                } else {
                    push_run(&mut path, &run);
                }
                run.clear();
            }
        }
    }
    path
}

fn push_run(path: &mut String, run: &[(f64, f64)]) {
    let mut last = None;
    for (index, &(x, y)) in run.iter().enumerate() {
        let point = format!("{} {}", short(x), short(y));
        if last.as_ref() == Some(&point) {
            continue;
        }
        path.push_str(if index == 0 { "M" } else { "L" });
        path.push_str(&point);
        last = Some(point);
    }
}

/// Closed areas, one for each run of rows with a place. A lower edge without one (zero on a logarithmic axis) is the axis.
fn areas(points: &[(f64, f64, f64)], layout: &Layout) -> String {
    let place = |&(x, low, high): &(f64, f64, f64)| {
        let (x, high) = (layout.x.place(x)?, layout.y.place(high)?);
        let low = if low.is_nan() { None } else { Some(layout.y.place(low).unwrap_or(layout.y.start)) };
        Some((x, low?, high))
    };
    let mut path = String::new();
    let mut run = Vec::new();
    for placed in points.iter().map(place).chain([None]) {
        match placed {
            Some(placed) => run.push(placed),
            None => {
                let above = run.iter().map(|&(x, _, high)| (x, high));
                let below = run.iter().rev().map(|&(x, low, _)| (x, low));
                push_run(&mut path, &above.chain(below).collect::<Vec<_>>());
                if !run.is_empty() {
                    path.push('Z');
                }
                run.clear();
            }
        }
    }
    path
}

fn text(out: &mut String, x: f64, baseline: f64, anchor: &str, ink: Ink, words: &str) {
    if !words.is_empty() {
        put(
            out,
            format_args!(
                "<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                ink.fill(),
                short(x),
                short(baseline),
                escaped(words)
            ),
        );
    }
}

/// A tenth of a unit is finer than the eye; whole numbers without a point.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    if text == "-0" { "0".to_owned() } else { text }
}

fn put(out: &mut String, arguments: std::fmt::Arguments) {
    out.write_fmt(arguments).expect("writing to a String cannot fail");
}
