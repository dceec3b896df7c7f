//! `run`, the main job.

use std::path::{Path, PathBuf};

use gaugebias::dynamics::Run as Simulated;
use gaugebias::model::spec::Spec;
use gaugebias::report::study::Study;
use gaugebias::verify::Prediction;
use serde_json::json;

use super::saved::{SavedRuns, predict};
use super::{derive, envelope, print_json, use_threads, verify};
use crate::arguments::Run;
use crate::outcome::Failure;
use crate::print;
use crate::specs;

/// Derives, simulates, verifies, and writes the run folder.
pub fn run(flags: &Run) -> Result<(), Failure> {
    use_threads(flags.threads);
    let specs = specs::read(&flags.spec, &flags.flags)?;
    let path = flags.out.clone().unwrap_or_else(|| default_folder(&flags.spec));
    let memory = predict(&specs, true)?;
    // What cannot be tested is refused before anything is simulated.
    let laws = specs.iter().map(law).collect::<Result<Vec<_>, _>>()?;
    let saved = SavedRuns::take(&path, flags.saving, flags.json, &specs)?;
    let mut studies = Vec::new();
    let mut failure = None;
    for (index, spec) in specs.iter().enumerate() {
        let (study, ended) = study(spec, &laws[index], |spec| saved.run(index, spec, memory[index], flags.threads))?;
        studies.push(study);
        if ended.is_some() {
            failure = ended;
            break;
        }
    }
    saved.write_report(&studies)?;
    saved.end(&specs, failure.as_ref())?;
    tell(&studies, &memory, &path, flags.json);
    let judged = studies.iter().filter_map(|study| study.judgement.as_ref()?.as_ref().ok());
    let untested = studies.iter().filter_map(|study| study.judgement.as_ref()?.as_ref().err());
    let untested: Vec<&str> = untested.map(String::as_str).collect();
    match failure {
        Some(failure) => Err(failure),
        None if !untested.is_empty() => {
            Err(Failure::Refused(format!("the law was not tested: {}", untested.join("; "))))
        }
        None => verify::said(judged.map(|judgement| &judgement.report)),
    }
}

fn default_folder(spec: &str) -> PathBuf {
    let stem = Path::new(spec).file_stem().map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
    Path::new("runs").join(stem)
}

/// The laws that the run is to be judged by, where its spec asks for a verdict.
fn law(spec: &Spec) -> Result<Option<Prediction>, Failure> {
    if spec.verify.is_none() {
        return Ok(None);
    }
    gaugebias::verify::predict(spec).map(Some).map_err(|error| {
        Failure::Refused(format!(
            "the law in [verify] cannot be tested: {error}; correct it, or leave [verify] out to run without a verdict"
        ))
    })
}

/// One spec from derivation to verdict. What cannot be derived or judged is said in the report; what cannot be run is
/// an error.
fn study(
    spec: &Spec,
    law: &Option<Prediction>,
    simulate: impl Fn(&Spec) -> Result<(Simulated, Option<Failure>), Failure>,
) -> Result<(Study, Option<Failure>), Failure> {
    let derivation = match derive::derivation(spec, "balanced", false) {
        Ok(derivation) => Ok(derivation),
        Err(Failure::Refused(reason) | Failure::No(reason)) => Err(reason),
        // Without a predictor there is nothing to derive, but much to simulate.
        Err(Failure::Input(_)) if !spec.model.iter().any(|definition| definition.name == "predictor") => {
            Err("[model] names no predictor".to_owned())
        }
        Err(failure) => return Err(failure),
    };
    let (run, ended) = simulate(spec)?;
    let early_end = ended.as_ref().and_then(Failure::early_end);
    let judgement = match (law, &ended) {
        (Some(law), None) => Some(law.judge(&run).map_err(|error| error.to_string())),
        _ => None,
    };
    Ok((Study { spec: spec.clone(), derivation, run, early_end, judgement }, ended))
}

fn tell(studies: &[Study], memory: &[u64], path: &Path, as_json: bool) {
    let report = path.join("report.html");
    let summary = gaugebias::report::study::summary(studies);
    if as_json {
        let runs: Vec<_> = studies
            .iter()
            .zip(memory)
            .map(|(study, memory)| {
                let judged = study.judgement.as_ref().and_then(|judgement| judgement.as_ref().ok());
                json!({
                    "title": study.spec.title,
                    "seeds": study.run.seeds,
                    "steps": study.run.steps,
                    "seconds": study.run.seconds,
                    "memory_predicted_bytes": memory,
                    "ended_early": study.early_end,
                    "verify": judged.map(|judged| judged.to_json()),
                })
            })
            .collect();
        print_json(envelope(json!({
            "title": studies[0].spec.title,
            "folder": path,
            "report": report,
            "summary": summary,
            "runs": runs,
        })));
        return;
    }
    print::line(&studies[0].spec.title);
    for sentence in summary {
        print::line(format!("  {sentence}"));
    }
    for study in studies {
        print::line(format!(
            "  {}: {} seeds × {} steps in {:.1} s",
            study.spec.title, study.run.seeds, study.run.steps, study.run.seconds
        ));
        if let Some(Ok(judgement)) = &study.judgement {
            verify::text(judgement).lines().skip(1).for_each(|line| print::line(format!("  {line}")));
        }
    }
    let table = gaugebias::report::study::end_table_text(studies);
    if !table.is_empty() {
        print::line(table.trim_end_matches('\n'));
    }
    print::line(format!("  report: {}", report.display()));
}
