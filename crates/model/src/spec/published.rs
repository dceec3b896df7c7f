//! `[published]`: what is known of a published run of the experiment, and the file that its authors' readers expect.
//!
//! The numbers, names and steps that belong to one experiment stand in its file, so that `reproduce` knows no
//! experiment. Expressions here are of the array language, over what a run has logged: in `[[published.number]]` a name stands for an
//! observable at the last record, in `[published.tensors]` for its whole log, of one seed.

use super::raw::{Entry, Raw, Table};
use super::reader::{Reader, section};
use super::{Definition, definition};
use crate::source::{Location, SpecError, near_miss};

/// What is known of a published run.
#[derive(Clone, Debug)]
pub struct Published {
    /// How the name of the authors' result file starts.
    pub file: Option<String>,
    /// Steps of the longer run, where there is one.
    pub accuracy_steps: Option<u64>,
    /// Whether the longer run is what is made unless the shorter one is asked for.
    pub accuracy_by_default: bool,
    /// Numbers of the published run.
    pub numbers: Vec<PublishedNumber>,
    /// Observables that the file has at every step, whatever `log.every` is.
    pub every_step: Vec<String>,
    /// Tensors of the file that are in double precision; the others are in single precision, or whole numbers.
    pub double: Vec<String>,
    /// Tensors of the file.
    pub tensors: Vec<Definition>,
    /// The configuration, under the authors' names.
    pub metadata: Vec<(String, String)>,
    /// Where the section stands.
    pub location: Location,
}

/// A number of the published run beside the expression for ours.
#[derive(Clone, Debug)]
pub struct PublishedNumber {
    /// What it is, in words.
    pub what: String,
    /// As published.
    pub value: f64,
    /// Ours.
    pub ours: Definition,
}

pub(super) fn published(document: &Table) -> Result<Option<Published>, SpecError> {
    let Some((table, key)) = section(document, "published")? else { return Ok(None) };
    let mut reader = Reader::new(table, "published");
    let stages = [("plot", false), ("accuracy", true)];
    let accuracy_by_default = reader.choice("stage", &stages)?.unwrap_or(false);
    let published = Published {
        file: reader.text("file")?,
        accuracy_steps: reader.count("accuracy_steps", 1)?,
        accuracy_by_default,
        numbers: reader.entry("number").map_or(Ok(Vec::new()), numbers)?,
        every_step: reader.entry("every_step").map_or(Ok(Vec::new()), texts)?,
        double: reader.entry("double").map_or(Ok(Vec::new()), texts)?,
        tensors: reader.entry("tensors").map_or(Ok(Vec::new()), tensors)?,
        metadata: reader.entry("metadata").map_or(Ok(Vec::new()), metadata)?,
        location: key.clone(),
    };
    reader.finish()?;
    let tensors: Vec<&str> = published.tensors.iter().map(|definition| definition.name.as_str()).collect();
    if let Some(name) = published.double.iter().find(|name| !tensors.contains(&name.as_str())) {
        return Err(SpecError::at(key, format!("[published] double names `{name}`, which is not one of its tensors"))
            .maybe_help(near_miss(name, tensors)));
    }
    if published.accuracy_by_default && published.accuracy_steps.is_none() {
        return Err(SpecError::at(key, "stage = \"accuracy\" needs accuracy_steps, the steps of the longer run"));
    }
    Ok(Some(published))
}

fn table<'a>(entry: &'a Entry, what: &str) -> Result<&'a Table, SpecError> {
    match &entry.value {
        Raw::Table(table) => Ok(table),
        other => Err(SpecError::at(&entry.location, format!("{what} is a table of lines, found {}", other.describe()))),
    }
}

fn texts(entry: &Entry) -> Result<Vec<String>, SpecError> {
    let wrong = |entry: &Entry| SpecError::at(&entry.location, "expected a list of names in quotes");
    let Raw::Array(items) = &entry.value else { return Err(wrong(entry)) };
    let text = |item: &Entry| match &item.value {
        Raw::Text(text) => Ok(text.clone()),
        _ => Err(wrong(item)),
    };
    items.iter().map(text).collect()
}

fn tensors(entry: &Entry) -> Result<Vec<Definition>, SpecError> {
    let lines = table(entry, "published.tensors")?.iter();
    lines.map(|(key, entry)| definition(key, entry, "published.tensors")).collect()
}

/// Values are texts in the file; numbers are written as they are in the spec.
fn metadata(entry: &Entry) -> Result<Vec<(String, String)>, SpecError> {
    let value = |(key, entry): (&String, &Entry)| match &entry.value {
        Raw::Text(text) => Ok((key.clone(), text.clone())),
        Raw::Integer(number) => Ok((key.clone(), number.to_string())),
        Raw::Float(_) => {
            let written = &entry.location;
            Ok((key.clone(), written.source.text[written.range.clone()].trim().to_owned()))
        }
        other => {
            let message = format!("published.metadata.{key} is a number or a text, found {}", other.describe());
            Err(SpecError::at(&entry.location, message))
        }
    };
    table(entry, "published.metadata")?.iter().map(value).collect()
}

fn numbers(entry: &Entry) -> Result<Vec<PublishedNumber>, SpecError> {
    let wrong = |entry: &Entry| SpecError::at(&entry.location, "published numbers are written [[published.number]]");
    let Raw::Array(items) = &entry.value else { return Err(wrong(entry)) };
    items
        .iter()
        .map(|item| match &item.value {
            Raw::Table(table) => number(table, &item.location),
            _ => Err(wrong(item)),
        })
        .collect()
}

fn number(table: &Table, location: &Location) -> Result<PublishedNumber, SpecError> {
    let mut reader = Reader::new(table, "published.number");
    let missing = |what: &str| SpecError::at(location, format!("a published number has {what}"));
    let found = PublishedNumber {
        what: reader.text("what")?.ok_or_else(|| missing("a `what`: what it is, in words"))?,
        value: reader
            .number("value", "a number", |_| true)?
            .ok_or_else(|| missing("a `value`: the number as published"))?,
        ours: match reader.entry("ours") {
            Some(entry) => definition("ours", entry, "published.number")?,
            None => return Err(missing("an `ours`: the expression for the same number of our run")),
        },
    };
    reader.finish()?;
    Ok(found)
}
