//! Numbers from files.

use super::{Allowed, Declaration, Table};

pub(super) const TABLE: Table = Table {
    title: "Files",
    allowed: Allowed::Unlearned,
    declarations: &[Declaration {
        signature: "load(file, name=None)",
        summary: "numbers from a .csv, .npy or .safetensors file, relative to the spec; name picks a tensor of the last",
        shapes: "that of the file; a .csv file of one column is a vector",
        derivative: "none",
        accuracy: "exact",
        build: |call| call.load(),
    }],
};
