//! (header to be written)
mod parametrization;
pub use parametrization::{ParameterTensor, Parametrization, Point};
