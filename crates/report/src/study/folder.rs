//! Run folders: tensors, `run.json`, figures and the page.
//!
//! The base's tensors lie in the folder itself, each variant's in a folder of its name. `run.json` holds the spec's
//! text, so that everything else can be derived again; wall times stand only there, which leaves every other file a
//! function of spec and seeds alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gaugebias_dynamics::{Run, Series};
use gaugebias_model::spec::{DataType, Spec, SpecFile};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::claim::Claim;
use super::tensors::{Named, Numbers, decode, write_file};
use super::{Study, page};
use crate::files::replace;
use crate::{Page, ReportError};

/// A folder with the results of one spec file.
#[derive(Clone, Debug)]
pub struct RunFolder {
    pub(super) path: PathBuf,
    /// Held by the one process that writes to it.
    #[expect(dead_code, reason = "held, not read")]
    pub(super) claim: Option<Claim>,
}

const SAMPLES: &str = "verify.samples";
const SAMPLE_STEPS: &str = "verify.step";

impl RunFolder {
    /// An existing run folder.
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned(), claim: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the tensors of a spec lie.
    pub(super) fn of(&self, spec: &Spec) -> PathBuf {
        spec.variant.as_ref().map_or(self.path.clone(), |name| self.path.join(name))
    }

    /// Writes the tensors of one study: `log.safetensors` and `final.safetensors`.
    ///
    /// # Errors
    /// [`ReportError::Write`]; what stood there before is then untouched.
    pub fn write_tensors(&self, spec: &Spec, run: &Run) -> Result<(), ReportError> {
        let folder = self.of(spec);
        std::fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
        let real = |series| real(run, series);
        let (record_shape, sample_shape) = ([run.record_steps.len()], [run.sample_steps.len()]);
        let mut logs: Vec<Named<'_>> = vec![("step", &record_shape, Numbers::Steps(&run.record_steps))];
        logs.extend(run.observables.iter().map(|(name, series)| (name.as_str(), &series.shape[..], real(series))));
        if let Some(samples) = &run.samples {
            logs.push((SAMPLE_STEPS, &sample_shape, Numbers::Steps(&run.sample_steps)));
            logs.push((SAMPLES, &samples.shape, real(samples)));
        }
        let parameters = run.parameters.iter();
        let parameters = parameters.map(|(name, series)| (name.as_str(), &series.shape[..], real(series)));
        write_file(&folder, "log.safetensors", logs, &BTreeMap::new())?;
        write_file(&folder, "final.safetensors", parameters.collect(), &BTreeMap::new())
    }

    /// Writes `run.json`, the figures and the page.
    ///
    /// # Errors
    /// [`ReportError::Write`], and what drawing reports.
    pub fn write_report(&self, studies: &[Study]) -> Result<(), ReportError> {
        let page = Page::of(studies, provenance(&studies[0]));
        // Figures are named before they are there: whatever ends the program, all that are there are named.
        self.write(&record(studies, &figure_names(&page)))?;
        crate::write(&self.path, &page)
    }

