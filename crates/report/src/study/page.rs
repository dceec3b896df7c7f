//! From studies to the page.

use gaugebias_model::spec::{Noise, Optimizer, Spec};
use gaugebias_model::{DataBinding, Model};
use gaugebias_verify::Verdict;

use super::{Study, facts, figures};
use crate::{AlternativeRow, Page, Table, VerdictRow, number};

impl Page {
    /// The page of a spec and its variants, which share data and seeds.
    ///
    /// # Panics
    /// Without studies.
    pub fn of(studies: &[Study], provenance: Vec<(String, String)>) -> Page {
        let base = &studies[0];
        Page {
            title: base.spec.title.clone(),
            subtitle: subtitle(base),
            summary: super::summary(studies),
            question: questions(studies),
            derivations: studies.iter().map(facts::block).collect(),
            verdicts: studies.iter().filter_map(verdict_row).collect(),
            tables: end_table(studies).into_iter().collect(),
            figures: figures::figures(studies),
            sections: Vec::new(),
            spec: spec_as_run(&base.spec),
            provenance,
        }
    }
}

/// The file, and what the command line changed in it.
fn spec_as_run(spec: &Spec) -> String {
    let changes: String = spec.overrides.iter().map(|change| format!("# {change}\n")).collect();
    match changes.is_empty() {
        true => spec.source.text.clone(),
        false => format!("# Changed on the command line:\n{changes}\n{}", spec.source.text),
    }
}

fn subtitle(study: &Study) -> String {
    format!("{} seeds, {} steps, {}", study.run.seeds, study.run.steps, study.run.dtype.name())
}

/// What came out of one study, in sentences.
pub(super) fn summary(study: &Study, named: bool) -> Vec<String> {
    let prefix = if named { format!("{}: ", study.spec.variant.as_deref().unwrap_or("base")) } else { String::new() };
    let mut sentences = Vec::new();
    match &study.derivation {
        Ok(derivation) if derivation.symmetries().dimension == 0 => {
            sentences.push(format!("{prefix}the model has no continuous affine symmetry, so there is no gauge bias."));
        }
        Ok(derivation) => {
            let formula = derivation
                .bias()
                .and_then(|bias| bias.formula.as_ref())
                .map_or(String::new(), |formula| format!("; on the balanced slice the gauge bias is B = {formula}"));
            sentences.push(format!(
                "{prefix}{} symmetry generators were found{formula}.",
                derivation.symmetries().dimension
            ));
        }
        Err(reason) => sentences.push(format!("{prefix}the symmetries were not derived: {reason}")),
    }
    if let Some(end) = &study.early_end {
        sentences.push(format!("{prefix}{end}"));
    }
    match &study.judgement {
        Some(Ok(judgement)) => {
            sentences.push(format!("{prefix}{}", outcome(&judgement.report)));
            sentences.push(judgement.report.reason.clone());
        }
        Some(Err(reason)) => sentences.push(format!("{prefix}the law was not tested: {reason}")),
        None => {}
    }
    sentences.iter().map(|sentence| capitalised(sentence)).collect()
}

/// A verdict in words that need no statistics.
fn outcome(report: &gaugebias_verify::Report) -> String {
    let law = format!("the predicted {} law of {}", report.law, report.observable);
    let rejected: Vec<&str> = report
        .alternatives
        .iter()
        .filter(|other| other.verdict == Verdict::Disagrees)
        .map(|other| other.law.as_str())
        .collect();
    let others = match rejected.is_empty() {
        true => String::new(),
        false => format!("; rejected beside it: {}", rejected.join(", ")),
    };
    match report.verdict {
        Verdict::Agrees => format!("the samples agree with {law}{others}."),
        Verdict::Disagrees => format!("the samples do not agree with {law}{others}."),
        Verdict::Undecided => format!("the samples are too few to decide on {law}{others}."),
    }
}

fn questions(studies: &[Study]) -> Vec<String> {
    let mut paragraphs = leading_comment(&studies[0].spec.source.text);
    for study in studies {
        let name = study.spec.variant.as_deref().unwrap_or("base");
        let prefix = if studies.len() > 1 { format!("{name}: ") } else { String::new() };
        paragraphs.push(capitalised(&(prefix + &training(&study.spec))));
    }
    paragraphs
}

/// With a capital letter at the start.
fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

