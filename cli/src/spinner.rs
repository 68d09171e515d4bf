//! [`Spinner`]: what a long command is doing right now, on a terminal, and what it has done.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(100);

/// One line on the terminal that says what is going on. Without a terminal nothing of it is seen, only what is told.
#[derive(Clone, Debug)]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// A line that is not shown until something goes on.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Says what is going on from now on.
    pub(crate) fn set(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
        if self.0.is_hidden() && std::io::stderr().is_terminal() {
            self.0.reset();
            self.0.set_draw_target(ProgressDrawTarget::stderr());
            self.0.enable_steady_tick(TICK);
        }
    }

    /// Nothing goes on any more.
    pub(crate) fn clear(&self) {
        self.0.disable_steady_tick();
        self.0.finish_and_clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Tells something, above the line.
    pub(crate) fn talk(&self, text: impl fmt::Display) {
        self.0.suspend(|| output::talk(text));
    }

    /// Runs what prints by itself, with the line out of its way.
    pub(crate) fn suspend<T>(&self, printing: impl FnOnce() -> T) -> T {
        self.0.suspend(printing)
    }
}
