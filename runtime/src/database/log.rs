//! [`CommitLog`]: the most recent commits, as the index keys they touched.
//!
//! The committer checks new transactions against it; live queries learn from it what to run again. It is
//! bounded in number and age; a reader that fell behind must assume that everything changed.

use std::collections::VecDeque;
use std::sync::Arc;

use fusion_schema::id::InternalId;

use super::key::{BY_ID, IndexId, Key};
use super::snapshot::Timestamp;
use crate::limits::COMMIT_LOG_ENTRIES_MAX;
use crate::store::TableId;

/// Entries younger than this stay in the log, in nanoseconds: longer than any query or mutation may take.
const AGE_MAX: u64 = 20_000_000_000;

/// One commit.
#[derive(Debug)]
pub struct LogEntry {
    /// Its timestamp.
    pub ts: Timestamp,
    /// The version of functions and schema after it.
    pub push_version: u64,
    /// What it wrote.
    pub writes: Vec<Arc<LogWrite>>,
}

/// One document a commit wrote.
#[derive(Debug)]
pub struct LogWrite {
    /// The table.
    pub table: TableId,
    /// The document.
    pub id: InternalId,
    pub(crate) keys: Vec<(u16, KeyChange)>,
}

/// How a document's key in one index changed.
#[derive(Debug)]
pub(crate) enum KeyChange {
    /// The key is the same, what it stands for is not.
    Same(Key),
    /// The keys before and after.
    Moved(Option<Key>, Option<Key>),
}

impl KeyChange {
    /// The key before.
    pub(crate) const fn old(&self) -> Option<&Key> {
        match self {
            Self::Same(key) => Some(key),
            Self::Moved(old, _) => old.as_ref(),
        }
    }
}

impl LogWrite {
    /// The keys this write touched, before and after, in every index of the table.
    pub fn touched_keys(&self) -> impl Iterator<Item = (IndexId, &[u8])> {
        let index = |slot| IndexId { table: self.table, slot };
        std::iter::once((index(BY_ID), &self.id[..])).chain(self.keys.iter().flat_map(
            move |(slot, change)| {
                let (first, second) = match change {
                    KeyChange::Same(key) => (Some(key), None),
                    KeyChange::Moved(old, new) => (old.as_ref(), new.as_ref()),
                };
                first.into_iter().chain(second).map(move |key| (index(*slot), key.as_bytes()))
            },
        ))
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct CommitLog {
    entries: VecDeque<Arc<LogEntry>>,
    /// All commits after this timestamp are here.
    floor: Timestamp,
}

impl CommitLog {
    pub(crate) const fn new(floor: Timestamp) -> Self {
        Self { entries: VecDeque::new(), floor }
    }

    pub(crate) fn push(&mut self, entry: Arc<LogEntry>) {
        let now = entry.ts;
        self.entries.push_back(entry);
        self.trim(now);
    }

    /// Forgets what is too old or too much.
    pub(crate) fn trim(&mut self, now: Timestamp) {
        while let Some(oldest) = self.entries.front() {
            if self.entries.len() <= COMMIT_LOG_ENTRIES_MAX && oldest.ts.saturating_add(AGE_MAX) > now {
                break;
            }
            self.floor = oldest.ts;
            self.entries.pop_front();
        }
    }

    /// The timestamp of the last commit before `ts`, or of what came before the log.
    pub(crate) fn last_before(&self, ts: Timestamp) -> Timestamp {
        let end = self.entries.partition_point(|entry| entry.ts < ts);
        end.checked_sub(1).and_then(|last| self.entries.get(last)).map_or(self.floor, |entry| entry.ts)
    }

    /// Takes back commits after `ts` that never became durable.
    pub(crate) fn truncate_after(&mut self, ts: Timestamp) {
        while self.entries.back().is_some_and(|entry| entry.ts > ts) {
            self.entries.pop_back();
        }
    }

    /// Where the commits after `ts` begin. Mostly that is near the end, where a binary search would first visit
    /// entries that left the caches long ago.
    fn first_after(&self, ts: Timestamp) -> usize {
        const NEAR: usize = 32;
        let near = self.entries.len().saturating_sub(NEAR);
        if self.entries.get(near).is_some_and(|entry| entry.ts <= ts) {
            let newer = self.entries.iter().rev().take_while(|entry| entry.ts > ts).count();
            return self.entries.len() - newer;
        }
        self.entries.partition_point(|entry| entry.ts <= ts)
    }

    /// The commits after `ts`, oldest first; `None` if some of them are forgotten.
    pub fn since(&self, ts: Timestamp) -> Option<impl DoubleEndedIterator<Item = &Arc<LogEntry>>> {
        if ts < self.floor {
            return None;
        }
        Some(self.entries.range(self.first_after(ts)..))
    }
}
