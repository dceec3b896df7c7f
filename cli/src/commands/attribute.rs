//! `attribute`.

use gaugebias::dynamics::{DynamicsError, Options, Run, simulate};
use gaugebias::model::spec::{Definition, Spec};
use gaugebias::verify::{AttributeError, Attribution, attribute as take_apart};

use super::{envelope, print_json, use_threads};
use crate::arguments::Attribute;
use crate::outcome::Failure;
use crate::print;
use crate::progress::Progress;
use crate::specs;

/// Takes the preference of each spec of a file apart.
pub fn attribute(flags: &Attribute) -> Result<(), Failure> {
    use_threads(flags.threads);
    let options = Options { threads: flags.threads.threads.map(usize::from) };
    let run = |spec: &Spec| -> Result<Run, DynamicsError> { simulate(spec, options, &Progress::new(&spec.title)) };
    let mut all = specs::read(&flags.spec, &flags.flags)?;
    // Variants are runs of their own: without a name, the base is meant.
    all.truncate(1);
    for spec in all {
        let observable = observable(&spec, flags)?;
        let found = take_apart(&spec, &observable, &run).map_err(|error| match error {
            AttributeError::Unfit(message) => Failure::Refused(message),
            AttributeError::Dynamics(error) => error.into(),
        })?;
        if flags.json {
            let object = serde_json::to_value(&found).map_err(|error| Failure::Ours(error.to_string()))?;
            print_json(envelope(object));
        } else {
            print::line(text(&found).trim_end());
        }
    }
    Ok(())
}

fn observable(spec: &Spec, flags: &Attribute) -> Result<Definition, Failure> {
    match (&flags.of, &spec.verify) {
        (Some(text), _) => Ok(Definition::new("preference", text)?),
        (None, Some(verify)) => Ok(verify.observable.clone()),
        (None, None) => Err(Failure::Refused(format!(
            "{} has no [verify] section to take the preference from: name it, as in --of \"sum(abs(predictor)) / norm(predictor)\"",
            flags.spec
        ))),
    }
}

fn text(found: &Attribution) -> String {
    let mut lines = vec![
        format!("{}: {}", found.title, found.observable),
        format!(
            "  {:.6} in the run, {:.6} where the predictor itself is trained: change {:+.6} ± {:.6}",
            found.value, found.reference, found.change, found.change_error
        ),
        format!("  {:<18} {:>12} {:>10} {:>12} {:>8}", "due to", "by ablation", "±", "predicted", "share"),
    ];
    for term in &found.terms {
        let predicted = term.predicted.map_or("–".to_owned(), |value| format!("{value:+.6}"));
        let share =
            term.share.map_or("–".to_owned(), |share| format!("{:.1} %", (1000.0 * share).round() / 10.0 + 0.0));
        lines.push(format!(
            "  {:<18} {:>+12.6} {:>10.6} {:>12} {:>8}",
            term.name, term.ablation, term.ablation_error, predicted, share
        ));
    }
    let verdict = if found.explained { "within" } else { "beyond" };
    lines.push(format!(
        "  {:<18} {:>+12.6}, {verdict} its interval of ± {:.6}",
        "remainder", found.remainder, found.remainder_interval
    ));
    if let Some(rest) = found.predicted_remainder {
        lines.push(format!("  {:<18} {rest:>+12.6}", "not predicted"));
    }
    lines.extend(found.notes.iter().map(|note| format!("  note: {note}")));
    lines.join("\n") + "\n"
}
