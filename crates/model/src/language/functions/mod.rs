//! The functions of the language: those that are one operation, and those that are composed of several.
//!
//! A declaration is all that there is to say of a function: the call checks its arguments against the signature, messages
//! quote it, and the reference page is printed from it ([`super::reference`]). **Rejected.** Parameter lists beside the
//! signature: they would be the same list again.

mod composed;
mod constructed;
mod decomposed;
mod drawn;
mod loaded;
mod reductions;
mod shaped;

use std::borrow::Cow;
use std::sync::LazyLock;

use super::call::{Call, CallError};
use crate::graph::NodeId;
use crate::operations::Unary;

/// Where an expression stands; draws and files belong to some sections only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[data]`
    Data,
    /// `[param]`
    Param,
    /// `[batch]`
    Batch,
    /// `[model]`
    Model,
    /// `[total]`
    Total,
    /// `[log]`
    Log,
    /// `[verify]`
    Verify,
}

impl Section {
    /// As in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Param => "param",
            Self::Batch => "batch",
            Self::Model => "model",
            Self::Total => "total",
            Self::Log => "log",
            Self::Verify => "verify",
        }
    }
}

/// In which sections functions may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// In every expression.
    Everywhere,
    /// Where something is drawn.
    Draws,
    /// Where nothing is differentiated.
    Unlearned,
}

impl Allowed {
    /// The sections, in words.
    pub fn sections(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Draws => "`[data]`, `[param]`, `[batch]`",
            Self::Unlearned => "`[data]`, `[param]`, `[log]`, `[verify]`",
        }
    }

    fn includes(self, section: Section) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Draws => matches!(section, Section::Data | Section::Param | Section::Batch),
            Self::Unlearned => matches!(section, Section::Data | Section::Param | Section::Log | Section::Verify),
        }
    }

    /// Why a function of this kind cannot be called in a section, if it cannot.
    pub(super) fn check(self, function: &Function, section: Section) -> Result<(), CallError> {
        if self.includes(section) {
            return Ok(());
        }
        let section = section.name();
        let error = match self {
            Self::Draws => {
                CallError::new(format!("random draws belong in [data], [param] or [batch], not in [{section}]"))
                    .help("draw it in [batch] under a name, and use the name here")
            }
            _ if function.name == "load" => {
                CallError::new(format!("files belong in [data], [param] or [log], not in [{section}]"))
                    .help("load it in [data] under a name, and use the name here")
            }
            _ => CallError::new(format!("decompositions have no derivative, so they cannot stand in [{section}]"))
                .help("they belong to [data], [param], [log] and [verify]"),
        };
        Err(error)
    }
}

/// A parameter, as the signature declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What stands for it when it is left out; `None` for one that has to be given.
    pub default: Option<&'static str>,
    /// Whether it is only taken by its name.
    pub by_name: bool,
    /// Whether it takes any number of arguments.
    pub variadic: bool,
}

/// A function of the language.
pub struct Function {
    /// As it is called.
    pub name: &'static str,
    /// As it is written, with its parameters.
    pub signature: Cow<'static, str>,
    /// What it gives.
    pub summary: &'static str,
    /// The shape of the result, in words.
    pub shapes: &'static str,
    /// Whether it has a derivative, in words.
    pub derivative: &'static str,
    /// How exact it is, in words.
    pub accuracy: &'static str,
    /// Where it may be called.
    pub allowed: Allowed,
    /// The heading that it stands under.
    pub title: &'static str,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    build: Build,
}

type Build = Box<dyn Fn(&mut Call<'_>) -> Result<NodeId, CallError> + Send + Sync>;

impl Function {
    /// The function's node.
    pub(super) fn build(&self, call: &mut Call<'_>) -> Result<NodeId, CallError> {
        (self.build)(call)
    }
}

/// A function declared in one of the tables.
struct Declaration {
    signature: &'static str,
    summary: &'static str,
    shapes: &'static str,
    derivative: &'static str,
    accuracy: &'static str,
    build: fn(&mut Call<'_>) -> Result<NodeId, CallError>,
}

/// Functions that stand together.
struct Table {
    title: &'static str,
    allowed: Allowed,
    declarations: &'static [Declaration],
}

const TABLES: [&Table; 7] = [
    &composed::TABLE,
    &reductions::TABLE,
    &shaped::TABLE,
    &constructed::TABLE,
    &loaded::TABLE,
    &decomposed::TABLE,
    &drawn::TABLE,
];

static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| elementwise().chain(declared()).collect());

/// All functions, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter()
}

fn declared() -> impl Iterator<Item = Function> {
    TABLES.iter().flat_map(|table| {
        table.declarations.iter().map(|declaration| Function {
            name: declaration.signature.split('(').next().unwrap_or(declaration.signature),
            signature: declaration.signature.into(),
            summary: declaration.summary,
            shapes: declaration.shapes,
            derivative: declaration.derivative,
            accuracy: declaration.accuracy,
            allowed: table.allowed,
            title: table.title,
            parameters: parameters(declaration.signature),
            build: Box::new(declaration.build),
        })
    })
}

fn elementwise() -> impl Iterator<Item = Function> {
    Unary::ALL.iter().filter_map(|&unary| {
        let summary = unary.summary()?;
        Some(Function {
            name: unary.name(),
            signature: format!("{}(x)", unary.name()).into(),
            summary,
            shapes: "that of x",
            derivative: unary.derivative_words(),
            accuracy: unary.accuracy(),
            allowed: Allowed::Everywhere,
            title: "Element by element",
            parameters: parameters("f(x)"),
            build: Box::new(move |call| {
                let x = call.node(0)?;
                Ok(call.graph.unary(unary, x))
            }),
        })
    })
}

/// The parameters of a signature such as `f(x, sizes..., *, axis=None)`; those after `*` are taken by name.
fn parameters(signature: &'static str) -> Vec<Parameter> {
    let inside = signature.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default();
    let mut by_name = false;
    let mut found = Vec::new();
    for part in inside.split(", ").filter(|part| !part.is_empty()) {
        if part == "*" {
            by_name = true;
            continue;
        }
        let (name, default) = part.split_once('=').map_or((part, None), |(name, default)| (name, Some(default)));
        let (name, variadic) = name.strip_suffix("...").map_or((name, false), |name| (name, true));
        found.push(Parameter { name, default, by_name, variadic });
    }
    found
}
