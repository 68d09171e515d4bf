//! Giving memory back. Allocators keep what was freed by the thread that will need it again, and a thread at rest never
//! notices that it does not; so threads say when they have come to rest. What is done then is the binary's choice,
//! because it chooses the allocator (a leaf).

use std::sync::OnceLock;

static GIVE_BACK: OnceLock<fn()> = OnceLock::new();

/// Sets what threads call when they have come to rest after work: it is to give back what the allocator keeps for the
/// calling thread. The first one counts.
pub fn on_rest(give_back: fn()) {
    let _ = GIVE_BACK.set(give_back);
}

/// Called by a thread that has worked and will most likely not for a while.
pub(crate) fn give_back() {
    if let Some(give_back) = GIVE_BACK.get() {
        give_back();
    }
}
