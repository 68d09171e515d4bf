//! Giving memory back: the allocator returns what was freed to the operating system only while somebody allocates, so a
//! server that has fallen silent would keep all it ever needed for a while, such as for loading its code.

use std::time::Duration;

/// How often memory is given back. What is taken again meanwhile costs a page fault per 4 KiB.
const INTERVAL: Duration = Duration::from_secs(5);

/// Gives memory back for as long as it is polled. Does nothing where the binary has another allocator.
pub(super) async fn give_back() {
    fusion_runtime::memory::on_rest(collect);
    loop {
        tokio::time::sleep(INTERVAL).await;
        // It may take milliseconds, which nobody is to wait for.
        if tokio::task::spawn_blocking(collect).await.is_err() {
            return;
        }
    }
}

#[expect(unsafe_code, reason = "the allocator has no safe interface to this")]
fn collect() {
    // SAFETY: takes no pointers; may be called by any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
