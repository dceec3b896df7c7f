//! Expressions over tensors that are there already: what a run has logged, in place of what a model defines.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Scope, Section};
use crate::graph::{Interpreter, Kind};
use crate::source::SpecError;
use crate::spec::Definition;
use crate::tensor::Tensor;

/// Values of definitions, one after the other, in f64; each may use the given tensors and the definitions above it, which may
/// take a given tensor's name. With each value comes its kind. All that `[log]` may call can be called.
///
/// # Errors
/// [`SpecError`] pointing at the expression that does not make sense.
pub fn evaluate_over(
    given: impl IntoIterator<Item = (String, Tensor, Kind)>,
    definitions: &[Definition],
) -> Result<Vec<(Tensor, Kind)>, SpecError> {
    let mut scope = Scope::new(PathBuf::new());
    for (name, tensor, kind) in given {
        let node = scope.graph.constant(tensor, kind);
        scope.names.insert(name, node);
    }
    let mut nodes = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let node = scope.evaluate(definition, Section::Log)?;
        scope.names.insert(definition.name.clone(), node);
        nodes.push(node);
    }
    let values = Interpreter::new(&scope.graph).evaluate(&nodes, &HashMap::new(), &mut []);
    Ok(values.into_iter().zip(nodes).map(|(value, node)| (value, scope.graph.kind(node))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_see_what_is_given_and_what_is_above_them() {
        let given = [
            ("ratio".to_owned(), Tensor::new([3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), Kind::Real),
            ("step".to_owned(), Tensor::new([3], vec![0.0, 10.0, 20.0]), Kind::Integer),
        ];
        let definitions = [("steps", "step[1:]"), ("ratio", "(2 * ratio[1:]).T"), ("last", "max(ratio[:, -1])")]
            .map(|(name, text)| Definition::new(name, text).expect("an expression"));
        let found = evaluate_over(given, &definitions).expect("values");
        assert_eq!(found[0], (Tensor::new([2], vec![10.0, 20.0]), Kind::Integer));
        assert_eq!(found[1], (Tensor::new([2, 2], vec![6.0, 10.0, 8.0, 12.0]), Kind::Real));
        assert_eq!(found[2].0, Tensor::scalar(12.0));
        let unknown = [Definition::new("x", "ratios").expect("an expression")];
        let error =
            evaluate_over([("ratio".to_owned(), Tensor::scalar(1.0), Kind::Real)], &unknown).expect_err("unknown");
        assert!(error.to_string().contains("`ratios`"), "{error}");
    }
}
