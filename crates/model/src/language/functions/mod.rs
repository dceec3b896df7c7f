//! The functions of the language: those that are one operation, and those that are composed of several.

mod composed;
mod constructed;
mod decomposed;
mod drawn;
mod reductions;
mod shaped;

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
            Self::Log => "log",
            Self::Verify => "verify",
        }
    }
}

/// A function of the language.
#[derive(Clone, Copy)]
pub struct Function {
    /// As it is called.
    pub name: &'static str,
    /// As it is written, with its parameters.
    pub signature: &'static str,
    /// What it gives.
    pub summary: &'static str,
    /// Names of the parameters, in order.
    pub parameters: &'static [&'static str],
    /// How many of them have to be given.
    pub required: usize,
    /// Whether the last parameter takes any number of arguments.
    pub variadic: bool,
    pub(super) build: fn(&Function, &mut Call<'_>) -> Result<NodeId, CallError>,
    unary: Option<Unary>,
}

type Build = fn(&mut Call<'_>) -> Result<NodeId, CallError>;

/// A function declared in one of the tables.
struct Declaration {
    signature: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    required: usize,
    variadic: bool,
    build: Build,
}

const TABLES: [&[Declaration]; 6] =
    [composed::TABLE, constructed::TABLE, decomposed::TABLE, drawn::TABLE, reductions::TABLE, shaped::TABLE];

/// All functions.
pub fn all() -> impl Iterator<Item = Function> {
    let declared = TABLES.into_iter().flatten().map(|declaration| Function {
        name: declaration.signature.split('(').next().unwrap_or(declaration.signature),
        signature: declaration.signature,
        summary: declaration.summary,
        parameters: declaration.parameters,
        required: declaration.required,
        variadic: declaration.variadic,
        build: build_declared,
        unary: None,
    });
    let elementwise = Unary::ALL.iter().filter_map(|&unary| {
        unary.summary().map(|summary| Function {
            name: unary.name(),
            signature: "f(x), element by element:",
            summary,
            parameters: &["x"],
            required: 1,
            variadic: false,
            build: |function, call| {
                let unary = function.unary.expect("element-wise functions hold their operation");
                let x = call.node(0)?;
                Ok(call.graph.unary(unary, x))
            },
            unary: Some(unary),
        })
    });
    declared.chain(elementwise)
}

fn build_declared(function: &Function, call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let declaration = TABLES
        .into_iter()
        .flatten()
        .find(|declaration| declaration.signature == function.signature)
        .expect("a declared function stands in a table");
    (declaration.build)(call)
}
