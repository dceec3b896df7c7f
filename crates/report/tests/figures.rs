//! Promises that hold for every figure: well-formed, inside its canvas, words apart, numbers finite, files small.

use gaugebias_report::{
    Axis, Band, Content, Curve, Density, Figure, Levels, Lines, Reference, ReportError, Scatter, Series, Stem,
};
use proptest::prelude::*;
use resvg::usvg::roxmltree::{Document, Node};

fn figure(x: Axis, y: Axis, content: Content) -> Figure {
    Figure { name: "f".into(), title: "A title".into(), caption: "What is seen".into(), x, y, content }
}

fn lines(steps: Vec<f64>, series: Vec<Series>) -> Content {
    Content::Lines(Lines { steps, series, reference: Some(Reference { value: 1.0, label: "one".into() }), band: None })
}

fn one_line(values: Vec<f64>) -> Figure {
    let steps = (0..values.len()).map(|i| i as f64).collect();
    figure(Axis::new("step"), Axis::new("loss"), lines(steps, vec![Series { label: "loss".into(), values }]))
}

fn kinds() -> Vec<Figure> {
    let curve = |label: &str| Curve {
        label: label.into(),
        points: (0..50).map(|i| f64::from(i) / 10.0).map(|x| (x, (-x).exp())).collect(),
    };
    let axis: Vec<f64> = (0..40).map(|i| f64::from(i) / 10.0 - 2.0).collect();
    let values = axis.iter().flat_map(|v| axis.iter().map(move |u| u * v)).collect();
    let series =
        |label: &str| Series { label: label.into(), values: (0..60).map(|i| f64::from(i % 7) - 3.0).collect() };
    [
        lines((0..20).map(f64::from).collect(), vec![series("a"), series("b")]),
        Content::Density(Density {
            label: "samples".into(),
            samples: (0..500).map(|i| f64::from(i) / 100.0).collect(),
            effective_samples: 100.0,
            laws: vec![curve("horizontal")],
            alternatives: vec![curve("rigid"), curve("isotropic")],
        }),
        Content::Stem(Stem {
            positions: (0..20).map(f64::from).collect(),
            series: vec![series("a"), series("b")],
            truth: Some(vec![0.5; 20]),
            borders: vec![9.5],
        }),
        Content::Scatter(Scatter { groups: vec![curve("a"), curve("b")], diagonal: Some("equal".into()) }),
        Content::Levels(Levels {
            label: "uv".into(),
            xs: axis.clone(),
            ys: axis,
            values,
            levels: vec![-1.0, -0.3, 0.3, 1.0],
            curves: vec![curve("a curve")],
            starts: vec![(1.0, -1.0)],
            ends: vec![(-1.0, 1.0)],
        }),
    ]
    .map(|content| figure(Axis::new("x (m)"), Axis::new("y (s)"), content))
    .to_vec()
}

/// Boxes (left, top, right, bottom) of all words, from widths of the bundled font, and the canvas (width, height).
fn boxes(svg: &str) -> (Vec<([f64; 4], String)>, [f64; 2]) {
    let font = skrifa::FontRef::new(include_bytes!("../assets/DejaVuSans.ttf")).unwrap();
    let document = Document::parse(svg).unwrap();
    let root = document.root_element();
    let view: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|s| s.parse().unwrap()).collect();
    let number = |node: &Node, name: &str| node.attribute(name).map(|s| s.parse::<f64>().unwrap());
    let default_size = number(&root, "font-size").unwrap();
    let texts = root.descendants().filter(|node| node.has_tag_name("text"));
    let found = texts.map(|node| {
        let (words, size) = (node.text().unwrap().to_owned(), number(&node, "font-size").unwrap_or(default_size));
        let width = advance(&font, &words) * size;
        let (x, baseline) = (number(&node, "x").unwrap(), number(&node, "y").unwrap());
        let left = match node.attribute("text-anchor") {
            Some("middle") => x - 0.5 * width,
            Some("end") => x - width,
            _ => x,
        };
        ([left, baseline - 0.76 * size, left + width, baseline + 0.2 * size], words)
    });
    (found.collect(), [view[2], view[3]])
}

