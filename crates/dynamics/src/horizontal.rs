//! The horizontal part of noise: its projection onto the row space of the predictor's Jacobian.
//!
//! Where no entry of the parameters is read by two coordinates of the predictor (u∘v and products of any depth, the norm of a vector
//! or of each row, any predictor of one coordinate), JJᵀ is diagonal and the projection is a few element-wise operations and sums,
//!
//! ```text
//! P z = Jᵀ (Jz / diag JJᵀ),   J by one reverse sweep with ones as covector
//! ```
//!
//! Elsewhere the whole Jacobian is built, one sweep for each coordinate, and its rows are orthonormalised. Rejected: the second way for all;
//! a step of u∘v then costs six (one coordinate) to nine times (eight) what it costs with isotropic noise.

use gaugebias_model::graph::{Mismatch, NodeId, cotangents};
use gaugebias_model::operations::{Binary, Project};
use gaugebias_model::spec::Spec;
use gaugebias_model::{Model, Shape, SpecError};

use crate::readers::{Reading, readings};
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
    let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
    if let Some(readings) = readings(&model.graph, predictor, &targets) {
        return Ok(diagonal(model, predictor, &readings, &normals));
    }
    check_size(spec, model, predictor)?;
    whole(model, predictor, &normals).map_err(|mismatch| {
        SpecError::in_file(&spec.source.name, format!("the horizontal projector cannot be built: {mismatch}"))
    })
}

fn check_size(spec: &Spec, model: &Model, predictor: NodeId) -> Result<(), SpecError> {
    let (coordinates, parameters) = (model.graph.shape(predictor).count(), model.parameter_count());
    if coordinates.saturating_mul(parameters) > MOST_JACOBIAN_ELEMENTS {
        let message = format!(
            "horizontal noise needs the whole Jacobian at every step: {coordinates} coordinates × {parameters} parameters \
             are more than 2^24 numbers"
        );
        return Err(SpecError::in_file(&spec.source.name, message).help("make the predictor smaller"));
    }
    Ok(())
}

/// By the orthonormalised rows of the whole Jacobian.
fn whole(model: &mut Model, predictor: NodeId, normals: &[NodeId]) -> Result<Vec<NodeId>, Mismatch> {
    let jacobian = jacobian(model, predictor);
    let flat = flattened(model, normals);
    let projected = model.graph.apply(Project, &[jacobian, flat])?;
    Ok(parts_of(model, projected))
}

/// Jᵀ (Jz / diag JJᵀ) for a predictor whose coordinates read disjoint parameters.
fn diagonal(model: &mut Model, predictor: NodeId, readings: &[Reading], normals: &[NodeId]) -> Vec<NodeId> {
    let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
    let shape = model.graph.shape(predictor).clone();
    let ones = model.graph.full(&shape, 1.0);
    let slopes = cotangents(&mut model.graph, &[(predictor, ones)], &targets);
    let (mut along, mut square) = (model.graph.full(&shape, 0.0), model.graph.full(&shape, 0.0));
    for ((slope, reading), &z) in slopes.iter().zip(readings).zip(normals) {
        let (Some(slope), Reading::Summed(axes)) = (*slope, reading) else { continue };
        for (total, other) in [(&mut along, z), (&mut square, slope)] {
            let sums = products_over(model, slope, other, axes);
            let part = model.graph.reshape(sums, &shape);
            *total = model.graph.add(*total, part);
        }
    }
    let smallest = model.graph.full(&shape, SMALLEST_SQUARE);
    let square = model.graph.binary(Binary::MAXIMUM, square, smallest).expect("the shapes are equal");
    let share = model.graph.divide(along, square);
    let shapes: Vec<Shape> = model.params.iter().map(|slot| slot.shape.clone()).collect();
    let part = |((slope, reading), shape): ((Option<NodeId>, &Reading), &Shape)| match (slope, reading) {
        (Some(slope), Reading::Summed(axes)) => {
            let share = spread(model, share, shape, axes);
            model.graph.multiply(slope, share)
        }
        _ => model.graph.full(shape, 0.0),
    };
    slopes.into_iter().zip(readings).zip(&shapes).map(part).collect()
}

