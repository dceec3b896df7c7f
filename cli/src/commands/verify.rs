//! `verify`.

use std::path::Path;

use gaugebias::dynamics::Run;
use gaugebias::model::spec::Spec;
use gaugebias::report::study::RunFolder;
use gaugebias::verify::{Judgement, Verdict, judge};

use super::simulate::attempt;
use super::{envelope, print_json, use_threads};
use crate::arguments::Verify;
use crate::outcome::Failure;
use crate::print;
use crate::specs;

/// Judges every spec or run folder; the answer is no unless every law agrees.
pub fn verify(flags: &Verify) -> Result<(), Failure> {
    use_threads(flags.threads);
    let mut wrong = Vec::new();
    let mut failed = false;
    for name in &flags.specs {
        // One spec that cannot be judged does not keep the others from being judged.
        if let Err(failure) = verify_one(name, flags, &mut wrong) {
            if let Failure::Interrupted(_) = failure {
                return Err(failure);
            }
            eprintln!("{name}:");
            let _ = failure.tell();
            failed = true;
        }
    }
    if failed {
        return Err(Failure::Told(2));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::No(format!("the predicted law does not agree with: {}", wrong.join(", ")))),
    }
}

fn verify_one(name: &str, flags: &Verify, wrong: &mut Vec<String>) -> Result<(), Failure> {
    for (spec, run) in runs(name, flags)? {
        let judgement = judge(&spec, &run).map_err(|error| Failure::Refused(error.to_string()))?;
        if flags.json {
            print_json(envelope(judgement.to_json()));
        } else {
            print::line(text(&judgement).trim_end());
        }
        if judgement.report.verdict != Verdict::Agrees {
            wrong.push(judgement.report.title.clone());
        }
    }
    Ok(())
}

/// The specs of a file that ask for a verdict, simulated; or those of a run folder with its samples.
fn runs(name: &str, flags: &Verify) -> Result<Vec<(Spec, Run)>, Failure> {
    let pairs = if Path::new(name).is_dir() {
        RunFolder::open(Path::new(name)).read()?
    } else {
        let mut pairs = Vec::new();
        for spec in specs::read(name, &flags.flags)?.into_iter().filter(|spec| spec.verify.is_some()) {
            let (run, failure) = attempt(&spec, flags.threads, None)?;
            failure.map_or(Ok(()), Err)?;
            pairs.push((spec, run));
        }
        pairs
    };
    let asking: Vec<_> = pairs.into_iter().filter(|(spec, _)| spec.verify.is_some()).collect();
    if asking.is_empty() {
        return Err(Failure::Refused(format!(
            "{name} has no [verify] section; add one, as in law = \"horizontal\", observable = \"predictor[0]\""
        )));
    }
    Ok(asking)
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
    lines.extend(judgement.notes.iter().map(|note| format!("  note: {note}")));
    lines.join("\n") + "\n"
}
