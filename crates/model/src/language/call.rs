//! Function calls: finding the function, binding its arguments, and reading the static ones.

use std::ops::Range;

use super::functions::{self, Function, Section};
use super::{Evaluation, load};
use crate::graph::{Graph, Kind, Mismatch, NodeId};
use crate::operations::{Concatenate, Purpose};
use crate::shape::Shape;
use crate::source::{SpecError, near_miss};
use crate::syntax::{Argument, Expression, ExpressionKind};
use crate::tensor::Tensor;

/// Why a call makes no sense, and which argument is to blame.
#[derive(Debug)]
pub struct CallError {
    message: String,
    argument: Option<usize>,
    help: Option<String>,
}

impl CallError {
    /// The call as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), argument: None, help: None }
    }

    /// One parameter's argument.
    pub fn about(parameter: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), argument: Some(parameter), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Mismatch> for CallError {
    fn from(mismatch: Mismatch) -> Self {
        Self::new(mismatch.0)
    }
}

/// What is passed for a parameter.
#[derive(Clone, Debug)]
pub enum Value {
    /// A tensor.
    Node(NodeId),
    /// A text in quotes.
    Text(String),
}

/// A call whose arguments are bound to the function's parameters, in their order.
pub struct Call<'a> {
    /// The graph.
    pub graph: &'a mut Graph,
    /// For each parameter, what is passed. The last parameter of a variadic function collects the rest.
    pub values: Vec<Option<Value>>,
    /// The section that the expression stands in.
    pub section: Section,
    folder: &'a std::path::Path,
}

impl Call<'_> {
    /// A required tensor.
    pub fn node(&self, parameter: usize) -> Result<NodeId, CallError> {
        match &self.values[parameter] {
            Some(Value::Node(node)) => Ok(*node),
            Some(Value::Text(_)) => Err(CallError::about(parameter, "a tensor was expected, found a text")),
            None => Err(CallError::new("an argument is missing")),
        }
    }

    /// All tensors from a parameter on.
    pub fn nodes_from(&self, parameter: usize) -> Result<Vec<NodeId>, CallError> {
        (parameter..self.values.len()).filter(|&at| self.values[at].is_some()).map(|at| self.node(at)).collect()
    }

    /// A text.
    pub fn text(&self, parameter: usize) -> Result<Option<&str>, CallError> {
        match &self.values[parameter] {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Node(_)) => Err(CallError::about(parameter, "a text in quotes was expected")),
            None => Ok(None),
        }
    }

    /// Whole numbers known before anything runs: a scalar or a list.
    pub fn integers(&self, parameter: usize) -> Result<Option<Vec<i64>>, CallError> {
        if self.values[parameter].is_none() {
            return Ok(None);
        }
        let wrong = || CallError::about(parameter, "a whole number known before anything runs was expected");
        let node = self.node(parameter)?;
        let tensor = self.graph.constant_value(node).ok_or_else(wrong)?;
        if self.graph.kind(node) == Kind::Real || tensor.shape.rank() > 1 {
            return Err(wrong());
        }
        Ok(Some(tensor.values.iter().map(|&value| value as i64).collect()))
    }

    /// One whole number known before anything runs.
    pub fn integer(&self, parameter: usize) -> Result<Option<i64>, CallError> {
        match self.integers(parameter)?.as_deref() {
            None => Ok(None),
            Some([one]) => Ok(Some(*one)),
            Some(many) => {
                Err(CallError::about(parameter, format!("one whole number was expected, found {}", many.len())))
            }
        }
    }

    /// A number known before anything runs.
    pub fn number(&self, parameter: usize) -> Result<Option<f64>, CallError> {
        if self.values[parameter].is_none() {
            return Ok(None);
        }
        let value = self.graph.constant_value(self.node(parameter)?).filter(|tensor| tensor.shape.is_scalar());
        match value {
            Some(tensor) => Ok(Some(tensor.values[0])),
            None => Err(CallError::about(parameter, "a number known before anything runs was expected")),
        }
    }

    /// A shape, from a parameter on: `f(2, 3)` or `f([2, 3])`; nothing is a scalar.
    pub fn shape_from(&self, parameter: usize) -> Result<Shape, CallError> {
        let mut sizes = Vec::new();
        for at in parameter..self.values.len() {
            for size in self.integers(at)?.unwrap_or_default() {
                let size = usize::try_from(size)
                    .map_err(|_| CallError::about(at, format!("a size is at least 0, found {size}")))?;
                sizes.push(size);
            }
        }
        let shape = Shape(sizes);
        match shape.checked_count() {
            Some(count) if !self.graph.has_room_for(count) => {
                Err(CallError::about(parameter, "the tensors of this spec would hold more than 2^27 numbers together"))
            }
            Some(_) => Ok(shape),
            None => Err(CallError::about(parameter, format!("a tensor of shape {shape} has more than 2^26 elements"))),
        }
    }

    /// Axes of a tensor, ascending: from an argument, or all of them when it is absent.
    pub fn axes(&self, parameter: usize, of: NodeId) -> Result<Vec<usize>, CallError> {
        let rank = self.graph.shape(of).rank();
        let Some(axes) = self.integers(parameter)? else { return Ok((0..rank).collect()) };
        let mut found =
            axes.into_iter().map(|axis| self.resolve_axis(parameter, axis, rank)).collect::<Result<Vec<_>, _>>()?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// One axis, or `default` (negative ones count from the end).
    pub fn axis(&self, parameter: usize, default: i64, of: NodeId) -> Result<usize, CallError> {
        let rank = self.graph.shape(of).rank();
        self.resolve_axis(parameter, self.integer(parameter)?.unwrap_or(default), rank)
    }

    fn resolve_axis(&self, parameter: usize, axis: i64, rank: usize) -> Result<usize, CallError> {
        let place = if axis < 0 { axis + rank as i64 } else { axis };
        usize::try_from(place)
            .ok()
            .filter(|&place| place < rank)
            .ok_or_else(|| CallError::about(parameter, format!("a tensor of {rank} axes has no axis {axis}")))
    }

    /// The random stream of the section, where it has one.
    pub fn purpose(&self) -> Result<Purpose, CallError> {
        match self.section {
            Section::Data => Ok(Purpose::Data),
            Section::Param => Ok(Purpose::Param),
            Section::Batch => Ok(Purpose::Batch),
            Section::Model | Section::Log | Section::Verify => Err(CallError::new(format!(
                "random draws belong in [data], [param] or [batch], not in [{}]",
                self.section.name()
            ))
            .help("draw it in [batch] under a name, and use the name here")),
        }
    }

    /// A numeric file as a constant.
    pub fn load(&mut self) -> Result<NodeId, CallError> {
        let name = self.text(0)?.ok_or_else(|| CallError::new("load takes a file name in quotes"))?;
        let path = self.folder.join(name);
        let tensor = self.text(1)?.map(str::to_owned);
        let tensor = load::load(&path, tensor.as_deref()).map_err(|message| CallError::about(0, message))?;
        Ok(self.graph.constant(tensor, Kind::Real))
    }
}

