//! `verify`.

use std::path::Path;

use gaugebias::dynamics::Run;
use gaugebias::model::spec::Spec;
use gaugebias::model::{DataBinding, Model};
use gaugebias::report::study::RunFolder;
use gaugebias::verify::{Judgement, Prediction, Report, Verdict, predict, settle};

use super::simulate::attempt;
use super::{envelope, print_json, use_threads};
use crate::arguments::Verify;
use crate::outcome::Failure;
use crate::print;
use crate::specs;

/// Judges every spec or run folder, all their laws as one family; the answer is no unless every law agrees.
pub fn verify(flags: &Verify) -> Result<(), Failure> {
    use_threads(flags.threads);
    let mut judged = Vec::new();
    let mut failed = false;
    for name in &flags.specs {
        // One spec that cannot be judged does not keep the others from being judged.
        if let Err(failure) = verify_one(name, flags, &mut judged) {
            if let Failure::Interrupted(_) = failure {
                return Err(failure);
            }
            eprintln!("{name}:");
            let _ = failure.tell();
            failed = true;
        }
    }
    let mut reports: Vec<&mut Report> = judged.iter_mut().map(|judgement| &mut judgement.report).collect();
    settle(&mut reports);
    for judgement in &judged {
        if flags.json {
            print_json(envelope(judgement.to_json()));
        } else {
            print::line(text(judgement).trim_end());
        }
    }
    if failed {
        return Err(Failure::Told(2));
    }
    said(judged.iter().map(|judgement| &judgement.report))
}

