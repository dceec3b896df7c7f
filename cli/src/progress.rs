//! Progress on a terminal, silence in a pipe; and Ctrl-C.

use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gaugebias::dynamics::Observer;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How much is under way that stops by itself when it is told to, and has something to save.
static STOPS: AtomicUsize = AtomicUsize::new(0);

/// All bars, one below the other.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// From here on Ctrl-C ends the program with 130: at once where nothing stops by itself, or at the second time.
pub fn catch_interrupts() {
    let installed = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) || STOPS.load(Ordering::SeqCst) == 0 {
            eprintln!("interrupted");
            std::process::exit(130);
        }
    });
    if let Err(error) = installed {
        eprintln!("warning: Ctrl-C will not save the run: {error}");
    }
}

/// A bar with rate and time left, on standard error if that is a terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for one spec.
    pub fn new(title: &str) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %  {rate}  {eta} left")
            .expect("the template is well formed");
        let bar = ProgressBar::new(0)
            .with_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{:.1} million seed-steps/s", state.per_sec() / 1e6);
            }))
            .with_message(title.to_owned());
        STOPS.fetch_add(1, Ordering::SeqCst);
        Self { bar: BARS.add(bar) }
    }
}

impl Observer for Progress {
    fn progress(&self, done: u64, total: u64) -> bool {
        self.bar.set_length(total);
        self.bar.set_position(done);
        !INTERRUPTED.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        STOPS.fetch_sub(1, Ordering::SeqCst);
        self.bar.finish_and_clear();
    }
}
