//! [`Snapshot`]: the whole committed state at one timestamp, as a value.
//!
//! The state is a set of persistent ordered maps that share structure: cloning is a pointer copy, and a commit
//! copies only the nodes on its path. A reader keeps its snapshot as long as it likes; nobody waits for
//! anybody. Only a table's primary map holds documents; its other indexes hold keys that end in the id, so a
//! write that leaves a document's keys alone leaves those indexes alone too.

use std::any::Any;
use std::sync::Arc;

use fusion_schema::id::InternalId;
use imbl::{OrdMap, OrdSet};

use super::attached::AttachedIndex;
use super::catalog::Catalog;
use super::document::Entry;
use super::key::{FIRST_DECLARED, Key};
use super::log::KeyChange;
use super::push::Attachment;
use crate::store::TableId;

/// Nanoseconds since the Unix epoch; every commit has its own.
pub type Timestamp = u64;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Snapshot(pub(crate) Arc<State>);

impl Snapshot {
    /// The last commit in it.
    pub fn ts(&self) -> Timestamp {
        self.0.ts
    }

    /// Grows with every change of functions or schema.
    pub fn push_version(&self) -> u64 {
        self.0.push_version
    }

    /// Its tables and indexes.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.0.catalog
    }

    /// What the layers above attached to this version of functions and schema, if it is of that type.
    pub fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.attached.clone()?.downcast().ok()
    }

    /// How many documents a table holds.
    pub fn document_count(&self, table: TableId) -> usize {
        self.0.tables.get(&table).map_or(0, |table| table.documents.len())
    }

    /// Bytes of all documents of a table, as [`fusion_schema::Value::size`] counts.
    pub fn table_size(&self, table: TableId) -> u64 {
        self.0.tables.get(&table).map_or(0, |table| table.size)
    }
}

/// The content of a snapshot; the committer owns a private one that it changes.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) ts: Timestamp,
    pub(crate) push_version: u64,
    pub(crate) attached: Option<Attachment>,
    /// Grows when sequenced commits are rolled back, so that what was based on them is recognised.
    pub(crate) epoch: u64,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) tables: OrdMap<TableId, Arc<TableState>>,
}

/// The documents of a table and its indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableState {
    pub(crate) documents: OrdMap<InternalId, Arc<Entry>>,
    pub(crate) by_creation_time: OrdSet<Key>,
    /// The declared indexes, by slot.
    pub(crate) indexes: Vec<(u16, OrdSet<Key>)>,
    /// The attached indexes, by slot; none until it has something of a document.
    pub(crate) attached: Vec<(u16, AttachedIndex)>,
    pub(crate) size: u64,
    /// No document in it has a later timestamp.
    pub(crate) changed: Timestamp,
    /// Held by every version of the table: once nobody has it any more, nobody can read the table's rows.
    pub(crate) lifetime: Arc<()>,
}

impl TableState {
    /// The keys of an index other than `by_id`.
    pub(crate) fn index(&self, slot: u16) -> Option<&OrdSet<Key>> {
        if slot < FIRST_DECLARED {
            return Some(&self.by_creation_time);
        }
        self.indexes.iter().find(|(found, _)| *found == slot).map(|(_, keys)| keys)
    }

    /// The keys of an index other than `by_id`, to change them; made if new.
    pub(crate) fn index_mut(&mut self, slot: u16) -> &mut OrdSet<Key> {
        if slot < FIRST_DECLARED {
            return &mut self.by_creation_time;
        }
        let position = match self.indexes.iter().position(|(found, _)| *found == slot) {
            Some(position) => position,
            None => {
                self.indexes.push((slot, OrdSet::new()));
                self.indexes.len() - 1
            }
        };
        &mut self.indexes[position].1
    }

    /// An attached index; `None` if it is empty.
    pub(crate) fn attached(&self, slot: u16) -> Option<&AttachedIndex> {
        self.attached.iter().find(|(found, _)| *found == slot).map(|(_, index)| index)
    }

    /// Does to the attached indexes what a write did.
    pub(crate) fn apply_attached(&mut self, write: &super::log::LogWrite) {
        for change in &write.attached {
            let position = self.attached.iter().position(|(slot, _)| *slot == change.slot);
            let position = position.or_else(|| {
                self.attached.push((change.slot, AttachedIndex::for_change(change)?));
                Some(self.attached.len() - 1)
            });
            if let Some((_, index)) = position.and_then(|position| self.attached.get_mut(position)) {
                index.apply(write.id, change);
            }
        }
    }

    /// Puts a new version in place of an old one.
    pub(crate) fn apply(&mut self, write: &super::writes::FinalWrite) {
        if let Some(old) = &write.old {
            self.size -= u64::from(old.size);
        }
        match &write.new {
            Some(new) => {
                self.size += u64::from(new.size);
                self.documents.insert(write.log.id, new.clone());
            }
            None => {
                self.documents.remove(&write.log.id);
            }
        }
        for (slot, change) in &write.log.keys {
            if !matches!(change, KeyChange::Same(_)) {
                change.apply(self.index_mut(*slot));
            }
        }
        self.apply_attached(&write.log);
    }
}

impl State {
    /// Applies the writes of the commit that the state's timestamp is of; the catalog is the committer's business.
    pub(crate) fn apply(&mut self, writes: &[super::writes::FinalWrite]) {
        for write in writes {
            match self.tables.get_mut(&write.log.table) {
                Some(table) => {
                    let table = Arc::make_mut(table);
                    table.changed = self.ts;
                    table.apply(write);
                }
                None => {
                    let mut table = TableState { changed: self.ts, ..TableState::default() };
                    table.apply(write);
                    self.tables.insert(write.log.table, Arc::new(table));
                }
            }
        }
    }

    pub(crate) fn entry(&self, table: TableId, id: InternalId) -> Option<&Arc<Entry>> {
        self.tables.get(&table)?.documents.get(&id)
    }
}
