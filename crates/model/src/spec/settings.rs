//! The sections that hold settings instead of expressions, but for `[train]`.

use super::raw::{Entry, Raw, Table};
use super::reader::{Reader, section};
use super::{Definition, definition};
use crate::source::{Location, SpecError};

/// The most seeds that a spec can ask for: beyond any memory, and within what sizes can be counted.
pub const MOST_SEEDS: u64 = 100_000_000;

/// `[ensemble]`
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    /// How many independent runs.
    pub seeds: usize,
    /// Names the family of random streams.
    pub seed: u64,
    /// Whether `[data]` is drawn once for all seeds.
    pub shared_data: bool,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// Steps between records.
    pub every: u64,
    /// Named expressions of parameters, data, batch and model.
    pub observables: Vec<Definition>,
}

/// The stationary laws that a run can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Isotropic noise conditioned on the slice.
    Conditioned,
    /// Langevin dynamics constrained to the slice.
    Rigid,
    /// Horizontal noise.
    Horizontal,
    /// Isotropic noise modulo a compact group.
    Isotropic,
    /// The noise of SGD's own gradients: mini-batches, or noise on labels.
    Sgd,
    /// No noise: where gradient flow from the start ends.
    Flow,
}

impl Law {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Conditioned, Self::Rigid, Self::Horizontal, Self::Isotropic, Self::Sgd, Self::Flow];

    /// As in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conditioned => "conditioned",
            Self::Rigid => "rigid",
            Self::Horizontal => "horizontal",
            Self::Isotropic => "isotropic",
            Self::Sgd => "sgd",
            Self::Flow => "flow",
        }
    }
}

/// `[verify]`
#[derive(Clone, Debug)]
pub struct Verify {
    /// The law to test.
    pub law: Law,
    /// A scalar expression.
    pub observable: Definition,
    /// Steps that are left out.
    pub burn_in: u64,
    /// Steps between samples.
    pub thin: u64,
}

/// The kinds of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// An observable against the step.
    Lines,
    /// The distribution of an observable, with the predicted laws.
    Density,
    /// The entries of a vector.
    Stem,
    /// One observable against another.
    Scatter,
    /// Level sets of an expression of `[model]` over the plane of two scalar parameters.
    Levels,
    /// The norm ratio of two balancing factors, with what became of its charge.
    Balance,
    /// A Hadamard product at the end against what gradient flow from its initial charges predicts.
    Flow,
}

impl FigureKind {
    /// As in a spec, with the keys that belong to the kind besides `kind`, `y` and `caption`.
    const ALL: [(&str, FigureKind, &[&str]); 7] = [
        ("lines", Self::Lines, &["reference", "log_y"]),
        ("density", Self::Density, &["log_y"]),
        ("stem", Self::Stem, &["truth", "borders", "log_y"]),
        ("scatter", Self::Scatter, &["x", "log_y"]),
        ("levels", Self::Levels, &[]),
        ("balance", Self::Balance, &["charge", "predicted"]),
        ("flow", Self::Flow, &["charge", "design"]),
    ];
}

/// `[[figure]]`
#[derive(Clone, Debug)]
pub struct Figure {
    /// How it is drawn.
    pub kind: FigureKind,
    /// The observable on the vertical axis, by its name in `[log]`; of levels, the expression, by its name in `[model]`.
    pub y: String,
    /// The observable on the horizontal axis of a scatter.
    pub x: Option<String>,
    /// The observable with the charge of each ratio, or of each entry of a Hadamard product.
    pub charge: Option<String>,
    /// The observable with what a charge was predicted to change by.
    pub predicted: Option<String>,
    /// The true values, by their name in `[data]`.
    pub truth: Option<String>,
    /// First entries of the parts into which a stem's vector falls, by their name in `[data]`; a line is drawn before each.
    pub borders: Option<String>,
    /// The matrix of `[data]` through which the loss sees a Hadamard product.
    pub design: Option<String>,
    /// A horizontal line.
    pub reference: Option<f64>,
    /// Whether the vertical axis is logarithmic.
    pub log_y: bool,
    /// What the figure shows.
    pub caption: Option<String>,
    /// Where it stands.
    pub location: Location,
}

pub(super) fn ensemble(document: &Table) -> Result<Ensemble, SpecError> {
    let empty = Table::new();
    let mut reader = Reader::new(section(document, "ensemble")?.map_or(&empty, |(table, _)| table), "ensemble");
    let ensemble = Ensemble {
        seeds: reader.count_between("seeds", 1, MOST_SEEDS)?.unwrap_or(16) as usize,
        seed: reader.count("seed", 0)?.unwrap_or(0),
        shared_data: reader.boolean("shared_data", false)?,
    };
    reader.finish()?;
    Ok(ensemble)
}

