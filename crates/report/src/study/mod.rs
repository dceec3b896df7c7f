//! A spec with everything that was found out about it: the results that a run folder holds and a page shows.

mod balance;
mod claim;
mod facts;
mod figures;
mod flow;
mod folder;
mod page;
mod plane;
mod tensors;

pub use balance::{Factors, factors};
pub use claim::Resumption;
pub(crate) use figures::figures;
pub use figures::findings;
pub use flow::{Comparison, compare};
pub use folder::RunFolder;
pub(crate) use page::leading_comment;
pub(crate) use tensors::{Named, Numbers, write_file};
pub use tensors::{read_tensors, write_tensors};

use gaugebias_dynamics::Run;
use gaugebias_geometry::Derived;
use gaugebias_model::spec::Spec;
use gaugebias_verify::Judgement;

/// One spec (the base, or a variant) and what came out.
#[derive(Debug)]
pub struct Study {
    /// The spec as it was run.
    pub spec: Spec,
    /// What was derived, or why nothing was.
    pub derivation: Result<Derived, String>,
    /// What was simulated.
    pub run: Run,
    /// How the simulation ended early, if it did.
    pub early_end: Option<String>,
    /// Samples against laws, where the spec asks for it, or why they could not be compared.
    pub judgement: Option<Result<Judgement, String>>,
}

impl Study {
    /// A run that was simulated and no more, for the record in `run.json`: tensors, which lie in files, are left out.
    pub fn simulated(spec: &Spec, run: Run, early_end: Option<String>) -> Self {
        let run = Run { observables: Default::default(), samples: None, parameters: Default::default(), ..run };
        let derivation = Err("the run was simulated only; `gaugebias report` derives and draws it".to_owned());
        Self { spec: spec.clone(), derivation, run, early_end, judgement: None }
    }
}

/// What came out, in sentences.
pub fn summary(studies: &[Study]) -> Vec<String> {
    studies.iter().flat_map(|study| page::summary(study, studies.len() > 1)).chain(figures::findings(studies)).collect()
}

/// Scalar observables at the end, side by side, as aligned text; empty where nothing was logged.
pub fn end_table_text(studies: &[Study]) -> String {
    let Some(table) = page::end_table(studies) else { return String::new() };
    let caption = format!("    at the end, median (10–90 % range) over {} seeds:\n", studies[0].run.seeds);
    caption + &table.to_text()
}
