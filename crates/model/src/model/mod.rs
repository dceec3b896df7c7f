//! A spec whose expressions have become nodes.

mod compiled;
mod label;
mod plane;
mod total;

use std::collections::HashMap;

use indexmap::IndexMap;

pub use compiled::SpecParametrization;
pub use total::Total;

use crate::graph::{Graph, Interpreter, Kind, NodeId, Simplify};
use crate::language::{Scope, Section, range};
use crate::operations::Purpose;
use crate::random::Stream;
use crate::shape::Shape;
use crate::source::SpecError;
use crate::spec::{Definition, Spec};
use crate::tensor::Tensor;

/// `[data]` and the initial values of `[param]`, as functions of random draws alone.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Their graph.
    pub graph: Graph,
    /// Names and nodes of `[data]`.
    pub data: Vec<(String, NodeId)>,
    /// Names and nodes of `[param]`.
    pub params: Vec<(String, NodeId)>,
}

impl Setup {
    /// Builds the graph.
    ///
    /// # Errors
    /// [`SpecError`] for an expression that does not make sense.
    pub fn build(spec: &Spec) -> Result<Self, SpecError> {
        let mut scope = Scope::new(spec.folder.clone());
        let data = scope.define_all(&spec.data, Section::Data)?;
        let params = scope.define_all(&spec.param, Section::Param)?;
        let named = |definitions: &[Definition], nodes: Vec<NodeId>| {
            definitions.iter().map(|definition| definition.name.clone()).zip(nodes).collect()
        };
        Ok(Self { data: named(&spec.data, data), params: named(&spec.param, params), graph: scope.graph })
    }

    /// The data and the initial parameters of one seed, in f64, by plain loops.
    pub fn evaluate(&self, base: u64, seed: usize) -> (HashMap<String, Tensor>, HashMap<String, Tensor>) {
        let purposes = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise];
        let mut streams = purposes.map(|purpose| Stream::for_seed(base, purpose, seed));
        let named: Vec<&(String, NodeId)> = self.data.iter().chain(&self.params).collect();
        let nodes: Vec<NodeId> = named.iter().map(|(_, node)| *node).collect();
        let values = Interpreter::new(&self.graph).evaluate(&nodes, &HashMap::new(), &mut streams);
        let mut pairs = named.iter().map(|(name, _)| name.clone()).zip(values);
        (pairs.by_ref().take(self.data.len()).collect(), pairs.collect())
    }

    /// One tensor of `[data]` of one seed, in f64, by plain loops over what it needs; `None` for a name that `[data]` does not have.
    pub fn datum(&self, name: &str, base: u64, seed: usize) -> Option<Tensor> {
        let (_, node) = self.data.iter().find(|(own, _)| own == name)?;
        let purposes = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise];
        let mut streams = purposes.map(|purpose| Stream::for_seed(base, purpose, seed));
        Interpreter::new(&self.graph).evaluate(&[*node], &HashMap::new(), &mut streams).pop()
    }

    /// Whether a tensor of `[data]` differs between seeds.
    pub fn is_random(&self, name: &str) -> bool {
        self.data.iter().any(|(own, node)| own == name && self.graph.is_random(&[*node]))
    }

    /// Bytes that [`Setup::evaluate`] takes at most: every intermediate value is kept, results are there twice.
    pub fn evaluation_bytes(&self) -> u64 {
        self.graph.nodes().iter().map(|node| 16 * node.shape.count() as u64).sum()
    }

    /// Whether the data differ between seeds.
    pub fn has_random_data(&self) -> bool {
        self.graph.is_random(&self.data.iter().map(|(_, node)| *node).collect::<Vec<_>>())
    }
}

/// What stands for `[data]` in a model's graph.
#[derive(Clone, Copy, Debug)]
pub enum DataBinding<'a> {
    /// Inputs, filled for each seed; data without draws are constants.
    Inputs,
    /// The draws themselves, so that every evaluation sees fresh data.
    Drawn,
    /// Given values, equal for all seeds.
    Values(&'a HashMap<String, Tensor>),
}

/// A named input of a model's graph.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The name in the spec.
    pub name: String,
    /// The input's slot.
    pub slot: usize,
    /// Its node.
    pub node: NodeId,
    /// Its shape.
    pub shape: Shape,
}

/// The graph of a spec's model, over its parameters (and data).
#[derive(Clone, Debug)]
pub struct Model {
    /// The graph.
    pub graph: Graph,
    /// Data that are inputs.
    pub data: Vec<Slot>,
    /// Parameters.
    pub params: Vec<Slot>,
    /// Everything named in `[batch]` and `[model]`, in order.
    pub names: IndexMap<String, NodeId>,
    /// Everything in `[total]`.
    pub totals: Vec<Total>,
    /// Everything in `[log]`.
    pub observables: Vec<(String, NodeId)>,
    /// The observable of `[verify]`.
    pub verified: Option<NodeId>,
    /// Slots from here on are free.
    pub next_slot: usize,
    /// What `[model]` is given: the names of `[data]`, `[param]` and `[batch]`.
    given: HashMap<String, NodeId>,
}

