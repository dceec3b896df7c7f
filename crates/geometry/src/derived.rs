//! What a derivation comes to: the direct one, or one lifted from smaller copies.

use crate::derivation::{BiasInfo, Derivation, SymmetryInfo};
use crate::lifted::LiftedDerivation;
use serde::Serialize;

/// A derivation of either kind; serialises as what it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Derived {
    /// From the direct search.
    Direct(Box<Derivation>),
    /// From smaller copies of the spec.
    Lifted(Box<LiftedDerivation>),
}

impl Derived {
    /// The symmetries.
    pub fn symmetries(&self) -> &SymmetryInfo {
        match self {
            Self::Direct(found) => &found.symmetries,
            Self::Lifted(found) => &found.symmetries,
        }
    }

    /// Names of the charges.
    pub fn charge_names(&self) -> &[String] {
        match self {
            Self::Direct(found) => &found.charges.names,
            Self::Lifted(found) => &found.charges.names,
        }
    }

    /// The bias, where it was computed.
    pub fn bias(&self) -> Option<&BiasInfo> {
        match self {
            Self::Direct(found) => Some(&found.bias),
            Self::Lifted(found) => found.bias.as_ref(),
        }
    }

    /// A readable page.
    pub fn to_text(&self) -> String {
        match self {
            Self::Direct(found) => found.to_text(),
            Self::Lifted(found) => found.to_text(),
        }
    }
}
