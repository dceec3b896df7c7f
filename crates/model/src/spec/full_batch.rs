//! The spec of a run on all rows instead of a mini-batch: what the batches' gradients are on average.

use super::{Definition, Spec};
use crate::syntax::ExpressionKind;

impl Spec {
    /// The spec with every choice of k rows of `[batch]`, `choice(n, k)`, replaced by all n rows in order; `None` where
    /// `[batch]` draws anything else, so that there are no rows to be complete with. Without `[batch]` it is the spec itself.
    pub fn full_batch(&self) -> Option<Spec> {
        let mut spec = self.clone();
        for definition in &mut spec.batch {
            let ExpressionKind::Call { function, arguments, .. } = &definition.expression.kind else { continue };
            match (function.as_str(), arguments.first()) {
                ("choice" | "permutation", Some(rows)) => {
                    let rows = definition.text[rows.value.span.clone()].to_owned();
                    let replaced = Definition::new(&definition.name, &format!("arange({rows})")).ok()?;
                    *definition =
                        Definition { location: definition.location.clone(), key: definition.key.clone(), ..replaced };
                }
                ("normal" | "uniform" | "bernoulli" | "randint", _) => return None,
                _ => {}
            }
        }
        Some(spec)
    }

    /// Whether every step sees draws of its own: of `[batch]`, or of a label's noise.
    pub fn draws_at_every_step(&self) -> bool {
        !self.batch.is_empty() || matches!(self.train.noise, super::Noise::Label(_))
    }
}
