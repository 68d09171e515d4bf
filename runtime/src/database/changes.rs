//! What happened since a timestamp, for readers who keep a copy of the documents up to date.
//!
//! No version but the current one of a document is kept, and none is needed for such a copy: every document carries the
//! timestamp of its last change, so the documents changed since a timestamp are those with a later one, each as it is
//! now; and the store remembers which were deleted. A copy that has all changes up to a timestamp gets everything later
//! with [`Database::changes_after`] and [`Database::deletions_after`], also over a restart.
//!
//! Rows of an import have timestamps from before the commit that shows them; [`Database::published_changes`] therefore
//! gives a timestamp before those of all imports under way: nothing that is still to come has an earlier one.

use std::ops::Bound;
use std::sync::Arc;

use fusion_schema::DocumentId;
use fusion_schema::id::InternalId;

use super::document::Entry;
use super::snapshot::{Snapshot, TableState, Timestamp};
use super::{Database, TableId};
use crate::error::{Error, Result};
use crate::store::Deletion;

/// A document as a snapshot has it.
#[derive(Debug)]
pub struct DocumentVersion {
    entry: Arc<Entry>,
    /// As long as somebody has the table, its rows are there to be read.
    _table: Arc<TableState>,
}

impl DocumentVersion {
    /// The document.
    pub fn id(&self) -> DocumentId {
        self.entry.id
    }

    /// The last change.
    pub fn ts(&self) -> Timestamp {
        self.entry.ts()
    }

    /// Size in bytes of [`fusion_schema::Value::size`].
    pub fn size(&self) -> usize {
        self.entry.size as usize
    }
}

/// The last change of a document that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// When it was.
    pub ts: Timestamp,
    /// The table.
    pub table: TableId,
    /// The document.
    pub id: InternalId,
}

impl Database {
    /// The published snapshot, and up to where its changes are complete: no later snapshot has a document with an
    /// earlier timestamp that this one has not.
    pub fn published_changes(&self) -> (Snapshot, Timestamp) {
        // A staging that is not open here gets a later timestamp than the snapshot, or is part of it.
        let open = self.inner.committer.open_stagings.lock();
        let snapshot = self.published();
        let ts = open.first().map_or(snapshot.ts(), |staging| snapshot.ts().min(staging - 1));
        (snapshot, ts)
    }

    /// The documents of a table in order of their ids, from behind `after` on.
    pub fn documents_behind(
        &self,
        snapshot: &Snapshot,
        table: TableId,
        after: Option<InternalId>,
    ) -> impl Iterator<Item = DocumentVersion> + use<> {
        let state = snapshot.0.tables.get(&table).cloned().unwrap_or_default();
        let mut next = after.map_or(Bound::Unbounded, Bound::Excluded);
        std::iter::from_fn(move || {
            let (id, entry) = state.documents.range((next, Bound::Unbounded)).next()?;
            next = Bound::Excluded(*id);
            Some(DocumentVersion { entry: entry.clone(), _table: state.clone() })
        })
    }

    /// A document of a table, if the snapshot has it.
    pub fn version(&self, snapshot: &Snapshot, table: TableId, id: InternalId) -> Option<DocumentVersion> {
        let table = snapshot.0.tables.get(&table)?;
        Some(DocumentVersion { entry: table.documents.get(&id)?.clone(), _table: table.clone() })
    }

    /// The document's canonical JSON. What memory let go of is read back without being kept.
    ///
    /// # Errors
    /// Internal if the store cannot be read.
    pub fn body(&self, version: &DocumentVersion) -> Result<Arc<str>> {
        version.entry.passing_body(&*self.inner.shared.reader)
    }

    /// The last changes of the documents of user tables, after a timestamp and up to another one, in order: at most
    /// about `most`, with the timestamp up to which they are complete. It looks at all documents of every table that
    /// was written since.
    pub fn changes_after(
        &self,
        snapshot: &Snapshot,
        after: Timestamp,
        upto: Timestamp,
        most: usize,
    ) -> (Vec<Change>, Timestamp) {
        let mut found: Vec<Change> = Vec::new();
        let mut upto = upto;
        let catalog = snapshot.catalog();
        for meta in catalog.all_tables().filter(|meta| !meta.number.is_system()) {
            let Some(table) = snapshot.0.tables.get(&meta.id).filter(|table| table.changed > after) else {
                continue;
            };
            for (id, entry) in &table.documents {
                let ts = entry.ts();
                if ts <= after || ts > upto {
                    continue;
                }
                found.push(Change { ts, table: meta.id, id: *id });
                if found.len() >= 2 * most.max(1) {
                    upto = keep_earliest(&mut found, most.max(1));
                }
            }
        }
        if found.len() > most.max(1) {
            upto = keep_earliest(&mut found, most.max(1));
        }
        found.sort_unstable();
        (found, upto)
    }

    /// Calls `each` with what was deleted from user tables after a timestamp, in order, until it says `false`. Of what
    /// is not durable and published yet nothing is told.
    ///
    /// # Errors
    /// `InvalidWindowToReadDocuments` if some of it is forgotten; what `each` was told is of no use then.
    pub fn deletions_after(&self, after: Timestamp, each: &mut dyn FnMut(Deletion) -> bool) -> Result<()> {
        let floor = self.inner.shared.reader.deletions(after, each).map_err(|error| {
            Error::internal("The record of deletions could not be read.").with_source(error)
        })?;
        if floor <= after {
            return Ok(());
        }
        Err(Error::bad_request(
            "InvalidWindowToReadDocuments",
            format!(
                "Which documents were deleted since timestamp {after} is no longer remembered, only since {floor}. Start again with list_snapshot."
            ),
        ))
    }
}

/// Leaves the earliest changes, about `most`, without parting what has one timestamp; gives the last timestamp up to
/// which nothing is left out.
fn keep_earliest(found: &mut Vec<Change>, most: usize) -> Timestamp {
    let (_, last, _) = found.select_nth_unstable_by_key(most - 1, |change| change.ts);
    let last = last.ts;
    found.retain(|change| change.ts <= last);
    last
}
