//! [`Progress`]: how far long work is; a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(100);

/// See the module's documentation.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    last: String,
}

impl Progress {
    /// Work of unknown length.
    pub(crate) fn begin(what: &str) -> Self {
        let mut progress = Self { bar: None, last: String::new() };
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(TICK);
            progress.bar = Some(bar);
        }
        progress.say(what);
        progress
    }

    /// Says what is being done.
    pub(crate) fn say(&mut self, what: &str) {
        if self.last == what {
            return;
        }
        what.clone_into(&mut self.last);
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => output::talk(what),
        }
    }

    /// Shows so many of so many bytes.
    pub(crate) fn bytes(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(total) {
            bar.set_length(total);
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        bar.set_position(done);
    }

    /// Goes back to work of unknown length.
    pub(crate) fn spin(&self) {
        if let Some(bar) = &self.bar {
            bar.set_style(ProgressStyle::default_spinner());
        }
    }

    /// Says that something is done, for good.
    pub(crate) fn done(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::talk(what)),
            None => output::talk(what),
        }
    }

    /// Takes the bar away, for questions and the end.
    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
