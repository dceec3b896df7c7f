//! Function calls: finding the function, binding its arguments, and reading the static ones.

use std::ops::Range;

use super::functions::{self, Function, Parameter, Section};
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
    /// The entries of an array that need not have equal shapes.
    List(Vec<NodeId>),
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
            Some(Value::List(_)) => Err(CallError::about(parameter, "one tensor was expected, found several")),
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
            Some(_) => Err(CallError::about(parameter, "a text in quotes was expected")),
            None => Ok(None),
        }
    }

    /// Several tensors in brackets; at least one.
    pub fn list(&self, parameter: usize) -> Result<Vec<NodeId>, CallError> {
        match &self.values[parameter] {
            Some(Value::List(nodes)) if !nodes.is_empty() => Ok(nodes.clone()),
            _ => Err(CallError::about(parameter, "tensors in brackets were expected, as in concat([a, b])")),
        }
    }

    /// Whether an argument is given.
    pub fn is_given(&self, parameter: usize) -> bool {
        self.values[parameter].is_some()
    }

    /// Whether an argument is absent or a whole number.
    pub fn is_whole(&self, parameter: usize) -> bool {
        match self.values[parameter] {
            Some(Value::Node(node)) => self.graph.kind(node) != Kind::Real,
            _ => true,
        }
    }

    /// `True` or `False`; absent is `False`.
    pub fn flag(&self, parameter: usize) -> Result<bool, CallError> {
        if !self.is_given(parameter) {
            return Ok(false);
        }
        let node = self.node(parameter)?;
        let truth = self.graph.constant_value(node).filter(|value| value.shape.is_scalar());
        match truth.filter(|_| self.graph.kind(node) == Kind::Boolean) {
            Some(truth) => Ok(truth.values[0] != 0.0),
            None => Err(CallError::about(parameter, "True or False was expected")),
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
        let empty = tensor.values.is_empty();
        if self.graph.kind(node) == Kind::Real && !empty || tensor.shape.rank() > 1 {
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

    /// A shape, from one or several parameters: `f(2, 3)` or `f([2, 3])`; nothing is a scalar.
    pub fn shape_at(&self, parameters: Range<usize>) -> Result<Shape, CallError> {
        let first = parameters.start;
        let mut sizes = Vec::new();
        for at in parameters {
            for size in self.integers(at)?.unwrap_or_default() {
                let size = usize::try_from(size)
                    .map_err(|_| CallError::about(at, format!("a size is at least 0, found {size}")))?;
                sizes.push(size);
            }
        }
        let shape = Shape(sizes);
        self.check_room(first, &shape)?;
        Ok(shape)
    }

    /// Refuses a tensor that would be too large, before it is made.
    pub fn check_room(&self, parameter: usize, shape: &Shape) -> Result<(), CallError> {
        match shape.checked_count() {
            Some(count) if !self.graph.has_room_for(count) => {
                Err(CallError::about(parameter, "the tensors of this spec would hold more than 2^27 numbers together"))
            }
            Some(_) => Ok(()),
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
        if let Some(pair) = found.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(CallError::about(parameter, format!("axis {} is named twice", pair[0])));
        }
        Ok(found)
    }

    /// One axis, or `default` (negative ones count from the end).
    pub fn axis(&self, parameter: usize, default: i64, of: NodeId) -> Result<usize, CallError> {
        let rank = self.graph.shape(of).rank();
        self.resolve_axis(parameter, self.integer(parameter)?.unwrap_or(default), rank)
    }

    /// An axis counted from the front.
    pub fn resolve_axis(&self, parameter: usize, axis: i64, rank: usize) -> Result<usize, CallError> {
        let place = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
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
            Section::Model | Section::Total | Section::Log | Section::Verify => {
                Err(CallError::new("nothing is drawn here"))
            }
        }
    }

    /// A numeric file as a constant.
    pub fn load(&mut self) -> Result<NodeId, CallError> {
        let name = self.text(0)?.ok_or_else(|| CallError::new("load takes a file name in quotes"))?;
        let (path, tensor) = (self.folder.join(name), self.text(1)?);
        let (tensor, kind) = load::load(&path, tensor).map_err(|message| CallError::about(0, message))?;
        if !self.graph.has_room_for(tensor.shape.count()) {
            return Err(CallError::about(0, "the tensors of this spec would hold more than 2^27 numbers together"));
        }
        Ok(self.graph.constant(tensor, kind))
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
        let places = self.bind(at, function, arguments)?;
        let mut values = Vec::with_capacity(places.len());
        for (slot, place) in places.iter().enumerate() {
            // The arguments of a variadic parameter, the last one, have places beyond its own.
            let parameter = &function.parameters[slot.min(function.parameters.len().saturating_sub(1))];
            values.push(match place {
                Some(argument) => self.value(function, parameter, &argument.value)?,
                None => None,
            });
        }
        let section = self.section;
        let folder = self.scope.folder.clone();
        let mut call = Call { graph: &mut self.scope.graph, values, section, folder: &folder };
        let result = function.allowed.check(function, section).and_then(|()| function.build(&mut call));
        result.map_err(|error| {
            let blamed = error.argument.and_then(|parameter| places.get(parameter).copied().flatten());
            let blamed = blamed.map_or(at, |argument| &argument.value);
            self.error(blamed, format!("{name}: {}", error.message))
                .help(format!("{} {}", function.signature, function.summary))
                .maybe_help(error.help)
        })
    }

    /// What is passed for a parameter; `None` where that is its default.
    fn value(
        &mut self,
        function: &Function,
        parameter: &Parameter,
        expression: &Expression,
    ) -> Result<Option<Value>, SpecError> {
        match &expression.kind {
            _ if expression.is_none() && parameter.default == Some("None") => Ok(None),
            _ if expression.is_none() => {
                let message = format!("{}: `{}` cannot be None", function.name, parameter.name);
                Err(self.error(expression, message).help(format!("{} {}", function.signature, function.summary)))
            }
            ExpressionKind::Text(text) => Ok(Some(Value::Text(text.clone()))),
            ExpressionKind::Array(items) if parameter.name == "tensors" => {
                Ok(Some(Value::List(items.iter().map(|item| self.node(item)).collect::<Result<_, _>>()?)))
            }
            _ => self.node(expression).map(|node| Some(Value::Node(node))),
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
        let parameters = &function.parameters;
        let by_place = parameters.iter().filter(|parameter| !parameter.by_name).count();
        let variadic = parameters.last().is_some_and(|last| last.variadic);
        let mut bound: Vec<Option<&Argument>> = vec![None; parameters.len()];
        let mut rest = Vec::new();
        for (place, argument) in arguments.iter().enumerate() {
            let slot = match &argument.name {
                None if place < by_place && !(variadic && place + 1 == by_place) => place,
                None if variadic => {
                    rest.push(Some(argument));
                    continue;
                }
                None => {
                    let named = parameters.get(place).filter(|parameter| parameter.by_name);
                    let hint = named.map(|parameter| format!("it is given by its name: {}=…", parameter.name));
                    let message = format!("{} takes at most {by_place} arguments without a name", function.name);
                    return Err(usage(self.error(&argument.value, message)).maybe_help(hint));
                }
                Some(name) => match parameters.iter().position(|parameter| parameter.name == name) {
                    Some(slot) => slot,
                    None => {
                        let message = format!("{} has no argument named `{name}`", function.name);
                        let hint = near_miss(name, parameters.iter().map(|parameter| parameter.name));
                        return Err(usage(self.error(&argument.value, message)).maybe_help(hint));
                    }
                },
            };
            if bound[slot].replace(argument).is_some() {
                let message = format!("the argument `{}` of {} is given twice", parameters[slot].name, function.name);
                return Err(usage(self.error(&argument.value, message)));
            }
        }
        let missing = (0..parameters.len())
            .find(|&slot| bound[slot].is_none() && parameters[slot].default.is_none() && !parameters[slot].variadic);
        if let Some(slot) = missing {
            let message = format!("{} needs the argument `{}`", function.name, parameters[slot].name);
            return Err(usage(self.error(at, message)));
        }
        if !rest.is_empty() {
            if let Some(named) = bound.pop().flatten() {
                let last = parameters[by_place - 1].name;
                let message = format!("the argument `{last}` of {} is given twice", function.name);
                return Err(usage(self.error(&named.value, message)));
            }
            bound.extend(rest);
        }
        Ok(bound)
    }
}

/// A constant list of numbers as a node.
pub(super) fn constant_list(graph: &mut Graph, values: Vec<f64>, kind: Kind) -> NodeId {
    let count = values.len();
    graph.constant(Tensor::new([count], values), kind)
}
