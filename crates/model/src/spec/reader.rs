//! Reading one table: typed access, and an error for every key that nobody asked for.

use std::ops::RangeInclusive;

use super::raw::{Entry, Raw, Table};
use crate::source::{Location, SpecError, near_miss};

/// A table being read. Keys that were asked for are known; whatever is left at the end is an error.
pub(super) struct Reader<'a> {
    table: &'a Table,
    section: &'a str,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub fn new(table: &'a Table, section: &'a str) -> Self {
        Self { table, section, known: Vec::new() }
    }

    /// The entry under `key`, if present.
    pub fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.table.get(key)
    }

    fn expected(&self, key: &str, entry: &Entry, what: &str) -> SpecError {
        let message = format!("{}.{key} is {what}, found {}", self.section, entry.value.describe());
        SpecError::at(&entry.location, message)
    }

    pub fn text(&mut self, key: &'static str) -> Result<Option<String>, SpecError> {
        match self.entry(key) {
            None => Ok(None),
            Some(Entry { value: Raw::Text(text), .. }) => Ok(Some(text.clone())),
            Some(entry) => Err(self.expected(key, entry, "a string in quotes")),
        }
    }

    pub fn boolean(&mut self, key: &'static str, default: bool) -> Result<bool, SpecError> {
        match self.entry(key) {
            None => Ok(default),
            Some(Entry { value: Raw::Boolean(truth), .. }) => Ok(*truth),
            Some(entry) => Err(self.expected(key, entry, "true or false")),
        }
    }

    /// A finite number that satisfies `accepts`; `what` says which numbers do.
    pub fn number(
        &mut self,
        key: &'static str,
        what: &str,
        accepts: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>, SpecError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let number = match entry.value {
            Raw::Float(number) => number,
            Raw::Integer(number) => number as f64,
            _ => return Err(self.expected(key, entry, what)),
        };
        if number.is_finite() && accepts(number) {
            Ok(Some(number))
        } else {
            Err(SpecError::at(&entry.location, format!("{}.{key} is {what}, found {number}", self.section)))
        }
    }

    /// A whole number of at least `least`.
    pub fn count(&mut self, key: &'static str, least: u64) -> Result<Option<u64>, SpecError> {
        self.count_within(key, least..=u64::MAX, &format!("a whole number of at least {least}"))
    }

    /// A whole number from `least` to `most`.
    pub fn count_between(&mut self, key: &'static str, least: u64, most: u64) -> Result<Option<u64>, SpecError> {
        self.count_within(key, least..=most, &format!("a whole number from {least} to {most}"))
    }

    fn count_within(
        &mut self,
        key: &'static str,
        accepted: RangeInclusive<u64>,
        what: &str,
    ) -> Result<Option<u64>, SpecError> {
        match self.entry(key) {
            None => Ok(None),
            Some(Entry { value: Raw::Integer(number), .. })
                if u64::try_from(*number).is_ok_and(|n| accepted.contains(&n)) =>
            {
                Ok(Some(*number as u64))
            }
            Some(entry @ Entry { value: Raw::Integer(number), .. }) => {
                Err(SpecError::at(&entry.location, format!("{}.{key} is {what}, found {number}", self.section)))
            }
            Some(entry) => Err(self.expected(key, entry, what)),
        }
    }

    /// One of the named values.
    pub fn choice<T: Copy>(&mut self, key: &'static str, values: &[(&str, T)]) -> Result<Option<T>, SpecError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let Raw::Text(found) = &entry.value else {
            return Err(self.expected(key, entry, &format!("one of {}", names.join(", "))));
        };
        values.iter().find(|(name, _)| name == found).map(|&(_, value)| Some(value)).ok_or_else(|| {
            let message = format!("{}.{key} is one of {}, found `{found}`", self.section, names.join(", "));
            SpecError::at(&entry.location, message).maybe_help(near_miss(found, names))
        })
    }

    /// The keys that were not asked for.
    pub fn rest(&self) -> impl Iterator<Item = (&'a String, &'a Entry)> + '_ {
        self.table.iter().filter(|(key, _)| !self.known.contains(&key.as_str()))
    }

    /// An error for the first key that nobody asked for.
    pub fn finish(self) -> Result<(), SpecError> {
        match self.rest().next() {
            None => Ok(()),
            Some((key, entry)) => {
                let message = format!("`{key}` is not a key of [{}]", self.section);
                Err(SpecError::at(&entry.key, message)
                    .label("unknown key")
                    .help(format!("its keys are {}", self.known.join(", ")))
                    .maybe_help(near_miss(key, self.known.iter().copied())))
            }
        }
    }
}

/// The table under a section's name, or an error that says what stands there instead.
pub(super) fn section<'a>(document: &'a Table, name: &str) -> Result<Option<(&'a Table, &'a Location)>, SpecError> {
    match document.get(name) {
        None => Ok(None),
        Some(Entry { value: Raw::Table(table), key, .. }) => Ok(Some((table, key))),
        Some(entry) => {
            let message = format!("[{name}] is a section of key = value lines, found {}", entry.value.describe());
            Err(SpecError::at(&entry.location, message))
        }
    }
}
