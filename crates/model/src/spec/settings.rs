//! The sections that hold settings instead of expressions.

use super::raw::{Entry, Raw, Table};
use super::reader::{Reader, section};
use super::{Definition, definition};
use crate::source::{Location, SpecError};

/// How parameters are updated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// θ ← θ − η·g, with optional heavy-ball momentum and weight decay.
    Sgd {
        /// m ← momentum·m + g, θ ← θ − η·m.
        momentum: f64,
        /// g ← g + weight_decay·θ.
        weight_decay: f64,
    },
    /// Adam (Kingma and Ba, 2015), with bias correction.
    Adam {
        /// Decay of the mean of gradients.
        beta1: f64,
        /// Decay of the mean of their squares.
        beta2: f64,
        /// Added to the root of the mean square.
        epsilon: f64,
    },
    /// Euler–Maruyama of dθ = −∇L dt + √(2τ) P dW; the step size is the time step.
    Langevin,
}

/// What drives the parameters besides the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Nothing; with `[batch]` this is plain SGD.
    None,
    /// √(2τ) dW.
    Isotropic,
    /// √(2τ) P_H(θ) dW in the Itô sense, P_H the projector onto the row space of the predictor's Jacobian.
    Horizontal,
}

/// Precision of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Single.
    F32,
    /// Double.
    F64,
}

impl DataType {
    /// `f32` or `f64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// `[train]`
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// The update.
    pub optimizer: Optimizer,
    /// η, or the time step of Langevin dynamics.
    pub step_size: f64,
    /// Number of steps.
    pub steps: u64,
    /// Injected noise.
    pub noise: Noise,
    /// τ, in units of the loss.
    pub temperature: f64,
    /// Precision.
    pub dtype: DataType,
    /// Where the section stands, if it is there.
    pub location: Option<Location>,
}

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
}

impl Law {
    /// As in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conditioned => "conditioned",
            Self::Rigid => "rigid",
            Self::Horizontal => "horizontal",
            Self::Isotropic => "isotropic",
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
}

/// `[[figure]]`
#[derive(Clone, Debug)]
pub struct Figure {
    /// How it is drawn.
    pub kind: FigureKind,
    /// The observable on the vertical axis, by its name in `[log]`.
    pub y: String,
    /// The observable on the horizontal axis of a scatter.
    pub x: Option<String>,
    /// A horizontal line.
    pub reference: Option<f64>,
    /// Whether the vertical axis is logarithmic.
    pub log_y: bool,
    /// What the figure shows.
    pub caption: Option<String>,
    /// Where it stands.
    pub location: Location,
}

const POSITIVE: &str = "a number greater than 0";
const NOT_NEGATIVE: &str = "a number of at least 0";

