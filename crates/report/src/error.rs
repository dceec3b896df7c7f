use std::path::PathBuf;
use thiserror::Error;

/// Why a figure or a page could not be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// Data of a figure do not fit together.
    #[error("figure `{figure}`: {what} has {found} values, expected {expected}")]
    Shape {
        /// Name of the figure.
        figure: String,
        /// Which data.
        what: String,
        /// Number of values found.
        found: usize,
        /// What was expected, in words.
        expected: String,
    },
    /// An expression for a published number or tensor does not make sense.
    #[error(transparent)]
    Spec(#[from] gaugebias_model::SpecError),
    /// A figure's name cannot be a file name, or two figures share one.
    #[error(
        "figure name `{name}`: {reason}; a figure is written to figures/NAME.svg, so its name must be unique and made of \
         letters, digits, `-`, `_` and `.`"
    )]
    FigureName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A picture could not be turned into pixels.
    #[error("figure `{figure}`: cannot draw its PNG: {reason}")]
    Raster {
        /// Name of the figure.
        figure: String,
        /// The rasteriser's words.
        reason: String,
    },
    /// The page's template failed.
    #[error("cannot fill the page's template: {0}")]
    Template(#[from] minijinja::Error),
    /// A file could not be written; what stood there before is untouched.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file of a run folder could not be read.
    #[error("{path} is not a run folder that can be read: {reason}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A run folder is in the way.
    #[error(
        "{path} already holds files; {}choose another folder with --out, or overwrite it with --force",
        if *.resumable { "there is a saved run: go on with --resume, " } else { "" }
    )]
    Exists {
        /// The folder.
        path: PathBuf,
        /// Whether there is a checkpoint in it.
        resumable: bool,
    },
    /// The finished run in a folder is not the one that was to be gone on with.
    #[error(
        "{path} holds the results of another spec, or of other --set, --seeds or --steps: choose another folder with --out, or overwrite it with --force"
    )]
    Other {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes to the folder.
    #[error("{path} is being written to by another gaugebias; wait for it, or choose another folder with --out")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// There is no checkpoint to go on from.
    #[error("{path} holds no saved run to go on with (there is no resume.safetensors); start the run without --resume")]
    NothingSaved {
        /// The folder.
        path: PathBuf,
    },
    /// A checkpoint cannot be written, read or used.
    #[error(transparent)]
    Checkpoint(#[from] gaugebias_dynamics::CheckpointError),
}
