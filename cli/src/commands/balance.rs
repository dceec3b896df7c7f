//! `balance`.

use std::collections::HashMap;

use gaugebias::dynamics::Series;
use gaugebias::model::Parametrization;
use gaugebias::report::study::write_tensors;
use gaugebias::symmetry::{SearchOptions, find};
use serde_json::json;

use super::{envelope, initial_theta, parametrization, print_json, theta_from_file, use_threads};
use crate::arguments::Balance;
use crate::outcome::Failure;
use crate::specs;

/// Balances parameters and writes them.
pub fn balance(flags: &Balance) -> Result<(), Failure> {
    use_threads(flags.threads);
    let spec = specs::read(&flags.spec, &flags.flags)?.swap_remove(0);
    let map = parametrization(&spec, false)?;
    let theta = match flags.at.as_str() {
        "initial" => initial_theta(&spec)?,
        file => theta_from_file(&map, file)?,
    };
    let symmetries = find(&map, &SearchOptions::default()).map_err(|error| Failure::Refused(error.to_string()))?;
    let balanced = gaugebias::geometry::balance(&symmetries, &theta)?;
    let tensors: HashMap<String, Series> = map
        .tensors()
        .iter()
        .map(|tensor| {
            let values = balanced.theta[tensor.offset..tensor.offset + tensor.len()].to_vec();
            (tensor.name.clone(), Series { shape: tensor.shape.clone(), values })
        })
        .collect();
    write_tensors(&flags.output, &tensors)?;
    if flags.json {
        print_json(envelope(json!({
            "title": spec.title,
            "output": flags.output,
            "steps": balanced.steps,
            "relative_charge": balanced.relative_charge,
        })));
    } else {
        eprintln!(
            "balanced in {} Newton steps; largest charge {:.1e} of |θ|²; written to {}",
            balanced.steps,
            balanced.relative_charge,
            flags.output.display()
        );
    }
    Ok(())
}
