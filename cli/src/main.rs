//! `gaugebias`: flags, exit codes, progress bars. Nothing is computed here.
//!
//! Flags → specs → one call into the library → print. Rejected: commands that compute a little themselves; Python, which
//! sees only the library, would then have to compute it again.
//!
//! Exit status: 0 done; 1 the answer is no (a law rejected, a run diverged, no balanced point); 2 the input is at
//! fault; 3 our own failure; 130 interrupted.
#![deny(clippy::print_stdout, reason = "print::line ends quietly where a pipe is closed")]

mod arguments;
mod commands;
mod outcome;
mod print;
mod progress;
mod schema;
mod specs;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use outcome::Failure;

/// A panic is our own failure, whatever thread it happens in, and gets exit status 3.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("gaugebias failed (this is our fault, please report it): {panic}");
        std::process::exit(3);
    }));
}

fn main() -> ExitCode {
    report_panics();
    let arguments = Arguments::parse();
    progress::catch_interrupts();
    let result = match arguments.command {
        Command::Run(flags) => commands::run(&flags),
        Command::Derive(flags) => commands::derive(&flags),
        Command::Balance(flags) => commands::balance(&flags),
        Command::Simulate(flags) => commands::simulate(&flags),
        Command::Verify(flags) => commands::verify(&flags),
        Command::Reproduce(flags) => commands::reproduce(&flags),
        Command::Attribute(flags) => commands::attribute(&flags),
        Command::Design(flags) => commands::design(&flags),
        Command::Report(flags) => commands::report(&flags),
        Command::Bench(flags) => commands::bench(&flags),
        Command::Schema(flags) => commands::schema(&flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

impl Failure {
    /// Says what went wrong on standard error, and gives the exit status.
    fn tell(self) -> ExitCode {
        match self {
            Failure::Input(report) => {
                eprintln!("{report:?}");
                ExitCode::from(2)
            }
            Failure::Refused(message) => {
                eprintln!("error: {message}");
                ExitCode::from(2)
            }
            Failure::No(message) => {
                eprintln!("{message}");
                ExitCode::from(1)
            }
            Failure::Ours(message) => {
                eprintln!("gaugebias failed (this is our fault, please report it): {message}");
                ExitCode::from(3)
            }
            Failure::Told(status) => ExitCode::from(status),
            Failure::Interrupted(message) => {
                eprintln!("{message}");
                ExitCode::from(130)
            }
        }
    }
}
