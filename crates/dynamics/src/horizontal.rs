//! The horizontal part of noise: its projection onto the row space of the predictor's Jacobian.
//!
//! Where each coordinate of the predictor is an element-wise function of parameters of its shape (u∘v, and products of any depth), JJᵀ is diagonal and
//! the projection is a few element-wise operations,
//!
//! ```text
//! P z = Jᵀ (Jz / diag JJᵀ),   J by one reverse sweep with ones as covector
//! ```
//!
//! Elsewhere the whole Jacobian is built, one sweep for each coordinate, and its rows are orthonormalised. Rejected: the second way for all;
//! a step of u∘v then costs six (one coordinate) to nine times (eight) what it costs with isotropic noise.

use gaugebias_model::graph::{Kind, NodeId, cotangents};
use gaugebias_model::operations::{Binary, Op, Project};
use gaugebias_model::spec::Spec;
use gaugebias_model::{Model, SpecError};

use crate::update::{flattened, jacobian, parts_of};

/// Most entries of the Jacobian that the projector is built from.
const MOST_JACOBIAN_ELEMENTS: usize = 1 << 24;

/// Squares below this are zero: the coordinate has no gradient, and its noise no horizontal part.
const SMALLEST_SQUARE: f64 = 1e-30;

/// The given normal tensors, one for each parameter, projected.
pub(crate) fn projected(spec: &Spec, model: &mut Model, normals: Vec<NodeId>) -> Result<Vec<NodeId>, SpecError> {
    let predictor = model.named("predictor").ok_or_else(|| {
        SpecError::in_file(&spec.source.name, "horizontal noise needs a `predictor` in [model]")
            .help("name what the data can see of the parameters, as in predictor = \"u * v\"")
    })?;
    if is_element_wise(model, predictor) {
        return Ok(element_wise(model, predictor, &normals));
    }
    let (coordinates, parameters) = (model.graph.shape(predictor).count(), model.parameter_count());
    if coordinates.saturating_mul(parameters) > MOST_JACOBIAN_ELEMENTS {
        let message = format!(
            "horizontal noise needs the whole Jacobian at every step: {coordinates} coordinates × {parameters} parameters \
             are more than 2^24 numbers"
        );
        return Err(SpecError::in_file(&spec.source.name, message).help("make the predictor smaller"));
    }
    let jacobian = jacobian(model, predictor);
    let flat = flattened(model, &normals);
    let projected = model.graph.apply(Project, &[jacobian, flat]).map_err(|mismatch| {
        SpecError::in_file(&spec.source.name, format!("the horizontal projector cannot be built: {mismatch}"))
    })?;
    Ok(parts_of(model, projected))
}

/// Whether all that lies between parameters and predictor is element-wise and of its shape.
fn is_element_wise(model: &Model, predictor: NodeId) -> bool {
    let graph = &model.graph;
    let needed = graph.needed(&[predictor]);
    let mut depends = vec![false; graph.nodes().len()];
    model.params.iter().for_each(|slot| depends[slot.node.index()] = true);
    graph.nodes().iter().enumerate().all(|(index, node)| {
        depends[index] |= node.inputs.iter().any(|input| depends[input.index()]);
        let fits = matches!(node.op, Op::Input(_) | Op::Unary(_) | Op::Binary(_) | Op::Select(_))
            && node.shape == *graph.shape(predictor)
            && node.kind == Kind::Real;
        !(needed[index] && depends[index]) || fits
    })
}

/// Jᵀ (Jz / diag JJᵀ) for a predictor whose i-th coordinate reads i-th entries only.
fn element_wise(model: &mut Model, predictor: NodeId, normals: &[NodeId]) -> Vec<NodeId> {
    let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
    let shape = model.graph.shape(predictor).clone();
    let ones = model.graph.full(&shape, 1.0);
    let slopes = cotangents(&mut model.graph, &[(predictor, ones)], &targets);
    let (mut along, mut square) = (model.graph.full(&shape, 0.0), model.graph.full(&shape, 0.0));
    for (slope, &z) in slopes.iter().zip(normals) {
        let Some(slope) = *slope else { continue };
        let (part, own) = (model.graph.multiply(slope, z), model.graph.multiply(slope, slope));
        along = model.graph.add(along, part);
        square = model.graph.add(square, own);
    }
    let smallest = model.graph.full(&shape, SMALLEST_SQUARE);
    let square = model.graph.binary(Binary::MAXIMUM, square, smallest).expect("the shapes are equal");
    let share = model.graph.divide(along, square);
    let shapes: Vec<_> = model.params.iter().map(|slot| slot.shape.clone()).collect();
    let part = |(slope, shape): (Option<NodeId>, &gaugebias_model::Shape)| match slope {
        Some(slope) => model.graph.multiply(slope, share),
        None => model.graph.full(shape, 0.0),
    };
    slopes.into_iter().zip(&shapes).map(part).collect()
}