pub(super) fn train(document: &Table) -> Result<Train, SpecError> {
    let empty = Table::new();
    let found = section(document, "train")?;
    let mut reader = Reader::new(found.map_or(&empty, |(table, _)| table), "train");
    let name =
        reader.choice("optimizer", &[("sgd", "sgd"), ("adam", "adam"), ("langevin", "langevin")])?.unwrap_or("sgd");
    const DECAY: &str = "a number from 0 to below 1";
    let decay = |x: f64| (0.0..1.0).contains(&x);
    let momentum = reader.number("momentum", DECAY, decay)?;
    let weight_decay = reader.number("weight_decay", NOT_NEGATIVE, |x| x >= 0.0)?;
    let beta1 = reader.number("beta1", DECAY, decay)?;
    let beta2 = reader.number("beta2", DECAY, decay)?;
    let epsilon = reader.number("epsilon", POSITIVE, |x| x > 0.0)?;
    let optimizer = match name {
        "langevin" => Optimizer::Langevin,
        "adam" => Optimizer::Adam {
            beta1: beta1.unwrap_or(0.9),
            beta2: beta2.unwrap_or(0.999),
            epsilon: epsilon.unwrap_or(1e-8),
        },
        _ => Optimizer::Sgd { momentum: momentum.unwrap_or(0.0), weight_decay: weight_decay.unwrap_or(0.0) },
    };
    let noises = [("none", Noise::None), ("isotropic", Noise::Isotropic), ("horizontal", Noise::Horizontal)];
    let train = Train {
        optimizer,
        step_size: reader.number("step_size", POSITIVE, |x| x > 0.0)?.unwrap_or(1e-3),
        steps: reader.count("steps", 0)?.unwrap_or(1_000),
        noise: reader.choice("noise", &noises)?.unwrap_or(Noise::None),
        temperature: reader.number("temperature", NOT_NEGATIVE, |x| x >= 0.0)?.unwrap_or(0.0),
        dtype: reader.choice("dtype", &[("f32", DataType::F32), ("f64", DataType::F64)])?.unwrap_or(DataType::F32),
        location: found.map(|(_, key)| key.clone()),
    };
    let place = |key: &str| found.and_then(|(table, _)| table.get(key)).map(|entry| entry.key.clone());
    let belongings = [
        ("momentum", momentum, "sgd"),
        ("weight_decay", weight_decay, "sgd"),
        ("beta1", beta1, "adam"),
        ("beta2", beta2, "adam"),
        ("epsilon", epsilon, "adam"),
    ];
    if let Some((key, _, owner)) = belongings.iter().find(|(_, value, owner)| value.is_some() && *owner != name) {
        let location = place(key).expect("the key was read");
        return Err(SpecError::at(&location, format!("{key} belongs to optimizer = \"{owner}\"")));
    }
    let langevin = optimizer == Optimizer::Langevin;
    if let (Noise::Isotropic | Noise::Horizontal, false, Some(location)) = (train.noise, langevin, place("noise")) {
        return Err(SpecError::at(&location, "injected noise belongs to optimizer = \"langevin\"")
            .help("write optimizer = \"langevin\"; step_size is then its time step"));
    }
    if let (true, Noise::None, Some(location)) = (train.temperature > 0.0, train.noise, place("temperature")) {
        return Err(SpecError::at(&location, "a temperature needs noise = \"isotropic\" or \"horizontal\""));
    }
    reader.finish()?;
    Ok(train)
}

pub(super) fn ensemble(document: &Table) -> Result<Ensemble, SpecError> {
    let empty = Table::new();
    let mut reader = Reader::new(section(document, "ensemble")?.map_or(&empty, |(table, _)| table), "ensemble");
    let ensemble = Ensemble {
        seeds: reader.count("seeds", 1)?.unwrap_or(16) as usize,
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

pub(super) fn verify(document: &Table) -> Result<Option<Verify>, SpecError> {
    let Some((table, key)) = section(document, "verify")? else { return Ok(None) };
    let mut reader = Reader::new(table, "verify");
    let laws = [Law::Conditioned, Law::Rigid, Law::Horizontal, Law::Isotropic].map(|law| (law.name(), law));
    let law = reader.choice("law", &laws)?.ok_or_else(|| {
        SpecError::at(key, "[verify] names no law").help("law = \"horizontal\" (or conditioned, rigid, isotropic)")
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
    let kinds = [
        ("lines", FigureKind::Lines),
        ("density", FigureKind::Density),
        ("stem", FigureKind::Stem),
        ("scatter", FigureKind::Scatter),
    ];
    let kind = reader.choice("kind", &kinds)?;
    let y = reader.text("y")?;
    let figure = Figure {
        kind: kind.ok_or_else(|| SpecError::at(location, "a figure has a kind: lines, density, stem, scatter"))?,
        y: y.ok_or_else(|| SpecError::at(location, "a figure has a y: the name of an observable in [log]"))?,
        x: reader.text("x")?,
        reference: reader.number("reference", "a number", |_| true)?,
        log_y: reader.boolean("log_y", false)?,
        caption: reader.text("caption")?,
        location: location.clone(),
    };
    reader.finish()?;
    Ok(figure)
}
