//! Published experiments, run again: their figures drawn anew, their numbers beside ours, and the files that their authors'
//! readers open.
//!
//! **Idea.** What belongs to one experiment (its numbers, the steps of its stages, the names in its file) stands in the `[published]` section of
//! its spec. Here is only what all have in common.
//!
//! **The data's way.** Studies of a spec and its variants → [`Experiment`] (one view for each stage) → [`rows`](Experiment::rows) and [`page`]; and, for the first
//! seed, [`reference::write`].
//!
//! **A published number is one run of one seed.** Ours are a median and the band from the 10 % to the 90 % quantile over seeds. A number inside the band is
//! what one such run shows; one outside is named, with how many of our seeds lie beyond it.
//!
//! **Rejected.** Simulating the plot stage and the accuracy stage one after the other: with equal seeds the shorter run is the beginning of the longer one,
//! to the bit, so that it is read from its log.

mod numbers;
pub mod reference;
mod sections;

pub use numbers::{Row, check, table};
pub use sections::page;

use gaugebias_dynamics::{Run, Series};
use indexmap::IndexMap;

use crate::study::Study;

/// A published experiment with its runs.
#[derive(Debug)]
pub struct Experiment {
    /// As it is called on the command line.
    pub name: String,
    /// The views of the runs, the shortest first.
    pub stages: Vec<Stage>,
}

/// The runs of an experiment up to some step.
#[derive(Debug)]
pub struct Stage {
    /// `plot` or `accuracy`; `other` for a run of other steps.
    pub name: &'static str,
    /// The base, then its variants.
    pub studies: Vec<Study>,
}

impl Stage {
    /// Steps of the runs.
    pub fn steps(&self) -> u64 {
        self.studies[0].run.steps
    }
}

impl Experiment {
    /// From the studies of a spec and its variants, whose runs have `plot_steps` steps, or those of the accuracy stage; a run of other
    /// steps has one stage, which is not comparable.
    ///
    /// # Panics
    /// Without studies.
    pub fn new(name: &str, plot_steps: u64, studies: Vec<Study>) -> Self {
        assert!(!studies.is_empty(), "an experiment has a base");
        let steps = studies[0].run.steps;
        let accuracy = studies[0].spec.published.as_ref().and_then(|published| published.accuracy_steps);
        let stages = if steps == plot_steps {
            vec![Stage { name: "plot", studies }]
        } else if accuracy == Some(steps) && steps > plot_steps {
            let plot = studies.iter().map(|study| until(study, plot_steps)).collect();
            vec![Stage { name: "plot", studies: plot }, Stage { name: "accuracy", studies }]
        } else {
            vec![Stage { name: "other", studies }]
        };
        Self { name: name.to_owned(), stages }
    }

    /// The spec's title.
    pub fn title(&self) -> &str {
        &self.stages[0].studies[0].spec.title
    }
}

/// A study as it was after the given steps; its parameters are those at the end of the whole run.
fn until(study: &Study, steps: u64) -> Study {
    let run = &study.run;
    let records = run.record_steps.iter().take_while(|&&step| step <= steps).count();
    let cut = |(name, series): (&String, &Series)| {
        let size: usize = series.shape.iter().skip(1).product();
        let shape = std::iter::once(records).chain(series.shape.iter().skip(1).copied()).collect();
        (name.clone(), Series { shape, values: series.values[..records * size].to_vec() })
    };
    let mut spec = study.spec.clone();
    spec.train.steps = steps;
    Study {
        spec,
        derivation: study.derivation.clone(),
        run: Run {
            title: run.title.clone(),
            seeds: run.seeds,
            steps,
            dtype: run.dtype,
            record_steps: run.record_steps[..records].to_vec(),
            observables: run.observables.iter().map(cut).collect::<IndexMap<_, _>>(),
            sample_steps: Vec::new(),
            samples: None,
            parameters: run.parameters.clone(),
            seconds: run.seconds,
        },
        early_end: study.early_end.clone(),
        judgement: None,
    }
}

/// How an observable is called beside those of other variants: `VARIANT_NAME`, and bare for the base.
fn name_beside(study: &Study, observable: &str) -> String {
    name_of(study.spec.variant.as_deref(), observable)
}

fn name_of(variant: Option<&str>, observable: &str) -> String {
    match variant {
        None => observable.to_owned(),
        Some(variant) => {
            let word: String = variant.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            format!("{word}_{observable}")
        }
    }
}
