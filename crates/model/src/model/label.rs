//! Label noise: the loss that training descends, beside the loss that is recorded.
//!
//! `[model]` is evaluated a second time with the label's name bound to y + σz. Everything that does not read the label is
//! the same node again, so the second pass adds what depends on z and nothing else. Rejected: replacing the label's node in
//! the graph. Equal nodes are one node, so a label "1.0" would be every 1.0 of the model, and folded constants have
//! forgotten it.

use super::Model;
use crate::graph::{Kind, NodeId};
use crate::language::{Scope, Section};
use crate::operations::{Distribution, Draw, Op, Purpose};
use crate::source::{SpecError, near_miss};
use crate::spec::{LabelNoise, Spec};

impl Model {
    /// Adds the loss as training sees it, where each reader of the label in `[model]` finds y + σz, z ~ N(0, 1) fresh at
    /// every evaluation, of the label's shape. Named nodes and observables keep the label without noise.
    ///
    /// # Errors
    /// [`SpecError`] for a label that no section names, that depends on parameters, is not made of real numbers, or that
    /// the loss does not read; and where there is no loss.
    pub fn with_label_noise(mut self, spec: &Spec, noise: &LabelNoise) -> Result<(Self, NodeId), SpecError> {
        let label = self.label(spec, noise)?;
        let shape = self.graph.shape(label).clone();
        let z = self.graph.draw(Draw::new(Distribution::Normal, shape, Purpose::Noise));
        let added = self.graph.scale(noise.deviation, z);
        let noisy = self.graph.add(label, added);
        let mut scope = Scope::new(spec.folder.clone());
        (scope.graph, scope.names) = (std::mem::take(&mut self.graph), self.given.clone());
        scope.names.entry(noise.label.clone()).and_modify(|node| *node = noisy);
        for definition in &spec.model {
            let node = scope.evaluate(definition, Section::Model)?;
            scope.define(definition, if definition.name == noise.label { noisy } else { node })?;
        }
        let loss = scope.names.get("loss").copied().ok_or_else(|| {
            SpecError::at(&noise.location, "label noise needs a `loss` in [model] that reads the label")
        })?;
        self.graph = scope.graph;
        if self.graph.needed(&[loss])[z.index()] {
            return Ok((self, loss));
        }
        let message = format!("the loss does not read the label `{}`, so noise on it would do nothing", noise.label);
        Err(SpecError::at(&noise.location, message).label("not read by the loss").help(
            "entries of [model] see the noise when they name the label itself: name with train.label the tensor that \
             they compare the output with (one of [batch] that is made from it has no noise)",
        ))
    }

    /// The node that the label's name stands for, if noise can be added to it.
    fn label(&self, spec: &Spec, noise: &LabelNoise) -> Result<NodeId, SpecError> {
        let name = noise.label.as_str();
        let error = |message: String| SpecError::at(&noise.location, message);
        let Some(node) = self.given.get(name).copied().or_else(|| self.named(name)) else {
            let definitions = spec.data.iter().chain(&spec.batch).chain(&spec.model);
            let known: Vec<&str> = definitions.map(|definition| definition.name.as_str()).collect();
            return Err(error(format!("the label `{name}` is not named in [data], [batch] or [model]"))
                .label("unknown label")
                .help(format!("train.label names the tensor that gets noise; there are {}", known.join(", ")))
                .maybe_help(near_miss(name, known)));
        };
        if self.depends_on_parameters(node) {
            return Err(error(format!("the label `{name}` depends on parameters")).label("not a label").help(
                "noise on it would be noise on what the model computes, and its gradient another one: name what the \
                     output is compared with",
            ));
        }
        if self.graph.kind(node) != Kind::Real {
            let kind = if self.graph.kind(node) == Kind::Integer { "whole numbers" } else { "truth values" };
            return Err(error(format!("the label `{name}` is made of {kind}, and normal noise of real numbers"))
                .label(kind)
                .help("make it real: write 1.0 instead of 1, or multiply by 1.0"));
        }
        Ok(node)
    }

    fn depends_on_parameters(&self, node: NodeId) -> bool {
        let needed = self.graph.needed(&[node]);
        let is_parameter = |slot: usize| self.params.iter().any(|parameter| parameter.slot == slot);
        let mut nodes = self.graph.nodes().iter().zip(needed);
        nodes.any(|(node, needed)| needed && matches!(&node.op, Op::Input(input) if is_parameter(input.slot)))
    }
}
