//! Centre and ideals of the algebra, counted from its named factors.

use crate::derivation::FactorInfo;
use serde::Serialize;

/// Simple ideals of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimpleIdeals {
    /// As `sl(3)`.
    pub name: String,
    /// How many.
    pub count: usize,
}

/// The algebra as a sum of ideals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StructureInfo {
    /// Dimension of the centre: rescalings, scales, boosts, plane rotations, the trace of each gl.
    pub centre: usize,
    /// Simple ideals with their number.
    pub simple: Vec<SimpleIdeals>,
    /// Translations.
    pub translations: usize,
    /// Shifts that others make up for.
    pub shifts: usize,
    /// Dimension that is not recognised.
    pub unrecognised: usize,
}

/// Centre, simple ideals and the rest, counted from the named factors.
pub(crate) fn structure(factors: &[FactorInfo]) -> StructureInfo {
    let mut found = StructureInfo { centre: 0, simple: Vec::new(), translations: 0, shifts: 0, unrecognised: 0 };
    let mut add = |name: String, count: usize| match found.simple.iter_mut().find(|ideals| ideals.name == name) {
        Some(ideals) => ideals.count += count,
        None => found.simple.push(SimpleIdeals { name, count }),
    };
    for f in factors {
        match f.kind {
            "gl" => {
                found.centre += f.count;
                add(format!("sl({})", f.size), f.count);
            }
            "o" | "so" if f.size == 2 => found.centre += f.count,
            // so(4) is two copies of so(3).
            "o" | "so" if f.size == 4 => add("so(3)".to_owned(), 2 * f.count),
            "o" | "so" => add(format!("so({})", f.size), f.count),
            "translation" => found.translations += f.count,
            "shift" => found.shifts += f.count,
            "other" => found.unrecognised += f.size,
            _ => found.centre += f.count,
        }
    }
    found
}
