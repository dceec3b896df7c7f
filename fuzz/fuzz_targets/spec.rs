//! A whole spec from text to checked shapes: never a panic, a hang, or unbounded memory, whatever the text.

#![no_main]

use std::path::PathBuf;

use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Model, Setup};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(file) = SpecFile::parse("fuzz.toml", text.to_owned(), PathBuf::from("/nonexistent"), &[]) else { return };
    for spec in &file.specs {
        // Errors are what most inputs deserve; how they are worded is exercised too.
        for error in [
            Setup::build(spec).err(),
            Model::build(spec, DataBinding::Inputs).err(),
            Model::build(spec, DataBinding::Drawn).err(),
        ]
        .into_iter()
        .flatten()
        {
            assert!(!error.message().is_empty());
        }
    }
});
