//! `attribute`.

use gaugebias::dynamics::{DynamicsError, Options, Run, simulate, simulate_from};
use gaugebias::model::spec::{Definition, Spec};
use gaugebias::verify::{AttributeError, Attribution, SettingEffect, Unpredicted, attribute as take_apart};

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
    let run = |spec: &Spec, starts: Option<&[Vec<f64>]>| -> Result<Run, DynamicsError> {
        let progress = Progress::new(&spec.title);
        match starts {
            Some(starts) => simulate_from(spec, starts, options, &progress),
            None => simulate(spec, options, &progress),
        }
    };
    let mut all = specs::read(&flags.spec, &flags.flags)?;
    // Variants are runs of their own: without a name, the base is meant.
    all.truncate(1);
    for spec in all {
        let observable = observable(&spec, flags)?;
        let found = take_apart(&spec, &observable, &run, !flags.terms_only).map_err(|error| match error {
            AttributeError::Unfit(message) => Failure::Refused(message),
            AttributeError::Dynamics { run, error } => Failure::from(error).about(&run),
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
            "  {:.6} in the run, {:.6} where the predictor itself is trained: change {}, standard error {:.6}",
            found.value,
            found.reference,
            signed(Some(found.change)),
            found.change_error
        ),
        format!("  {:<18} {:>12} {:>10} {:>12} {:>8}", "due to", "by ablation", "s.e.", "predicted", "share"),
    ];
    for term in &found.terms {
        let share =
            term.share.map_or("–".to_owned(), |share| format!("{:.1} %", (1000.0 * share).round() / 10.0 + 0.0));
        lines.push(format!(
            "  {:<18} {:>12} {:>10.6} {:>12} {:>8}{}",
            term.name,
            signed(Some(term.ablation)),
            term.ablation_error,
            signed(term.predicted),
            share,
            mark(term.remainder)
        ));
    }
    // With one ingredient beside the flow there is nothing to do together.
    if found.terms.len() > 3 {
        let verdict = if found.explained { "within" } else { "beyond" };
        lines.push(format!(
            "  {:<18} {:>12}, {verdict} three standard errors, {:.6}: what they do together only",
            "remainder",
            signed(Some(found.remainder)),
            found.remainder_interval
        ));
    }
    if let Some(rest) = found.predicted_remainder {
        lines.push(format!(
            "  {:<18} {:>12} {:>10.6}{}",
            "not predicted",
            signed(Some(rest.difference)),
            rest.error,
            mark(Some(rest))
        ));
    }
    lines.extend(settings(&found.settings));
    lines.extend(found.notes.iter().map(|note| format!("  note: {note}")));
    lines.join("\n") + "\n"
}

/// A mark where a number is not what was predicted.
fn mark(remainder: Option<Unpredicted>) -> &'static str {
    if remainder.is_some_and(|remainder| remainder.failed) { "  not as predicted" } else { "" }
}

/// The table of settings, under its own heading.
fn settings(effects: &[SettingEffect]) -> Vec<String> {
    if effects.is_empty() {
        return Vec::new();
    }
    let row = |effect: &SettingEffect| {
        let setting = format!("{} {} → {}", effect.name, effect.from, effect.to);
        let (change, predicted) = (signed(Some(effect.change)), signed(effect.predicted));
        format!("  {setting:<34} {change:>12} {:>10.6} {predicted:>12}{}", effect.change_error, mark(effect.remainder))
    };
    let heading = format!("  {:<34} {:>12} {:>10} {:>12}", "one setting changed", "changes it by", "s.e.", "predicted");
    std::iter::once(heading).chain(effects.iter().map(row)).collect()
}

/// A number with its sign, without one where it rounds to zero; a dash where there is none.
fn signed(value: Option<f64>) -> String {
    match value.map(|value| format!("{value:+.6}")) {
        Some(text) if text == "-0.000000" || text == "+0.000000" => "0.000000".into(),
        Some(text) => text,
        None => "–".into(),
    }
}
