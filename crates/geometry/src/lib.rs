//! Geometry of symmetry orbits: Gram matrices and the gauge bias, balanced points, closed forms, predicted laws.
//!
//! The idea: B = ½ log det Γ, the log volume of the orbit through θ, is what a symmetry adds to an effective loss; on the
//! balanced slice it is a function of the predictor alone, and often a formula. The data's way: a model and its
//! [`gaugebias_symmetry::Symmetries`] → fields at a point ([`orbit`]) → balanced points ([`balance()`]) → formulas that
//! are checked against the numbers ([`closed_form()`]) → a [`Derivation`]; and the whole stationary law, by quadrature for one
//! predictor coordinate and by weighted points for several ([`law`]). Rejected: taking a formula from the name of the model. A formula is built
//! from the factors that were found, and it carries the largest difference to the numeric value beside it.

pub mod balance;
pub mod charge_law;
pub mod closed_form;
pub mod derivation;
mod error;
pub mod law;
pub mod lifted;
mod nearly;
pub mod orbit;
mod page;
pub mod slice;
mod structure;

pub use balance::{Balanced, balance, balance_holding_definite};
pub use closed_form::{ClosedForm, closed_form};
pub use derivation::{At, Derivation, DeriveOptions, derive, derive_from};
pub use error::GeometryError;
pub use lifted::{LiftedDerivation, lifted_derivation};
pub use nearly::NearInfo;
pub use orbit::{BiasPart, bias, bias_gradient, bias_hessian_vector, bias_parts, coarea, gram, log_det_gram};
pub use slice::slice_drift;
pub use structure::{SimpleIdeals, StructureInfo};
