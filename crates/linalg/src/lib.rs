//! Dense linear algebra in f64 for the null-space search and the geometry of orbits.
//!
//! The idea: every rank decision is *relative* and comes with its numbers (last kept and first dropped
//! singular value), so that a caller can refuse instead of guessing. The data's way: a row-major [`Matrix`]
//! goes in, plain vectors and matrices come out, and the quality of the result is returned beside it, on
//! success too. Rejected: showing faer's types to the callers. They would then need its layouts, its
//! threading and its version, and exchanging the decomposition behind a name would touch every crate.

mod decompose;
mod error;
mod exponential;
mod inverse_iteration;
mod matrix;
mod null_space;
mod positive_definite;
mod pseudo_determinant;

pub use decompose::{
    Qr, Svd, SymmetricEigen, block_svdvals, cholesky_solve, det, eigvalsh, inv, least_squares, pseudo_inverse, qr,
    relative_rank, svd, svdvals, symmetric_eigen,
};
pub use error::LinalgError;
pub use exponential::exponential;
pub use matrix::Matrix;
pub use null_space::{NullSpace, NullSpaceInfo, NullSpaceMethod, NullSpaceParams, null_space};
pub use positive_definite::{
    PositiveDefiniteInverse, PositiveDefiniteLogDet, inverse_positive_definite, log_det_positive_definite,
};
pub use pseudo_determinant::{LogPseudoDet, log_pseudo_det};
