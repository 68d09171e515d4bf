//! Compaction of indexes after many inserts.
//!
//! Keys inserted in ascending order leave the nodes of the trees half empty (see [`super::bulk`]). Once a table has
//! grown by much and then stopped growing, its trees are built anew beside the running database, brought up to date
//! with what was committed meanwhile, and put in place of the old ones. Nobody sees a difference but the memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::bulk;
use super::committer::Committer;
use super::snapshot::{State, TableState};
use crate::store::TableId;

/// Documents below which a table is not worth it.
const DOCUMENTS_MIN: usize = 50_000;
/// Growth since the last time that is worth it, in percent.
const GROWTH_MIN_PERCENT: usize = 20;

/// Documents of a table.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// At the last look.
    seen: usize,
    /// At the last compaction.
    compacted: usize,
}

/// What the compactor remembers from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Compactor {
    tables: HashMap<TableId, Counted>,
    /// Whether readers still have trees that were replaced.
    is_unpublished: bool,
}

impl Compactor {
    /// A compactor that knows the trees as just loaded, which are full.
    pub(super) fn new(committer: &Committer) -> Self {
        let count = |(table, state): (&TableId, &Arc<TableState>)| {
            let documents = state.documents.len();
            (*table, Counted { seen: documents, compacted: documents })
        };
        Self { tables: committer.published.load().tables.iter().map(count).collect(), ..Self::default() }
    }

    /// Looks at all tables and compacts one that is due; whether the memory of an old one came free.
    pub(super) fn look(&mut self, committer: &Committer) -> bool {
        self.compact_first(committer);
        let has_freed = self.is_unpublished && committer.publish_head();
        self.is_unpublished &= !has_freed;
        has_freed
    }

    fn compact_first(&mut self, committer: &Committer) {
        let state = committer.published.load_full();
        let mut due = None;
        for (table, state) in &state.tables {
            let documents = state.documents.len();
            let counted = self.tables.entry(*table).or_default();
            let grows = documents > counted.seen;
            counted.seen = documents;
            let worth_it = counted.compacted + counted.compacted * GROWTH_MIN_PERCENT / 100;
            if !grows && documents >= DOCUMENTS_MIN && documents > worth_it {
                due = Some(*table);
            }
        }
        let Some(table) = due else { return };
        drop(state);
        if compact(committer, table)
            && let Some(counted) = self.tables.get_mut(&table)
        {
            counted.compacted = counted.seen;
            self.is_unpublished = true;
        }
    }
}

/// Compacts a table; `false` if so much happened meanwhile that it must be tried again.
fn compact(committer: &Committer, table: TableId) -> bool {
    let base = committer.published.load_full();
    match base.tables.get(&table) {
        Some(old) => install(committer, &base, table, rebuild(old)),
        None => true,
    }
}

/// The same documents and keys in trees without gaps.
fn rebuild(old: &TableState) -> TableState {
    let indexes = old.indexes.iter().map(|(slot, keys)| (*slot, bulk::set(keys.iter().cloned().collect())));
    TableState {
        documents: bulk::map(old.documents.iter().map(|(id, entry)| (*id, entry.clone())).collect()),
        by_creation_time: bulk::set(old.by_creation_time.iter().cloned().collect()),
        indexes: indexes.collect(),
        attached: Vec::new(),
        size: old.size,
        changed: old.changed,
        lifetime: old.lifetime.clone(),
    }
}

/// Brings trees built from `base` up to date and puts them into the head; `false` if that is not possible.
fn install(committer: &Committer, base: &State, table: TableId, mut new: TableState) -> bool {
    let mut head = committer.head.lock();
    if head.snapshot.epoch != base.epoch || head.snapshot.push_version != base.push_version {
        return false;
    }
    let Some(current) = head.snapshot.tables.get(&table) else { return true };
    let Some(entries) = head.log.since(base.ts) else { return false };
    for write in entries.flat_map(|entry| &entry.writes).filter(|write| write.table == table) {
        match current.documents.get(&write.id) {
            Some(entry) => drop(new.documents.insert(write.id, entry.clone())),
            None => drop(new.documents.remove(&write.id)),
        }
        for (slot, change) in &write.keys {
            change.apply(new.index_mut(*slot));
        }
    }
    debug_assert_eq!(new.by_creation_time.len(), current.by_creation_time.len());
    // They see to themselves, and their own work in the background must not be undone.
    new.attached.clone_from(&current.attached);
    new.size = current.size;
    new.changed = current.changed;
    Arc::make_mut(&mut head.snapshot).tables.insert(table, Arc::new(new));
    true
}

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;
    use crate::database::{CommitExtras, Database, DatabaseOptions};

    #[test]
    fn what_is_written_while_trees_are_rebuilt_is_in_them() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        let ids: Vec<_> = (0..200).map(|n| tx.insert("t", object! {"n" => f64::from(n)}).unwrap()).collect();
        let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
        database.wait_durable(ts).unwrap();

        let committer = &database.inner.committer;
        let base = committer.published.load_full();
        let table = base.catalog.table("t").unwrap().id;
        let new = rebuild(&base.tables[&table]);
        for (position, id) in ids.iter().enumerate().take(30) {
            let mut tx = database.begin_mutation();
            match position % 3 {
                0 => drop(tx.delete(*id).unwrap()),
                1 => drop(tx.replace(*id, object! {"n" => -1.0}).unwrap()),
                _ => drop(tx.insert("t", object! {"n" => -2.0}).unwrap().to_string()),
            }
            database.commit(tx, CommitExtras::default()).unwrap();
        }
        let before = database.head();
        assert!(install(committer, &base, table, new));
        let after = database.head();
        // Readers get them without another commit, once those before are published.
        database.wait_durable(after.ts()).unwrap();
        let began = crate::clock::Moment::now();
        while !committer.publish_head() {
            assert!(began.elapsed() < std::time::Duration::from_secs(30));
            std::thread::yield_now();
        }
        assert!(Arc::ptr_eq(&database.published().0.tables[&table], &after.0.tables[&table]));
        let (before, after) = (&before.0.tables[&table], &after.0.tables[&table]);
        assert!(before.documents.keys().eq(after.documents.keys()));
        assert!(before.documents.values().zip(after.documents.values()).all(|(a, b)| Arc::ptr_eq(a, b)));
        assert_eq!(before.by_creation_time, after.by_creation_time);
        assert_eq!(before.size, after.size);
    }
}
