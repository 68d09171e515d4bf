//! [`Alarm`]: how a commit that schedules something wakes the scheduler.

use tokio::sync::Notify;

/// Rings for one listener; a ring while it is not listening is kept.
#[derive(Debug, Default)]
pub struct Alarm {
    notify: Notify,
}

impl Alarm {
    /// Wakes the listener, now or as soon as it listens.
    pub fn ring(&self) {
        self.notify.notify_one();
    }

    /// Waits for a ring.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }
}
