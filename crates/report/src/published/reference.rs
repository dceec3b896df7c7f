//! Result files that readers of the authors' own files can open, of the first seed.
//!
//! Tensors are expressions of `[published.tensors]` in the spec, over `step`, the tensors of `[data]`, and the logs of the first seed, [records, …] each; those of
//! a variant are called `VARIANT_NAME`. Whole numbers are written as i64, reals as f32, or f64 where the spec says so. Metadata are the
//! configuration as texts, with the seed and the steps of both stages, which are those of the run.
//!
//! **Every step.** Some files have the loss of every step, which for the whole ensemble would be most of its memory. The first
//! seed is run again for that ([`every_step_specs`]), alone and with nothing else logged: equal seeds give equal runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gaugebias_dynamics::{Run, Series};
use gaugebias_model::graph::Kind;
use gaugebias_model::language::evaluate_over;
use gaugebias_model::spec::{DataType, Spec};
use gaugebias_model::{Setup, Tensor};

use super::{Experiment, name_beside, name_of};
use crate::ReportError;
use crate::study::{Named, Numbers, Study, write_file};

/// The specs whose runs have what the file needs at every step: those of the given ones that log some of it.
pub fn every_step_specs(specs: &[Spec]) -> Vec<Spec> {
    let Some(published) = specs.first().and_then(|spec| spec.published.as_ref()) else { return Vec::new() };
    let only = |spec: &Spec| {
        let mut spec = spec.clone();
        let variant = spec.variant.clone();
        spec.log
            .observables
            .retain(|observable| published.every_step.contains(&name_of(variant.as_deref(), &observable.name)));
        spec.log.every = 1;
        spec.ensemble.seeds = 1;
        spec.total.clear();
        spec.figures.clear();
        (!spec.log.observables.is_empty()).then_some(spec)
    };
    specs.iter().filter_map(only).collect()
}

/// Makes the folder for the files, and finds out whether it can be written to: before the runs, not after them.
///
/// # Errors
/// [`ReportError::Write`].
pub fn prepare(folder: &Path) -> Result<(), ReportError> {
    let made = std::fs::create_dir_all(folder).and_then(|()| tempfile::NamedTempFile::new_in(folder));
    made.map(drop).map_err(|source| ReportError::Write { path: folder.to_owned(), source })
}

/// Writes an experiment's file into a folder, which is made if it is missing; `None` for one that has no file. `every_step` holds the runs of
/// [`every_step_specs`].
///
/// # Errors
/// [`ReportError::Spec`] and [`ReportError::Write`].
pub fn write(
    folder: &Path,
    experiment: &Experiment,
    every_step: &[(Spec, Run)],
) -> Result<Option<PathBuf>, ReportError> {
    let stage = experiment.stages.last().expect("an experiment has a stage");
    let spec = &stage.studies[0].spec;
    let Some((published, prefix)) = spec.published.as_ref().and_then(|own| Some((own, own.file.as_ref()?))) else {
        return Ok(None);
    };
    let found = evaluate_over(given(&stage.studies, every_step)?, &published.tensors)?;
    let tensors: Vec<(&str, Vec<usize>, Tensor, Kind)> = published
        .tensors
        .iter()
        .zip(found)
        .map(|(definition, (tensor, kind))| (definition.name.as_str(), tensor.shape.0.clone(), tensor, kind))
        .collect();
    let steps: Vec<Vec<u64>> =
        tensors.iter().map(|(_, _, tensor, _)| tensor.values.iter().map(|&x| x as u64).collect()).collect();
    let named: Vec<Named<'_>> = tensors
        .iter()
        .zip(&steps)
        .map(|((name, shape, tensor, kind), steps)| {
            let double = published.double.iter().any(|double| double == name);
            let dtype = if double { DataType::F64 } else { DataType::F32 };
            let numbers = match kind {
                Kind::Real => Numbers::Real(&tensor.values, dtype),
                _ => Numbers::Steps(steps),
            };
            (*name, &shape[..], numbers)
        })
        .collect();
    let mut metadata: BTreeMap<String, String> = published.metadata.iter().cloned().collect();
    metadata.insert("seed".into(), spec.ensemble.seed.to_string());
    metadata.insert("num_steps".into(), experiment.stages[0].steps().to_string());
    let accuracy = published.accuracy_steps.unwrap_or(experiment.stages[0].steps());
    metadata.insert("num_steps_for_acc".into(), accuracy.to_string());
    std::fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    let name = format!("{prefix}gaugebias.safetensors");
    write_file(folder, &name, named, &metadata)?;
    Ok(Some(folder.join(name)))
}

/// What the expressions see; later ones take the place of earlier ones of the same name.
fn given(studies: &[Study], every_step: &[(Spec, Run)]) -> Result<Vec<(String, Tensor, Kind)>, ReportError> {
    let base = &studies[0];
    let (data, _) = Setup::build(&base.spec)?.evaluate(base.spec.ensemble.seed, 0);
    let mut given: Vec<(String, Tensor, Kind)> =
        data.into_iter().map(|(name, tensor)| (name, tensor, Kind::Real)).collect();
    let steps: Vec<f64> = base.run.record_steps.iter().map(|&step| step as f64).collect();
    given.push(("step".into(), Tensor::new([steps.len()], steps), Kind::Integer));
    for study in studies {
        let logs = study.run.observables.iter();
        given.extend(logs.map(|(name, series)| (name_beside(study, name), of_first_seed(series), Kind::Real)));
    }
    for (spec, run) in every_step {
        let name = |name: &String| name_of(spec.variant.as_deref(), name);
        given.extend(run.observables.iter().map(|(own, series)| (name(own), of_first_seed(series), Kind::Real)));
    }
    Ok(given)
}

/// [records, seeds, …] → [records, …]
fn of_first_seed(series: &Series) -> Tensor {
    let records = series.shape[0];
    let shape: Vec<usize> = std::iter::once(records).chain(series.shape[2..].iter().copied()).collect();
    Tensor::new(shape, (0..records).flat_map(|record| series.record(record, 0).to_vec()).collect())
}
