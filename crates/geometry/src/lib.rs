//! Geometry of symmetry orbits: Gram matrices and the gauge bias, balanced points, closed forms, predicted laws.
//!
//! The idea: B = ½ log det Γ, the log volume of the orbit through θ, is what a symmetry adds to an effective loss; on the
//! balanced slice it is a function of the predictor alone, and often a formula. The data's way: a model and its
//! [`gaugebias_symmetry::Symmetries`] → fields at a point ([`fields`]) → their volume ([`mod@bias`], [`orbit`]) → balanced points ([`balance()`]) → formulas that
//! are checked against the numbers ([`closed_form()`]) → a [`Derivation`]; and the whole stationary law, by quadrature for one
//! predictor coordinate and by weighted points or draws for several ([`law`]). Rejected: taking a formula from the name of the model. A formula is built
//! from the factors that were found, and it carries the largest difference to the numeric value beside it.

pub mod balance;
pub mod bias;
pub mod charge_law;
pub mod closed_form;
pub mod closure;
pub mod derivation;
mod derived;
mod error;
pub mod fields;
pub mod flow;
pub mod law;
pub mod lifted;
mod lifted_page;
mod nearly;
pub mod orbit;
mod page;
mod record;
pub mod slice;
pub mod strata;
mod structure;

pub use balance::{Balanced, balance, balance_holding_definite, held_charges};
pub use bias::{BlockVolume, bias, bias_gradient, bias_hessian_vector, gram, log_det_gram, orbit_dimension_at};
pub use closed_form::{ClosedForm, ClosedForms, PartForm, closed_form, closed_forms};
pub use closure::closure_residual;
pub use derivation::{At, BiasInfo, Derivation, DeriveOptions, SymmetryInfo, derive, derive_from};
pub use derived::Derived;
pub use error::GeometryError;
pub use fields::{OrbitFields, Work};
pub use lifted::{LiftedDerivation, lifted_derivation};
pub use nearly::NearInfo;
pub use orbit::{BiasPart, bias_parts, coarea};
pub use slice::slice_drift;
pub use strata::{Stratum, Term, strata};
pub use structure::{Branch, Member, SimpleIdeals, StructureInfo, Tree};
