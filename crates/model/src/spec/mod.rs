//! Spec files: TOML sections of named expressions and settings, read once and wholly.
//!
//! Every key and value keeps its place in the file, so that any later error, of a setting, a name or a shape, points
//! at it. Variants are merged on the raw document and then read like a file of their own.

mod batch;
mod published;
mod raw;
mod reader;
mod settings;
mod train;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use raw::{Entry, Raw, Table};
use reader::section;

use crate::source::{Location, Source, SpecError, near_miss};
use crate::syntax::{Expression, parse};

pub use published::{Published, PublishedNumber};
pub use settings::{Ensemble, Figure, FigureKind, Law, Log, MOST_SEEDS, Verify};
pub use train::{Constraint, DataType, LabelNoise, MOST_STEPS, Noise, Optimizer, Scheme, Train};

/// A named expression.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The expression as written.
    pub text: String,
    /// The expression's tree.
    pub expression: Expression,
    /// Where the expression stands.
    pub location: Location,
    /// Where the name stands.
    pub key: Location,
}

impl Definition {
    /// A definition that stands in no file.
    ///
    /// # Errors
    /// [`SpecError`] for a text that is not an expression.
    pub fn new(name: &str, text: &str) -> Result<Self, SpecError> {
        let location = Location::whole(&Arc::new(Source { name: name.to_owned(), text: text.to_owned() }));
        let expression = parse(text)
            .map_err(|error| SpecError::at(&location.within(error.span), error.message).maybe_help(error.help))?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), expression, key: location.clone(), location })
    }

    /// The definition under another name, with other names in its expression where `renamed` has them.
    ///
    /// # Errors
    /// As [`Definition::new`].
    pub fn renamed(&self, name: &str, renamed: &dyn Fn(&str) -> Option<String>) -> Result<Self, SpecError> {
        let (mut text, mut end) = (String::new(), 0);
        for (span, old) in self.expression.names() {
            text.push_str(&self.text[end..span.start]);
            text.push_str(&renamed(&old).unwrap_or(old));
            end = span.end;
        }
        Self::new(name, &(text + &self.text[end..]))
    }
}

/// A spec: one model with its training, or one variant of it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Title, with `/variant` for variants.
    pub title: String,
    /// Name of the variant, if this is one.
    pub variant: Option<String>,
    /// The file as read.
    pub source: Arc<Source>,
    /// The folder that `load` starts from.
    pub folder: PathBuf,
    /// What was changed by `--set`, each `section.key=value`.
    pub overrides: Vec<String>,
    /// `[data]`
    pub data: Vec<Definition>,
    /// `[param]`
    pub param: Vec<Definition>,
    /// `[batch]`
    pub batch: Vec<Definition>,
    /// `[model]`
    pub model: Vec<Definition>,
    /// `[total]`: what is summed over steps.
    pub total: Vec<Definition>,
    /// `[train]`
    pub train: Train,
    /// `[ensemble]`
    pub ensemble: Ensemble,
    /// `[log]`
    pub log: Log,
    /// `[verify]`
    pub verify: Option<Verify>,
    /// `[[figure]]`
    pub figures: Vec<Figure>,
    /// `[published]`
    pub published: Option<Published>,
}

/// A spec file: the base, then its variants.
#[derive(Clone, Debug)]
pub struct SpecFile {
    /// The base first.
    pub specs: Vec<Spec>,
}

const SECTIONS: [&str; 13] = [
    "title",
    "data",
    "param",
    "batch",
    "model",
    "total",
    "train",
    "ensemble",
    "log",
    "verify",
    "variant",
    "figure",
    "published",
];

/// Sections that a variant may change.
const CHANGEABLE: std::ops::Range<usize> = 1..10;

impl SpecFile {
    /// Reads a spec file and applies `--set` overrides, each written `section.key=value`.
    ///
    /// # Errors
    /// [`SpecError`] for a file that cannot be read, is not UTF-8 or TOML, or holds a wrong key, value or expression.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, SpecError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            SpecError::in_file(&name, format!("cannot be read: {error}")).help("give the path of a spec file (TOML)")
        })?;
        let text = String::from_utf8(bytes).map_err(|error| invalid_utf8(&name, &error))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&name, text, folder, overrides)
    }

    /// Reads a spec from a text; `name` is used in messages.
    ///
    /// # Errors
    /// As [`SpecFile::read`].
    pub fn parse(name: &str, text: String, folder: PathBuf, overrides: &[String]) -> Result<Self, SpecError> {
        let source = Arc::new(Source { name: name.to_owned(), text });
        let mut document = raw::parse(&source)?;
        for text in overrides {
            apply_override(&mut document, text)?;
        }
        let base = read_spec(&document, &source, &folder, None)?;
        let mut specs = vec![base];
        for (name, variant) in variants(&document)? {
            if specs.iter().any(|spec| spec.variant.as_deref() == Some(name.as_str())) {
                return Err(SpecError::in_file(&source.name, format!("two variants are named `{name}`")));
            }
            let mut document = merged(&document, variant)?;
            // A setting that was overridden holds for the variants too, whatever they say.
            for text in overrides.iter().filter(|text| is_setting(text)) {
                apply_override(&mut document, text)?;
            }
            specs.push(read_spec(&document, &source, &folder, Some(name))?);
        }
        check_figures(&specs)?;
        specs.iter_mut().for_each(|spec| spec.overrides = overrides.to_vec());
        Ok(Self { specs })
    }

    /// The base, or the variant of the given name.
    ///
    /// # Errors
    /// [`SpecError`] naming the variants that exist.
    pub fn variant(&self, name: &str) -> Result<&Spec, SpecError> {
        self.specs.iter().find(|spec| spec.variant.as_deref() == Some(name)).ok_or_else(|| {
            let names: Vec<&str> = self.specs.iter().filter_map(|spec| spec.variant.as_deref()).collect();
            let listed =
                if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            let file = &self.specs[0].source.name;
            SpecError::in_file(file, format!("no variant is named `{name}`; {listed}"))
                .maybe_help(near_miss(name, names))
        })
    }
}

