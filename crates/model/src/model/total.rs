//! Totals: expressions of `[total]`, summed over the steps that a run has made.
//!
//! A record every hundredth step cannot tell what happened in the ninety-nine others. A total sees every step, with the gradient
//! that the step descends: that of parameter `W` is called `grad_W`, and η `step_size`. It is a state like a momentum, so that it is saved
//! and gone on with like one, and `[log]` reads it under its name: the sum over the steps before the record, 0 at the start.
//!
//! **Sums.** Half a million small numbers are added up in the run's precision, so each sum carries what rounding took from it
//! (Kahan's compensation), without which a total would stand still once it is 2²⁴ times its increments.
//!
//! **Rejected.** Totals from records alone, each standing for the steps around it: gradients of batches of eight are so uneven that the sum over every
//! tenth step is off by more than what is looked for. A function `grad(…)` of the language: it would have no meaning in any other section.

use super::{Model, Slot};
use crate::graph::{Kind, NodeId, gradient};
use crate::language::{Scope, Section};
use crate::source::SpecError;
use crate::spec::{Definition, Noise, Spec};
use crate::tensor::Tensor;

/// A running sum over steps.
#[derive(Clone, Debug)]
pub struct Total {
    /// Its name in `[total]`.
    pub name: String,
    /// The sum so far, an input.
    pub sum: Slot,
    /// What rounding has added to the sum too much, an input.
    pub compensation: Slot,
    /// What a step adds.
    pub increment: NodeId,
}

impl Total {
    /// Nodes of the sum and of the compensation after a step.
    pub fn next(&self, model: &mut Model) -> [NodeId; 2] {
        model.graph.compensated_sum(self.sum.node, self.compensation.node, self.increment)
    }
}

/// Defines the totals of a spec; their names then stand for the sums so far.
pub(super) fn define(
    spec: &Spec,
    scope: &mut Scope,
    params: &[Slot],
    next_slot: &mut usize,
) -> Result<Vec<Total>, SpecError> {
    let Some(first) = spec.total.first() else { return Ok(Vec::new()) };
    let given = step_names(spec, scope, params, first)?;
    let increments: Vec<NodeId> =
        spec.total.iter().map(|definition| increment(scope, definition)).collect::<Result<_, _>>()?;
    given.iter().for_each(|name| {
        scope.names.remove(name);
    });
    let mut totals = Vec::new();
    for (definition, increment) in spec.total.iter().zip(increments) {
        let shape = scope.graph.shape(increment).clone();
        let mut input = |name: String| {
            let slot = *next_slot;
            *next_slot += 1;
            Slot { name, slot, node: scope.graph.input(slot, shape.clone(), Kind::Real), shape: shape.clone() }
        };
        let sum = input(format!("total {}", definition.name));
        let compensation = input(format!("compensation of total {}", definition.name));
        scope.define(definition, sum.node)?;
        totals.push(Total { name: definition.name.clone(), sum, compensation, increment });
    }
    Ok(totals)
}

/// Puts what only a step knows into scope: gradients and the step size. Returns their names.
fn step_names(spec: &Spec, scope: &mut Scope, params: &[Slot], first: &Definition) -> Result<Vec<String>, SpecError> {
    if matches!(spec.train.noise, Noise::Label(_)) {
        let message =
            "[total] has the gradient of the loss that is recorded; under label noise a step descends another";
        return Err(SpecError::at(&first.key, message).help("draw the noise of the label in [batch] instead"));
    }
    let Some(&loss) = scope.names.get("loss") else {
        return Err(SpecError::at(
            &first.key,
            "[total] sums over training steps, and [model] names no `loss` to train",
        ));
    };
    let targets: Vec<NodeId> = params.iter().map(|slot| slot.node).collect();
    let gradients = gradient(&mut scope.graph, loss, &targets);
    let step_size = scope.graph.constant(Tensor::scalar(spec.train.step_size), Kind::Real);
    let named = params.iter().map(|slot| format!("grad_{}", slot.name)).zip(gradients);
    let named: Vec<(String, NodeId)> = named.chain([("step_size".to_owned(), step_size)]).collect();
    for (name, node) in &named {
        if scope.names.insert(name.clone(), *node).is_some() {
            let message = format!("`{name}` is a word of [total], and the spec gives the name to something else");
            return Err(SpecError::at(&first.key, message).help("choose another name in the other section"));
        }
    }
    Ok(named.into_iter().map(|(name, _)| name).collect())
}

fn increment(scope: &mut Scope, definition: &Definition) -> Result<NodeId, SpecError> {
    let node = scope.evaluate(definition, Section::Total)?;
    if scope.graph.kind(node) == Kind::Real {
        return Ok(node);
    }
    let message = format!("the total `{}` is not made of real numbers", definition.name);
    Err(SpecError::at(&definition.location, message).help("multiply by 1.0"))
}
