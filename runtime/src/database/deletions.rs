//! What a batch tells of deleted documents: see [`Database::deletions_after`](super::Database::deletions_after).
//!
//! Single deletions are found in the writes of the commits, on the thread that writes the batch. Documents that go with
//! their table, when an import replaces it or somebody deletes it, are in no commit's writes; they are told as
//! [`DroppedDocuments`]. Such a commit has a timestamp of its own for every [`IDS_PER_TIMESTAMP`] of them, so that
//! readers can stop between them, as they can between commits.

use std::sync::Arc;
use std::time::Duration;

use fusion_schema::id::InternalId;
use imbl::OrdMap;

use super::catalog::{Catalog, TableMeta};
use super::committer::{Committer, Head, PendingCommit};
use super::document::Entry;
use super::snapshot::{State, TableState, Timestamp};
use crate::clock::Moment;
use crate::store::{Deletion, Store, TableId};

/// Documents with one timestamp.
const IDS_PER_TIMESTAMP: usize = if cfg!(test) { 10 } else { 1_000 };
/// Documents of one table that are told one by one when they go with it. Readers who have not seen the end of more of
/// them must begin anew.
const IDS_MAX: usize = if cfg!(test) { 1_000 } else { 1_000_000 };

/// How often old deletions are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1_800);

type Documents = OrdMap<InternalId, Arc<Entry>>;

/// The documents of a table that is gone or was replaced.
#[derive(Debug)]
pub(super) struct DroppedDocuments {
    component: Arc<str>,
    table: Arc<str>,
    number: u32,
    documents: Documents,
    /// The documents that the table has instead, if they have such ids.
    kept: Documents,
    /// The last of its timestamps.
    ts: Timestamp,
}

impl DroppedDocuments {
    /// What goes when `table` goes, or when the `new` one takes its place. `None` for system tables, of which nothing is
    /// told.
    pub(super) fn of(state: &State, table: TableId, new: Option<(&TableMeta, &TableState)>) -> Option<Self> {
        let documents = state.tables.get(&table)?.documents.clone();
        let meta = state.catalog.table_by_id(table).filter(|meta| !meta.number.is_system())?;
        let kept = new.filter(|(new, _)| new.number == meta.number).map(|(_, new)| new.documents.clone());
        Some(Self {
            component: state.catalog.component_path(meta.component).unwrap_or_default().into(),
            table: meta.name.as_str().into(),
            number: meta.number.0,
            documents,
            kept: kept.unwrap_or_default(),
            ts: 0,
        })
    }

    fn timestamps(&self) -> u64 {
        self.documents.len().min(IDS_MAX).div_ceil(IDS_PER_TIMESTAMP) as u64
    }

    fn tell(&self, told: &mut Vec<Deletion>) {
        let gone: Vec<InternalId> =
            self.documents.keys().filter(|id| !self.kept.contains_key(*id)).copied().collect();
        let first = self.ts - self.timestamps();
        told.extend((first + 1..).zip(gone.chunks(IDS_PER_TIMESTAMP)).map(|(ts, ids)| Deletion {
            ts,
            component: self.component.clone(),
            table: self.table.clone(),
            number: self.number,
            ids: ids.to_vec(),
        }));
    }
}

/// How many timestamps they need.
pub(super) fn timestamps_of(dropped: &[DroppedDocuments]) -> u64 {
    dropped.iter().map(DroppedDocuments::timestamps).sum()
}

/// Gives each its share of the timestamps up to that of the commit.
pub(super) fn set_timestamps(dropped: &mut [DroppedDocuments], commit: Timestamp) {
    let mut ts = commit;
    for dropped in dropped.iter_mut().rev() {
        dropped.ts = ts;
        ts -= dropped.timestamps();
    }
}

impl Committer {
    /// As [`Committer::next_ts`], with so many timestamps before it that belong to it, too.
    pub(super) fn next_ts_after(&self, head: &mut Head, before: u64) -> Timestamp {
        let ts = self.next_ts(head) + before;
        head.last_ts = ts;
        ts
    }

    /// What a batch deletes, in the order of the timestamps, and up to where deletions are not told one by one.
    pub(super) fn deletions_of(
        &self,
        pending: &[PendingCommit],
        dropped: &[DroppedDocuments],
    ) -> (Vec<Deletion>, Option<Timestamp>) {
        let mut told = Vec::new();
        for commit in pending {
            if let Some(catalog) = &commit.catalog {
                of_commit(commit, catalog, &mut told);
            }
        }
        let mut floor = None;
        for dropped in dropped {
            if dropped.documents.len() > IDS_MAX {
                floor = floor.max(Some(dropped.ts));
            } else {
                dropped.tell(&mut told);
            }
        }
        told.sort_by_key(|deletion| deletion.ts);
        if self.shared.limits.document_retention.is_zero() {
            floor = floor.max(told.last().map(|deletion| deletion.ts));
            told.clear();
        }
        (told, floor)
    }

    /// Has the store forget some of the deletions that are too old, now and then.
    pub(super) fn sweep_deletions(&self, store: &mut dyn Store, swept: &mut Option<Moment>) {
        if swept.is_some_and(|swept| swept.elapsed() < SWEEP_INTERVAL) {
            return;
        }
        let retention = u64::try_from(self.shared.limits.document_retention.as_nanos()).unwrap_or(u64::MAX);
        // Whoever begins now can go on, even if nothing is remembered.
        let oldest = self.shared.clock.unix_ns().saturating_sub(retention).min(self.published.load().ts);
        let has_more = store.forget_deletions(oldest);
        *swept = match has_more {
            // The next part goes after the next batch.
            Ok(true) => None,
            Ok(false) => Some(Moment::now()),
            Err(error) => {
                self.note_failure(&error);
                Some(Moment::now())
            }
        };
    }
}

fn of_commit(commit: &PendingCommit, catalog: &Catalog, told: &mut Vec<Deletion>) {
    let mut last = None;
    for write in commit.writes.iter().filter(|write| write.new.is_none()) {
        let table = write.log.table;
        // Writes are in the order of their tables.
        if last == Some(table)
            && let Some(deletion) = told.last_mut()
        {
            deletion.ids.push(write.log.id);
            continue;
        }
        let Some(meta) = catalog.table_by_id(table).filter(|meta| !meta.number.is_system()) else { continue };
        last = Some(table);
        told.push(Deletion {
            ts: commit.entry.ts,
            component: catalog.component_path(meta.component).unwrap_or_default().into(),
            table: meta.name.as_str().into(),
            number: meta.number.0,
            ids: vec![write.log.id],
        });
    }
}
