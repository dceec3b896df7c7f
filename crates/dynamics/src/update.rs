//! One training step as a graph.
//!
//! SGD: g = ∇L (+ λθ), m' = μm + g, θ' = θ − ηm', which may be compensated: rounding of θ is a state of its own. Adam: m' = β₁m + (1−β₁)g, v' = β₂v + (1−β₂)g²,
//! θ' = θ − η (m'/c₁)/(√(v'/c₂) + ε), with c = 1 − βᵗ a state of its own, c' = βc + (1−β). Langevin, by Euler and Maruyama with time step h, in the Itô
//! sense: θ' = θ − h∇L + √(2τh) P z with z ~ N(0, I), P = I (isotropic) or the orthogonal projector onto the row space
//! of the predictor's Jacobian at θ (horizontal). The second-order scheme puts (z + z')/2 in the place of z, z' the noise of the last
//! step. Constraints are told in the module `constraint`. Under label noise ∇L is that of the loss with noise on its label.

use gaugebias_model::graph::{Kind, NodeId, cotangents, gradient};
use gaugebias_model::operations::{Concatenate, Distribution, Draw, Purpose, Slice, Unary};
use gaugebias_model::spec::{Noise, Optimizer, Scheme, Spec};
use gaugebias_model::{Model, Shape, Slot, SpecError, Tensor};

use crate::constraint::{projected, with_potential};
use crate::horizontal;

/// A state that a step changes: a parameter, a momentum, or a total.
#[derive(Clone, Debug)]
pub struct State {
    /// A parameter's name, `momentum of NAME`, `total NAME`, …
    pub name: String,
    /// Input slot.
    pub slot: usize,
    /// Its shape.
    pub shape: Shape,
    /// The node of its next value.
    pub next: NodeId,
}

/// A model with the graph of its update.
#[derive(Clone, Debug)]
pub struct Update {
    /// The model; its graph holds the update.
    pub model: Model,
    /// Parameters first, in their order, then other states (momenta, totals), which start at zero.
    pub states: Vec<State>,
}

impl Update {
    /// Adds the update that a spec's `[train]` asks for to the graph of its model.
    ///
    /// # Errors
    /// [`SpecError`] where there is no loss to descend, no parameter that it depends on, no predictor to project on, or no
    /// label to add noise to.
    pub fn build(spec: &Spec, model: Model) -> Result<Self, SpecError> {
        let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
        let loss = model.named("loss").ok_or_else(|| {
            SpecError::in_file(&spec.source.name, "[model] names no `loss`, so there is nothing to train")
                .help("add one, as in loss = \"mean((output - y)**2)\"")
        })?;
        let (mut model, descended) = match &spec.train.noise {
            Noise::Label(noise) => model.with_label_noise(spec, noise)?,
            _ => (model, loss),
        };
        let gradients = gradient(&mut model.graph, descended, &targets);
        check_trained(spec, &model, &gradients)?;
        let mut extra = Vec::new();
        let next = match spec.train.optimizer {
            Optimizer::Sgd { momentum, weight_decay } => {
                sgd(spec, &mut model, [momentum, weight_decay], &gradients, &mut extra)
            }
            Optimizer::Adam { beta1, beta2, epsilon } => {
                let adam = Adam { step_size: spec.train.step_size, beta1, beta2, epsilon };
                adam.update(&mut model, &gradients, &mut extra)
            }
            Optimizer::Langevin => langevin(spec, &mut model, gradients, &mut extra)?,
        };
        let parameters = model.params.iter().zip(next).map(|(slot, next)| State {
            name: slot.name.clone(),
            slot: slot.slot,
            shape: slot.shape.clone(),
            next,
        });
        let mut states: Vec<State> = parameters.chain(extra).collect();
        for total in model.totals.clone() {
            let next = total.next(&mut model);
            states.extend([&total.sum, &total.compensation].into_iter().zip(next).map(|(slot, next)| State {
                name: slot.name.clone(),
                slot: slot.slot,
                shape: slot.shape.clone(),
                next,
            }));
        }
        Ok(Self { model, states })
    }
}

