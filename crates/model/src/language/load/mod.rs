//! Files of numbers.
//!
//! The extension says which format is read; every format ends in the same f64 tensor, with the kind that its numbers
//! had in the file, so that an index may come from a file. What cannot be kept exactly (an integer beyond 2⁵³) or has
//! no meaning in a model (NaN, complex numbers, texts) is refused with its place.
//!
//! **Rejected.** Guessing the format from the content: a wrong guess reads wrong numbers.

mod csv;
mod npy;
mod safetensors;

use std::path::Path;

use crate::graph::Kind;
use crate::shape::{MOST_ELEMENTS, Shape};
use crate::tensor::{Tensor, for_each_index};

/// Reads a file of numbers; `tensor` names one of those in a .safetensors file.
///
/// The error names the file and the place in it, what was found and what was expected.
pub(super) fn load(path: &Path, tensor: Option<&str>) -> Result<(Tensor, Kind), String> {
    let name = path.display();
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (tensor, kind) = match (extension.as_str(), tensor) {
        ("safetensors", tensor) => safetensors::read(path, tensor)?,
        ("csv" | "npy", Some(tensor)) => {
            return Err(format!("`{name}` holds one tensor without a name, so `{tensor}` cannot be picked from it"));
        }
        ("csv", None) => (csv::read(path)?, Kind::Real),
        ("npy", None) => npy::read(path)?,
        _ => return Err(format!("`{name}` is not a .csv, .npy or .safetensors file")),
    };
    check_finite(&tensor, &name)?;
    Ok((tensor, kind))
}

fn check_finite(tensor: &Tensor, name: &dyn std::fmt::Display) -> Result<(), String> {
    let Some(place) = tensor.values.iter().position(|x| !x.is_finite()) else { return Ok(()) };
    let (mut at, mut indices) = (0, Vec::new());
    for_each_index(&tensor.shape, |index| {
        if at == place {
            indices = index.to_vec();
        }
        at += 1;
    });
    Err(format!("`{name}`, index {indices:?}: a finite number was expected, found {}", tensor.values[place]))
}

/// The number of elements of a shape read from a file, if it is one that a tensor may have.
fn count(name: &dyn std::fmt::Display, sizes: &[usize]) -> Result<usize, String> {
    let shape = Shape(sizes.to_vec());
    shape
        .checked_count()
        .ok_or_else(|| format!("`{name}`: a tensor of shape {shape} has more than {MOST_ELEMENTS} numbers"))
}

/// A whole number as f64, if that is exact.
fn exactly(name: &dyn std::fmt::Display, number: i128) -> Result<f64, String> {
    if number.unsigned_abs() <= 1 << 53 {
        return Ok(number as f64);
    }
    Err(format!("`{name}`: the whole number {number} is beyond 2^53, so it would be rounded"))
}
