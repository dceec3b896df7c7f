//! gaugebias: give it a model's parametrization and it finds the continuous symmetries, computes the bias that they and
//! gradient noise induce, and tests that prediction against simulated training.
//!
//! This crate is the door: it re-exports the rooms and holds nothing of its own.
//!
//! ```
//! use gaugebias::geometry::{At, DeriveOptions, derive};
//! use gaugebias::model::spec::SpecFile;
//! use gaugebias::model::{DataBinding, SpecParametrization};
//!
//! let text = "[param]\nu = \"normal(3)\"\nv = \"normal(3)\"\n[model]\npredictor = \"u * v\"".to_owned();
//! let file = SpecFile::parse("hadamard", text, ".".into(), &[])?;
//! let map = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn)?;
//! let derivation = derive(&map, "Hadamard product", &At::Balanced, &DeriveOptions::default())?;
//! assert_eq!(derivation.symmetries.dimension, 3);
//! assert_eq!(derivation.symmetries.factors[0].kind, "rescaling");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use gaugebias_design as design;
pub use gaugebias_dynamics as dynamics;
pub use gaugebias_geometry as geometry;
pub use gaugebias_linalg as linalg;
pub use gaugebias_model as model;
pub use gaugebias_report as report;
pub use gaugebias_symmetry as symmetry;
pub use gaugebias_verify as verify;