fn invalid_utf8(name: &str, error: &std::string::FromUtf8Error) -> SpecError {
    let valid = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
    let source = Arc::new(Source { name: name.to_owned(), text: before.clone() + "\u{fffd}" });
    let place = Location { source, range: before.len()..before.len() + '\u{fffd}'.len_utf8() };
    SpecError::at(&place, format!("the file is not UTF-8: byte 0x{:02x} cannot stand here", error.as_bytes()[valid]))
        .help("save the file as UTF-8")
}

/// Whether an override is of a setting, not of an expression.
fn is_setting(text: &str) -> bool {
    ["train.", "ensemble.", "log.every", "verify."].iter().any(|section| text.trim_start().starts_with(section))
}

fn apply_override(document: &mut Table, text: &str) -> Result<(), SpecError> {
    let (path, entry) = raw::parse_override(text)?;
    if !SECTIONS.contains(&path[0].as_str()) {
        let message = format!("`{}` is not a section", path[0]);
        return Err(SpecError::at(&entry.key, message).maybe_help(near_miss(&path[0], SECTIONS)));
    }
    let empty = || Entry { value: Raw::Table(Table::new()), key: entry.key.clone(), location: entry.location.clone() };
    let place = document.entry(path[0].clone()).or_insert_with(empty);
    let Raw::Table(section) = &mut place.value else {
        return Err(SpecError::at(&entry.key, format!("`{}` has no keys to set", path[0])));
    };
    section.insert(path[1].clone(), entry);
    Ok(())
}

/// What stands in a run folder beside the folders of variants.
const TAKEN: [&str; 7] = [
    "figures",
    "run.json",
    "report.html",
    "log.safetensors",
    "final.safetensors",
    "resume.safetensors",
    "resume.records",
];

fn is_variant_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    !name.is_empty() && !name.starts_with(['.', ' ']) && !TAKEN.contains(&name) && name.chars().all(allowed)
}

fn variants(document: &Table) -> Result<Vec<(String, &Table)>, SpecError> {
    let Some(entry) = document.get("variant") else { return Ok(Vec::new()) };
    let wrong = |entry: &Entry| SpecError::at(&entry.location, "variants are written [[variant]]");
    let Raw::Array(items) = &entry.value else { return Err(wrong(entry)) };
    items
        .iter()
        .map(|item| {
            let Raw::Table(table) = &item.value else { return Err(wrong(item)) };
            match table.get("name").map(|name| &name.value) {
                Some(Raw::Text(name)) if is_variant_name(name) => Ok((name.clone(), table)),
                _ => {
                    let message = "a variant has a name of letters, digits, spaces, `-`, `_`, `.` that does not start with `.` \
                                   and is not that of a file in a run folder: its results lie in a folder of that name";
                    Err(SpecError::at(&item.location, message))
                }
            }
        })
        .collect()
}

/// The document of a variant: `[param]` replaced as a whole, other sections key by key.
fn merged(document: &Table, variant: &Table) -> Result<Table, SpecError> {
    let mut result = document.clone();
    for (name, entry) in variant.iter().filter(|(name, _)| *name != "name") {
        if !SECTIONS[CHANGEABLE].contains(&name.as_str()) {
            let help = near_miss(name, SECTIONS[CHANGEABLE].iter().copied());
            return Err(SpecError::at(&entry.key, format!("a variant cannot change `{name}`")).maybe_help(help));
        }
        let Raw::Table(changes) = &entry.value else {
            return Err(SpecError::at(&entry.location, format!("`{name}` of a variant is a table, as in the base")));
        };
        match result.get_mut(name).map(|base| &mut base.value) {
            Some(Raw::Table(base)) if name != "param" => {
                for (key, change) in changes {
                    // No setting of training is a truth, so that `false` says: not what the base has.
                    if name == "train" && change.value == Raw::Boolean(false) {
                        base.shift_remove(key);
                    } else {
                        base.insert(key.clone(), change.clone());
                    }
                }
            }
            _ => {
                result.insert(name.clone(), entry.clone());
            }
        }
    }
    Ok(result)
}

