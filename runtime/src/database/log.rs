//! [`CommitLog`]: the most recent commits, as the index keys they touched.
//!
//! The committer checks new transactions against it; live queries learn from it what to run again. It is
//! bounded in number and age; a reader that fell behind must assume that everything changed.

use std::collections::VecDeque;
use std::sync::Arc;

use fusion_schema::id::InternalId;
use imbl::OrdSet;

use super::attached::AttachedChange;
use super::key::{BY_ID, IndexId, Key};
use super::snapshot::Timestamp;
use crate::limits::{COMMIT_LOG_ENTRIES_MAX, COMMIT_LOG_KEYS_MAX};
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

impl LogEntry {
    fn keys(&self) -> usize {
        let attached = |write: &LogWrite| write.attached.iter().map(AttachedChange::weight).sum::<usize>();
        self.writes.iter().map(|write| 1 + write.keys.len() + attached(write)).sum()
    }
}

/// One document a commit wrote.
#[derive(Debug)]
pub struct LogWrite {
    /// The table.
    pub table: TableId,
    /// The document.
    pub id: InternalId,
    pub(crate) keys: Vec<(u16, KeyChange)>,
    /// The attached indexes that take something else of the document than before.
    pub(crate) attached: Vec<AttachedChange>,
}

/// How a document's key in one index changed.
#[derive(Debug)]
pub(crate) enum KeyChange {
    /// The key is the same, what it stands for is not.
    Same(Key),
    /// The document is new in the index.
    Added(Key),
    /// The document is gone from the index.
    Removed(Key),
    /// The keys before and after.
    Moved(Box<(Key, Key)>),
}

impl KeyChange {
    /// The key before, if the index had one.
    pub(crate) fn old(&self) -> Option<&Key> {
        match self {
            Self::Same(key) | Self::Removed(key) => Some(key),
            Self::Added(_) => None,
            Self::Moved(keys) => Some(&keys.0),
        }
    }

    /// Does to an index what the write did.
    pub(crate) fn apply(&self, keys: &mut OrdSet<Key>) {
        match self {
            Self::Same(_) => {}
            Self::Added(key) => drop(keys.insert(key.clone())),
            Self::Removed(key) => drop(keys.remove(key)),
            Self::Moved(moved) => {
                keys.remove(&moved.0);
                keys.insert(moved.1.clone());
            }
        }
    }
}

impl LogWrite {
    /// The keys this write touched, before and after, in every sorted index of the table.
    pub fn touched_keys(&self) -> impl Iterator<Item = (IndexId, &[u8])> {
        let index = |slot| IndexId { table: self.table, slot };
        std::iter::once((index(BY_ID), &self.id[..])).chain(self.keys.iter().flat_map(
            move |(slot, change)| {
                let (first, second) = match change {
                    KeyChange::Same(key) | KeyChange::Added(key) | KeyChange::Removed(key) => (key, None),
                    KeyChange::Moved(keys) => (&keys.0, Some(&keys.1)),
                };
                std::iter::once(first).chain(second).map(move |key| (index(*slot), key.as_bytes()))
            },
        ))
    }

    /// The terms this write touched in full-text indexes, by which readers are found. Whether a reader's result is
    /// touched, [`SearchReads::is_touched_by`](super::reads::SearchReads::is_touched_by) says.
    pub fn touched_terms(&self) -> impl Iterator<Item = (IndexId, &[u8])> {
        self.attached.iter().flat_map(|change| {
            let index = IndexId { table: self.table, slot: change.slot };
            change.touched_terms().map(move |term| (index, term.as_bytes()))
        })
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct CommitLog {
    entries: VecDeque<Arc<LogEntry>>,
    /// Keys in all entries, which are most of the memory.
    keys: usize,
    /// All commits after this timestamp are here.
    floor: Timestamp,
}

impl CommitLog {
    pub(crate) const fn new(floor: Timestamp) -> Self {
        Self { entries: VecDeque::new(), keys: 0, floor }
    }

    pub(crate) fn push(&mut self, entry: Arc<LogEntry>) {
        let now = entry.ts;
        self.keys += entry.keys();
        self.entries.push_back(entry);
        self.trim(now);
    }

    /// Forgets what is too old or too much.
    pub(crate) fn trim(&mut self, now: Timestamp) {
        while let Some(oldest) = self.entries.front() {
            let fits = self.entries.len() <= COMMIT_LOG_ENTRIES_MAX && self.keys <= COMMIT_LOG_KEYS_MAX;
            if fits && oldest.ts.saturating_add(AGE_MAX) > now {
                break;
            }
            self.floor = oldest.ts;
            self.keys -= oldest.keys();
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
        while let Some(entry) = self.entries.pop_back_if(|entry| entry.ts > ts) {
            self.keys -= entry.keys();
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