/// The comment at the top of a spec says what it is for; an empty comment line starts a new paragraph.
pub(crate) fn leading_comment(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let lines: Vec<&str> = lines.collect();
    lines.split(|line| line.is_empty()).filter(|part| !part.is_empty()).map(|part| part.join(" ")).collect()
}

/// `[train]` in words.
fn training(spec: &Spec) -> String {
    let train = &spec.train;
    let how = match (train.optimizer, &train.noise) {
        (Optimizer::Langevin, Noise::None) => "gradient flow by Euler steps".to_owned(),
        (Optimizer::Langevin, noise) => {
            let kind = if *noise == Noise::Horizontal { "horizontal" } else { "isotropic" };
            format!("Langevin dynamics with {kind} noise at temperature {}", number(train.temperature))
        }
        (Optimizer::Adam { .. }, _) => {
            let batch = if draws_batches(spec) { "on batches drawn anew at every step" } else { "on the full data" };
            format!("Adam {batch}")
        }
        (Optimizer::Sgd { momentum, weight_decay }, _) => {
            let batch = if draws_batches(spec) {
                "SGD on batches drawn anew at every step"
            } else {
                "full-batch gradient descent"
            };
            let momentum = if momentum > 0.0 { format!(", momentum {}", number(momentum)) } else { String::new() };
            let decay =
                if weight_decay > 0.0 { format!(", weight decay {}", number(weight_decay)) } else { String::new() };
            format!("{batch}{momentum}{decay}")
        }
    };
    let noise = match &train.noise {
        Noise::Label(noise) => {
            format!(", fresh normal noise of standard deviation {} on `{}`", number(noise.deviation), noise.label)
        }
        _ => String::new(),
    };
    format!("trained by {how}{noise}, step size {}, {} steps.", number(train.step_size), train.steps)
}

/// Whether the loss depends on draws.
fn draws_batches(spec: &Spec) -> bool {
    Model::build(spec, DataBinding::Inputs)
        .is_ok_and(|model| model.named("loss").is_some_and(|loss| model.graph.is_random(&[loss])))
}

fn verdict_row(study: &Study) -> Option<VerdictRow> {
    let judgement = study.judgement.as_ref()?.as_ref().ok()?;
    let report = &judgement.report;
    let notes: String = judgement.notes.iter().map(|note| format!(" Note: {note}.")).collect();
    let word = |verdict: Verdict| match verdict {
        Verdict::Agrees => "agrees".to_owned(),
        Verdict::Disagrees => "disagrees".to_owned(),
        Verdict::Undecided => "undecided".to_owned(),
    };
    Some(VerdictRow {
        title: report.title.clone(),
        law: report.law.clone(),
        observable: report.observable.clone(),
        ks: report.ks,
        ks_threshold: report.ks_threshold,
        effective_samples: report.effective_samples,
        verdict: word(report.verdict),
        reason: report.reason.clone() + &notes,
        alternatives: report
            .alternatives
            .iter()
            .map(|other| AlternativeRow { law: other.law.clone(), ks: other.ks, verdict: word(other.verdict) })
            .collect(),
    })
}

/// A quantile of ascending values, linear between neighbours.
fn interpolated(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * share;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Scalar observables at the last record, median and 10–90 % over seeds, side by side.
pub(super) fn end_table(studies: &[Study]) -> Option<Table> {
    let mut names: Vec<&String> = Vec::new();
    for study in studies {
        for (name, series) in &study.run.observables {
            if series.elements() == 1 && !names.contains(&name) && !study.run.record_steps.is_empty() {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return None;
    }
    let mut header = vec!["observable".to_owned()];
    header.extend(studies.iter().map(|study| study.spec.variant.clone().unwrap_or_else(|| "base".into())));
    let cell = |study: &Study, name: &String| {
        let series = study.run.observables.get(name).filter(|series| !series.values.is_empty())?;
        let mut last = series.values[series.values.len() - study.run.seeds..].to_vec();
        last.sort_by(f64::total_cmp);
        let quantile = |q: f64| interpolated(&last, q);
        Some(format!("{} ({} to {})", number(quantile(0.5)), number(quantile(0.1)), number(quantile(0.9))))
    };
    let rows = names
        .into_iter()
        .map(|name| {
            let mut row = vec![name.clone()];
            row.extend(studies.iter().map(|study| cell(study, name).unwrap_or_else(|| "–".into())));
            row
        })
        .collect();
    Some(Table {
        title: "At the end".into(),
        caption: "Median over seeds, with the 10–90 % range in brackets, at the last record.".into(),
        header,
        rows,
    })
}
