//! From expressions to graph nodes: names, functions, indices, shapes.
//!
//! Functions are declared where they are written ([`functions`]), with signature and summary, from which messages
//! (and the reference) are made. A function is either one operation or a composition of others, so only operations
//! need derivatives.

mod call;
mod functions;
mod indexing;
mod load;
mod over;
mod range;
pub mod reference;

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

pub use over::evaluate_over;
pub(crate) use range::{Interval, range};

pub use functions::{Allowed, Function, Parameter, Section, all as functions};

use crate::graph::{Graph, Kind, Mismatch, NodeId};
use crate::operations::{Binary, Unary};
use crate::source::{Location, SpecError, near_miss};
use crate::spec::Definition;
use crate::syntax::{BinaryOperator, Expression, ExpressionKind};
use crate::tensor::Tensor;

/// Names in scope while expressions become nodes of one graph.
pub struct Scope {
    /// The graph that is being built.
    pub graph: Graph,
    /// What names stand for.
    pub names: HashMap<String, NodeId>,
    /// The folder that `load` starts from.
    pub folder: PathBuf,
    /// Between which numbers inputs lie, where that is known.
    pub(crate) ranges: HashMap<NodeId, Interval>,
    /// Names that are defined further down, for messages.
    later: HashMap<String, &'static str>,
}

impl Scope {
    /// An empty scope.
    pub fn new(folder: PathBuf) -> Self {
        Self { graph: Graph::new(), names: HashMap::new(), folder, ranges: HashMap::new(), later: HashMap::new() }
    }

    /// Defines a section's names one after the other.
    ///
    /// # Errors
    /// [`SpecError`] for the first expression that does not make sense, or a name that is already taken.
    pub fn define_all(&mut self, definitions: &[Definition], section: Section) -> Result<Vec<NodeId>, SpecError> {
        self.later = definitions.iter().map(|definition| (definition.name.clone(), section.name())).collect();
        let nodes = definitions
            .iter()
            .map(|definition| {
                let node = self.evaluate(definition, section)?;
                self.define(definition, node)?;
                Ok(node)
            })
            .collect();
        self.later.clear();
        nodes
    }

    /// Gives a name to a node.
    ///
    /// # Errors
    /// [`SpecError`] when the name is taken.
    pub fn define(&mut self, definition: &Definition, node: NodeId) -> Result<(), SpecError> {
        self.later.remove(&definition.name);
        match self.names.insert(definition.name.clone(), node) {
            None => Ok(()),
            Some(_) => {
                let message = format!("the name `{}` is already taken by an earlier section", definition.name);
                Err(SpecError::at(&definition.key, message).label("defined again").help("choose another name"))
            }
        }
    }

    /// The node of an expression.
    ///
    /// # Errors
    /// [`SpecError`] pointing at the sub-expression that does not make sense.
    pub fn evaluate(&mut self, definition: &Definition, section: Section) -> Result<NodeId, SpecError> {
        Evaluation { scope: self, location: &definition.location, section, own_name: &definition.name }
            .node(&definition.expression)
    }
}

/// One expression on its way to a node.
pub(crate) struct Evaluation<'a> {
    pub scope: &'a mut Scope,
    location: &'a Location,
    pub section: Section,
    own_name: &'a str,
}

