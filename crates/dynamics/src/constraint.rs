//! What holds a Langevin step near or on the slice on which the spec's `gauge` vanishes.
//!
//! ```text
//! stiff        L + κ‖gauge‖²/2
//! rigid        θ' = θ* − Gᵀ(θ)λ with gauge(θ') = 0: multipliers along the gradients at θ (Ciccotti, Lelièvre, Vanden-Eijnden 2008)
//! conditioned  rigid, in the potential L + (τ/2) log det(GGᵀ)
//! rebalanced   θ' = θ* + least change with gauge(θ') = 0 and F(θ') = F(θ*)
//! ```
//!
//! Both projections are chord iterations: the Jacobian stays that of the step's start, so that one step is one graph of fixed size; the
//! error shrinks by the relative length of a step each time. The gauge is an expression of the spec. It is not taken from found
//! symmetries: the simulation must not know the prediction. Rejected: as many Newton steps as a tolerance asks for; lanes would wait
//! for the slowest of them.

use gaugebias_model::graph::{NodeId, cotangents, gradient};
use gaugebias_model::operations::{Binary, Concatenate, Decomposition, LeastNorm};
use gaugebias_model::spec::{Constraint, Spec};
use gaugebias_model::{Model, Shape, SpecError};

use crate::update::{flattened, jacobian, parts_of};

/// Chord iterations of one step. A proposal is √(2τh) away from the slice along its noise, and h where only the orbit is to be moved along.
const ITERATIONS: usize = 8;
const ITERATIONS_ALONG_ORBITS: usize = 5;

/// The gauge as one vector.
fn gauge(spec: &Spec, model: &mut Model) -> Result<NodeId, SpecError> {
    let node = model.named("gauge").ok_or_else(|| {
        SpecError::in_file(&spec.source.name, "a constraint needs the slice that it holds: [model] names no `gauge`")
            .help("name what vanishes on the slice, one number for each charge, as in gauge = \"0.5 * (u**2 - v**2)\"")
    })?;
    Ok(flattened(model, &[node]))
}

/// Adds the potential of a constraint to the gradients of the loss.
pub(crate) fn with_potential(spec: &Spec, model: &mut Model, gradients: &mut [NodeId]) -> Result<(), SpecError> {
    let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
    let added = match spec.train.constraint {
        Constraint::Stiff { stiffness } => {
            let gauge = gauge(spec, model)?;
            let square = model.graph.multiply(gauge, gauge);
            let half = model.graph.scale(0.5 * stiffness, square);
            gradient(&mut model.graph, half, &targets)
        }
        Constraint::Conditioned => log_det_gradient(spec, model, &targets)?,
        _ => return Ok(()),
    };
    for (gradient, added) in gradients.iter_mut().zip(added) {
        *gradient = model.graph.add(*gradient, added);
    }
    Ok(())
}

/// ∇ (τ/2) log det(GGᵀ) = (τ/2) Σ (GGᵀ)⁻¹_ab ∇(GGᵀ)_ab.
fn log_det_gradient(spec: &Spec, model: &mut Model, targets: &[NodeId]) -> Result<Vec<NodeId>, SpecError> {
    let gauge = gauge(spec, model)?;
    let rows = jacobian(model, gauge);
    let transposed = model.graph.transpose(rows, vec![1, 0]);
    let gram = model.graph.matmul(rows, transposed).expect("a matrix and its transpose fit");
    let inverse = if model.graph.shape(gram).count() == 1 {
        let one = model.graph.full(&Shape::from([1, 1]), 1.0);
        model.graph.divide(one, gram)
    } else {
        model.graph.apply(Decomposition::Inverse, &[gram]).expect("a Gram matrix is square")
    };
    let seed = model.graph.scale(0.5 * spec.train.temperature, inverse);
    let found = cotangents(&mut model.graph, &[(gram, seed)], targets);
    let shapes: Vec<Shape> = model.params.iter().map(|slot| slot.shape.clone()).collect();
    Ok(found
        .into_iter()
        .zip(shapes)
        .map(|(part, shape)| part.unwrap_or_else(|| model.graph.full(&shape, 0.0)))
        .collect())
}

/// The proposed parameters, moved back to the slice where the constraint says so.
pub(crate) fn projected(spec: &Spec, model: &mut Model, proposed: Vec<NodeId>) -> Result<Vec<NodeId>, SpecError> {
    match spec.train.constraint {
        Constraint::Rigid | Constraint::Conditioned => {
            let held = gauge(spec, model)?;
            let rows = jacobian(model, held);
            let zero = model.graph.full(&model.graph.shape(held).clone(), 0.0);
            Ok(chords(model, (held, rows, zero), proposed, ITERATIONS))
        }
        Constraint::Rebalanced => rebalanced(spec, model, proposed),
        Constraint::None | Constraint::Stiff { .. } => Ok(proposed),
    }
}

/// The least change that makes the gauge vanish and leaves the predictor as it is at the proposed parameters.
fn rebalanced(spec: &Spec, model: &mut Model, proposed: Vec<NodeId>) -> Result<Vec<NodeId>, SpecError> {
    let predictor = model.named("predictor").ok_or_else(|| {
        SpecError::in_file(&spec.source.name, "rebalancing keeps the predictor, and [model] names none")
            .help("name what the data can see of the parameters, as in predictor = \"u * v\"")
    })?;
    let gauge = gauge(spec, model)?;
    let predictor = flattened(model, &[predictor]);
    let held = model.graph.apply(Concatenate { axis: 0 }, &[gauge, predictor]).expect("vectors can be joined");
    let rows = jacobian(model, held);
    let exchanged: Vec<(NodeId, NodeId)> =
        model.params.iter().map(|slot| slot.node).zip(proposed.iter().copied()).collect();
    let moved = model.graph.substituted(&[rows, predictor], &exchanged);
    let zero = model.graph.full(&model.graph.shape(gauge).clone(), 0.0);
    let target = model.graph.apply(Concatenate { axis: 0 }, &[zero, moved[1]]).expect("vectors can be joined");
    Ok(chords(model, (held, moved[0], target), proposed, ITERATIONS_ALONG_ORBITS))
}

/// Solves held(θ) = target from the proposed parameters, along the rows of one Jacobian.
fn chords(
    model: &mut Model,
    (held, rows, target): (NodeId, NodeId, NodeId),
    proposed: Vec<NodeId>,
    iterations: usize,
) -> Vec<NodeId> {
    let mut at = proposed;
    for _ in 0..iterations {
        let exchanged: Vec<(NodeId, NodeId)> =
            model.params.iter().map(|slot| slot.node).zip(at.iter().copied()).collect();
        let here = model.graph.substituted(&[held], &exchanged)[0];
        let off =
            model.graph.binary(Binary::SUBTRACT, target, here).expect("the shapes of a value and its target are equal");
        let change = model.graph.apply(LeastNorm, &[rows, off]).expect("the Jacobian has a row for each number held");
        let changes = parts_of(model, change);
        at = at.iter().zip(changes).map(|(x, change)| model.graph.add(*x, change)).collect();
    }
    at
}