pub(super) fn log(document: &Table) -> Result<Log, SpecError> {
    let empty = Table::new();
    let mut reader = Reader::new(section(document, "log")?.map_or(&empty, |(table, _)| table), "log");
    let every = reader.count("every", 1)?.unwrap_or(100);
    if let Some((_, entry)) = reader.rest().find(|(key, _)| *key == "step") {
        return Err(SpecError::at(&entry.key, "`step` is taken: logs hold the steps under that name"));
    }
    let wanted = reader.rest().filter(|(_, entry)| entry.value != Raw::Boolean(false));
    let observables = wanted.map(|(key, entry)| definition(key, entry, "log")).collect::<Result<_, _>>()?;
    Ok(Log { every, observables })
}

/// A variant drops a total of the base with `name = false`.
pub(super) fn total(document: &Table) -> Result<Vec<Definition>, SpecError> {
    let Some((table, _)) = section(document, "total")? else { return Ok(Vec::new()) };
    let wanted = table.iter().filter(|(_, entry)| entry.value != Raw::Boolean(false));
    wanted.map(|(key, entry)| definition(key, entry, "total")).collect()
}

pub(super) fn verify(document: &Table) -> Result<Option<Verify>, SpecError> {
    let Some((table, key)) = section(document, "verify")? else { return Ok(None) };
    let mut reader = Reader::new(table, "verify");
    let laws = Law::ALL.map(|law| (law.name(), law));
    let law = reader.choice("law", &laws)?.ok_or_else(|| {
        SpecError::at(key, "[verify] names no law")
            .help("law = \"horizontal\" (or conditioned, rigid, isotropic, sgd, flow)")
    })?;
    let observable = match reader.entry("observable") {
        Some(entry) => definition("observable", entry, "verify")?,
        None => return Err(SpecError::at(key, "[verify] names no observable").help("observable = \"predictor[0]\"")),
    };
    let burn_in = reader.count("burn_in", 0)?.unwrap_or(0);
    let thin = reader.count("thin", 1)?.unwrap_or(1);
    reader.finish()?;
    Ok(Some(Verify { law, observable, burn_in, thin }))
}

pub(super) fn figures(document: &Table) -> Result<Vec<Figure>, SpecError> {
    let Some(entry) = document.get("figure") else { return Ok(Vec::new()) };
    let wrong = |entry: &Entry| SpecError::at(&entry.location, "figures are written [[figure]]");
    let Raw::Array(items) = &entry.value else { return Err(wrong(entry)) };
    items
        .iter()
        .map(|item| match &item.value {
            Raw::Table(table) => figure(table, &item.location),
            _ => Err(wrong(item)),
        })
        .collect()
}

fn figure(table: &Table, location: &Location) -> Result<Figure, SpecError> {
    let mut reader = Reader::new(table, "figure");
    let kinds = FigureKind::ALL.map(|(name, kind, _)| (name, kind));
    let kind = reader.choice("kind", &kinds)?.ok_or_else(|| {
        let names = FigureKind::ALL.map(|(name, _, _)| name);
        SpecError::at(location, format!("a figure has a kind: {}", names.join(", ")))
    })?;
    let y = reader.text("y")?;
    let figure = Figure {
        kind,
        y: y.ok_or_else(|| SpecError::at(location, "a figure has a y: the name of an observable in [log]"))?,
        x: reader.text("x")?,
        charge: reader.text("charge")?,
        predicted: reader.text("predicted")?,
        truth: reader.text("truth")?,
        borders: reader.text("borders")?,
        design: reader.text("design")?,
        reference: reader.number("reference", "a number", |_| true)?,
        log_y: reader.boolean("log_y", false)?,
        caption: reader.text("caption")?,
        location: location.clone(),
    };
    reader.finish()?;
    check_keys(table, &figure)?;
    Ok(figure)
}

/// Keys that do not belong to the figure's kind, or that it lacks.
fn check_keys(table: &Table, figure: &Figure) -> Result<(), SpecError> {
    let own = FigureKind::ALL.iter().find(|(_, kind, _)| *kind == figure.kind);
    let (name, _, own) = *own.expect("every kind is in the list");
    let foreign =
        table.iter().find(|(key, _)| !["kind", "y", "caption"].contains(&key.as_str()) && !own.contains(&key.as_str()));
    if let Some((key, entry)) = foreign {
        let belonging = ["kind", "y", "caption"].iter().chain(own).copied().collect::<Vec<_>>().join(", ");
        return Err(SpecError::at(&entry.key, format!("`{key}` does not belong to a {name} figure"))
            .label("unused")
            .help(format!("the keys of a {name} figure are {belonging}")));
    }
    if figure.kind == FigureKind::Scatter && figure.x.is_none() {
        let message = "a scatter has an x: the observable on its horizontal axis";
        return Err(SpecError::at(&figure.location, message));
    }
    let missing = match figure.kind {
        FigureKind::Balance if figure.charge.is_none() => Some("charge: the observable with the charge of each ratio"),
        FigureKind::Flow if figure.design.is_none() => {
            Some("design: the matrix of [data] through which the loss sees y")
        }
        FigureKind::Flow if figure.charge.is_none() => {
            Some("charge: the observable with (u² − v²)/2 for each entry of y = u·v")
        }
        _ => None,
    };
    match missing {
        Some(what) => Err(SpecError::at(&figure.location, format!("a {name} figure has a {what}"))),
        None => Ok(()),
    }
}
