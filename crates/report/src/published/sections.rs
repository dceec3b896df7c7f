//! The page of a reproduction: all numbers first, then one section for each experiment.

use super::{Experiment, Row, Stage, table};
use crate::study::{figures, findings, leading_comment};
use crate::{Figure, Page, Section, number};

/// One page for all experiments.
pub fn page(experiments: &[Experiment], rows: &[Row], provenance: Vec<(String, String)>) -> Page {
    let title = match experiments {
        [one] => format!("Reproduction: {}", one.title()),
        _ => "The published experiments, reproduced".to_owned(),
    };
    let seeds = experiments.first().map_or(0, |experiment| experiment.stages[0].studies[0].run.seeds);
    Page {
        title,
        subtitle: format!("{} experiments, {seeds} seeds each", experiments.len()),
        summary: summary(rows),
        tables: if rows.is_empty() { Vec::new() } else { vec![table(rows)] },
        sections: experiments.iter().map(section).collect(),
        provenance,
        ..Page::default()
    }
}

/// How many numbers lie within our bands, and each that does not.
fn summary(rows: &[Row]) -> Vec<String> {
    let comparable = || rows.iter().filter(|row| row.stage != "other");
    let outside: Vec<&Row> = comparable().filter(|row| !row.inside()).collect();
    let total = comparable().count();
    if total == 0 {
        let shortened = rows.first().map(|row| {
            let steps = number(row.steps as f64);
            format!("These runs have {steps} steps, not as many as the published ones: no number and no figure here can be compared with what was published.")
        });
        return shortened.into_iter().collect();
    }
    let counted = format!("{} of {total} published numbers lie within our 10–90 % band.", total - outside.len());
    let named = outside.into_iter().map(|row| {
        let [low, median, high] = row.band().map(number);
        format!(
            "{}, {}: {} was published, ours after {} steps is {median} ({low} to {high}); {}.",
            row.experiment,
            row.what,
            number(row.published),
            number(row.steps as f64),
            row.verdict()
        )
    });
    std::iter::once(counted).chain(named).collect()
}

fn section(experiment: &Experiment) -> Section {
    let base = &experiment.stages[0].studies[0];
    let said = experiment.stages.iter().flat_map(|stage| findings(&stage.studies));
    Section {
        title: experiment.title().to_owned(),
        paragraphs: leading_comment(&base.spec.source.text).into_iter().chain(said).collect(),
        figures: experiment.stages.iter().flat_map(|stage| stage_figures(experiment, stage)).collect(),
    }
}

fn stage_figures(experiment: &Experiment, stage: &Stage) -> impl Iterator<Item = Figure> {
    let (name, steps, several) = (experiment.name.clone(), stage.steps(), experiment.stages.len() > 1);
    let suffix = if several { format!("-{}", stage.name) } else { String::new() };
    figures(&stage.studies).into_iter().map(move |figure| Figure {
        name: format!("{name}{suffix}-{}", figure.name),
        title: if several { format!("{}, {} steps", figure.title, number(steps as f64)) } else { figure.title },
        ..figure
    })
}
