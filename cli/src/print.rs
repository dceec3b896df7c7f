//! Standard output.

use std::io::{ErrorKind, Write};

/// Writes a text and a newline. A reader that has seen enough (`gaugebias … | head`) ends the program quietly.
pub fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("error: cannot write to standard output: {error}");
        std::process::exit(2);
    }
}
