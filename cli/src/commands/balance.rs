//! `balance`.

use std::collections::HashMap;

use gaugebias::dynamics::Series;
use gaugebias::geometry::orbit::BALANCED_RANK_CUTOFF;
use gaugebias::geometry::orbit_dimension_at;
use gaugebias::model::{Parametrization, Point, SpecParametrization};
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
    let change = change_of_predictor(&map, &theta, &balanced.theta);
    if change.is_nan() || change > UNCHANGED {
        return Err(Failure::Refused(format!(
            "balancing would change the predictor by {change:.1e} of its size (at most {UNCHANGED:.0e} is rounding): nothing was written; the point may \
             be too near to where the predictor jumps or is singular"
        )));
    }
    let dimension = |theta: &[f64]| orbit_dimension_at(&symmetries, theta, BALANCED_RANK_CUTOFF);
    let (before, after) = (dimension(&theta)?, dimension(&balanced.theta)?);
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
            "predictor_change": change,
            "in_the_limit": after < before,
        })));
    } else {
        eprintln!(
            "balanced in {} Newton steps; largest charge {:.1e} of |θ|²; written to {}",
            balanced.steps,
            balanced.relative_charge,
            flags.output.display()
        );
        if after < before {
            eprintln!(
                "note: this orbit has {before} dimensions and no balanced point; it comes as near as one likes to this one, whose orbit has {after}"
            );
        }
    }
    Ok(())
}

/// Largest relative change of the predictor that counts as rounding.
const UNCHANGED: f64 = 1e-6;

/// |F(after) − F(before)| / |F(before)|, over a few draws of the inputs.
fn change_of_predictor(map: &SpecParametrization, before: &[f64], after: &[f64]) -> f64 {
    let values = |theta: &[f64]| -> Vec<f64> {
        let points: Vec<Point> = (0..4).map(|draw| Point { theta: theta.to_vec(), draw }).collect();
        map.predictor(&points).concat()
    };
    let (old, new) = (values(before), values(after));
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let difference: Vec<f64> = old.iter().zip(&new).map(|(a, b)| a - b).collect();
    if norm(&difference) == 0.0 { 0.0 } else { norm(&difference) / norm(&old).max(f64::MIN_POSITIVE) }
}
