//! The rows that a step sees: all of them instead of a mini-batch, or another number of them.

use super::{Definition, Noise, Spec, SpecError};
use crate::syntax::{Argument, ExpressionKind};

/// Functions whose values are drawn.
const DRAWS: [&str; 6] = ["choice", "permutation", "normal", "uniform", "bernoulli", "randint"];

impl Spec {
    /// The spec with every choice of k rows of `[batch]`, `choice(n, k)`, replaced by all n rows in order; `None` where
    /// `[batch]` draws anything else, so that there are no rows to be complete with. Without `[batch]` it is the spec itself.
    pub fn full_batch(&self) -> Option<Spec> {
        let mut spec = self.clone();
        for definition in &mut spec.batch {
            let ("choice" | "permutation", [rows, ..]) = call(definition) else { continue };
            let rows = definition.text[rows.value.span.clone()].to_owned();
            rewrite(definition, &format!("arange({rows})"))?;
        }
        spec.batch.iter().all(|definition| !definition.expression.calls(&DRAWS)).then_some(spec)
    }

    /// k and n of the first `choice(n, k)` of `[batch]` that is written in numbers: rows of a step, and of the data.
    pub fn batch_size(&self) -> Option<(usize, usize)> {
        self.batch.iter().find_map(|definition| match call(definition) {
            ("choice", [rows, size]) => Some((whole(size)?, whole(rows)?)),
            _ => None,
        })
    }

    /// The spec with every `choice(n, k)` of the k of [`Spec::batch_size`] replaced by `choice(n, size)`; `None` where there is none.
    pub fn with_batch_size(&self, size: usize) -> Option<Spec> {
        let (old, _) = self.batch_size()?;
        let mut spec = self.clone();
        for definition in &mut spec.batch {
            let ("choice", [rows, own]) = call(definition) else { continue };
            if whole(own) == Some(old) {
                let rows = definition.text[rows.value.span.clone()].to_owned();
                rewrite(definition, &format!("choice({rows}, {size})"))?;
            }
        }
        Some(spec)
    }

    /// Whether every step sees draws of its own: of `[batch]`, or of a label's noise.
    pub fn draws_at_every_step(&self) -> bool {
        let drawn = self.batch.iter().any(|definition| definition.expression.calls(&DRAWS));
        drawn || matches!(self.train.noise, Noise::Label(_))
    }
}

/// The function that a definition calls, with its arguments; an empty name where it is no call.
fn call(definition: &Definition) -> (&str, &[Argument]) {
    match &definition.expression.kind {
        ExpressionKind::Call { function, arguments, .. } => (function, arguments),
        _ => ("", &[]),
    }
}

fn whole(argument: &Argument) -> Option<usize> {
    match argument.value.kind {
        ExpressionKind::Number { value, integer: true } if value >= 1.0 => Some(value as usize),
        _ => None,
    }
}

/// Gives a definition another expression; it still stands where it stood.
fn rewrite(definition: &mut Definition, text: &str) -> Option<()> {
    let replaced: Result<Definition, SpecError> = Definition::new(&definition.name, text);
    *definition = Definition { location: definition.location.clone(), key: definition.key.clone(), ..replaced.ok()? };
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::spec::{Spec, SpecFile};

    fn with_batch(batch: &str) -> Spec {
        let text = format!("[param]\nw = \"ones(2)\"\n[batch]\n{batch}\n[model]\nloss = \"sum(w)\"");
        SpecFile::parse("t.toml", text, ".".into(), &[]).expect("a right spec").specs.remove(0)
    }

    fn batch_of(spec: &Spec) -> Vec<&str> {
        spec.batch.iter().map(|definition| definition.text.as_str()).collect()
    }

    #[test]
    fn rows_are_completed_and_counted() {
        let spec = with_batch("i = \"choice(20, 4)\"\nj = \"choice(7, 4)\"\nodd = \"2 * i + 1\"");
        assert!(spec.draws_at_every_step());
        let whole = spec.full_batch().expect("rows can be completed");
        assert_eq!(batch_of(&whole), ["arange(20)", "arange(7)", "2 * i + 1"]);
        assert!(!whole.draws_at_every_step());
        assert_eq!(spec.batch_size(), Some((4, 20)));
        let larger = spec.with_batch_size(6).expect("it has a batch size");
        assert_eq!(batch_of(&larger), ["choice(20, 6)", "choice(7, 6)", "2 * i + 1"]);
    }

    /// A draw is one wherever it stands in an expression.
    #[test]
    fn other_draws_cannot_be_completed() {
        for batch in ["i = \"randint(0, 20, 4)\"", "i = \"1 + choice(20, 4)\"", "x = \"[0.5, normal()]\""] {
            let spec = with_batch(batch);
            assert!(spec.draws_at_every_step() && spec.full_batch().is_none(), "{batch}");
            assert_eq!(spec.batch_size(), None);
        }
    }
}