fn advance(font: &skrifa::FontRef, words: &str) -> f64 {
    use skrifa::MetadataProvider;
    use skrifa::instance::{LocationRef, Size};
    let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
    let glyphs = words.chars().map(|c| font.charmap().map(c).unwrap_or_default());
    glyphs.map(|glyph| f64::from(metrics.advance_width(glyph).unwrap_or(1.0))).sum()
}

fn assert_tidy(figure: &Figure) {
    let svg = figure.svg().unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert_words_keep_off_the_plot(&svg);
    let (words, [width, height]) = boxes(&svg);
    for (index, ([left, top, right, bottom], text)) in words.iter().enumerate() {
        assert!(*left >= 0.0 && *top >= 0.0 && *right <= width && *bottom <= height, "clipped: {text}");
        for ([l, t, r, b], other) in &words[..index] {
            let apart = right <= l || r <= left || bottom <= t || b <= top;
            assert!(apart, "`{text}` and `{other}` collide");
        }
    }
}

/// No label of an axis or a legend reaches into the plot, which is the inner `svg` element.
fn assert_words_keep_off_the_plot(svg: &str) {
    let document = Document::parse(svg).unwrap();
    let root = document.root_element();
    let Some(plot) = root.children().find(|node| node.has_tag_name("svg")) else { return };
    let [x, y, w, h] = ["x", "y", "width", "height"].map(|name| plot.attribute(name).unwrap().parse::<f64>().unwrap());
    let inside = plot.descendants().filter(|node| node.has_tag_name("text")).count();
    let words = boxes(svg).0;
    // Words inside the plot come last.
    for ([left, top, right, bottom], text) in &words[..words.len() - inside] {
        let apart = *right <= x || x + w <= *left || *bottom <= y || y + h <= *top;
        assert!(apart, "`{text}` covers the plot");
    }
}

