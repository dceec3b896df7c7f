//! `derive`.

use gaugebias::geometry::{At, Derivation, DeriveOptions, Derived, GeometryError, lifted_derivation};
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
        let derived = if flags.latex {
            // A lifted derivation has no formula to typeset.
            Derived::Direct(Box::new(attempt(&spec, &flags.at, flags.data_symmetry)??))
        } else {
            derivation(&spec, &flags.at, flags.data_symmetry)?
        };
        let derived = match derived {
            Derived::Direct(found) => Derived::Direct(Box::new(completed(*found, &spec, flags)?)),
            lifted => lifted,
        };
        match &derived {
            Derived::Direct(found) if flags.latex => print::line(found.to_latex()),
            _ if flags.json => {
                let object = serde_json::to_value(&derived).map_err(|error| Failure::Ours(error.to_string()))?;
                print_json(envelope(object));
            }
            _ => print::line(derived.to_text()),
        }
    }
    Ok(())
}

/// With the optimiser's law and the directions that are nearly symmetries, where there are such.
fn completed(derivation: Derivation, spec: &Spec, flags: &Derive) -> Result<Derivation, Failure> {
    let derivation = match spec.train.location {
        Some(_) => derivation.under_training(&spec.train),
        None => derivation,
    };
    if flags.nearly == 0 {
        return Ok(derivation);
    }
    let map = parametrization(spec, flags.data_symmetry)?;
    let found = nearly(&map, &SearchOptions::default(), flags.nearly).map_err(GeometryError::from)?;
    Ok(derivation.with_nearly(&found))
}

/// The derivation of one spec at a point; where the direct search refuses for size, that of smaller copies, lifted.
pub(super) fn derivation(spec: &Spec, at: &str, data_symmetry: bool) -> Result<Derived, Failure> {
    match attempt(spec, at, data_symmetry)? {
        // Smaller copies answer for all inputs, and at the start.
        Err(error) if error.is_too_large() && at == "balanced" && !data_symmetry => match lifted(spec)? {
            Some(lifted) => Ok(lifted),
            None => Err(error.into()),
        },
        other => Ok(Derived::Direct(Box::new(other?))),
    }
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

/// What smaller copies of the spec tell about it; `None` where it is too large for them too.
fn lifted(spec: &Spec) -> Result<Option<Derived>, Failure> {
    let map = parametrization(spec, false)?;
    if map.parameter_count() > LIFTED_LIMIT {
        return Ok(None);
    }
    let options = SearchOptions::default();
    let found = find_lifted(spec, &map, &options).map_err(GeometryError::from)?;
    let derivation = lifted_derivation(&spec.title, &found, &initial_theta(spec)?, &options)?;
    Ok(Some(Derived::Lifted(Box::new(derivation))))
}
