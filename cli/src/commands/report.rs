//! `report`.

use gaugebias::report::study::{RunFolder, Study};
use gaugebias::verify::judge;

use super::{derive, use_threads};
use crate::arguments::Report;
use crate::outcome::Failure;

/// Draws a run folder again from its spec and tensors.
pub fn report(flags: &Report) -> Result<(), Failure> {
    use_threads(flags.threads);
    let folder = RunFolder::open(&flags.folder);
    let mut studies = Vec::new();
    for (spec, run) in folder.read()? {
        let derivation = match derive::derivation(&spec, "balanced", false) {
            Ok(derivation) => Ok(derivation),
            Err(Failure::Refused(reason) | Failure::No(reason)) => Err(reason),
            Err(Failure::Input(report)) => Err(report.to_string()),
            Err(failure) => return Err(failure),
        };
        let complete = run.steps == spec.train.steps;
        let early_end = (!complete).then(|| format!("the run ended after {} of {} steps", run.steps, spec.train.steps));
        let judgement =
            (complete && spec.verify.is_some()).then(|| judge(&spec, &run).map_err(|error| error.to_string()));
        studies.push(Study { spec, derivation, run, early_end, judgement });
    }
    folder.write_page(&studies)?;
    eprintln!("drawn: {}", folder.path().join("report.html").display());
    Ok(())
}
