//! The array language against NumPy: every expression of `numpy/cases.json` has NumPy's shape, kind and value, or is
//! refused where NumPy refuses it. Evaluated twice: on constants, which are folded while the graph is built, and on
//! inputs, by the interpreter.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use gaugebias_model::graph::{Interpreter, Kind, Values};
use gaugebias_model::language::{Scope, Section};
use gaugebias_model::spec::Definition;
use gaugebias_model::syntax::parse;
use gaugebias_model::{Location, Source, Tensor};
use serde_json::Value;

/// Relative to the largest element.
const TOLERANCE: f64 = 1e-13;

fn cases() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/numpy/cases.json");
    let text = std::fs::read_to_string(path).expect("the cases are part of the repository");
    serde_json::from_str(&text).expect("the cases are JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).expect("a number, or the name of one")
}

fn tensor(case: &Value) -> (Tensor, Kind) {
    let sizes = |list: &Value| list.as_array().expect("a list").iter().map(|x| number(x) as usize).collect::<Vec<_>>();
    let values = case["values"].as_array().expect("a list").iter().map(number).collect();
    let kind = match case["kind"].as_str() {
        Some("boolean") => Kind::Boolean,
        Some("integer") => Kind::Integer,
        _ => Kind::Real,
    };
    (Tensor::new(sizes(&case["shape"]), values), kind)
}

fn definition(text: &str) -> Result<Definition, String> {
    let source = Arc::new(Source { name: "case".into(), text: text.to_owned() });
    let location = Location::whole(&source);
    let expression = parse(text).map_err(|error| error.message)?;
    Ok(Definition { name: "case".into(), text: text.into(), expression, key: location.clone(), location })
}

/// The value of an expression, with variables as constants or as inputs.
fn evaluate(text: &str, variables: &[(String, Tensor, Kind)], constant: bool) -> Result<(Tensor, Kind), String> {
    let definition = definition(text)?;
    let mut scope = Scope::new(PathBuf::new());
    let mut values = Values::new();
    for (slot, (name, value, kind)) in variables.iter().enumerate() {
        // Indices and sizes have to be known before anything runs.
        let node = if constant || *kind != Kind::Real && value.shape.is_scalar() {
            scope.graph.constant(value.clone(), *kind)
        } else {
            values.insert(slot, value.clone());
            scope.graph.input(slot, value.shape.clone(), *kind)
        };
        scope.names.insert(name.clone(), node);
    }
    let node = scope.evaluate(&definition, Section::Data).map_err(|error| error.message().to_owned())?;
    let found = Interpreter::new(&scope.graph).evaluate(&[node], &values, &mut []).remove(0);
    Ok((found, scope.graph.kind(node)))
}

fn differs(found: &Tensor, expected: &Tensor) -> bool {
    let finite = expected.values.iter().filter(|x| x.is_finite());
    let largest = finite.fold(1e-300, |largest: f64, x| largest.max(x.abs()));
    let close = |(x, y): (&f64, &f64)| x == y || x.is_nan() && y.is_nan() || (x - y).abs() <= TOLERANCE * largest;
    found.shape != expected.shape || !found.values.iter().zip(&expected.values).all(close)
}

#[test]
fn expressions_have_numpys_values() {
    let cases = cases();
    let variables: Vec<(String, Tensor, Kind)> = cases["variables"]
        .as_object()
        .expect("variables by name")
        .iter()
        .map(|(name, value)| {
            let (value, kind) = tensor(value);
            (name.clone(), value, kind)
        })
        .collect();
    let (mut wrong, mut count) = (Vec::new(), HashMap::<&str, usize>::new());
    for case in cases["cases"].as_array().expect("a list of cases") {
        let text = case["text"].as_str().expect("every case has a text");
        for constant in [true, false] {
            let found = evaluate(text, &variables, constant);
            if !case["refused"].is_null() {
                *count.entry("refused").or_default() += 1;
                // An index that only a run knows is met by NaN.
                if let Ok((found, _)) = found
                    && (constant || !found.values.iter().any(|x| x.is_nan()))
                {
                    wrong.push(format!("{text}: NumPy refuses, here {:?} {:?}", found.shape.0, found.values));
                }
                continue;
            }
            *count.entry("evaluated").or_default() += 1;
            let (expected, kind) = tensor(case);
            match found {
                Ok((found, found_kind)) if found_kind == kind && !differs(&found, &expected) => {}
                Ok((found, found_kind)) => wrong.push(format!(
                    "{text} (constant: {constant}): {kind:?} {expected:?} expected, found {found_kind:?} {found:?}"
                )),
                Err(message) => wrong.push(format!("{text} (constant: {constant}): {message}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count["evaluated"] > 1000 && count["refused"] > 100, "{count:?}");
}
