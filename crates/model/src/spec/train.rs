//! `[train]`: the update, and what drives it besides the gradient.

use super::raw::{Entry, Table};
use super::reader::{Reader, section};
use crate::source::{Location, SpecError};

/// The most steps that a spec can ask for: a year of the fastest model, and within what products with them can be counted.
pub const MOST_STEPS: u64 = 1_000_000_000_000_000;

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
#[derive(Clone, Debug, PartialEq)]
pub enum Noise {
    /// Nothing; with `[batch]` this is plain SGD.
    None,
    /// √(2τ) dW.
    Isotropic,
    /// √(2τ) P_H(θ) dW in the Itô sense, P_H the projector onto the row space of the predictor's Jacobian.
    Horizontal,
    /// Fresh noise on a label at every step.
    Label(LabelNoise),
}

/// Training sees the label y + σz with z ~ N(0, 1), drawn anew for every entry at every step.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelNoise {
    /// A name of `[data]`, `[batch]` or `[model]`.
    pub label: String,
    /// σ > 0, in the label's unit.
    pub deviation: f64,
    /// Where the label is named, or else where the noise is asked for.
    pub location: Location,
}

/// What holds the parameters near or on the slice where `gauge` of `[model]` vanishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constraint {
    /// Nothing.
    None,
    /// A potential κ‖gauge‖²/2.
    Stiff {
        /// κ > 0.
        stiffness: f64,
    },
    /// Multipliers: each step is projected back onto the slice along the gradients of the gauge.
    Rigid,
    /// As rigid, in the potential L + (τ/2) log det(GGᵀ), G the gauge's Jacobian.
    Conditioned,
    /// Each step is followed by a move to the slice that keeps the predictor.
    Rebalanced,
}

impl Constraint {
    /// As in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stiff { .. } => "stiff",
            Self::Rigid => "rigid",
            Self::Conditioned => "conditioned",
            Self::Rebalanced => "rebalanced",
        }
    }

    /// Whether the gauge stays at zero.
    pub fn keeps_charges(self) -> bool {
        matches!(self, Self::Rigid | Self::Conditioned | Self::Rebalanced)
    }
}

/// How Langevin dynamics steps through time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Euler and Maruyama: averages are off by a multiple of h.
    Euler,
    /// Leimkuhler and Matthews (2013), noise averaged over two steps: stationary averages are off by a multiple of h².
    SecondOrder,
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
    /// What holds the parameters on a slice.
    pub constraint: Constraint,
    /// How Langevin dynamics steps through time.
    pub scheme: Scheme,
    /// Precision.
    pub dtype: DataType,
    /// Whether a parameter carries what rounding took from its steps.
    pub compensated: bool,
    /// Where the section stands, if it is there.
    pub location: Option<Location>,
}

const POSITIVE: &str = "a number greater than 0";
const NOT_NEGATIVE: &str = "a number of at least 0";

const DECAY: &str = "a number from 0 to below 1";

pub(super) fn train(document: &Table) -> Result<Train, SpecError> {
    let empty = Table::new();
    let found = section(document, "train")?;
    let table = found.map_or(&empty, |(table, _)| table);
    let mut reader = Reader::new(table, "train");
    let optimizer = optimizer(&mut reader, table)?;
    let train = Train {
        step_size: reader.number("step_size", POSITIVE, |x| x > 0.0)?.unwrap_or(1e-3),
        steps: reader.count_between("steps", 0, MOST_STEPS)?.unwrap_or(1_000),
        noise: noise(&mut reader, table, optimizer)?,
        constraint: constraint(&mut reader, table, optimizer)?,
        scheme: reader
            .choice("scheme", &[("euler", Scheme::Euler), ("second-order", Scheme::SecondOrder)])?
            .unwrap_or(Scheme::Euler),
        temperature: reader.number("temperature", NOT_NEGATIVE, |x| x >= 0.0)?.unwrap_or(0.0),
        dtype: reader.choice("dtype", &[("f32", DataType::F32), ("f64", DataType::F64)])?.unwrap_or(DataType::F32),
        compensated: compensated(&mut reader, table, optimizer)?,
        location: found.map(|(_, key)| key.clone()),
        optimizer,
    };
    let injected = matches!(train.noise, Noise::Isotropic | Noise::Horizontal);
    if let (true, false, Some(entry)) = (train.temperature > 0.0, injected, table.get("temperature")) {
        return Err(SpecError::at(&entry.key, "a temperature needs noise = \"isotropic\" or \"horizontal\""));
    }
    reader.finish()?;
    check_scheme(&train, table)?;
    Ok(train)
}

/// Kahan's compensation is that of a sum of gradient steps; noise of each step is far above rounding.
fn compensated(reader: &mut Reader<'_>, table: &Table, optimizer: Optimizer) -> Result<bool, SpecError> {
    let wanted = reader.boolean("compensated", false)?;
    match table.get("compensated") {
        Some(entry) if wanted && !matches!(optimizer, Optimizer::Sgd { .. }) => {
            Err(SpecError::at(&entry.key, "compensated = true belongs to optimizer = \"sgd\"")
                .help("leave it out, or train in double precision: dtype = \"f64\""))
        }
        _ => Ok(wanted),
    }
}

/// The second-order scheme is one of noise that does not depend on θ, without constraint.
fn check_scheme(train: &Train, table: &Table) -> Result<(), SpecError> {
    let fits = train.optimizer == Optimizer::Langevin
        && train.noise == Noise::Isotropic
        && matches!(train.constraint, Constraint::None | Constraint::Stiff { .. });
    match (train.scheme, fits, table.get("scheme")) {
        (Scheme::SecondOrder, false, Some(entry)) => Err(SpecError::at(
            &entry.key,
            "scheme = \"second-order\" belongs to isotropic Langevin dynamics without projections",
        )
        .help("its order rests on noise that is the same everywhere; other noise has scheme = \"euler\"")),
        _ => Ok(()),
    }
}