/// Σ ab over some axes; over all of them it is a product of vectors, which needs no room for ab.
fn products_over(model: &mut Model, a: NodeId, b: NodeId, axes: &[usize]) -> NodeId {
    let shape = model.graph.shape(a).clone();
    if axes.is_empty() || axes.len() < shape.rank() {
        let products = model.graph.multiply(a, b);
        return model.graph.sum_over(products, axes.to_vec());
    }
    let flat = Shape::from([shape.count()]);
    let (a, b) = (model.graph.reshape(a, &flat), model.graph.reshape(b, &flat));
    model.graph.matmul(a, b).expect("the vectors are of one length")
}

/// One number for each coordinate, repeated along the axes of a parameter that were summed over.
fn spread(model: &mut Model, share: NodeId, shape: &Shape, axes: &[usize]) -> NodeId {
    let unit = shape.0.iter().enumerate().map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size });
    let share = model.graph.reshape(share, &Shape(unit.collect()));
    model.graph.broadcast(share, shape).expect("unit axes broadcast")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gaugebias_model::graph::Interpreter;
    use gaugebias_model::spec::SpecFile;
    use gaugebias_model::{DataBinding, Tensor};
    use std::collections::HashMap;

    /// The short way against the general one, entry for entry, where JJᵀ is diagonal.
    #[test]
    fn the_projection_by_one_sweep_is_that_by_the_jacobian() {
        let cases = [
            ("u = \"normal(4)\"\nv = \"normal(4)\"", "u * v**2"),
            ("x = \"normal(3)\"", "norm(x)"),
            ("x = \"normal(3, 5)\"", "sum(x**2, axis=0)"),
            ("s = \"normal(3)\"\nx = \"normal(3, 5)\"", "s * norm(x, axis=1)"),
            ("a = \"normal(2)\"\nx = \"normal(2, 3)\"", "a @ relu(x @ [1.0, -0.4, 2.0])"),
        ];
        for (parameters, predictor) in cases {
            let text =
                format!("[param]\n{parameters}\n[model]\npredictor = \"{predictor}\"\nloss = \"sum(predictor**2)\"");
            let file = SpecFile::parse("t", text, std::path::PathBuf::new(), &[]).expect("a right spec");
            let mut model = Model::build(&file.specs[0], DataBinding::Inputs).expect("it builds");
            let node = model.named("predictor").expect("it is there");
            let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
            let shapes: Vec<Shape> = model.params.iter().map(|slot| slot.shape.clone()).collect();
            let entry = |k: usize| (1.3 * k as f64 + 0.7).sin();
            let normals: Vec<NodeId> = (0..shapes.len())
                .map(|at| {
                    let values = (0..shapes[at].count()).map(|k| entry(k + 7 * at)).collect();
                    model.graph.constant(Tensor::new(shapes[at].clone(), values), gaugebias_model::graph::Kind::Real)
                })
                .collect();
            let readings = readings(&model.graph, node, &targets).expect("JJᵀ is diagonal");
            let short = diagonal(&mut model, node, &readings, &normals);
            let long = whole(&mut model, node, &normals).expect("it can be built");
            let inputs: HashMap<usize, Tensor> = model
                .params
                .iter()
                .map(|slot| {
                    let values = (0..slot.shape.count()).map(|k| entry(3 * k + 11 * slot.slot + 1)).collect();
                    (slot.slot, Tensor::new(slot.shape.clone(), values))
                })
                .collect();
            let both: Vec<NodeId> = short.into_iter().chain(long).collect();
            let values = Interpreter::new(&model.graph).evaluate(&both, &inputs, &mut []);
            let (short, long) = values.split_at(shapes.len());
            for (a, b) in short.iter().flat_map(|t| &t.values).zip(long.iter().flat_map(|t| &t.values)) {
                assert!((a - b).abs() < 1e-12, "{predictor}: {short:?} {long:?}");
            }
        }
    }
}
