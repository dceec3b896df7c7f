use crate::{Figure, ReportError};
use std::collections::BTreeSet;

/// Everything that a report says, as plain data. Every string is text, never markup; empty parts are left out of the page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// Title of the run.
    pub title: String,
    /// One line below it.
    pub subtitle: String,
    /// What came out, sentence by sentence; the first thing that is read.
    pub summary: Vec<String>,
    /// What was asked, in paragraphs.
    pub question: Vec<String>,
    /// What was derived.
    pub derivations: Vec<Derivation>,
    /// Samples against laws.
    pub verdicts: Vec<VerdictRow>,
    /// Further tables.
    pub tables: Vec<Table>,
    /// Figures, in reading order.
    pub figures: Vec<Figure>,
    /// Further parts with words and figures of their own.
    pub sections: Vec<Section>,
    /// The spec as it was run.
    pub spec: String,
    /// Label and value: version, seeds, machine, wall time.
    pub provenance: Vec<(String, String)>,
}

/// A part of a page that holds several runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// What there is to say.
    pub paragraphs: Vec<String>,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// A block of derived facts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Derivation {
    /// Heading, e.g. the variant's name.
    pub title: String,
    /// The facts.
    pub rows: Vec<Fact>,
    /// The structure of the algebra, branch by branch.
    pub tree: Vec<Branch>,
}

/// A branch of a tree with its leaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Branch {
    /// What hangs together.
    pub text: String,
    /// One line each.
    pub leaves: Vec<String>,
}

/// A derived fact: what, its value in words or numbers, and as a formula where there is one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// Value in words or numbers.
    pub value: String,
    /// LaTeX, without dollars; shown as source where it cannot be typeset.
    pub latex: Option<String>,
}

/// A law's comparison with samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VerdictRow {
    /// Which run, where there are several; may be empty.
    pub title: String,
    /// The law.
    pub law: String,
    /// The observable, as the spec writes it.
    pub observable: String,
    /// Kolmogorov–Smirnov distance.
    pub ks: f64,
    /// Largest distance that is not rejected.
    pub ks_threshold: f64,
    /// Number of independent samples that the samples are worth.
    pub effective_samples: f64,
    /// `agrees`, `disagrees` or `undecided`.
    pub verdict: String,
    /// The verdict in one sentence.
    pub reason: String,
    /// Alternative laws.
    pub alternatives: Vec<AlternativeRow>,
}

/// An alternative law in a [`VerdictRow`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlternativeRow {
    /// The law.
    pub law: String,
    /// Kolmogorov–Smirnov distance.
    pub ks: f64,
    /// `agrees`, `disagrees` or `undecided`.
    pub verdict: String,
}

/// A table of text. Columns whose cells are all numbers are set flush right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// A sentence above it; may be empty.
    pub caption: String,
    /// Column names.
    pub header: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As aligned text, one line for each row, the header first.
    pub fn to_text(&self) -> String {
        let rows: Vec<&Vec<String>> = std::iter::once(&self.header).chain(&self.rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let line = |row: &&Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            format!("    {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        rows.iter().map(line).collect()
    }
}

impl Page {
    /// Its figures and those of its sections.
    pub(crate) fn all_figures(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().chain(self.sections.iter().flat_map(|section| &section.figures))
    }

    /// Figures' names become file names and anchors: they must be safe and unique (also where file names ignore case).
    pub(crate) fn check_names(&self) -> Result<(), ReportError> {
        let mut seen = BTreeSet::new();
        for Figure { name, .. } in self.all_figures() {
            let fault = |reason| Err(ReportError::FigureName { name: name.clone(), reason });
            if name.is_empty() || name.starts_with('.') || name.len() > 100 {
                return fault("it is empty, too long, or starts with a dot");
            }
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
                return fault("it holds a character that is not allowed");
            }
            if !seen.insert(name.to_ascii_lowercase()) {
                return fault("two figures share it");
            }
        }
        Ok(())
    }
}