/// The answer is yes where every law agrees.
pub(super) fn said<'a>(reports: impl Iterator<Item = &'a Report> + Clone) -> Result<(), Failure> {
    let titles = |verdict: Verdict| {
        let found = reports.clone().filter(|report| report.verdict == verdict);
        found.map(|report| report.title.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (against, open) = (titles(Verdict::Disagrees), titles(Verdict::Undecided));
    let against = (!against.is_empty()).then(|| format!("the predicted law does not agree with: {against}"));
    let open = (!open.is_empty()).then(|| format!("too few samples to decide on: {open}"));
    match (against, open) {
        (None, None) => Ok(()),
        (against, open) => Err(Failure::No(against.into_iter().chain(open).collect::<Vec<_>>().join("; "))),
    }
}

fn verify_one(name: &str, flags: &Verify, judged: &mut Vec<Judgement>) -> Result<(), Failure> {
    if Path::new(name).is_dir() {
        return verify_folder(name, flags, judged);
    }
    let specs = asking(name, specs::read(name, &flags.flags)?, |spec| spec)?;
    // What cannot be built or predicted is refused before anything is simulated.
    for spec in &specs {
        Model::build(spec, DataBinding::Inputs)?;
    }
    let predictions = specs.iter().map(prediction).collect::<Result<Vec<_>, _>>()?;
    for (spec, prediction) in specs.iter().zip(&predictions) {
        let mut judgement = judgement(prediction, &simulated(spec, flags)?)?;
        if flags.halve {
            let finer = self::judgement(prediction, &simulated(&halved(spec), flags)?)?;
            judgement.report.step_size_bias = Some(judgement.report.ks - finer.report.ks);
        }
        judged.push(judgement);
    }
    Ok(())
}

/// The specs of a run folder with its samples. Nothing is simulated there, so flags that would change the simulation mean nothing.
fn verify_folder(name: &str, flags: &Verify, judged: &mut Vec<Judgement>) -> Result<(), Failure> {
    let mut meaningless = flags.flags.changing();
    meaningless.extend(flags.halve.then_some("--halve"));
    if !meaningless.is_empty() {
        return Err(Failure::Refused(format!(
            "{name} is a run folder, whose samples are there: {} would change nothing; leave it out, or verify the spec",
            meaningless.join(" and ")
        )));
    }
    let mut pairs = RunFolder::open(Path::new(name)).read()?;
    if let Some(variant) = &flags.flags.variant {
        let known: Vec<String> = pairs.iter().filter_map(|(spec, _)| spec.variant.clone()).collect();
        pairs.retain(|(spec, _)| spec.variant.as_ref() == Some(variant));
        if pairs.is_empty() {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Failure::Refused(format!("{name} holds no run of a variant `{variant}`; it has {known}")));
        }
    }
    for (spec, run) in asking(name, pairs, |(spec, _)| spec)? {
        judged.push(judgement(&prediction(&spec)?, &run)?);
    }
    Ok(())
}

/// Those that ask for a verdict; an error where none does.
fn asking<T>(name: &str, all: Vec<T>, spec: impl Fn(&T) -> &Spec) -> Result<Vec<T>, Failure> {
    let asking: Vec<T> = all.into_iter().filter(|one| spec(one).verify.is_some()).collect();
    if asking.is_empty() {
        return Err(Failure::Refused(format!(
            "{name} has no [verify] section; add one, as in law = \"horizontal\", observable = \"predictor[0]\""
        )));
    }
    Ok(asking)
}

fn prediction(spec: &Spec) -> Result<Prediction, Failure> {
    predict(spec).map_err(|error| Failure::Refused(error.to_string()))
}

fn judgement(prediction: &Prediction, run: &Run) -> Result<Judgement, Failure> {
    prediction.judge(run).map_err(|error| Failure::Refused(error.to_string()))
}

fn simulated(spec: &Spec, flags: &Verify) -> Result<Run, Failure> {
    let (run, failure) = attempt(spec, flags.threads, None)?;
    failure.map_or(Ok(run), Err)
}

/// The same time in twice as many steps.
fn halved(spec: &Spec) -> Spec {
    let mut finer = spec.clone();
    finer.train.step_size *= 0.5;
    finer.train.steps *= 2;
    finer.log.every *= 2;
    if let Some(verify) = &mut finer.verify {
        verify.burn_in *= 2;
        verify.thin *= 2;
    }
    finer
}

/// A verdict for people.
pub(super) fn text(judgement: &Judgement) -> String {
    let report = &judgement.report;
    let mut lines = vec![format!("{}: {}", report.title, report.reason)];
    let word = |verdict: Verdict| format!("{verdict:?}").to_lowercase();
    lines.push(format!(
        "  {:<14} KS {:.4}  {}  (threshold {:.4}, {:.0} effective samples)",
        report.law,
        report.ks,
        word(report.verdict),
        report.ks_threshold,
        report.effective_samples
    ));
    for other in &report.alternatives {
        lines.push(format!("  {:<14} KS {:.4}  {}", other.law, other.ks, word(other.verdict)));
    }
    if let Some(label) = &report.prediction {
        lines.push(format!("  noise: {}", label.noise));
        lines.push(format!("  measure: {}", label.measure));
        lines.push(format!("  slice: {}; component: {}", label.slice, label.component));
    }
    if let Some(predicted) = report.predicted_mean {
        lines.push(format!("  mean {:.5} ± {:.5}, predicted {predicted:.5}", report.mean, report.mean_error));
    }
    if let Some(bias) = report.step_size_bias {
        lines.push(format!("  KS at half the step size: {:.4} (change {bias:+.4})", report.ks - bias));
    }
    lines.extend(report.quotient.as_ref().map(|quotient| format!("  {}", quotient.text())));
    lines.extend(charges(report));
    if let Some(noise) = &report.noise_estimate {
        let anisotropy = noise.anisotropy.map_or(String::new(), |ratio| format!(", anisotropy {ratio:.3}"));
        lines.push(format!(
            "  gradients at the end: temperature {:.6} ± {:.6}{anisotropy}, horizontal share {:.4}",
            noise.temperature, noise.temperature_error, noise.horizontal_share
        ));
    }
    if let Some(energy) = &report.energy {
        lines.push(format!("  whole predictors: energy distance {:.2e}, p = {:.3}", energy.distance, energy.p_value));
    }
    lines.extend(judgement.notes.iter().map(|note| format!("  note: {note}")));
    lines.join("\n") + "\n"
}

/// The charges that moved or were predicted to move, at most four.
fn charges(report: &Report) -> Vec<String> {
    let scale = |charge: &gaugebias::verify::ChargeReport| 1e-9 * (1.0 + charge.start.abs());
    let moved = report.charges.iter().filter(|charge| {
        (charge.end - charge.start).abs() > scale(charge)
            || charge.predicted.is_some_and(|value| (value - charge.start).abs() > scale(charge))
    });
    let line = |charge: &gaugebias::verify::ChargeReport| {
        let predicted = charge.predicted.map_or("not predicted".to_owned(), |value| format!("predicted {value:.5}"));
        format!(
            "  charge {}: from {:.5} to {:.5} ± {:.5}, {predicted}",
            charge.name, charge.start, charge.end, charge.end_error
        )
    };
    moved.take(4).map(line).collect()
}