impl Evaluation<'_> {
    fn error(&self, at: &Expression, message: impl Into<String>) -> SpecError {
        SpecError::at(&self.location.within(at.span.clone()), message)
    }

    fn graph(&mut self) -> &mut Graph {
        &mut self.scope.graph
    }

    fn fits(&self, at: &Expression, result: Result<NodeId, Mismatch>) -> Result<NodeId, SpecError> {
        result.map_err(|mismatch| self.error(at, mismatch.0))
    }

    pub(crate) fn node(&mut self, expression: &Expression) -> Result<NodeId, SpecError> {
        match &expression.kind {
            ExpressionKind::Number { value, integer } => {
                let kind = if *integer { Kind::Integer } else { Kind::Real };
                Ok(self.graph().constant(Tensor::scalar(*value), kind))
            }
            ExpressionKind::Text(_) => {
                Err(self.error(expression, "a text in quotes can only be an argument, as in load('data.csv')"))
            }
            ExpressionKind::Name(name) => self.name(expression, name),
            ExpressionKind::Array(items) => self.array(expression, items),
            ExpressionKind::Negate(operand) => {
                let operand = self.node(operand)?;
                Ok(self.graph().negate(operand))
            }
            ExpressionKind::Chain(first, rest) => self.chain(first, rest),
            ExpressionKind::Call { function, function_span, arguments } => {
                self.call(expression, function, function_span, arguments)
            }
            ExpressionKind::Index(base, items) => self.index(expression, base, items),
            ExpressionKind::Transposed(base) => {
                let base = self.node(base)?;
                let rank = self.graph().shape(base).rank();
                Ok(self.graph().transpose(base, (0..rank).rev().collect()))
            }
        }
    }

    fn name(&mut self, at: &Expression, name: &str) -> Result<NodeId, SpecError> {
        if let Some(&node) = self.scope.names.get(name) {
            return Ok(node);
        }
        match name {
            "pi" => return Ok(self.graph().scalar(std::f64::consts::PI)),
            "True" | "False" => {
                let truth = Tensor::scalar(f64::from(u8::from(name == "True")));
                return Ok(self.graph().constant(truth, Kind::Boolean));
            }
            "None" => return Err(self.error(at, "None stands for an argument that is left out, or for a new axis")),
            _ => {}
        }
        if name == self.own_name && self.scope.later.contains_key(name) {
            return Err(self.error(at, format!("`{name}` is defined by itself")).label("refers to itself"));
        }
        if let Some(section) = self.scope.later.get(name) {
            let message = format!("`{name}` is used before it is defined in [{section}]");
            return Err(self.error(at, message).help(
                "entries are evaluated in order: move its definition up; if each needs the other, they are cyclic and \
                 have no value",
            ));
        }
        let is_function = functions().any(|function| function.name == name);
        let help = if is_function {
            Some(format!("`{name}` is a function: write {name}(...)"))
        } else {
            near_miss(name, self.scope.names.keys().map(String::as_str).chain(["pi"]))
        };
        let mut defined: Vec<&str> = self.scope.names.keys().map(String::as_str).collect();
        defined.sort_unstable();
        let listed = if defined.is_empty() { "nothing is defined before it".into() } else { defined.join(", ") };
        Err(self
            .error(at, format!("the name `{name}` is not known here"))
            .label("unknown name")
            .help(format!("defined here: {listed}"))
            .maybe_help(help))
    }

    fn array(&mut self, at: &Expression, items: &[Expression]) -> Result<NodeId, SpecError> {
        if items.is_empty() {
            return Ok(self.graph().constant(Tensor::new([0], Vec::new()), Kind::Real));
        }
        let nodes = items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
        let first = self.graph().shape(nodes[0]).clone();
        for (item, &node) in items.iter().zip(&nodes) {
            let shape = self.graph().shape(node).clone();
            if shape != first {
                let message =
                    format!("the entries of an array have equal shapes: the first has {first}, this one {shape}");
                return Err(self.error(item, message));
            }
        }
        let result = call::stack(self.graph(), &nodes);
        self.fits(at, result)
    }

    /// A chain of operators, from the left; an error underlines it up to the operand that does not fit.
    fn chain(&mut self, first: &Expression, rest: &[(BinaryOperator, Expression)]) -> Result<NodeId, SpecError> {
        let mut value = self.node(first)?;
        for (operator, right) in rest {
            let operand = self.node(right)?;
            value = self.binary(first.span.start..right.span.end, *operator, value, operand)?;
        }
        Ok(value)
    }

    fn binary(
        &mut self,
        span: Range<usize>,
        operator: BinaryOperator,
        a: NodeId,
        b: NodeId,
    ) -> Result<NodeId, SpecError> {
        let shapes = (self.graph().shape(a).clone(), self.graph().shape(b).clone());
        let graph = self.graph();
        let result = match operator {
            BinaryOperator::Matmul => graph.matmul(a, b),
            BinaryOperator::Power => power(graph, a, b),
            BinaryOperator::Add => graph.binary(Binary::ADD, a, b),
            BinaryOperator::Subtract => graph.binary(Binary::SUBTRACT, a, b),
            BinaryOperator::Multiply => graph.binary(Binary::MULTIPLY, a, b),
            BinaryOperator::Divide => graph.binary(Binary::DIVIDE, a, b),
            BinaryOperator::Less => graph.binary(Binary::LESS, a, b),
            BinaryOperator::LessEqual => graph.binary(Binary::LESS_EQUAL, a, b),
            BinaryOperator::Greater => graph.binary(Binary::LESS, b, a),
            BinaryOperator::GreaterEqual => graph.binary(Binary::LESS_EQUAL, b, a),
            BinaryOperator::Equal => graph.binary(Binary::EQUAL, a, b),
            BinaryOperator::NotEqual => graph.binary(Binary::NOT_EQUAL, a, b),
        };
        result.map_err(|mismatch| {
            SpecError::at(&self.location.within(span), mismatch.0).label(format!(
                "{} {} {}",
                shapes.0,
                operator.symbol(),
                shapes.1
            ))
        })
    }
}

/// aᵇ; constant exponents 0, 1, 2, 3, 4, −1 and ½ become products, quotients and roots.
fn power(graph: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId, Mismatch> {
    let exponent = graph.constant_value(b).filter(|b| b.shape.is_scalar()).map(|b| b.values[0]);
    match exponent {
        Some(0.0) => {
            let (shape, kind) = (graph.shape(a).clone(), graph.kind(a).max(Kind::Integer));
            if !graph.has_room_for(shape.count()) {
                return graph.binary(Binary::POWER, a, b);
            }
            Ok(graph.constant(Tensor::full(shape, 1.0), kind))
        }
        Some(1.0) => Ok(a),
        Some(exponent @ (2.0 | 3.0 | 4.0)) => {
            let square = graph.multiply(a, a);
            Ok(match exponent {
                2.0 => square,
                3.0 => graph.multiply(square, a),
                _ => graph.multiply(square, square),
            })
        }
        Some(0.5) => Ok(graph.unary(Unary::SQRT, a)),
        Some(-1.0) => {
            let one = graph.scalar(1.0);
            Ok(graph.divide(one, a))
        }
        _ => graph.binary(Binary::POWER, a, b),
    }
}
