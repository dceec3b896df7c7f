//! Inverse design: from a wanted penalty to a parametrization that has it, the proof that it does, and its code.
//!
//! **Idea.** On the balanced slice a parametrization is known to its noise through one matrix, M(w) = JJᵀ. The three biases of
//! training are three functions of it: ½ log det M under noise that is isotropic across the orbits, (η/4) E(aᵀMa) under that of
//! mini-batches (a = ∂ℓ/∂w of a batch), and the mirror potential φ with ∇²φ = M⁻¹ without any. A design is a choice of M, made of
//! blocks of coordinates whose M is known in closed form, behind an invertible map T that says in which coordinates w is to be simple.
//!
//! **The data's way.** [`Target`] → [`design()`] ([`Part`]s of blocks behind an operator, or the reason why there are none) → [`Design`]: its spec, its three biases as
//! functions of w, its code ([`code`]) → [`prove`](proof::prove): symmetries found by [`gaugebias_symmetry::find`], M from derivatives of the spec, and the
//! largest differences to what was promised.
//!
//! **Rejected.** *A table of finished models*: compositions (an operator around a link, blocks side by side) would each need an entry, and nothing
//! would hold the entry to its formula. *Trusting the formulas*: every design is taken apart again from its spec's text alone, as a stranger's would be.

pub mod advice;
mod blocks;
mod build;
pub mod code;
mod composition;
mod convergence;
mod design;
mod error;
mod escape;
mod formula;
mod law;
mod link;
mod operator;
mod options;
mod part;
mod penalty;
pub mod proof;
mod record;
mod spec;
mod target;

pub use blocks::Parameter;
pub use composition::{Reader, Request, read_blocks};
pub use convergence::Convergence;
pub use design::{Design, design};
pub use error::DesignError;
pub use formula::{Biases, Regime};
pub use law::LawSpec;
pub use link::{Link, LinkInfo};
pub use operator::read_edges;
pub use options::check_options;
pub use part::Part;
pub use penalty::Penalty;
pub use proof::Proof;
pub use record::{BlockRecord, Record};
pub use target::{LinkKind, Settings, Target};
