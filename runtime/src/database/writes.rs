//! [`Writes`]: what a transaction has written so far, visible to its own reads, undone call by call.
//!
//! Beside the new versions it keeps, for each index touched, the keys that appeared and disappeared, so that a
//! scan is a merge of the snapshot's index with a small map. Every change goes to an undo list; a
//! sub-transaction that fails takes back its part of it and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fusion_schema::id::InternalId;

use super::attached::{AttachedChange, Extracts};
use super::document::{Document, Entry};
use super::key::{IndexId, Key};
use super::log::{KeyChange, LogWrite};
use crate::store::TableId;

/// A document's version and its keys in all indexes but `by_id`, in the order of the table's indexes.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) document: Document,
    pub(crate) keys: Vec<(u16, Key)>,
    /// What the attached indexes take of it.
    pub(crate) attached: Extracts,
}

/// A document a transaction wrote: the version it began with and the one it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) old: Option<Version>,
    pub(crate) new: Option<Version>,
}

/// A write as the committer applies it.
#[derive(Debug)]
pub(crate) struct FinalWrite {
    pub(crate) log: Arc<LogWrite>,
    pub(crate) old: Option<Arc<Entry>>,
    pub(crate) new: Option<Arc<Entry>>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    writes: BTreeMap<(TableId, InternalId), Write>,
    /// Per index: keys that this transaction added (`true`) or removed (`false`).
    overlay: HashMap<IndexId, BTreeMap<Key, bool>>,
    undo: Vec<((TableId, InternalId), Option<Write>)>,
    /// Grows with every change, so that open scans know their buffers are stale.
    pub(crate) generation: u64,
}

impl Writes {
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(crate) fn get(&self, table: TableId, id: InternalId) -> Option<&Write> {
        if self.writes.is_empty() { None } else { self.writes.get(&(table, id)) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(TableId, InternalId), &Write)> {
        self.writes.iter()
    }

    /// The keys of an index other than `by_id` that differ from the snapshot.
    pub(crate) fn overlay(&self, index: IndexId) -> Option<&BTreeMap<Key, bool>> {
        self.overlay.get(&index)
    }

    /// The written documents of a table.
    pub(crate) fn all_of_table(&self, table: TableId) -> impl Iterator<Item = (InternalId, &Write)> {
        let all = (table, InternalId::default())..=(table, [0xFF; 16]);
        self.writes.range(all).map(|((_, id), write)| (*id, write))
    }

    /// The written documents of a table whose ids lie between the bounds.
    pub(crate) fn of_table(
        &self,
        table: TableId,
        start: InternalId,
        end: InternalId,
    ) -> impl DoubleEndedIterator<Item = (InternalId, bool)> {
        self.writes.range((table, start)..=(table, end)).map(|((_, id), write)| (*id, write.new.is_some()))
    }

    /// Records a new version of a document; `old` is the snapshot's version, needed the first time only.
    pub(crate) fn put(
        &mut self,
        table: TableId,
        id: InternalId,
        old: impl FnOnce() -> Option<Version>,
        new: Option<Version>,
    ) {
        let key = (table, id);
        let previous = self.writes.get(&key).cloned();
        let next = match &previous {
            Some(write) => Write { old: write.old.clone(), new },
            None => Write { old: old(), new },
        };
        self.undo.push((key, previous));
        self.set(key, Some(next));
    }

    fn set(&mut self, key: (TableId, InternalId), next: Option<Write>) {
        self.generation += 1;
        let before = match self.writes.get(&key) {
            Some(write) => write.new.clone(),
            None => next.as_ref().and_then(|write| write.old.clone()),
        };
        let after = match &next {
            Some(write) => write.new.clone(),
            // Undone altogether: the snapshot's version is in force again.
            None => self.writes.get(&key).and_then(|write| write.old.clone()),
        };
        for (version, present) in [(before, false), (after, true)] {
            for (slot, index_key) in version.into_iter().flat_map(|version| version.keys) {
                self.overlay.entry(IndexId { table: key.0, slot }).or_default().insert(index_key, present);
            }
        }
        match next {
            Some(write) => self.writes.insert(key, write),
            None => self.writes.remove(&key),
        };
    }

    /// Where a sub-transaction begins.
    pub(crate) fn savepoint(&self) -> usize {
        self.undo.len()
    }

    /// Takes back all writes since the savepoint.
    pub(crate) fn rollback(&mut self, savepoint: usize) {
        while self.undo.len() > savepoint {
            if let Some((key, previous)) = self.undo.pop() {
                self.set(key, previous);
            }
        }
    }

    /// The net effect, for the committer. Documents inserted and deleted again leave nothing.
    pub(crate) fn into_final(self) -> Vec<FinalWrite> {
        let mut writes = Vec::with_capacity(self.writes.len());
        for ((table, id), Write { old, new }) in self.writes {
            if old.is_none() && new.is_none() {
                continue;
            }
            let (old_entry, old_keys, old_extracts) = split(old);
            let (new_entry, new_keys, new_extracts) = split(new);
            let keys = merge_keys(old_keys, new_keys);
            let attached = AttachedChange::between(old_extracts, new_extracts);
            writes.push(FinalWrite {
                log: Arc::new(LogWrite { table, id, keys, attached }),
                old: old_entry,
                new: new_entry,
            });
        }
        writes
    }
}

fn split(version: Option<Version>) -> (Option<Arc<Entry>>, Vec<(u16, Key)>, Extracts) {
    match version {
        Some(version) => (Some(version.document.entry().clone()), version.keys, version.attached),
        None => (None, Vec::new(), Vec::new()),
    }
}

/// Pairs the keys before and after; both lists are in the order of the table's indexes, or empty.
pub(crate) fn merge_keys(old: Vec<(u16, Key)>, new: Vec<(u16, Key)>) -> Vec<(u16, KeyChange)> {
    if old.is_empty() {
        return new.into_iter().map(|(slot, key)| (slot, KeyChange::Added(key))).collect();
    }
    if new.is_empty() {
        return old.into_iter().map(|(slot, key)| (slot, KeyChange::Removed(key))).collect();
    }
    let change = |old: Key, new: Key| {
        if old == new { KeyChange::Same(old) } else { KeyChange::Moved(Box::new((old, new))) }
    };
    old.into_iter().zip(new).map(|((slot, old), (_, new))| (slot, change(old, new))).collect()
}