/// A loss that no parameter moves would train nothing, and nowhere say so. Noise of a temperature moves them even so.
fn check_trained(spec: &Spec, model: &Model, gradients: &[NodeId]) -> Result<(), SpecError> {
    let zero = |&node: &NodeId| model.graph.constant_value(node).is_some_and(|g| g.values.iter().all(|&x| x == 0.0));
    if spec.train.temperature > 0.0 || !gradients.iter().all(zero) {
        return Ok(());
    }
    let names: Vec<&str> = model.params.iter().map(|slot| slot.name.as_str()).collect();
    let message = "the loss depends on no parameter, or only through steps, so there is nothing to train";
    let help = format!("use what [param] names ({}), as in loss = \"mean((predictor - y)**2)\"", names.join(", "));
    let loss = spec.model.iter().find(|definition| definition.name == "loss");
    Err(match loss {
        Some(loss) => SpecError::at(&loss.location, message).label("its gradient is zero everywhere"),
        None => SpecError::in_file(&spec.source.name, message),
    }
    .help(help))
}

fn sgd(
    spec: &Spec,
    model: &mut Model,
    [momentum, weight_decay]: [f64; 2],
    gradients: &[NodeId],
    extra: &mut Vec<State>,
) -> Vec<NodeId> {
    let step_size = spec.train.step_size;
    let mut next = Vec::new();
    for (slot, &gradient) in model.params.clone().iter().zip(gradients) {
        let mut direction = gradient;
        if weight_decay > 0.0 {
            let decay = model.graph.scale(weight_decay, slot.node);
            direction = model.graph.add(direction, decay);
        }
        if momentum > 0.0 {
            let velocity = model.graph.input(model.next_slot, slot.shape.clone(), Kind::Real);
            let kept = model.graph.scale(momentum, velocity);
            direction = model.graph.add(kept, direction);
            let name = format!("momentum of {}", slot.name);
            extra.push(State { name, slot: model.next_slot, shape: slot.shape.clone(), next: direction });
            model.next_slot += 1;
        }
        next.push(if spec.train.compensated {
            let change = model.graph.scale(-step_size, direction);
            compensated(model, slot, change, extra)
        } else {
            let change = model.graph.scale(step_size, direction);
            model.graph.subtract(slot.node, change)
        });
    }
    next
}

/// θ + change, with a state for what rounding takes from θ.
fn compensated(model: &mut Model, slot: &Slot, change: NodeId, extra: &mut Vec<State>) -> NodeId {
    let lost = model.graph.input(model.next_slot, slot.shape.clone(), Kind::Real);
    let [moved, next] = model.graph.compensated_sum(slot.node, lost, change);
    let name = format!("rounding of {}", slot.name);
    extra.push(State { name, slot: model.next_slot, shape: slot.shape.clone(), next });
    model.next_slot += 1;
    moved
}

