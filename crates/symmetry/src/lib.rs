//! Continuous symmetries of a parametrization w = F(θ; x): found, verified, named; and their charges.
//!
//! The idea: an affine field ξ = Aθ + b is a symmetry when J(θ; x)ξ(θ) = 0 for every θ and x, and this is a *linear*
//! condition on (A, b). Random points turn it into a null-space problem; everything after that, names and canonical
//! bases included, is checked against the null space it came from and against fresh points.
//!
//! The data's way: a [`gaugebias_model::Parametrization`] → samples (θ, Jᵀy) → connected components of parameters → an
//! ansatz for each, the coordinates of (A, b) that are searched → translations and affine maps ([`find`]) → clusters that
//! share no parameters → brackets, centre, simple ideals → [`Factor`]s with canonical [`Generator`]s → [`Charge`]s and
//! dimensions, in one [`Symmetries`].
//!
//! Rejected: reading the symmetry off the formula of the model. It would find what its author thought of, and it would
//! not work for a callable. Rejected too: one ansatz for all sizes. All affine maps are too many for a network, and maps of
//! single tensors miss the boosts of u² − v²; so the ansatz is data, a list of coordinates, and small components get all.

mod algebra;
mod ansatz;
mod blocks;
mod charges;
mod clusters;
mod components;
mod error;
mod factor;
mod find;
mod generator;
mod ideals;
pub mod lifting;
mod modules;
mod modulo;
mod naming;
mod nearly;
mod options;
mod sampling;
mod search;
mod sparse_rows;
mod torus;
mod verification;

pub use charges::{Charge, element_name};
pub use error::SymmetryError;
pub use factor::{Factor, FactorKind, FactorSummary, Module, simple_name};
pub use find::{BasisKind, SearchInfo, Symmetries, find};
pub use generator::{Entry, Generator, Nature};
pub use nearly::{NearSymmetry, nearly};
pub use options::SearchOptions;
