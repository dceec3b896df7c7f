//! A TOML document with the place of every key and value.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::source::{Location, Source, SpecError};

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    Array(Vec<Entry>),
    /// A table, in the order of the file.
    Table(Table),
}

/// Keys in the order of the file.
pub type Table = IndexMap<String, Entry>;

/// A value with the places of its key and of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The value.
    pub value: Raw,
    /// Where the key stands; for list items, the item.
    pub key: Location,
    /// Where the value stands; for strings, what is between the quotes where that is the string itself.
    pub location: Location,
}

impl Raw {
    /// What the value is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Raw::Text(_) => "a string",
            Raw::Integer(_) => "a whole number",
            Raw::Float(_) => "a number",
            Raw::Boolean(_) => "true or false",
            Raw::Array(_) => "a list",
            Raw::Table(_) => "a table",
        }
    }
}

/// Parses a document.
pub(super) fn parse(source: &Arc<Source>) -> Result<Table, SpecError> {
    let document = DeTable::parse(&source.text).map_err(|error| {
        let range = error.span().unwrap_or(0..0);
        let location = Location { source: source.clone(), range };
        SpecError::at(&location, format!("this is not TOML: {}", error.message().trim()))
            .help("a spec is TOML: [section], then key = value lines; expressions are strings in quotes")
    })?;
    table(document.get_ref(), source)
}

/// Parses one `key.key=value` override, as given to `--set`.
pub(super) fn parse_override(text: &str) -> Result<(Vec<String>, Entry), SpecError> {
    let source = Arc::new(Source { name: format!("--set {text}"), text: text.to_owned() });
    let place = Location::whole(&source);
    let (path, value) = text.split_once('=').ok_or_else(|| {
        SpecError::at(&place, "an override is written SECTION.KEY=VALUE").help("for example --set train.step_size=1e-3")
    })?;
    let trimmed = |part: &str, start: usize| {
        let start = start + (part.len() - part.trim_start().len());
        start..start + part.trim().len()
    };
    let key = Location { source: source.clone(), range: trimmed(path, 0) };
    let range = trimmed(value, path.len() + 1);
    let path: Vec<String> = path.split('.').map(|part| part.trim().to_owned()).collect();
    if path.len() != 2 || path.iter().any(String::is_empty) {
        return Err(SpecError::at(&key, "an override names one section and one key, as in train.step_size"));
    }
    let word = || Entry {
        value: Raw::Text(value.trim().to_owned()),
        key: key.clone(),
        location: Location { source: source.clone(), range: range.clone() },
    };
    // A bare word or an expression needs no quotes on the command line; no setting is a list, so a list is an expression.
    let Ok(parsed) = DeValue::parse(value.trim()) else { return Ok((path, word())) };
    Ok(match entry_value(parsed.get_ref(), &source)? {
        Raw::Array(_) => (path, word()),
        Raw::Text(inner) => {
            let range = inside_quotes(text, range, &inner);
            (path, Entry { value: Raw::Text(inner), key, location: Location { source: source.clone(), range } })
        }
        value => (path, Entry { value, key, location: Location { source: source.clone(), range } }),
    })
}

fn table(parsed: &DeTable<'_>, source: &Arc<Source>) -> Result<Table, SpecError> {
    parsed
        .iter()
        .map(|(key, value)| {
            let key_location = Location { source: source.clone(), range: key.span() };
            Ok((key.get_ref().to_string(), entry(value, key_location, source)?))
        })
        .collect()
}

fn entry(parsed: &Spanned<DeValue<'_>>, key: Location, source: &Arc<Source>) -> Result<Entry, SpecError> {
    let value = entry_value(parsed.get_ref(), source)?;
    let range = match &value {
        Raw::Text(text) => inside_quotes(&source.text, parsed.span(), text),
        _ => parsed.span(),
    };
    Ok(Entry { value, key, location: Location { source: source.clone(), range } })
}

fn entry_value(parsed: &DeValue<'_>, source: &Arc<Source>) -> Result<Raw, SpecError> {
    Ok(match parsed {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Raw::Integer(number),
            Err(_) => Raw::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(number) => Raw::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Raw::Boolean(*truth),
        DeValue::Datetime(date) => Raw::Text(date.to_string()),
        DeValue::Array(items) => Raw::Array(
            items
                .iter()
                .map(|item| entry(item, Location { source: source.clone(), range: item.span() }, source))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(inner) => Raw::Table(table(inner, source)?),
    })
}

/// The range of a string's contents, if the file holds them literally (no escapes), else of the whole string.
fn inside_quotes(file: &str, span: Range<usize>, text: &str) -> Range<usize> {
    let written = file.get(span.clone()).unwrap_or("");
    let quotes = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { 1 };
    let newline = if quotes == 3 && written[3..].starts_with('\n') { 1 } else { 0 };
    let start = span.start + quotes + newline;
    let literal = file.get(start..start + text.len()) == Some(text);
    if literal { start..start + text.len() } else { span }
}