struct Adam {
    step_size: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl Adam {
    fn update(&self, model: &mut Model, gradients: &[NodeId], extra: &mut Vec<State>) -> Vec<NodeId> {
        let ones = model.graph.scalar(1.0);
        let first = average(model, extra, "first correction of Adam", self.beta1, ones);
        let second = average(model, extra, "second correction of Adam", self.beta2, ones);
        let mut next = Vec::new();
        for (slot, &gradient) in model.params.clone().iter().zip(gradients) {
            let square = model.graph.multiply(gradient, gradient);
            let mean = average(model, extra, &format!("mean gradient of {}", slot.name), self.beta1, gradient);
            let power = average(model, extra, &format!("mean square gradient of {}", slot.name), self.beta2, square);
            let (mean, power) = (model.graph.divide(mean, first), model.graph.divide(power, second));
            let root = model.graph.unary(Unary::SQRT, power);
            let epsilon = model.graph.scalar(self.epsilon);
            let below = model.graph.add(root, epsilon);
            let direction = model.graph.divide(mean, below);
            let change = model.graph.scale(self.step_size, direction);
            next.push(model.graph.subtract(slot.node, change));
        }
        next
    }
}

/// A state a that starts at 0 and becomes βa + (1−β)x; its next value.
fn average(model: &mut Model, extra: &mut Vec<State>, name: &str, beta: f64, x: NodeId) -> NodeId {
    let shape = model.graph.shape(x).clone();
    let state = model.graph.input(model.next_slot, shape.clone(), Kind::Real);
    let (kept, added) = (model.graph.scale(beta, state), model.graph.scale(1.0 - beta, x));
    let next = model.graph.add(kept, added);
    extra.push(State { name: name.to_owned(), slot: model.next_slot, shape, next });
    model.next_slot += 1;
    next
}

fn langevin(
    spec: &Spec,
    model: &mut Model,
    mut gradients: Vec<NodeId>,
    extra: &mut Vec<State>,
) -> Result<Vec<NodeId>, SpecError> {
    with_potential(spec, model, &mut gradients)?;
    let time_step = spec.train.step_size;
    let amplitude = (2.0 * spec.train.temperature * time_step).sqrt();
    let noise = match &spec.train.noise {
        Noise::None | Noise::Label(_) => None,
        _ if amplitude == 0.0 => None,
        Noise::Isotropic if spec.train.scheme == Scheme::SecondOrder => {
            let drawn = isotropic(model);
            Some(drawn.into_iter().enumerate().map(|(index, z)| averaged_noise(model, extra, index, z)).collect())
        }
        Noise::Isotropic => Some(isotropic(model)),
        Noise::Horizontal => {
            let drawn = isotropic(model);
            Some(horizontal::projected(spec, model, drawn)?)
        }
    };
    let mut next = Vec::new();
    for (index, (slot, &gradient)) in model.params.clone().iter().zip(&gradients).enumerate() {
        let change = model.graph.scale(time_step, gradient);
        let mut moved = model.graph.subtract(slot.node, change);
        if let Some(noise) = &noise {
            let kick = model.graph.scale(amplitude, noise[index]);
            moved = model.graph.add(moved, kick);
        }
        next.push(moved);
    }
    projected(spec, model, next)
}

/// (z + z')/2, z' what was drawn at the last step.
fn averaged_noise(model: &mut Model, extra: &mut Vec<State>, index: usize, z: NodeId) -> NodeId {
    let slot = model.params[index].clone();
    let last = model.graph.input(model.next_slot, slot.shape.clone(), Kind::Real);
    extra.push(State {
        name: format!("last noise of {}", slot.name),
        slot: model.next_slot,
        shape: slot.shape.clone(),
        next: z,
    });
    model.next_slot += 1;
    let sum = model.graph.add(z, last);
    model.graph.scale(0.5, sum)
}

/// A standard normal tensor for each parameter.
fn isotropic(model: &mut Model) -> Vec<NodeId> {
    let shapes: Vec<Shape> = model.params.iter().map(|slot| slot.shape.clone()).collect();
    shapes.into_iter().map(|shape| model.graph.draw(Draw::new(Distribution::Normal, shape, Purpose::Noise))).collect()
}

/// A vector of all parameters as tensors of their shapes.
pub(crate) fn parts_of(model: &mut Model, vector: NodeId) -> Vec<NodeId> {
    let mut offset = 0;
    let total = Shape::from([model.parameter_count()]);
    model
        .params
        .clone()
        .iter()
        .map(|slot| {
            let slice = Slice::along(&total, 0, offset, slot.shape.count());
            offset += slot.shape.count();
            let part = model.graph.apply(slice, &[vector]).expect("parameters lie within their vector");
            model.graph.reshape(part, &slot.shape)
        })
        .collect()
}

/// Tensors one after the other as one vector.
pub(crate) fn flattened(model: &mut Model, parts: &[NodeId]) -> NodeId {
    let flat: Vec<NodeId> = parts
        .iter()
        .map(|&part| {
            let count = model.graph.shape(part).count();
            model.graph.reshape(part, &Shape::from([count]))
        })
        .collect();
    joined(model, &flat)
}

/// Tensors one after the other along their first axis; one is itself.
fn joined(model: &mut Model, parts: &[NodeId]) -> NodeId {
    match parts {
        [only] => *only,
        _ => model.graph.apply(Concatenate { axis: 0 }, parts).expect("the other axes are equal"),
    }
}

/// J = ∂F/∂θ, d × p: one row for each coordinate of a node, by reverse mode.
pub(crate) fn jacobian(model: &mut Model, predictor: NodeId) -> NodeId {
    let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
    let shape = model.graph.shape(predictor).clone();
    let count = model.parameter_count();
    let rows: Vec<NodeId> = (0..shape.count())
        .map(|coordinate| {
            let mut unit = Tensor::full(shape.clone(), 0.0);
            unit.values[coordinate] = 1.0;
            let unit = model.graph.constant(unit, Kind::Real);
            let parts = cotangents(&mut model.graph, &[(predictor, unit)], &targets);
            let parts: Vec<NodeId> = parts
                .into_iter()
                .zip(model.params.clone())
                .map(|(part, slot)| part.unwrap_or_else(|| model.graph.full(&slot.shape, 0.0)))
                .collect();
            let row = flattened(model, &parts);
            model.graph.reshape(row, &Shape::from([1, count]))
        })
        .collect();
    joined(model, &rows)
}