    /// Writes `run.json` alone.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub fn write_record(&self, studies: &[Study]) -> Result<(), ReportError> {
        self.write(&record(studies, &[]))
    }

    fn write(&self, record: &Value) -> Result<(), ReportError> {
        let text = serde_json::to_string_pretty(record).expect("a record of plain values is JSON");
        replace(&self.path, "run.json", text.as_bytes())
    }

    /// Whether the page is there.
    pub fn has_page(&self) -> bool {
        self.path.join("report.html").is_file()
    }

    /// Draws figures and page again; `run.json` learns the names of figures that it does not have.
    ///
    /// # Errors
    /// As [`RunFolder::write_report`], and [`ReportError::Read`] without a `run.json`.
    pub fn write_page(&self, studies: &[Study]) -> Result<(), ReportError> {
        let page = Page::of(studies, provenance(&studies[0]));
        let mut record = self.record()?;
        let mut names = written_figures(&record);
        let before = names.len();
        names.extend(figure_names(&page).into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        if names.len() > before {
            record["figures"] = json!(names);
            self.write(&record)?;
        }
        crate::write(&self.path, &page)
    }

    /// The specs and runs of a folder.
    ///
    /// # Errors
    /// [`ReportError::Read`] for a folder that is not one of ours, or was damaged.
    pub fn read(&self) -> Result<Vec<(Spec, Run)>, ReportError> {
        let fault = |reason: String| self.unreadable(reason);
        let record = self.record()?;
        let field = |name: &str| record[name].as_str().ok_or_else(|| fault(format!("it has no text `{name}`")));
        let overrides: Vec<String> = record["overrides"]
            .as_array()
            .map_or(Vec::new(), |items| items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect());
        let folder = PathBuf::from(field("spec_folder")?);
        let file = SpecFile::parse(field("spec_name")?, field("spec")?.to_owned(), folder, &overrides)
            .map_err(|error| fault(format!("its spec does not read: {error}")))?;
        let runs = record["runs"].as_array().filter(|runs| !runs.is_empty());
        let runs = runs.ok_or_else(|| fault("it lists no `runs`".into()))?;
        runs.iter()
            .map(|entry| {
                let variant = entry["variant"].as_str();
                let spec = file.specs.iter().find(|spec| spec.variant.as_deref() == variant);
                let spec = spec.ok_or_else(|| fault(format!("its spec has no variant {variant:?}")))?.clone();
                let run = self.read_run(&spec, entry)?;
                Ok((spec, run))
            })
            .collect()
    }

    /// The run of one spec of a folder whose run.json is of that spec.
    ///
    /// # Errors
    /// As [`RunFolder::read`].
    pub fn read_one(&self, spec: &Spec) -> Result<Run, ReportError> {
        let record = self.record()?;
        self.read_run(spec, self.entry(&record, spec)?)
    }

    fn unreadable(&self, reason: String) -> ReportError {
        ReportError::Read { path: self.path.join("run.json"), reason }
    }

    /// `run.json`.
    pub(super) fn record(&self) -> Result<Value, ReportError> {
        let text = std::fs::read_to_string(self.path.join("run.json"));
        let text = text.map_err(|error| self.unreadable(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| self.unreadable(error.to_string()))
    }

    /// What a record says of the base or a variant.
    pub(super) fn entry<'a>(&self, record: &'a Value, spec: &Spec) -> Result<&'a Value, ReportError> {
        let own = |entry: &&Value| entry["variant"].as_str() == spec.variant.as_deref();
        let found = record["runs"].as_array().and_then(|runs| runs.iter().find(own));
        found.ok_or_else(|| self.unreadable(format!("it has no run of {}", spec.title)))
    }

    pub(super) fn read_run(&self, spec: &Spec, entry: &Value) -> Result<Run, ReportError> {
        let folder = self.of(spec);
        let mut logs = decode(&folder.join("log.safetensors"))?;
        let parameters = decode(&folder.join("final.safetensors"))?;
        let steps = |series: Option<Series>| {
            series.map_or(Vec::new(), |series| series.values.iter().map(|&step| step as u64).collect())
        };
        let record_steps = steps(logs.shift_remove("step"));
        let sample_steps = steps(logs.shift_remove(SAMPLE_STEPS));
        let samples = logs.shift_remove(SAMPLES);
        let seeds = entry["seeds"].as_u64().unwrap_or(0) as usize;
        let sampled_name = SAMPLES.to_owned();
        let logged = logs.iter().map(|(name, series)| (name, series, vec![record_steps.len(), seeds]));
        let sampled = samples.iter().map(|series| (&sampled_name, series, vec![sample_steps.len(), seeds]));
        let ended = parameters.iter().map(|(name, series)| (name, series, vec![seeds]));
        for (name, series, expected) in logged.chain(sampled).chain(ended) {
            if seeds == 0 || !series.shape.starts_with(&expected) {
                let reason = format!("`{name}` has shape {:?}, which should start with {expected:?}", series.shape);
                return Err(ReportError::Read { path: folder, reason });
            }
        }
        Ok(Run {
            title: spec.title.clone(),
            seeds,
            steps: entry["steps"].as_u64().unwrap_or(0),
            dtype: if entry["dtype"] == "f64" { DataType::F64 } else { DataType::F32 },
            record_steps,
            observables: in_order(logs, spec.log.observables.iter().map(|definition| &definition.name)),
            sample_steps,
            samples,
            parameters: in_order(parameters, spec.param.iter().map(|definition| &definition.name)),
            seconds: entry["seconds"].as_f64().unwrap_or(0.0),
        })
    }
}

