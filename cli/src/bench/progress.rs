//! How far it is, on a terminal alone.

use std::borrow::Cow;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on stderr, gone when it is dropped; drawn between turns, never while something is timed.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// With so many steps.
    pub(super) fn new(what: impl Into<Cow<'static, str>>, steps: usize) -> Progress {
        let bar = ProgressBar::new(steps as u64).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg:28} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.tick();
        Progress(bar)
    }

    pub(super) fn inc(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