#[test]
fn every_kind_is_tidy_in_both_forms_and_as_pixels() {
    for figure in kinds() {
        assert_tidy(&figure);
        let inline = figure.inline_svg().unwrap();
        Document::parse(&inline).unwrap();
        assert!(!inline.contains("<style") && !inline.contains("id="), "nothing that could clash with the page");
        assert!(inline.contains("aria-label=\"A title. What is seen\""));
        assert!(figure.png().unwrap().starts_with(b"\x89PNG"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_range_and_any_words_stay_tidy(
        centre in prop_oneof![Just(0.0), -1e3..1e3_f64, -1e9..1e9_f64, Just(1.7e308), Just(-9.9e299), Just(1e-310)],
        spread in prop_oneof![Just(0.0), 1e-12..1e-3_f64, 1e-3..1e3_f64, 1e3..1e12_f64, Just(1e298), Just(f64::MAX)],
        first_step in prop_oneof![Just(0.0), 1e5..9e6_f64],
        span in prop_oneof![1.0..20.0_f64, 1.0..1e9_f64],
        log in any::<bool>(),
        title in "[ -~äπ∘]{0,160}",
        labels in proptest::collection::vec("[ -~äπ∘]{0,60}", 1..12),
    ) {
        // These two are looked for among the numbers.
        proptest::prop_assume!(labels.iter().chain([&title]).all(|words| !words.contains("NaN") && !words.contains("inf")));
        let steps: Vec<f64> = (0..30).map(|i| first_step + span * f64::from(i) / 29.0).collect();
        let values: Vec<f64> = (0..60).map(|i| centre + spread * f64::from(i * 7 % 13)).collect();
        let series = labels.iter().map(|label| Series { label: label.clone(), values: values.clone() }).collect();
        let y = if log { Axis::new(title.clone()).logarithmic() } else { Axis::new(title.clone()) };
        let figure = Figure { title, ..figure(Axis::new(labels[0].clone()), y, lines(steps, series)) };
        assert_tidy(&figure);
    }
}

/// The main paths of a line figure: one stroke for each stretch of finite values.
fn strokes(figure: &Figure) -> usize {
    let svg = figure.inline_svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let line = document.descendants().find(|n| n.attribute("stroke-width") == Some("1.8"));
    line.map_or(0, |node| node.attribute("d").unwrap().matches('M').count())
}

/// A band in the legend is a patch, as it is in the plot; a border between parts is one line more.
#[test]
fn bands_and_borders_are_drawn_as_what_they_are() {
    let series = vec![Series { label: "a".into(), values: vec![1.0, 2.0, 3.0] }];
    let positions = vec![0.0, 1.0, 2.0];
    let stem = |borders: Vec<f64>| {
        let content =
            Content::Stem(Stem { positions: positions.clone(), series: series.clone(), truth: None, borders });
        figure(Axis::new("i"), Axis::new("w"), content).svg().unwrap().matches("stroke-dasharray").count()
    };
    assert_eq!(stem(vec![0.5, 1.5]), stem(Vec::new()) + 2);
    let band = Band { label: "band".into(), ends: vec![(0.0, 4.0); 3], series: 0 };
    let banded = |band: Option<Band>| {
        let content = Content::Lines(Lines { steps: positions.clone(), series: series.clone(), reference: None, band });
        figure(Axis::new("i"), Axis::new("w"), content).svg().unwrap().matches("<rect").count()
    };
    assert_eq!(banded(Some(band)), banded(None) + 1);
}

#[test]
fn missing_values_leave_gaps() {
    let values = |gap: std::ops::Range<usize>, filler: f64| {
        (0..1_000).map(|i| if gap.contains(&i) { filler } else { 2.0 + (i % 5) as f64 }).collect::<Vec<_>>()
    };
    for filler in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(strokes(&one_line(values(300..500, filler))), 2);
    }
    assert_eq!(strokes(&one_line(values(0..0, 0.0))), 1);
    let mut log = one_line(values(300..500, -1.0));
    assert_eq!(strokes(&log), 1, "a negative value has its place on a linear axis");
    log.y = log.y.logarithmic();
    assert_eq!(strokes(&log), 2, "and none on a logarithmic one");
    assert!(one_line(vec![f64::NAN; 5]).svg().unwrap().contains("no finite values to draw"));
}

#[test]
fn long_runs_make_small_files() {
    let records = 20_000;
    let wave = |k: usize| (0..records * 16).map(move |i| (((i * 7919 + k) % 1009) as f64).sqrt());
    for count in [1, 4, 64, 1_000] {
        let seeds = if count < 64 { 16 } else { 1 };
        let series = (0..count)
            .map(|k| Series { label: format!("s{k}"), values: wave(k).take(records * seeds).collect() })
            .collect();
        let steps = (0..records).map(|i| i as f64).collect();
        let size = figure(Axis::new("step"), Axis::new("y"), lines(steps, series)).svg().unwrap().len();
        assert!(size < 300_000, "{count} series: {size} bytes");
    }
    let points = (0..200_000).map(|i| (f64::from(i % 997), f64::from(i % 1009))).collect();
    let groups = vec![Curve { label: "points".into(), points }];
    let cloud = figure(Axis::new("x"), Axis::new("y"), Content::Scatter(Scatter { groups, diagonal: None }));
    assert!(cloud.svg().unwrap().len() < 300_000);
}

#[test]
fn words_reach_the_pixels() {
    let with_words = kinds().remove(3);
    let mut without = with_words.clone();
    without.x.label.clear();
    assert_ne!(with_words.png().unwrap(), without.png().unwrap(), "the bundled font was not found");
}

#[test]
fn data_that_do_not_fit_are_refused_with_numbers() {
    let bad = figure(
        Axis::new("x"),
        Axis::new("y"),
        lines(vec![0.0; 3], vec![Series { label: "loss".into(), values: vec![0.0; 7] }]),
    );
    let error = bad.svg().unwrap_err();
    assert!(matches!(error, ReportError::Shape { found: 7, .. }), "{error}");
    assert!(error.to_string().contains("`loss`") && error.to_string().contains("3 positions"), "{error}");
    let grid =
        Content::Levels(Levels { xs: vec![0.0, 1.0], ys: vec![0.0, 1.0], values: vec![0.0; 3], ..Levels::default() });
    assert!(
        figure(Axis::new("x"), Axis::new("y"), grid).svg().unwrap_err().to_string().contains("3 values, expected 4")
    );
    let truth =
        Content::Stem(Stem { positions: vec![0.0, 1.0], series: vec![], truth: Some(vec![1.0]), borders: Vec::new() });
    assert!(figure(Axis::new("x"), Axis::new("y"), truth).svg().is_err());
}
