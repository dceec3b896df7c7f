//! The array language, the tensor graph and its derivatives, and the lane programs that run it.
//!
//! **Idea.** A spec is a handful of named expressions. They become one graph of static shapes; derivatives, the
//! optimiser's update, the noise and its projector are further nodes of the same graph; and the graph is compiled,
//! once, into a program in which every tensor element is sixteen seeds wide.
//!
//! **The data's way.** text → [`syntax`] (tree) → [`language`] (names, functions, shapes; errors point into the file)
//! → [`graph`] → [`program`] → numbers. The same graph is evaluated by plain loops in [`graph::Interpreter`], which is
//! the oracle of the tests, and seen through [`Parametrization`] by those who search symmetries.
//!
//! **Rejected.** A general tensor framework: models here have ten to a hundred thousand parameters and run for
//! millions of steps, where dispatch per operation costs a hundred times the arithmetic. Dynamic shapes: a spec that
//! cannot be checked before it runs fails after an hour. A tape: derivatives as graphs can be differentiated again,
//! printed and optimised.

pub mod graph;
mod lanes;
pub mod language;
mod model;
pub mod operations;
mod parametrization;
pub mod program;
pub mod random;
mod shape;
mod source;
pub mod spec;
pub mod syntax;
mod tensor;

pub use lanes::{Chunk, LANES, Real};
pub use model::{DataBinding, Model, Setup, Slot, SpecParametrization, Total};
pub use parametrization::{ParameterTensor, Parametrization, Point};
pub use shape::{MOST_ELEMENTS, Shape};
pub use source::{Location, Source, SpecError};
pub use tensor::Tensor;
