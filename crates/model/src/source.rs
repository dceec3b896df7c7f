//! Where a piece of a spec comes from, and the error that points at it.

use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use thiserror::Error;

/// A text that a user wrote: a spec file, or the value of a `--set` flag.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// File name, or the flag.
    pub name: String,
    /// The text as read.
    pub text: String,
}

/// A range of bytes in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Arc<Source>,
    /// Bytes of it.
    pub range: Range<usize>,
}

impl Location {
    /// The whole of a source.
    pub fn whole(source: &Arc<Source>) -> Self {
        Self { source: source.clone(), range: 0..source.text.len() }
    }

    /// The sub-range `inner`, counted from this location's start; the whole location when it does not fit.
    pub fn within(&self, inner: Range<usize>) -> Self {
        let range = self.range.start + inner.start..self.range.start + inner.end;
        let fits = range.end <= self.range.end && self.source.text.get(range.clone()).is_some();
        Self { source: self.source.clone(), range: if fits { range } else { self.range.clone() } }
    }
}

/// The input is at fault: one message that names the file, underlines the place, and says what was expected.
///
/// Boxed, because results that carry it are returned everywhere and almost always hold something else.
#[derive(Clone, Debug, Error)]
#[error("{}", .0.message)]
pub struct SpecError(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    message: String,
    source_code: NamedSource<String>,
    span: Option<SourceSpan>,
    label: String,
    help: Option<String>,
    line: usize,
    column: usize,
}

impl Diagnostic for SpecError {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.span.is_some().then_some(&self.0.source_code as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.0.span?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(self.0.label.clone()), span))))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
}

impl SpecError {
    /// An error about `location`.
    pub fn at(location: &Location, message: impl Into<String>) -> Self {
        let text = &location.source.text;
        let before = text.get(..location.range.start).unwrap_or(text);
        Self(Box::new(Details {
            message: message.into(),
            source_code: NamedSource::new(&location.source.name, text.clone()),
            span: Some(SourceSpan::from(location.range.clone())),
            label: "here".into(),
            help: None,
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
        }))
    }

    /// An error about a whole file, or about something that is missing from it.
    pub fn in_file(name: impl Into<String>, message: impl Into<String>) -> Self {
        let name = name.into();
        Self(Box::new(Details {
            message: format!("{name}: {}", message.into()),
            source_code: NamedSource::new(name, String::new()),
            span: None,
            label: String::new(),
            help: None,
            line: 0,
            column: 0,
        }))
    }

    /// What is wrong, with what was found and what was expected.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Words under the underlined place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// What to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds `help` where there is some.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.0.help = help.or(self.0.help.take());
        self
    }

    /// Line and column (from 1) of the place, if the error has one.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.0.span.map(|_| (self.0.line, self.0.column))
    }
}

/// The candidate that looks most like `found`, as a hint, if one is near enough to be a typing slip.
pub(crate) fn near_miss<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(found, candidate), candidate))
        .filter(|&(distance, candidate)| {
            let lengths = [found.chars().count(), candidate.chars().count()];
            let [short, long] = [lengths[0].min(lengths[1]), lengths[0].max(lengths[1])];
            // With no letter in common a name is no slip of another, however short both are.
            let related = distance < short || found.eq_ignore_ascii_case(candidate);
            related && distance <= 1.max(long / 3)
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}
