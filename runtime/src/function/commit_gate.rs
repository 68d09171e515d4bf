//! [`CommitGate`]: how far a client may be shown the data while answers to its mutations are still on their way.
//!
//! A commit is published, and live queries can show it, shortly before the mutation's answer is handed out. Whoever
//! tells a client about both looks at the live queries first, then asks this gate about their timestamp, then
//! collects the answers: if the gate allowed it, everything the live queries showed has its answer there. Commits
//! that are not durable yet hold nothing up, because no live query shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::database::Timestamp;

/// See the module's documentation.
pub struct CommitGate {
    state: Mutex<State>,
    opened: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// Mutations whose commit has begun and whose timestamp is not known yet.
    committing: usize,
    /// How many mutations of each timestamp have no answer yet.
    unanswered: BTreeMap<Timestamp, usize>,
    is_awaited: bool,
}

impl std::fmt::Debug for CommitGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommitGate").finish_non_exhaustive()
    }
}

impl CommitGate {
    /// A gate that allows everything. `opened` is called when something changes after somebody was not allowed; it
    /// must not block.
    pub fn new(opened: impl Fn() + Send + Sync + 'static) -> Self {
        Self { state: Mutex::new(State::default()), opened: Box::new(opened) }
    }

    /// Whether a state of this timestamp may be shown. If not, `opened` will be called.
    pub fn allows(&self, ts: Timestamp) -> bool {
        let mut state = self.state.lock();
        let is_allowed =
            state.committing == 0 && state.unanswered.keys().next().is_none_or(|first| *first > ts);
        state.is_awaited |= !is_allowed;
        is_allowed
    }

    /// A mutation of this timestamp waits for its answer.
    fn await_answer(&self, ts: Timestamp) {
        *self.state.lock().unanswered.entry(ts).or_default() += 1;
    }

    /// A mutation of this timestamp was answered.
    pub(super) fn answered(&self, ts: Timestamp) {
        self.change(|state| {
            if let Some(count) = state.unanswered.get_mut(&ts) {
                *count -= 1;
                if *count == 0 {
                    state.unanswered.remove(&ts);
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        let was_awaited = std::mem::take(&mut state.is_awaited);
        drop(state);
        if was_awaited {
            (self.opened)();
        }
    }
}

/// One mutation's way through a gate, if it has one.
pub(super) struct Passage {
    gate: Option<Arc<CommitGate>>,
    is_committing: bool,
}

impl Passage {
    pub(super) const fn new(gate: Option<Arc<CommitGate>>) -> Self {
        Self { gate, is_committing: false }
    }

    /// The commit begins.
    pub(super) fn begin(&mut self) {
        if let Some(gate) = &self.gate
            && !self.is_committing
        {
            gate.state.lock().committing += 1;
            self.is_committing = true;
        }
    }

    /// There was no commit.
    pub(super) fn lose(&mut self) {
        if let Some(gate) = &self.gate
            && self.is_committing
        {
            self.is_committing = false;
            gate.change(|state| state.committing -= 1);
        }
    }

    /// The timestamp is known. Gives back the gate, to be told of the answer.
    pub(super) fn finish(mut self, ts: Timestamp) -> Option<Arc<CommitGate>> {
        if let Some(gate) = &self.gate {
            gate.await_answer(ts);
        }
        self.lose();
        self.gate.take()
    }
}

impl Drop for Passage {
    /// A mutation that a defect ended early holds nobody up.
    fn drop(&mut self) {
        self.lose();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn gate() -> (Arc<CommitGate>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let gate = CommitGate::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        (Arc::new(gate), calls)
    }

    #[test]
    fn a_commit_is_shown_after_its_answer() {
        let (gate, calls) = gate();
        let mut passage = Passage::new(Some(gate.clone()));
        assert!(gate.allows(100));
        passage.begin();
        // Its timestamp could be any.
        assert!(!gate.allows(1));
        let handed = passage.finish(10);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(gate.allows(9) && !gate.allows(10) && !gate.allows(11));
        handed.unwrap().answered(10);
        assert!(gate.allows(10));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn commits_that_lost_or_were_cut_short_hold_nobody_up() {
        let (gate, _) = gate();
        let mut passage = Passage::new(Some(gate.clone()));
        passage.begin();
        passage.lose();
        assert!(gate.allows(1));
        passage.begin();
        drop(passage);
        assert!(gate.allows(1));
    }

    #[test]
    fn mutations_of_one_timestamp_are_answered_one_by_one() {
        let (gate, _) = gate();
        let pass = || Passage::new(Some(gate.clone())).finish(5);
        let (first, second) = (pass().unwrap(), pass().unwrap());
        first.answered(5);
        assert!(!gate.allows(5));
        second.answered(5);
        assert!(gate.allows(5));
    }
}
