//! `derive`.

use gaugebias::geometry::{At, Derivation, DeriveOptions, GeometryError, lifted_derivation};
use gaugebias::model::Parametrization;
use gaugebias::model::spec::Spec;
use gaugebias::symmetry::lifting::{LIFTED_LIMIT, find_lifted};
use gaugebias::symmetry::{SearchOptions, nearly};

use super::{envelope, initial_theta, parametrization, print_json, theta_from_file, use_threads};
use crate::arguments::Derive;
use crate::outcome::Failure;
use crate::print;
use crate::specs;

/// Derives and prints each spec of a file.
pub fn derive(flags: &Derive) -> Result<(), Failure> {
    use_threads(flags.threads);
    for spec in specs::read(&flags.spec, &flags.flags)? {
        let derivation = match attempt(&spec, &flags.at, flags.data_symmetry)? {
            Err(error) if error.is_too_large() && can_be_lifted(&spec, flags)? => {
                lifted(&spec, flags.json)?;
                continue;
            }
            other => other?,
        };
        let derivation = match spec.train.location {
            Some(_) => derivation.under_training(&spec.train),
            None => derivation,
        };
        let derivation = if flags.nearly > 0 {
            let map = parametrization(&spec, flags.data_symmetry)?;
            let found = nearly(&map, &SearchOptions::default(), flags.nearly).map_err(GeometryError::from)?;
            derivation.with_nearly(&found)
        } else {
            derivation
        };
        if flags.json {
            let object = serde_json::to_value(&derivation).map_err(|error| Failure::Ours(error.to_string()))?;
            print_json(envelope(object));
        } else if flags.latex {
            print::line(derivation.to_latex());
        } else {
            print::line(derivation.to_text());
        }
    }
    Ok(())
}

/// The derivation of one spec at a point.
pub(super) fn derivation(spec: &Spec, at: &str, data_symmetry: bool) -> Result<Derivation, Failure> {
    Ok(attempt(spec, at, data_symmetry)??)
}

/// The derivation, or why the search or the geometry refused.
fn attempt(spec: &Spec, at: &str, data_symmetry: bool) -> Result<Result<Derivation, GeometryError>, Failure> {
    let map = parametrization(spec, data_symmetry)?;
    let start = initial_theta(spec)?;
    let at = match at {
        "balanced" => At::Balanced,
        "initial" => At::Initial(start.clone()),
        file => At::File(theta_from_file(&map, file)?),
    };
    let options = DeriveOptions { start: Some(start), ..DeriveOptions::default() };
    Ok(gaugebias::geometry::derive(&map, &spec.title, &at, &options))
}

/// Whether smaller copies may answer: the question is about all inputs and any point, and the model not beyond them too.
fn can_be_lifted(spec: &Spec, flags: &Derive) -> Result<bool, Failure> {
    let plain = flags.at == "balanced" && !flags.data_symmetry && !flags.latex;
    Ok(plain && parametrization(spec, false)?.parameter_count() <= LIFTED_LIMIT)
}

/// Prints what smaller copies of the spec tell about it.
fn lifted(spec: &Spec, json: bool) -> Result<(), Failure> {
    let map = parametrization(spec, false)?;
    let found = find_lifted(spec, &map, &SearchOptions::default()).map_err(GeometryError::from)?;
    let derivation = lifted_derivation(&spec.title, &found);
    if json {
        let object = serde_json::to_value(&derivation).map_err(|error| Failure::Ours(error.to_string()))?;
        print_json(envelope(object));
    } else {
        print::line(derivation.to_text());
    }
    Ok(())
}
