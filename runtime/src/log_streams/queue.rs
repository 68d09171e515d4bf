//! [`Queue`]: events that wait to be sent. It is bounded: when it is full, the oldest go.

use std::collections::VecDeque;

/// Most events that wait.
const EVENTS_MAX: usize = 20_000;
/// Most bytes that wait.
const BYTES_MAX: usize = 32 << 20;
/// Most events of a request.
const BATCH_EVENTS_MAX: usize = 500;
/// Bytes of a request, unless its one event has more.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<String>,
    bytes: usize,
    /// How many of the first are under way.
    under_way: usize,
    dropped: u64,
}

impl Queue {
    /// Adds an event.
    pub(super) fn push(&mut self, event: String) {
        self.bytes += event.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || (self.bytes > BYTES_MAX && self.events.len() > 1) {
            self.pop();
            self.dropped += 1;
        }
    }

    fn pop(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.bytes -= self.events.pop_front().map_or(0, |event| event.len());
    }

    /// Counts events that were lost before they came here.
    pub(super) const fn lost(&mut self, count: u64) {
        self.dropped += count;
    }

    /// How many were dropped since this was asked last.
    pub(super) const fn take_dropped(&mut self) -> u64 {
        std::mem::replace(&mut self.dropped, 0)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events of the next request. They stay until [`Queue::taken`].
    pub(super) fn batch(&mut self) -> Vec<String> {
        let mut bytes = 0;
        let fits = |event: &&String| {
            bytes += event.len();
            bytes <= BATCH_BYTES_MAX
        };
        let count = self.events.iter().take(BATCH_EVENTS_MAX).take_while(fits).count();
        self.under_way = count.max(1).min(self.events.len());
        self.events.iter().take(self.under_way).cloned().collect()
    }

    /// The events under way have arrived, or never will.
    pub(super) fn taken(&mut self) {
        while self.under_way > 0 {
            self.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stays_until_it_is_taken() {
        let mut queue = Queue::default();
        (0..BATCH_EVENTS_MAX + 1).for_each(|number| queue.push(number.to_string()));
        assert_eq!(queue.batch().len(), BATCH_EVENTS_MAX);
        assert_eq!(queue.batch()[0], "0");
        queue.taken();
        assert_eq!(queue.batch(), [BATCH_EVENTS_MAX.to_string()]);
        queue.taken();
        assert!(queue.is_empty() && queue.bytes == 0);
    }

    #[test]
    fn large_events_go_alone() {
        let mut queue = Queue::default();
        queue.push("x".repeat(BATCH_BYTES_MAX + 1));
        queue.push("y".to_owned());
        assert_eq!(queue.batch().len(), 1);
        queue.taken();
        assert_eq!(queue.batch(), ["y"]);
    }

    #[test]
    fn the_oldest_go_when_it_is_full_even_while_they_are_under_way() {
        let mut queue = Queue::default();
        (0..EVENTS_MAX).for_each(|number| queue.push(number.to_string()));
        queue.batch();
        (0..BATCH_EVENTS_MAX + 3).for_each(|_| queue.push("new".to_owned()));
        queue.taken();
        assert_eq!(queue.take_dropped(), BATCH_EVENTS_MAX as u64 + 3);
        assert_eq!(queue.batch()[0], (BATCH_EVENTS_MAX + 3).to_string());
        assert_eq!(queue.events.len(), EVENTS_MAX);
    }
}
