//! `schema`.

use super::envelope;
use crate::arguments::Schema;
use crate::outcome::Failure;
use crate::print;

/// Prints the schema of a command's JSON.
pub fn schema(flags: &Schema) -> Result<(), Failure> {
    print::line(format!("{:#}", envelope(crate::schema::of(flags.command))));
    Ok(())
}