fn read_spec(
    document: &Table,
    source: &Arc<Source>,
    folder: &Path,
    variant: Option<String>,
) -> Result<Spec, SpecError> {
    if let Some((name, entry)) = document.iter().find(|(name, _)| !SECTIONS.contains(&name.as_str())) {
        return Err(SpecError::at(&entry.key, format!("`{name}` is not a section of a spec"))
            .label("unknown section")
            .help(format!("the sections are {}", SECTIONS[1..].join(", ")))
            .maybe_help(near_miss(name, SECTIONS)));
    }
    let title = match document.get("title") {
        Some(Entry { value: Raw::Text(title), .. }) => title.clone(),
        Some(entry) => return Err(SpecError::at(&entry.location, "title is a string")),
        None => Path::new(&source.name).file_stem().map_or("spec".into(), |stem| stem.to_string_lossy().into_owned()),
    };
    let model = definitions(document, "model")?;
    if model.is_empty() {
        return Err(SpecError::in_file(&source.name, "the spec has no [model]")
            .help("a model names at least `predictor`, or `loss` for training"));
    }
    let param = definitions(document, "param")?;
    if param.is_empty() {
        return Err(SpecError::in_file(&source.name, "the spec has no [param]")
            .help("name what is trained, with its initial value, as in u = \"0.01 * normal(64)\""));
    }
    Ok(Spec {
        title: variant.as_ref().map_or(title.clone(), |name| format!("{title}/{name}")),
        variant,
        source: source.clone(),
        folder: folder.to_owned(),
        overrides: Vec::new(),
        data: definitions(document, "data")?,
        param,
        batch: definitions(document, "batch")?,
        model,
        total: settings::total(document)?,
        train: train::train(document)?,
        ensemble: settings::ensemble(document)?,
        log: settings::log(document)?,
        verify: settings::verify(document)?,
        figures: settings::figures(document)?,
        published: published::published(document)?,
    })
}

/// Every figure shows observables that the base or a variant logs.
fn check_figures(specs: &[Spec]) -> Result<(), SpecError> {
    let logged: Vec<&str> =
        specs.iter().flat_map(|spec| &spec.log.observables).map(|definition| definition.name.as_str()).collect();
    // What levels show is no observable: it is checked with the model, where shapes are known.
    for figure in specs[0].figures.iter().filter(|figure| figure.kind != FigureKind::Levels) {
        let shown = std::iter::once(&figure.y).chain(&figure.x).chain(&figure.charge).chain(&figure.predicted);
        for name in shown {
            if !logged.contains(&name.as_str()) {
                let message = format!("the figure shows `{name}`, which [log] does not record");
                return Err(SpecError::at(&figure.location, message)
                    .help(format!(
                        "[log] records {}",
                        if logged.is_empty() { "nothing".into() } else { logged.join(", ") }
                    ))
                    .maybe_help(near_miss(name, logged)));
            }
        }
        let drawn: Vec<&str> = specs[0].data.iter().map(|definition| definition.name.as_str()).collect();
        let mut named = figure.truth.iter().chain(&figure.borders).chain(&figure.design);
        if let Some(name) = named.find(|name| !drawn.contains(&name.as_str())) {
            let message = format!("the figure needs `{name}`, which [data] does not name");
            return Err(SpecError::at(&figure.location, message)
                .help(format!("[data] names {}", if drawn.is_empty() { "nothing".into() } else { drawn.join(", ") }))
                .maybe_help(near_miss(name, drawn)));
        }
    }
    Ok(())
}

fn definitions(document: &Table, name: &str) -> Result<Vec<Definition>, SpecError> {
    let Some((table, _)) = section(document, name)? else { return Ok(Vec::new()) };
    table.iter().map(|(key, entry)| definition(key, entry, name)).collect()
}

/// Reads `key = "expression"`; a bare number is an expression too.
fn definition(key: &str, entry: &Entry, section: &str) -> Result<Definition, SpecError> {
    let mut characters = key.chars();
    let named = characters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_');
    if !named {
        return Err(SpecError::at(&entry.key, format!("`{key}` cannot be a name: letters, digits and _ only")));
    }
    if ["None", "True", "False"].contains(&key) {
        return Err(SpecError::at(&entry.key, format!("`{key}` cannot be a name: it means something by itself")));
    }
    let text = match &entry.value {
        Raw::Text(text) => text.clone(),
        Raw::Integer(number) => number.to_string(),
        Raw::Float(number) => format!("{number:?}"),
        other => {
            let message = format!("{section}.{key} is an expression in quotes, found {}", other.describe());
            return Err(SpecError::at(&entry.location, message));
        }
    };
    let expression = parse(&text)
        .map_err(|error| SpecError::at(&entry.location.within(error.span), error.message).maybe_help(error.help))?;
    Ok(Definition { name: key.to_owned(), text, expression, location: entry.location.clone(), key: entry.key.clone() })
}

#[cfg(test)]
mod tests;
