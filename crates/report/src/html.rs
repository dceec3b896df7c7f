//! The page as HTML: one file, no script, nothing loaded from anywhere (a content security policy in the page says so too).

use crate::page::{Page, Table, VerdictRow};
use crate::scale::number;
use crate::{ReportError, mathml, style};
use minijinja::{Environment, Value, context};

const TEMPLATE: &str = include_str!("../templates/report.html");
const STYLE: &str = include_str!("../templates/report.css");
const DARK_STYLE: &str = include_str!("../templates/report-dark.css");

impl Page {
    /// The whole page. Text is escaped, formulas become MathML, figures are embedded.
    ///
    /// # Errors
    /// A figure whose data do not fit together, or a figure name that is unsafe or used twice.
    pub fn html(&self) -> Result<String, ReportError> {
        self.check_names()?;
        let mut templates = Environment::new();
        // The `.html` ending switches escaping on.
        templates.add_template("report.html", TEMPLATE)?;
        let page = context! {
            title => &self.title, subtitle => &self.subtitle, summary => &self.summary, question => &self.question,
            derivations => self.derivation_values(), verdicts => self.verdicts.iter().map(verdict_value).collect::<Vec<_>>(),
            figures => figure_values(&self.figures)?, sections => self.section_values()?, tables => self.tables.iter().map(table_value).collect::<Vec<_>>(),
            spec => &self.spec, provenance => &self.provenance,
        };
        Ok(templates.get_template("report.html")?.render(context! { page, style => page_style() })?)
    }

    fn derivation_values(&self) -> Vec<Value> {
        let rows = |block: &crate::Derivation| -> Vec<Value> {
            let value = |row: &crate::Fact| {
                context! { label => &row.label, value => &row.value, latex => &row.latex, mathml => row.latex.as_deref().and_then(mathml::from_latex) }
            };
            block.rows.iter().map(value).collect()
        };
        let tree = |block: &crate::Derivation| -> Vec<Value> {
            block.tree.iter().map(|b| context! { text => &b.text, leaves => &b.leaves }).collect()
        };
        let value = |block: &crate::Derivation| {
            context! { title => &block.title, rows => rows(block), tree => tree(block) }
        };
        self.derivations.iter().map(value).collect()
    }

    fn section_values(&self) -> Result<Vec<Value>, ReportError> {
        let value = |section: &crate::Section| {
            let figures = figure_values(&section.figures)?;
            Ok(context! { title => &section.title, paragraphs => &section.paragraphs, figures })
        };
        self.sections.iter().map(value).collect()
    }
}

fn figure_values(figures: &[crate::Figure]) -> Result<Vec<Value>, ReportError> {
    let value = |figure: &crate::Figure| {
        Ok(context! { name => &figure.name, caption => &figure.caption, svg => figure.inline_svg()? })
    };
    figures.iter().map(value).collect()
}

/// The page's rules with those of its figures, light by default and dark where the reader's system is.
fn page_style() -> String {
    format!(
        "{STYLE}{}\n@media screen and (prefers-color-scheme: dark) {{\n{DARK_STYLE}{}\n}}",
        style::sheet(false),
        style::sheet(true)
    )
}

fn verdict_value(row: &VerdictRow) -> Value {
    let alternative = |other: &crate::AlternativeRow| {
        context! { law => &other.law, ks => number(other.ks), verdict => &other.verdict, sign => sign(&other.verdict) }
    };
    context! {
        title => &row.title, law => &row.law, observable => &row.observable, verdict => &row.verdict, sign => sign(&row.verdict),
        reason => &row.reason, ks => number(row.ks), ks_threshold => number(row.ks_threshold),
        effective_samples => number(row.effective_samples.round()),
        alternatives => row.alternatives.iter().map(alternative).collect::<Vec<_>>(),
    }
}

/// A verdict's sign, so that it does not hang on colour.
fn sign(verdict: &str) -> &'static str {
    match verdict {
        "agrees" => "✓",
        "disagrees" => "✗",
        _ => "?",
    }
}

fn table_value(table: &Table) -> Value {
    let columns = table.rows.iter().map(Vec::len).chain([table.header.len()]).max().unwrap_or(0);
    let numeric = |column| {
        let mut cells =
            table.rows.iter().filter_map(|row| row.get(column)).filter(|cell: &&String| !is_blank(cell)).peekable();
        cells.peek().is_some() && cells.all(|cell| is_number(cell))
    };
    let numeric: Vec<bool> = (0..columns).map(numeric).collect();
    context! { title => &table.title, caption => &table.caption, header => &table.header, rows => &table.rows, numeric }
}

/// Says that there is no value.
fn is_blank(cell: &str) -> bool {
    cell.trim_matches(['-', '−', '–', '—', ' ']).is_empty()
}

/// Starts like a number: a digit after an optional sign. Cells such as `1.2 ± 0.1` and `3×10⁻⁵` count.
fn is_number(cell: &str) -> bool {
    cell.trim_start_matches(['-', '−', '+', '±', '<', '>', '≤', '≥', ' ', '.'])
        .starts_with(|c: char| c.is_ascii_digit())
}
