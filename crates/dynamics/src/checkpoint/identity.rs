//! Which run a checkpoint is of.

use std::path::Path;

use gaugebias_model::graph::Graph;
use gaugebias_model::operations::Op;
use gaugebias_model::program::InstructionSet;
use gaugebias_model::spec::Spec;
use gaugebias_model::{DataBinding, LANES, Model, Setup, SpecError};
use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use super::{CheckpointError, hexadecimal};

/// Version of the checkpoint's format.
const FORMAT: &str = "1";

/// Everything that a run's bytes depend on, as names and texts. Number of threads and place of the spec are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(super) fields: IndexMap<&'static str, String>,
}

impl Identity {
    /// Of a spec as it is run: with its overrides, and with the tensors that `load` reads now.
    ///
    /// # Errors
    /// [`SpecError`] for an expression that does not make sense.
    pub fn of(spec: &Spec) -> Result<Self, SpecError> {
        let mut digest = Sha256::new();
        add_constants(&mut digest, &Setup::build(spec)?.graph);
        add_constants(&mut digest, &Model::build(spec, DataBinding::Inputs)?.graph);
        let fields = [
            ("format", FORMAT.to_owned()),
            ("gaugebias", env!("CARGO_PKG_VERSION").to_owned()),
            ("title", spec.title.clone()),
            ("dtype", spec.train.dtype.name().to_owned()),
            ("seeds", spec.ensemble.seeds.to_string()),
            ("seed", spec.ensemble.seed.to_string()),
            ("runs", "the base".to_owned()),
            ("steps", spec.train.steps.to_string()),
            ("lanes", LANES.to_string()),
            ("instruction_set", InstructionSet::detect().name().to_owned()),
            ("overrides", spec.overrides.join("; ")),
            ("spec", spec.source.text.clone()),
            ("constants", hexadecimal(&digest.finalize())),
        ];
        Ok(Self { fields: fields.into_iter().collect() })
    }

    /// Compares with what a file says of itself.
    pub(super) fn check<'a>(
        &self,
        path: &Path,
        found: impl Fn(&str) -> Option<&'a String>,
    ) -> Result<(), CheckpointError> {
        for (name, expected) in &self.fields {
            let Some(found) = found(name) else {
                let reason = format!("it does not say its `{name}`");
                return Err(CheckpointError::Read { path: path.to_owned(), reason });
            };
            if found != expected {
                let (what, found, expected) = difference(name, found, expected);
                return Err(CheckpointError::Other { path: path.to_owned(), what, found, expected });
            }
        }
        Ok(())
    }
}

/// What to say of a field that differs.
fn difference(name: &str, found: &str, expected: &str) -> (String, String, String) {
    let quoted = |text: &str| format!("`{text}`");
    match name {
        "spec" => {
            let lines = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
            let line = |text: &str| text.lines().nth(lines).map_or("the end of the file".to_owned(), quoted);
            (format!("spec, line {},", lines + 1), line(found), line(expected))
        }
        "constants" => {
            let what = "content of a file that the spec loads".to_owned();
            (what, format!("{:.8}…", found), format!("{:.8}… (digests)", expected))
        }
        "gaugebias" => ("version of gaugebias".to_owned(), found.to_owned(), expected.to_owned()),
        "instruction_set" => ("instruction set".to_owned(), found.to_owned(), expected.to_owned()),
        "overrides" => {
            let told = |text: &str| if text.is_empty() { "nothing".to_owned() } else { quoted(text) };
            ("list of overridden settings".to_owned(), told(found), told(expected))
        }
        "runs" => ("list of variants".to_owned(), quoted(found), quoted(expected)),
        "title" => ("title".to_owned(), quoted(found), quoted(expected)),
        other => (other.to_owned(), found.to_owned(), expected.to_owned()),
    }
}

/// Loaded tensors are constants of the graph, like all others.
fn add_constants(digest: &mut Sha256, graph: &Graph) {
    for node in graph.nodes() {
        if let Op::Constant(literal) = &node.op {
            let tensor = literal.tensor();
            tensor.shape.0.iter().for_each(|&size| digest.update((size as u64).to_le_bytes()));
            digest.update(u64::MAX.to_le_bytes());
            tensor.values.iter().for_each(|x| digest.update(x.to_bits().to_le_bytes()));
        }
    }
}
