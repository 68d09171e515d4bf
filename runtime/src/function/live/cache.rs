//! What becomes of a result that nobody shows: it is kept for the next one to ask, as long as it holds, for a
//! time and within a number of bytes.
//!
//! The queue is in the order in which results became unused. One that was handed out since then goes to its
//! end instead of away; one that is shown again leaves its place in the queue empty.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::query::{Current, Part, QueryKey, QueryRef, Scope};
use super::result::QueryResult;
use super::state::State;
use super::wave::Started;
use crate::auth::Identity;
use crate::database::{LogEntry, Token};

/// Unused results.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) bytes: usize,
    queue: VecDeque<(QueryRef, Duration)>,
}

/// A result that was computed for one caller, offered to the next.
pub(super) struct Offer {
    pub(super) key: QueryKey,
    pub(super) identity: Identity,
    pub(super) read_identity: bool,
    pub(super) result: Arc<QueryResult>,
    pub(super) token: Token,
    pub(super) started: Started,
    pub(super) read_clock: bool,
}

impl<S: Clone> State<S> {
    /// The result this identity would see after `entries`, the commits after `published`, if it is known.
    pub(super) fn look_up(
        &mut self,
        key: &QueryKey,
        identity: &Identity,
        entries: &[Arc<LogEntry>],
    ) -> Option<Arc<QueryResult>> {
        let slot = self.families.get(key)?.find(identity)?;
        let query = &self.queries[slot];
        let current = query.current.as_ref()?;
        if query.is_dirty || current.from > self.published || !self.is_presentable(current) {
            return None;
        }
        let mut is_touched = entries.last().is_some_and(|entry| entry.push_version != self.push_version);
        for write in entries.iter().flat_map(|entry| &entry.writes) {
            for (index, key) in write.touched_keys() {
                self.index.stab(index, key, |found| is_touched |= found as usize == slot);
            }
            is_touched |= self.queries[slot].searches.is_touched_by(write);
        }
        if is_touched {
            return None;
        }
        let result = current.result.clone();
        self.queries[slot].used_at = self.now;
        Some(result)
    }

    /// Takes a result that was computed for one caller into the cache, if it still holds and is not there.
    pub(super) fn offer(&mut self, offer: Offer) {
        let Offer { key, identity, read_identity, result, token, started, read_clock } = offer;
        let current = Current::new(result, token.ts, started, read_clock);
        // Commits up to its snapshot must have been looked at, or they would seem to touch it later.
        let is_ahead = token.ts > self.published;
        if is_ahead || !self.is_presentable(&current) || self.first_touch(&token).is_some() {
            return;
        }
        if let Some(slot) = self.families.get(&key).and_then(|family| family.find(&identity)) {
            let query = &self.queries[slot];
            let is_outlived = query.current.as_ref().is_some_and(|current| !self.is_presentable(current));
            if query.cached_size == 0 || !is_outlived {
                return;
            }
            self.drop_query(slot);
        }
        let journal = current.result.journal.clone();
        let scope = if read_identity { Scope::Own } else { Scope::Shared };
        let slot = self.make_query(&Arc::new(key), scope, &identity);
        self.queries[slot].current = Some(current);
        self.set_journal(slot, journal);
        self.watch(slot, &token);
        self.enter_cache(slot);
    }

    /// Keeps or drops a query that has no subscribers.
    pub(super) fn enter_cache(&mut self, slot: usize) {
        let query = &self.queries[slot];
        let is_worth_keeping = query.part == Part::Absent
            && !query.is_dirty
            && !self.config.cache_ttl.is_zero()
            && query.current.as_ref().is_some_and(|current| self.is_presentable(current));
        if !is_worth_keeping {
            self.drop_query(slot);
            return;
        }
        let query = &mut self.queries[slot];
        query.cached_size = query.size();
        query.used_at = self.now;
        self.cache.bytes += query.cached_size;
        if !std::mem::replace(&mut query.is_queued_for_expiry, true) {
            self.cache.queue.push_back((QueryRef { slot, serial: query.serial }, self.now));
        }
        while self.cache.bytes > self.config.cache_bytes_max && self.evict_oldest() {}
    }

    /// Counts a query as shown again.
    pub(super) fn leave_cache(&mut self, slot: usize) {
        self.cache.bytes -= std::mem::take(&mut self.queries[slot].cached_size);
    }

    /// Drops what was unused for too long.
    pub(super) fn expire(&mut self) {
        while let Some((_, since)) = self.cache.queue.front()
            && *since + self.config.cache_ttl <= self.now
        {
            self.evict_oldest();
        }
    }

    /// Looks at the head of the queue; `false` if it is empty.
    fn evict_oldest(&mut self) -> bool {
        let Some((reference, since)) = self.cache.queue.pop_front() else { return false };
        let Some(query) = self.find(reference) else { return true };
        let (is_unused, used_at) = (query.cached_size > 0, query.used_at);
        if is_unused && used_at > since {
            self.cache.queue.push_back((reference, used_at));
        } else if is_unused {
            self.drop_query(reference.slot);
        } else {
            self.queries[reference.slot].is_queued_for_expiry = false;
        }
        true
    }
}