/// Files do not keep the order of names; the spec does.
fn in_order<'a>(
    mut found: IndexMap<String, Series>,
    names: impl Iterator<Item = &'a String>,
) -> IndexMap<String, Series> {
    names.filter_map(|name| found.shift_remove(name).map(|series| (name.clone(), series))).collect()
}

fn real<'a>(run: &Run, series: &'a Series) -> Numbers<'a> {
    Numbers::Real(&series.values, run.dtype)
}

/// Names of a page's figures, without the endings of their files.
fn figure_names(page: &Page) -> Vec<String> {
    page.all_figures().map(|figure| figure.name.clone()).collect()
}

/// The figures that a `run.json` says were written with it. What is no file name of ours is not in it, whatever stands there.
pub(super) fn written_figures(record: &Value) -> Vec<String> {
    let plain = |name: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed)
    };
    let names = record["figures"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter(plain).map(str::to_owned).collect()
}

/// `run.json`.
fn record(studies: &[Study], figures: &[String]) -> Value {
    let base = &studies[0].spec;
    let runs: Vec<Value> = studies
        .iter()
        .map(|study| {
            let verdict = match &study.judgement {
                Some(Ok(judgement)) => judgement.to_json(),
                Some(Err(reason)) => json!({ "reason": reason }),
                None => Value::Null,
            };
            json!({
                "title": study.spec.title,
                "variant": study.spec.variant,
                "seeds": study.run.seeds,
                "steps": study.run.steps,
                "dtype": study.run.dtype.name(),
                "seconds": study.run.seconds,
                "ended_early": study.early_end,
                "verify": verdict,
                "derivation": study.derivation.as_ref().ok(),
                "not_derived": study.derivation.as_ref().err(),
                "summary": page::summary(study, false),
            })
        })
        .collect();
    let verdicts: Vec<Value> =
        runs.iter().filter(|run| !run["verify"].is_null()).map(|run| run["verify"].clone()).collect();
    json!({
        "gaugebias": env!("CARGO_PKG_VERSION"),
        "schema": 1,
        "title": base.title,
        "spec_name": base.source.name,
        "spec_folder": std::path::absolute(&base.folder).unwrap_or(base.folder.clone()),
        "spec": base.source.text,
        "overrides": base.overrides,
        "machine": {
            "system": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "instruction_set": gaugebias_model::program::InstructionSet::detect().name(),
        },
        "seeds": studies[0].run.seeds,
        "wall_seconds": studies.iter().map(|study| study.run.seconds).sum::<f64>(),
        "verdicts": verdicts,
        "figures": figures,
        "runs": runs,
    })
}

fn provenance(study: &Study) -> Vec<(String, String)> {
    let pair = |label: &str, value: String| (label.to_owned(), value);
    vec![
        pair("gaugebias", env!("CARGO_PKG_VERSION").into()),
        pair("Spec", study.spec.source.name.clone()),
        pair("Seeds", format!("{} from family {}", study.run.seeds, study.spec.ensemble.seed)),
        pair("Wall time and machine", "in run.json".into()),
    ]
}
