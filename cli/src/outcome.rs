//! How a command can end, and which exit status that is.

use gaugebias::design::DesignError;
use gaugebias::dynamics::{CheckpointError, DynamicsError};
use gaugebias::geometry::GeometryError;
use gaugebias::model::SpecError;
use gaugebias::report::ReportError;

/// A command that did not end with 0.
pub enum Failure {
    /// The spec is at fault: a message that underlines the place.
    Input(miette::Report),
    /// The input is at fault in another way, or is too much.
    Refused(String),
    /// The answer is no.
    No(String),
    /// Our own failure.
    Ours(String),
    /// Ctrl-C.
    Interrupted(String),
    /// Already said; only the exit status is left.
    Told(u8),
}

impl Failure {
    /// The failure with what it is about before its message, where it does not underline a place.
    pub fn about(self, what: &str) -> Self {
        match self {
            Failure::Refused(message) => Failure::Refused(format!("{what}: {message}")),
            Failure::No(message) => Failure::No(format!("{what}: {message}")),
            Failure::Ours(message) => Failure::Ours(format!("{what}: {message}")),
            Failure::Interrupted(message) => Failure::Interrupted(format!("{what}: {message}")),
            other => other,
        }
    }

    /// What ended a simulation early.
    pub fn early_end(&self) -> Option<String> {
        match self {
            Failure::No(message) | Failure::Interrupted(message) => Some(message.clone()),
            _ => None,
        }
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Failure::Input(error.into())
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Write { .. }
            | ReportError::Read { .. }
            | ReportError::Exists { .. }
            | ReportError::Busy { .. }
            | ReportError::NothingSaved { .. }
            | ReportError::Other { .. }
            | ReportError::Checkpoint(_) => Failure::Refused(error.to_string()),
            ReportError::Spec(error) => error.into(),
            other => Failure::Ours(other.to_string()),
        }
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        Failure::Refused(error.to_string())
    }
}

impl From<DesignError> for Failure {
    fn from(error: DesignError) -> Self {
        match error {
            DesignError::Spec(error) => error.into(),
            DesignError::Geometry(error) => error.into(),
            other => Failure::Refused(other.to_string()),
        }
    }
}

impl From<GeometryError> for Failure {
    fn from(error: GeometryError) -> Self {
        match error {
            GeometryError::NoBalancedPoint { .. } | GeometryError::NotConverged { .. } => {
                Failure::No(error.to_string())
            }
            other => Failure::Refused(other.to_string()),
        }
    }
}

impl From<DynamicsError> for Failure {
    fn from(error: DynamicsError) -> Self {
        match error {
            DynamicsError::Spec(error) => error.into(),
            DynamicsError::Memory { .. } | DynamicsError::Checkpoint(_) => Failure::Refused(error.to_string()),
            DynamicsError::Starts { .. } => Failure::Ours(error.to_string()),
            DynamicsError::Diverged { .. } => Failure::No(error.to_string()),
            DynamicsError::Interrupted { .. } => Failure::Interrupted(error.to_string()),
        }
    }
}
