//! [`CommitGate`]: whether a session's mutation may have been committed while its answer is still on its way.
//!
//! A commit can be published, and live queries can show it, between the moment the committer has sequenced it and
//! the moment the mutation's answer waits for its durability. Whoever tells a client about both looks at the live
//! queries first, then at this gate, then collects the answers: if the gate was open, everything the live queries
//! showed has its answer there.

use std::sync::atomic::{AtomicBool, Ordering};

/// See the module's documentation. For mutations that run one at a time.
pub struct CommitGate {
    is_committing: AtomicBool,
    is_awaited: AtomicBool,
    opened: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for CommitGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommitGate").field("is_committing", &self.is_committing).finish_non_exhaustive()
    }
}

impl CommitGate {
    /// An open gate. `opened` is called when it opens after somebody found it closed; it must not block.
    pub fn new(opened: impl Fn() + Send + Sync + 'static) -> Self {
        let opened = Box::new(opened);
        Self { is_committing: AtomicBool::new(false), is_awaited: AtomicBool::new(false), opened }
    }

    /// A commit begins.
    pub(super) fn close(&self) {
        self.is_committing.store(true, Ordering::SeqCst);
    }

    /// The answer waits for durability, was given, or there was no commit.
    pub(super) fn open(&self) {
        self.is_committing.store(false, Ordering::SeqCst);
        if self.is_awaited.load(Ordering::SeqCst) && self.is_awaited.swap(false, Ordering::SeqCst) {
            (self.opened)();
        }
    }

    /// Whether nothing is between a commit and its answer. If something is, `opened` will be called.
    pub fn is_open(&self) -> bool {
        if !self.is_committing.load(Ordering::SeqCst) {
            return true;
        }
        self.is_awaited.store(true, Ordering::SeqCst);
        // It may have opened in between, and then nobody would call.
        !self.is_committing.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn whoever_found_it_closed_is_called_once() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let gate = CommitGate::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        assert!(gate.is_open());
        gate.close();
        gate.open();
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        gate.close();
        assert!(!gate.is_open() && !gate.is_open());
        gate.open();
        gate.open();
        assert!(gate.is_open());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