impl Model {
    /// Builds the graph of a spec.
    ///
    /// # Errors
    /// [`SpecError`] for an expression that does not make sense, a loss or verified observable that is not a scalar, or a figure
    /// of level sets without a plane or a function on it.
    pub fn build(spec: &Spec, binding: DataBinding<'_>) -> Result<Self, SpecError> {
        Self::build_with(spec, binding, Simplify::default())
    }

    /// Builds the graph with the given simplifications only, for tests that compare.
    ///
    /// # Errors
    /// As [`Model::build`]; without folding also for indices and sizes that are computed.
    pub fn build_with(spec: &Spec, binding: DataBinding<'_>, simplify: Simplify) -> Result<Self, SpecError> {
        let setup = Setup::build(spec)?;
        let mut scope = Scope::new(spec.folder.clone());
        scope.graph = Graph::with(simplify);
        let data = bind_data(spec, &setup, binding, &mut scope)?;
        let mut next_slot = spec.data.len();
        let mut params = Vec::new();
        for (definition, (name, node)) in spec.param.iter().zip(&setup.params) {
            let shape = setup.graph.shape(*node).clone();
            let input = scope.graph.input(next_slot, shape.clone(), Kind::Real);
            scope.define(definition, input)?;
            params.push(Slot { name: name.clone(), slot: next_slot, node: input, shape });
            next_slot += 1;
        }
        let batch = scope.define_all(&spec.batch, Section::Batch)?;
        let given = scope.names.clone();
        let nodes = scope.define_all(&spec.model, Section::Model)?;
        for (definition, &node) in spec.model.iter().zip(&nodes) {
            check_model_entry(definition, scope.graph.shape(node), scope.graph.kind(node))?;
        }
        let named = spec.batch.iter().chain(&spec.model).map(|definition| definition.name.clone());
        let names = named.zip(batch.into_iter().chain(nodes)).collect();
        let totals = total::define(spec, &mut scope, &params, &mut next_slot)?;
        let observables: Vec<(String, NodeId)> = spec
            .log
            .observables
            .iter()
            .map(|definition| Ok((definition.name.clone(), scope.evaluate(definition, Section::Log)?)))
            .collect::<Result<_, SpecError>>()?;
        if spec.variant.is_none() {
            plane::check_figures(spec, &scope, &params)?;
            plane::check_observables(spec, &scope.graph, &observables)?;
        }
        let verified = spec.verify.as_ref().map(|verify| verified(&verify.observable, &mut scope)).transpose()?;
        Ok(Self { graph: scope.graph, data, params, names, totals, observables, verified, next_slot, given })
    }

    /// The node of a name in `[model]`.
    pub fn named(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// p, the number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.params.iter().map(|slot| slot.shape.count()).sum()
    }
}

fn bind_data(spec: &Spec, setup: &Setup, binding: DataBinding<'_>, scope: &mut Scope) -> Result<Vec<Slot>, SpecError> {
    if let DataBinding::Drawn = binding {
        scope.define_all(&spec.data, Section::Data)?;
        return Ok(Vec::new());
    }
    let mut slots = Vec::new();
    for (slot, (definition, (name, node))) in spec.data.iter().zip(&setup.data).enumerate() {
        let kind = setup.graph.kind(*node);
        let given = match binding {
            DataBinding::Values(values) => values.get(name),
            _ => None,
        };
        let bound = match given.or_else(|| setup.graph.constant_value(*node)) {
            Some(value) => scope.graph.constant(value.clone(), kind),
            None => {
                let shape = setup.graph.shape(*node).clone();
                let input = scope.graph.input(slot, shape.clone(), kind);
                scope.ranges.extend(range(&setup.graph, &HashMap::new(), *node).map(|known| (input, known)));
                slots.push(Slot { name: name.clone(), slot, node: input, shape });
                input
            }
        };
        scope.define(definition, bound)?;
    }
    Ok(slots)
}

fn check_model_entry(definition: &Definition, shape: &Shape, kind: Kind) -> Result<(), SpecError> {
    let error = |message: String| Err(SpecError::at(&definition.location, message));
    match definition.name.as_str() {
        "loss" if !shape.is_scalar() => {
            let error = SpecError::at(&definition.location, format!("the loss is one number, this has shape {shape}"));
            Err(error.label(format!("shape {shape}")).help("take its mean or sum, as in mean((output - y)**2)"))
        }
        "predictor" if kind != Kind::Real => error("the predictor is made of real numbers".into()),
        "predictor" if shape.count() == 0 => error(format!("the predictor has no coordinates (shape {shape})")),
        _ => Ok(()),
    }
}

fn verified(definition: &Definition, scope: &mut Scope) -> Result<NodeId, SpecError> {
    let node = scope.evaluate(definition, Section::Verify)?;
    let shape = scope.graph.shape(node).clone();
    if shape.is_scalar() {
        return Ok(node);
    }
    let message = format!("the verified observable is one number, this has shape {shape}");
    Err(SpecError::at(&definition.location, message).help("pick a coordinate, as in predictor[0]"))
}
