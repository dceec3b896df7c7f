//! Finding specs: paths, and the published experiments that the program carries.

use std::path::{Path, PathBuf};

use gaugebias::model::SpecError;
use gaugebias::model::spec::{Spec, SpecFile};

use crate::arguments::SpecFlags;

macro_rules! published {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../experiments/published/", $name, ".toml")))),*]
    };
}

const PUBLISHED: [(&str, &str); 6] =
    published!["shallow-relu", "matrix-completion", "attention", "spectral-sparse", "total-variation", "gauge-picture"];

/// Names of the published experiments.
pub fn published() -> impl Iterator<Item = &'static str> {
    PUBLISHED.iter().map(|(name, _)| *name)
}

/// The base and variants that the flags select.
pub fn read(spec: &str, flags: &SpecFlags) -> Result<Vec<Spec>, SpecError> {
    let overrides = flags.overrides();
    let path = Path::new(spec);
    let published = PUBLISHED.iter().find(|(name, _)| *name == spec);
    let file = match published {
        // A folder of that name, perhaps of its results, is not meant.
        Some((name, text)) if !path.is_file() => {
            SpecFile::parse(&format!("{name}.toml"), (*text).to_owned(), PathBuf::new(), &overrides)?
        }
        _ => SpecFile::read(path, &overrides).map_err(|error| with_names(error, path))?,
    };
    match &flags.variant {
        Some(name) => Ok(vec![file.variant(name)?.clone()]),
        None => Ok(file.specs),
    }
}

fn with_names(error: SpecError, path: &Path) -> SpecError {
    if path.exists() {
        return error;
    }
    let names: Vec<&str> = published().collect();
    error.help(format!("give the path of a spec file, or the name of a published experiment: {}", names.join(", ")))
}
