//! Finding specs: paths, and the published experiments that the program carries.

use std::path::{Path, PathBuf};

use gaugebias::model::SpecError;
use gaugebias::model::spec::{Spec, SpecFile};

use crate::arguments::SpecFlags;

const PUBLISHED: [(&str, &str); 1] = [("shallow-relu", include_str!("../../experiments/published/shallow-relu.toml"))];

/// The base and variants that the flags select.
pub fn read(spec: &str, flags: &SpecFlags) -> Result<Vec<Spec>, SpecError> {
    let overrides = flags.overrides();
    let path = Path::new(spec);
    let published = PUBLISHED.iter().find(|(name, _)| *name == spec);
    let file = match published {
        Some((name, text)) if !path.exists() => {
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
    let names: Vec<&str> = PUBLISHED.iter().map(|(name, _)| *name).collect();
    error.help(format!("give the path of a spec file, or the name of a published experiment: {}", names.join(", ")))
}
