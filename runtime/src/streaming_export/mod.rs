//! What data connectors (Airbyte, Fivetran and the like) read: [`StreamingExport`] gives pages of all documents
//! ([`list`](self)), then of what changed since ([`deltas`](self)), and tells what documents look like
//! ([`describe`](self)).
//!
//! **Why a copy comes out right.** A copy *has everything up to* a timestamp `C` if it has each document whose last
//! change is not later than `C`, as it is, and no other documents whose last change or deletion is not later.
//!
//! - A page of deltas brings a copy from `C` to a later `C'`: it has every document whose last change lies between, as
//!   it is in the newest snapshot, and every deletion between. A document that changed again after `C'` may be left out,
//!   because it comes later; so a document comes once, however often it changed. A copy that came to the end is the
//!   database as it was then.
//! - A list at `T` has, over all of its pages, every document whose last change is not later than `T`. Pages read the
//!   snapshot of `T` as long as somebody keeps it (a minute), so a short list is that snapshot. Later pages, also after a
//!   restart, read the newest snapshot and leave out what changed since `T`: each document in them is what it was at `T`,
//!   and those that are missing come with the deltas since `T`. Either way the copy has everything up to `T`.
//!
//! So no version of a document but the current one is needed. All that is remembered are ids of deleted documents, for as
//! long as `DOCUMENT_RETENTION_DELAY` says, written along with the batch that deletes them; inserts and updates write
//! nothing more than before. Deltas from before that time are refused.
//!
//! Pages are bounded, but what has one timestamp, a whole transaction, is never parted: a cursor lies between
//! transactions. Deliberately absent: HTTP, imports from connectors, system tables.

mod changes;
mod deltas;
mod describe;
mod list;
mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fusion_schema::json::Format;
use parking_lot::Mutex;

use self::changes::ChangeList;
pub use self::describe::Description;
use crate::database::{Database, Snapshot, Timestamp};
use crate::error::{Error, Result};

/// How far in the future a timestamp may lie that a client gave back: what is lost when one is read as a double.
const ROUNDING_MAX: u64 = 1_024;

/// See the module's documentation. Cheap to clone.
#[derive(Clone)]
pub struct StreamingExport {
    database: Database,
    changes: Arc<Mutex<ChangeList>>,
}

impl std::fmt::Debug for StreamingExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamingExport").finish_non_exhaustive()
    }
}

/// Which tables a reader wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The path of a component, empty for the app; `None` for all of them.
    pub component: Option<String>,
    /// A table; `None` for all of them.
    pub table: Option<String>,
}

impl Selection {
    /// Whether a table is among them.
    fn takes(&self, component: &str, table: &str) -> bool {
        self.component.as_deref().is_none_or(|wanted| wanted == component)
            && self.table.as_deref().is_none_or(|wanted| wanted == table)
    }
}

/// A request for a page of all documents.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// The timestamp that the first page gave; none for the first page.
    pub snapshot: Option<Timestamp>,
    /// The cursor that the last page gave; none for the first page.
    pub cursor: Option<String>,
    /// Which tables.
    pub selection: Selection,
    /// The form of the documents.
    pub format: Format,
}

/// A request for a page of changes.
#[derive(Clone, Debug)]
pub struct DeltasRequest {
    /// The timestamp up to which the reader has everything.
    pub cursor: Timestamp,
    /// Which tables.
    pub selection: Selection,
    /// The form of the documents.
    pub format: Format,
}

impl StreamingExport {
    /// An export of a database.
    pub fn new(database: Database) -> Self {
        Self { database, changes: Arc::default() }
    }
}

/// A timestamp that a client gave back, as one up to which changes are complete.
fn given_back(field: &str, ts: Timestamp, newest: &Snapshot, complete: Timestamp) -> Result<Timestamp> {
    if ts > newest.ts().saturating_add(ROUNDING_MAX) {
        return Err(Error::bad_request(
            "InvalidTimestamp",
            format!(
                "{field} {ts} lies in the future: the newest timestamp is {}. Pass the one that the last page gave.",
                newest.ts()
            ),
        ));
    }
    Ok(ts.min(complete))
}
