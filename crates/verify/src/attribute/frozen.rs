//! What a spec computes from its parameters beside the predictor: an explicit penalty, where the loss reads it.
//!
//! A loss ½(w − y)² + λ‖u‖² is the data's loss of w and a penalty of u. The penalty is taken away by copies of the parameters that stay where they
//! started: what stands after the predictor reads the copies, so that its gradient is that of w alone.

use std::collections::HashSet;

use gaugebias_model::spec::{Definition, Spec};

/// Ending of the names of copies.
const COPY: &str = "_at_start";

/// Names of `[param]`, and of `[model]` before the predictor, that depend on parameters.
pub(super) fn alive(spec: &Spec) -> HashSet<String> {
    let mut alive: HashSet<String> = spec.param.iter().map(|parameter| parameter.name.clone()).collect();
    for definition in spec.model.iter().take_while(|definition| definition.name != "predictor") {
        if reads(definition, &alive).is_some() {
            alive.insert(definition.name.clone());
        }
    }
    alive
}

/// The first name of a set that a definition reads.
fn reads(definition: &Definition, names: &HashSet<String>) -> Option<String> {
    definition.expression.names().into_iter().map(|(_, name)| name).find(|name| names.contains(name))
}

/// What stands after the predictor and depends on parameters not through it alone.
fn beside(spec: &Spec) -> HashSet<String> {
    let mut found = alive(spec);
    for definition in after(spec) {
        if reads(definition, &found).is_some() {
            found.insert(definition.name.clone());
        }
    }
    found
}

fn after(spec: &Spec) -> impl Iterator<Item = &Definition> {
    spec.model.iter().skip_while(|definition| definition.name != "predictor").skip(1)
}

/// The first name that an observable reads and that is no function of the predictor.
pub(super) fn not_of_predictor(spec: &Spec, observable: &Definition) -> Option<String> {
    reads(observable, &beside(spec))
}

/// Whether the loss has an explicit penalty of the parameters.
pub(super) fn has_penalised_loss(spec: &Spec) -> bool {
    spec.model.iter().any(|definition| definition.name == "predictor") && beside(spec).contains("loss")
}

/// A name for the copy of a parameter, or of what is computed from it, that nothing else has.
fn copy_of(spec: &Spec, name: &str) -> String {
    let mut copy = format!("{name}{COPY}");
    let taken = |copy: &str| {
        let mut all = spec.data.iter().chain(&spec.param).chain(&spec.batch).chain(&spec.model);
        all.any(|definition| definition.name == copy)
    };
    while taken(&copy) {
        copy.push('_');
    }
    copy
}

/// The spec with copies of its parameters, which what follows the predictor reads; `itself` takes the predictor's place, where it is given, as the
/// only parameter.
pub(super) fn frozen(spec: &Spec, itself: Option<&str>) -> Option<Spec> {
    let alive = alive(spec);
    let copy = |name: &str| alive.contains(name).then(|| copy_of(spec, name));
    let copied = |definition: &Definition| definition.renamed(&copy_of(spec, &definition.name), &copy).ok();
    let place = spec.model.iter().position(|definition| definition.name == "predictor")?;
    let (before, rest) = spec.model.split_at(place);
    let computed = before.iter().filter(|definition| definition.name != "gauge");
    let copies: Option<Vec<Definition>> =
        computed.clone().filter(|definition| alive.contains(&definition.name)).map(copied).collect();
    let mut changed = spec.clone();
    for parameter in &spec.param {
        changed.data.push(copied(parameter)?);
    }
    let mut model: Vec<Definition> = match itself {
        Some(itself) => {
            changed.data.extend(computed.filter(|definition| !alive.contains(&definition.name)).cloned());
            changed.data.extend(copies?);
            changed.param = vec![rest[0].renamed(itself, &copy).ok()?];
            vec![Definition::new("predictor", itself).ok()?]
        }
        None => before.iter().cloned().chain(copies?).chain([rest[0].clone()]).collect(),
    };
    for definition in &rest[1..] {
        let gauge = definition.name == "gauge";
        match itself {
            Some(_) if gauge => {}
            _ if gauge => model.push(definition.clone()),
            _ => model.push(definition.renamed(&definition.name, &copy).ok()?),
        }
    }
    changed.model = model;
    Some(changed)
}
