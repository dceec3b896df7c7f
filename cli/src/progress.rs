//! Progress on a terminal, silence in a pipe; and Ctrl-C.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use gaugebias::dynamics::Observer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Set by Ctrl-C.
fn interrupted() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let handler = flag.clone();
        // A second Ctrl-C ends the program at once.
        let installed = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        if let Err(error) = installed {
            eprintln!("warning: Ctrl-C will not save the run: {error}");
        }
        flag
    })
    .clone()
}

/// A bar with rate and time left, on standard error if that is a terminal.
pub struct Progress {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Progress {
    /// A bar for one spec.
    pub fn new(title: &str) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %  {rate}  {eta} left")
            .expect("the template is well formed");
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
            .with_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{:.1} million seed-steps/s", state.per_sec() / 1e6);
            }))
            .with_message(title.to_owned());
        Self { bar, interrupted: interrupted() }
    }
}

impl Observer for Progress {
    fn progress(&self, done: u64, total: u64) -> bool {
        self.bar.set_length(total);
        self.bar.set_position(done);
        !self.interrupted.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