/// Tensors of equal shape along a new first axis.
pub(super) fn stack(graph: &mut Graph, nodes: &[NodeId]) -> Result<NodeId, Mismatch> {
    let shape = graph.shape(nodes[0]).clone();
    let unit = Shape([vec![1], shape.0].concat());
    let rows: Vec<NodeId> = nodes.iter().map(|&node| graph.reshape(node, &unit)).collect();
    graph.apply(Concatenate { axis: 0 }, &rows)
}

impl Evaluation<'_> {
    pub(super) fn call(
        &mut self,
        at: &Expression,
        name: &str,
        name_span: &Range<usize>,
        arguments: &[Argument],
    ) -> Result<NodeId, SpecError> {
        let Some(function) = functions::all().find(|function| function.name == name) else {
            let place = self.location.within(name_span.clone());
            let names: Vec<&str> = functions::all().map(|function| function.name).collect();
            return Err(SpecError::at(&place, format!("there is no function `{name}`"))
                .label("unknown function")
                .maybe_help(near_miss(name, names)));
        };
        let places = self.bind(at, &function, arguments)?;
        let values = places
            .iter()
            .map(|place| place.map(|argument| self.value(&argument.value)).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let section = self.section;
        let folder = self.scope.folder.clone();
        let mut call = Call { graph: &mut self.scope.graph, values, section, folder: &folder };
        (function.build)(&function, &mut call).map_err(|error| {
            let blamed = error.argument.and_then(|parameter| places.get(parameter).copied().flatten());
            let blamed = blamed.map_or(at, |argument| &argument.value);
            self.error(blamed, format!("{name}: {}", error.message))
                .help(format!("{} {}", function.signature, function.summary))
                .maybe_help(error.help)
        })
    }

    fn value(&mut self, expression: &Expression) -> Result<Value, SpecError> {
        match &expression.kind {
            ExpressionKind::Text(text) => Ok(Value::Text(text.clone())),
            _ => self.node(expression).map(Value::Node),
        }
    }

    /// The argument for each parameter; those of a variadic function follow one another at the end.
    fn bind<'e>(
        &self,
        at: &Expression,
        function: &Function,
        arguments: &'e [Argument],
    ) -> Result<Vec<Option<&'e Argument>>, SpecError> {
        let usage = |error: SpecError| error.help(format!("{} {}", function.signature, function.summary));
        let mut bound: Vec<Option<&Argument>> = vec![None; function.parameters.len()];
        let mut rest = Vec::new();
        for (place, argument) in arguments.iter().enumerate() {
            let slot = match &argument.name {
                None if place < bound.len() && !(function.variadic && place + 1 == bound.len()) => place,
                None if function.variadic => {
                    rest.push(Some(argument));
                    continue;
                }
                None => {
                    let message = format!("{} takes at most {} arguments", function.name, bound.len());
                    return Err(usage(self.error(&argument.value, message)));
                }
                Some(name) => match function.parameters.iter().position(|parameter| parameter == name) {
                    Some(slot) => slot,
                    None => {
                        let message = format!("{} has no argument named `{name}`", function.name);
                        let hint = near_miss(name, function.parameters.iter().copied());
                        return Err(usage(self.error(&argument.value, message)).maybe_help(hint));
                    }
                },
            };
            if bound[slot].replace(argument).is_some() {
                let message =
                    format!("the argument `{}` of {} is given twice", function.parameters[slot], function.name);
                return Err(usage(self.error(&argument.value, message)));
            }
        }
        if function.variadic && !rest.is_empty() {
            bound.pop();
            bound.extend(rest);
        }
        let missing = (0..function.required).find(|&slot| bound.get(slot).is_none_or(Option::is_none));
        match missing {
            Some(slot) => {
                let message = format!("{} needs the argument `{}`", function.name, function.parameters[slot]);
                Err(usage(self.error(at, message)))
            }
            None => Ok(bound),
        }
    }
}

/// A constant list of numbers as a node.
pub(super) fn constant_list(graph: &mut Graph, values: Vec<f64>, kind: Kind) -> NodeId {
    let count = values.len();
    graph.constant(Tensor::new([count], values), kind)
}
