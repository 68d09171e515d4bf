//! [`Hangs`]: threads that nobody waits for any more because the engine goes on in a loop of its own, where it does
//! not look whether it should stop.
//!
//! Nothing can end such a thread from outside; when the loop ends by itself, the thread ends, too. Until then it
//! holds its isolate's memory and, as far as nobody else wants it, a processor. So their number has a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::clock::{ThreadNumber, current_thread};
use crate::{Error, Result};

/// Most threads that may hang.
pub(super) const HANGS_MAX: usize = if cfg!(test) { 2 } else { 16 };

/// See the module's documentation. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Hangs {
    count: Arc<AtomicUsize>,
}

/// One job of a thread, as those see it who wait for it. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Run {
    hangs: Hangs,
    what: Arc<str>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    thread: Option<ThreadNumber>,
    has_ended: bool,
    is_given_up: bool,
}

/// Held by the thread while it does the job.
#[derive(Debug)]
pub(super) struct Running(Run);

impl Hangs {
    /// A job that is about to be given to a thread; `what` names it in the log.
    ///
    /// # Errors
    /// If so many threads hang that no other may be risked.
    pub(super) fn run(&self, what: impl Into<Arc<str>>) -> Result<Run> {
        let count = self.count();
        if count >= HANGS_MAX {
            return Err(Error::overloaded(
                "TooManyHangingFunctions",
                format!(
                    "{count} functions hang in long loops of the JavaScript engine, and none is started until one of them ends. The server's log names them; a restart ends them."
                ),
            ));
        }
        Ok(Run { hangs: self.clone(), what: what.into(), state: Arc::default() })
    }

    /// How many threads hang.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Run {
    /// Called by the thread that does the job.
    pub(super) fn begin(&self) -> Running {
        self.state.lock().thread = current_thread();
        Running(self.clone())
    }

    /// Whether the job is done.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().has_ended
    }

    /// Says that nobody waits for the job any more, although it goes on; without effect if it has ended.
    pub(super) fn give_up(&self) {
        let mut state = self.state.lock();
        if state.has_ended || state.is_given_up {
            return;
        }
        state.is_given_up = true;
        let count = self.hangs.count.fetch_add(1, Ordering::Relaxed) + 1;
        // Whatever else there is to do goes first; tests wait for the end.
        if let Some(thread) = state.thread.filter(|_| !cfg!(test)) {
            thread.lower_priority();
        }
        tracing::error!(
            function = &*self.what,
            count,
            max = HANGS_MAX,
            "a function hangs in native code of the JavaScript engine: its thread is given up"
        );
    }
}

impl Running {
    /// Says that the job is done. Gives whether it had been given up: its thread is then slower than others.
    pub(super) fn end(self) -> bool {
        self.note_end()
    }

    fn note_end(&self) -> bool {
        let Self(run) = self;
        let mut state = run.state.lock();
        if !std::mem::replace(&mut state.has_ended, true) && state.is_given_up {
            run.hangs.count.fetch_sub(1, Ordering::Relaxed);
            tracing::info!(function = &*run.what, "a function that hung has ended after all");
        }
        state.is_given_up
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.note_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hanging_threads_are_counted_until_they_end() {
        let hangs = Hangs::default();
        let runs: Vec<_> = (0..HANGS_MAX).map(|n| hangs.run(format!("f{n}")).unwrap()).collect();
        let mut running: Vec<_> = runs.iter().map(Run::begin).collect();
        for run in &runs {
            run.give_up();
            run.give_up();
        }
        assert_eq!(hangs.count(), HANGS_MAX);
        assert_eq!(hangs.run("another").unwrap_err().code(), "TooManyHangingFunctions");
        assert!(running.pop().unwrap().end());
        // Also if it ends in a panic.
        drop(running);
        assert_eq!(hangs.count(), 0);
        let run = hangs.run("another").unwrap();
        assert!(!run.begin().end());
        run.give_up();
        assert_eq!(hangs.count(), 0);
    }
}
