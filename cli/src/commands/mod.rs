//! The commands: each reads its input, calls the library, and prints.

mod attribute;
mod balance;
mod bench;
mod derive;
mod design;
mod report;
mod reproduce;
mod run;
mod saved;
mod schema;
mod simulate;
mod verify;

pub use attribute::attribute;
pub use balance::balance;
pub use bench::bench;
pub use derive::derive;
pub use design::design;
pub use report::report;
pub use reproduce::reproduce;
pub use run::run;
pub use schema::schema;
pub use simulate::simulate;
pub use verify::verify;

use std::collections::HashMap;

use gaugebias::model::spec::Spec;
use gaugebias::model::{DataBinding, Parametrization, Setup, SpecParametrization, Tensor};
use gaugebias::report::ReportError;
use serde_json::{Value, json};

use crate::arguments::Threads;
use crate::outcome::Failure;
use crate::print;

/// A JSON object in the envelope that all of them share.
fn envelope(object: Value) -> Value {
    let mut result = json!({ "gaugebias": env!("CARGO_PKG_VERSION"), "schema": 1 });
    if let (Value::Object(result), Value::Object(object)) = (&mut result, object) {
        result.extend(object);
    }
    result
}

/// Sets the number of worker threads for everything that runs in this process.
fn use_threads(threads: Threads) {
    if let Some(threads) = threads.threads {
        // Fails only when the pool is already running, and then with the same number.
        let _ = gaugebias::dynamics::set_threads(usize::from(threads));
    }
}

/// The predictor of a spec, on all inputs or on the first seed's data.
fn parametrization(spec: &Spec, data_symmetry: bool) -> Result<SpecParametrization, Failure> {
    let map = if data_symmetry {
        let (data, _) = first_seed(spec)?;
        SpecParametrization::predictor(spec, DataBinding::Values(&data))?
    } else {
        SpecParametrization::predictor(spec, DataBinding::Drawn)?
    };
    gaugebias::dynamics::check_memory(map.workspace_bytes() as u64)?;
    Ok(map)
}

/// Data and parameters at the start, by name.
type Start = (HashMap<String, Tensor>, HashMap<String, Tensor>);

/// The first seed's.
fn first_seed(spec: &Spec) -> Result<Start, Failure> {
    let setup = Setup::build(spec)?;
    gaugebias::dynamics::check_memory(setup.evaluation_bytes())?;
    Ok(setup.evaluate(spec.ensemble.seed, 0))
}

/// θ of the first seed at the start.
fn initial_theta(spec: &Spec) -> Result<Vec<f64>, Failure> {
    let (_, values) = first_seed(spec)?;
    Ok(spec.param.iter().flat_map(|definition| values[&definition.name].values.clone()).collect())
}

/// θ from a safetensors file with one tensor for each parameter.
fn theta_from_file(map: &dyn Parametrization, path: &str) -> Result<Vec<f64>, Failure> {
    let tensors = gaugebias::report::study::read_tensors(path.as_ref()).map_err(|error| match error {
        ReportError::Read { reason, .. } => Failure::Refused(format!(
            "{path} cannot be read: {reason}; give a safetensors file with one tensor for each parameter"
        )),
        other => other.into(),
    })?;
    let mut theta = Vec::new();
    for parameter in map.tensors() {
        let Some(found) = tensors.get(&parameter.name) else {
            let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
            return Err(Failure::Refused(format!(
                "{path} has no tensor `{}`; it has {}",
                parameter.name,
                names.join(", ")
            )));
        };
        if found.shape != parameter.shape {
            return Err(Failure::Refused(format!(
                "{path}: `{}` has shape {:?}, the spec expects {:?}",
                parameter.name, found.shape, parameter.shape
            )));
        }
        if let Some(at) = found.values.iter().position(|x| !x.is_finite()) {
            return Err(Failure::Refused(format!("{path}: element {at} of `{}` is not finite", parameter.name)));
        }
        theta.extend(&found.values);
    }
    Ok(theta)
}

fn print_json(value: Value) {
    print::line(value);
}
