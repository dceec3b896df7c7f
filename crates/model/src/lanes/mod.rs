//! Sixteen seeds side by side.
//!
//! A lane is one seed, one evaluation point, or one tangent direction. Every tensor element is a [`Chunk`]: its
//! value in each of the sixteen lanes, innermost in memory. Kernels are written once over [`Real`] (f32, f64) and
//! pulp's instruction sets, which hand out registers of their own width; a chunk is one AVX-512 register of f32 or
//! two of f64, and sixteen plain numbers without vector units. The chunk, not the register, is the unit of layout,
//! so results do not depend on the machine's width or on the number of threads.
//!
//! Rejected: `[f32; 16]` passed by value and left to the compiler's vectoriser, measured 3 to 30 times slower.

mod accumulator;
pub(crate) mod elementary;
mod loops;
mod memory;
mod product;
mod real;
mod rows;
mod task;
mod transpose;
mod view;

pub(crate) use accumulator::{Action, Fused, Micro, RunFused, Source, TILE, each};
pub use loops::Loops;
pub(crate) use memory::{Arena, Field};
pub(crate) use product::{Epilogue, Factor, FactorPlace, Kernel, Product, RunProduct};
pub use real::Real;
pub(crate) use rows::{Backward, Forward, Pack, Packed, Rows, RunPack, RunRows, Strided};
pub use task::Task;
pub(crate) use task::{Operand, Storage};
pub use view::View;

/// Lanes in a chunk.
pub const LANES: usize = 16;

/// One tensor element in every lane.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Chunk<T>(pub [T; LANES]);
