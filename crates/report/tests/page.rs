//! Promises of the page: one file, nothing loaded, text never markup.

use gaugebias_report::{
    AlternativeRow, Axis, Branch, Content, Curve, Derivation, Fact, Figure, Page, Scatter, Section, Table, VerdictRow,
};

const NASTY: &str = "</code></script><script>alert(1)</script>\"'&<img src=http://x>";

fn page(words: &str) -> Page {
    let text = || words.to_owned();
    let groups = vec![Curve { label: text(), points: vec![(0.0, 1.0), (1.0, 2.0)] }];
    let content = Content::Scatter(Scatter { groups, diagonal: Some(text()) });
    let (x, y) = (Axis::new(words), Axis::new(words));
    Page {
        title: text(),
        subtitle: text(),
        summary: vec![text()],
        question: vec![text()],
        derivations: vec![Derivation {
            title: text(),
            tree: vec![Branch { text: text(), leaves: vec![text()] }],
            rows: vec![
                Fact { label: text(), value: text(), latex: Some(text()) },
                Fact { label: text(), value: text(), latex: Some(r"\tfrac12 \sum_i \log|w_i|".into()) },
            ],
        }],
        verdicts: vec![VerdictRow {
            title: text(),
            law: text(),
            observable: text(),
            verdict: "disagrees".into(),
            reason: text(),
            alternatives: vec![AlternativeRow { law: text(), ks: 0.1, verdict: text() }],
            ..VerdictRow::default()
        }],
        tables: vec![Table { title: text(), caption: text(), header: vec![text()], rows: vec![vec![text(), text()]] }],
        sections: vec![Section {
            title: text(),
            paragraphs: vec![text()],
            figures: vec![Figure {
                name: "g".into(),
                title: text(),
                caption: text(),
                x: x.clone(),
                y: y.clone(),
                content: content.clone(),
            }],
        }],
        figures: vec![Figure { name: "f".into(), title: text(), caption: text(), x, y, content }],
        spec: text(),
        provenance: vec![(text(), text())],
    }
}

#[test]
fn text_is_never_markup() {
    let html = page(NASTY).html().unwrap();
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let html = page("plain").html().unwrap();
    for loader in ["src=", "@import", "url(", "<script", "<link rel=\"stylesheet", "href=\"http"] {
        assert!(!html.contains(loader), "{loader}");
    }
    assert!(html.contains("Content-Security-Policy") && html.contains("default-src 'none'"));
    let addresses = html.matches("http").count();
    let names = html.matches("xmlns=\"http://www.w3.org/").count() + html.matches("http-equiv").count();
    assert_eq!(addresses, names, "the only addresses are names of XML vocabularies");
}

#[test]
fn formulas_are_typeset_or_shown_as_source() {
    let html = page(r"\unknown{x").html().unwrap();
    assert!(html.contains("<math"));
    assert!(html.contains(r#"<code class="latex">\unknown{x</code>"#));
}

#[test]
fn empty_parts_are_left_out() {
    let html = Page { title: "only a title".into(), ..Page::default() }.html().unwrap();
    assert!(html.contains("<h1>only a title</h1>"));
    assert!(!html.contains("<h2>") && !html.contains("<table") && !html.contains("<figure"));
}

#[test]
fn columns_of_numbers_are_flush_right() {
    let cells = |row: [&str; 3]| row.map(str::to_owned).to_vec();
    let table = Table {
        header: cells(["variant", "error", "ratio"]),
        rows: vec![cells(["a", "1.2 ± 0.1", "−3×10⁻⁵"]), cells(["b", "—", "12"])],
        ..Table::default()
    };
    let html = Page { tables: vec![table], ..Page::default() }.html().unwrap();
    assert!(html.contains(r#"<th>variant</th><th class="n">error</th><th class="n">ratio</th>"#), "{html}");
}
