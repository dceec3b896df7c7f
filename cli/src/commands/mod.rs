//! The commands: each reads its input, calls the library, and prints.

mod balance;
mod derive;
mod report;
mod run;
mod simulate;
mod verify;

pub use balance::balance;
pub use derive::derive;
pub use report::report;
pub use run::run;
pub use simulate::simulate;
pub use verify::verify;

use gaugebias::model::spec::Spec;
use gaugebias::model::{DataBinding, Parametrization, Setup, SpecError, SpecParametrization};
use gaugebias::report::ReportError;
use serde_json::{Value, json};

use crate::arguments::Threads;
use crate::outcome::Failure;

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
fn parametrization(spec: &Spec, data_symmetry: bool) -> Result<SpecParametrization, SpecError> {
    if !data_symmetry {
        return SpecParametrization::predictor(spec, DataBinding::Drawn);
    }
    let (data, _) = Setup::build(spec)?.evaluate(spec.ensemble.seed, 0);
    SpecParametrization::predictor(spec, DataBinding::Values(&data))
}

/// θ of the first seed at the start.
fn initial_theta(spec: &Spec) -> Result<Vec<f64>, SpecError> {
    let (_, values) = Setup::build(spec)?.evaluate(spec.ensemble.seed, 0);
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
    println!("{value}");
}