fn constraint(reader: &mut Reader<'_>, table: &Table, optimizer: Optimizer) -> Result<Constraint, SpecError> {
    let names = ["none", "stiff", "rigid", "conditioned", "rebalanced"].map(|name| (name, name));
    let name = reader.choice("constraint", &names)?.unwrap_or("none");
    let stiffness = reader.number("stiffness", POSITIVE, |x| x > 0.0)?;
    let place = |key: &str| table.get(key).map(|entry: &Entry| &entry.key);
    if let (true, Some(place)) = (name != "stiff", place("stiffness")) {
        return Err(SpecError::at(place, "stiffness belongs to constraint = \"stiff\""));
    }
    if let (true, false, Some(place)) = (name != "none", optimizer == Optimizer::Langevin, place("constraint")) {
        return Err(SpecError::at(place, "a constraint belongs to optimizer = \"langevin\""));
    }
    match (name, stiffness, place("constraint")) {
        ("stiff", None, Some(place)) => {
            Err(SpecError::at(place, "a stiff potential needs train.stiffness, the κ of κ‖gauge‖²/2"))
        }
        ("stiff", Some(stiffness), _) => Ok(Constraint::Stiff { stiffness }),
        ("rigid", ..) => Ok(Constraint::Rigid),
        ("conditioned", ..) => Ok(Constraint::Conditioned),
        ("rebalanced", ..) => Ok(Constraint::Rebalanced),
        _ => Ok(Constraint::None),
    }
}

fn optimizer(reader: &mut Reader<'_>, table: &Table) -> Result<Optimizer, SpecError> {
    let name =
        reader.choice("optimizer", &[("sgd", "sgd"), ("adam", "adam"), ("langevin", "langevin")])?.unwrap_or("sgd");
    let decay = |x: f64| (0.0..1.0).contains(&x);
    let momentum = reader.number("momentum", DECAY, decay)?;
    let weight_decay = reader.number("weight_decay", NOT_NEGATIVE, |x| x >= 0.0)?;
    let beta1 = reader.number("beta1", DECAY, decay)?;
    let beta2 = reader.number("beta2", DECAY, decay)?;
    let epsilon = reader.number("epsilon", POSITIVE, |x| x > 0.0)?;
    let belongings =
        [("momentum", "sgd"), ("weight_decay", "sgd"), ("beta1", "adam"), ("beta2", "adam"), ("epsilon", "adam")];
    for (key, owner) in belongings.into_iter().filter(|(_, owner)| *owner != name) {
        if let Some(entry) = table.get(key) {
            return Err(SpecError::at(&entry.key, format!("{key} belongs to optimizer = \"{owner}\"")));
        }
    }
    Ok(match name {
        "langevin" => Optimizer::Langevin,
        "adam" => Optimizer::Adam {
            beta1: beta1.unwrap_or(0.9),
            beta2: beta2.unwrap_or(0.999),
            epsilon: epsilon.unwrap_or(1e-8),
        },
        _ => Optimizer::Sgd { momentum: momentum.unwrap_or(0.0), weight_decay: weight_decay.unwrap_or(0.0) },
    })
}

fn noise(reader: &mut Reader<'_>, table: &Table, optimizer: Optimizer) -> Result<Noise, SpecError> {
    let names = ["none", "isotropic", "horizontal", "label"].map(|name| (name, name));
    let name = reader.choice("noise", &names)?.unwrap_or("none");
    let place = |key: &str| table.get(key).map(|entry: &Entry| &entry.key);
    let deviation = reader.number("label_noise", POSITIVE, |x| x > 0.0)?;
    let label = reader.text("label")?;
    let label_key = ["label_noise", "label"].into_iter().find_map(|key| place(key).map(|place| (key, place)));
    if let (true, Some((key, place))) = (name != "label", label_key) {
        return Err(SpecError::at(place, format!("{key} belongs to noise = \"label\", found noise = \"{name}\""))
            .help(format!("write noise = \"label\", or leave {key} out")));
    }
    let langevin = optimizer == Optimizer::Langevin;
    match (name, place("noise")) {
        ("isotropic" | "horizontal", Some(place)) if !langevin => {
            Err(SpecError::at(place, "injected noise belongs to optimizer = \"langevin\"")
                .help("write optimizer = \"langevin\"; step_size is then its time step"))
        }
        ("label", Some(place)) if langevin => Err(SpecError::at(
            place,
            "label noise belongs to optimizer = \"sgd\" or \"adam\", found \"langevin\"",
        )
        .help("Langevin dynamics takes its noise from `temperature`; label noise comes from the gradient of the loss")),
        ("label", Some(place)) => {
            let deviation = deviation.ok_or_else(|| {
                SpecError::at(place, "label noise needs its standard deviation, train.label_noise")
                    .help("label_noise = 0.5 adds N(0, 0.25) to every entry of the label at every step")
            })?;
            let location = table.get("label").map_or(place, |entry| &entry.location).clone();
            Ok(Noise::Label(LabelNoise { label: label.unwrap_or_else(|| "y".to_owned()), deviation, location }))
        }
        ("isotropic", _) => Ok(Noise::Isotropic),
        ("horizontal", _) => Ok(Noise::Horizontal),
        _ => Ok(Noise::None),
    }
}
