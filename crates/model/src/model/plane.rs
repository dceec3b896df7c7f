//! Figures of level sets need a plane, the two scalar parameters, and a function on it.

use super::Slot;
use crate::graph::{Graph, Kind, NodeId};
use crate::language::Scope;
use crate::source::{SpecError, near_miss};
use crate::spec::{Figure, FigureKind, Spec};

/// Checks every figure of level sets. Variants are not held to it: one with other parameters shows no such figure.
pub(super) fn check_figures(spec: &Spec, scope: &Scope, params: &[Slot]) -> Result<(), SpecError> {
    let mut figures = spec.figures.iter().filter(|figure| figure.kind == FigureKind::Levels);
    figures.try_for_each(|figure| check_plane(figure, params).and_then(|()| check_function(spec, scope, figure)))
}

/// Checks that every figure of observables has something to show.
pub(super) fn check_observables(spec: &Spec, graph: &Graph, observables: &[(String, NodeId)]) -> Result<(), SpecError> {
    for figure in &spec.figures {
        let shape = |name: &str| observables.iter().find(|(own, _)| own == name).map(|(_, node)| graph.shape(*node));
        let Some(y) = shape(&figure.y).filter(|_| figure.kind != FigureKind::Levels) else { continue };
        let error = |message: String| Err(SpecError::at(&figure.location, message));
        if y.count() == 0 {
            return error(format!("the figure shows `{}`, which has no elements (shape {y})", figure.y));
        }
        let Some((x_name, x)) = figure.x.as_ref().and_then(|name| Some((name, shape(name)?))) else { continue };
        if x.count() != y.count() {
            return error(format!("a scatter pairs elements: `{x_name}` has shape {x}, `{}` has shape {y}", figure.y));
        }
    }
    Ok(())
}

fn check_plane(figure: &Figure, params: &[Slot]) -> Result<(), SpecError> {
    if params.len() == 2 && params.iter().all(|slot| slot.shape.is_scalar()) {
        return Ok(());
    }
    let shapes: Vec<String> = params.iter().map(|slot| format!("{} of shape {}", slot.name, slot.shape)).collect();
    let message = format!("level sets are drawn over two scalar parameters; [param] has {}", shapes.join(", "));
    Err(SpecError::at(&figure.location, message).label("needs a plane").help(
        "draw them for a model with two numbers, as in u = 1.0 and v = 0.5; other models have lines, density, stem and scatter",
    ))
}

fn check_function(spec: &Spec, scope: &Scope, figure: &Figure) -> Result<(), SpecError> {
    let name = figure.y.as_str();
    let error = |message: String| SpecError::at(&figure.location, message);
    let names: Vec<&str> = spec.model.iter().map(|definition| definition.name.as_str()).collect();
    let Some(&node) = scope.names.get(name).filter(|_| names.contains(&name)) else {
        return Err(error(format!("the figure shows level sets of `{name}`, which [model] does not name"))
            .help(format!("[model] names {}", names.join(", ")))
            .maybe_help(near_miss(name, names)));
    };
    let shape = scope.graph.shape(node);
    if !shape.is_scalar() {
        return Err(error(format!("level sets are those of one number, `{name}` has shape {shape}"))
            .help("name a coordinate in [model], as in first = \"predictor[0]\""));
    }
    if scope.graph.kind(node) != Kind::Real {
        return Err(error(format!("level sets are those of a real number, `{name}` is none")));
    }
    if spec.batch.iter().any(|definition| {
        let needed = scope.graph.needed(&[node]);
        scope.names.get(&definition.name).is_some_and(|batch| needed[batch.index()] && scope.graph.is_random(&[*batch]))
    }) {
        return Err(error(format!("`{name}` depends on draws of [batch], so it has other level sets at every step"))
            .help("show an expression of parameters and data, as the predictor"));
    }
    Ok(())
}
