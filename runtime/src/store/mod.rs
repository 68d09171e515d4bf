//! The durable store: the current version of every document and the records that make mutations exactly-once.
//!
//! SQLite is the one implementation so far and lives in [`sqlite`] alone; the trait is where a Postgres store
//! joins. A store keeps no versions but the current ones and knows nothing of indexes, schemas or functions: it writes
//! batches durably, loads everything at start-up, and reads single bodies back that memory let go of. Of documents that
//! were deleted it remembers for a while that they were, for readers who follow all changes.

pub mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;

use fusion_schema::id::InternalId;
use thiserror::Error;

/// A table inside the store. Unlike a table's name or number it is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

/// Why a store could not do something, by what has to happen next.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Nothing was written; trying again later can succeed (disk full, file busy).
    #[error("{0}")]
    Transient(String),
    /// What was written is unknown; the process must stop (failed fsync, I/O error).
    #[error("{0}")]
    Fatal(String),
    /// The data folder cannot be used; the message says why and what to do.
    #[error("{0}")]
    Unusable(String),
}

/// When a commit counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// After an fsync of its batch.
    Full,
    /// After it was handed to the operating system; an fsync follows within
    /// [`sqlite::RELAXED_SYNC_INTERVAL`]. A power failure can lose that much, a killed process loses nothing.
    Relaxed,
}

/// Where the data is and how it is kept.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The data folder; `None` keeps everything in memory (tests).
    pub folder: Option<PathBuf>,
    /// When a commit counts as durable.
    pub durability: Durability,
}

/// A document as the store holds it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The row's number in its table; grows with insertion, so that inserts append.
    pub slot: u64,
    /// The document inside its table.
    pub id: InternalId,
    /// The commit that wrote this version.
    pub ts: u64,
    /// Milliseconds since the epoch.
    pub creation_time: f64,
    /// Canonical encoded JSON. Of long rows that were loaded when the store was opened it is empty: they are read with
    /// [`StoreReader::body`].
    pub body: Arc<str>,
}

/// A change to one document.
#[derive(Clone, Debug)]
pub enum RowChange {
    /// A new row in a new slot.
    Insert(Row),
    /// A new version of the row in the slot.
    Update(Row),
    /// Remove the row in the slot.
    Delete {
        /// The row's number in its table.
        slot: u64,
    },
}

impl RowChange {
    /// The row's number in its table.
    pub(crate) const fn slot(&self) -> u64 {
        match self {
            Self::Insert(row) | Self::Update(row) => row.slot,
            Self::Delete { slot } => *slot,
        }
    }

    /// The row's new version, unless it goes.
    pub(crate) const fn row(&self) -> Option<&Row> {
        match self {
            Self::Insert(row) | Self::Update(row) => Some(row),
            Self::Delete { .. } => None,
        }
    }
}

/// What a mutation of a client session left behind, so that a replay of its request can be answered.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// The client's session.
    pub session: u128,
    /// The request inside the session.
    pub request: u32,
    /// The commit's timestamp.
    pub ts: u64,
    /// Whatever the function layer needs to answer again.
    pub payload: Arc<str>,
}

/// A view with which people can query a table by SQL.
#[derive(Clone, Debug)]
pub struct ViewDefinition {
    /// The user's name for the table.
    pub name: String,
    /// The table.
    pub table: TableId,
    /// The top-level fields to show as columns, besides `_id` and `_creationTime`.
    pub columns: Vec<String>,
}

/// Documents of one table that are gone since one timestamp, for readers who follow all changes. It says itself what
/// table that was, because the table may be gone, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The commit, or one of the timestamps that a commit of many deletions has for itself.
    pub ts: u64,
    /// The path of the table's component; empty for the app.
    pub component: Arc<str>,
    /// The table's name.
    pub table: Arc<str>,
    /// The number of the table's ids.
    pub number: u32,
    /// The documents.
    pub ids: Vec<InternalId>,
}

/// All that becomes durable together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Changes in commit order.
    pub changes: Vec<(TableId, RowChange)>,
    /// Records of client sessions in commit order.
    pub records: Vec<SessionRecord>,
    /// The timestamp of the last commit in the batch.
    pub ts: u64,
    /// The SQL views, if they changed.
    pub views: Option<Vec<ViewDefinition>>,
    /// Stagings whose rows count from this batch on.
    pub adopted: Vec<u64>,
    /// Tables that nobody knows any more from this batch on; their rows stay until [`Store::drop_table`].
    pub retired: Vec<TableId>,
    /// Documents that are gone, in the order of their timestamps.
    pub deletions: Vec<Deletion>,
    /// Deletions up to here are forgotten, because not all of them are told.
    pub deletions_floor: Option<u64>,
}

/// Rows that are written ahead of the commit from which on they count.
#[derive(Debug)]
pub struct StagedRows {
    /// What they belong to; [`Batch::adopted`] makes them count. Without that they are gone when the store is
    /// opened again.
    pub staging: u64,
    /// The table.
    pub table: TableId,
    /// Whether the whole table belongs to the staging, not these rows alone.
    pub is_whole_table: bool,
    /// The rows, in adjacent slots.
    pub rows: Vec<Row>,
}

/// Reads beside the writer, from any thread.
pub trait StoreReader: Send + Sync {
    /// The version and body in a slot, if it holds a row.
    fn body(&self, table: TableId, slot: u64) -> Result<Option<(u64, Arc<str>)>, StoreError>;

    /// The record of a session's request.
    fn session_record(&self, session: u128, request: u32) -> Result<Option<SessionRecord>, StoreError>;

    /// The highest request of a session that has a record.
    fn last_request(&self, session: u128) -> Result<Option<u32>, StoreError>;

    /// Calls `each` with the deletions after a timestamp, in order, until it says `false`. Gives the timestamp after
    /// which none is forgotten: if it is later than `after`, some may be missing.
    fn deletions(&self, after: u64, each: &mut dyn FnMut(Deletion) -> bool) -> Result<u64, StoreError>;
}

/// The writer's side; it has one owner.
pub trait Store: Send {
    /// Makes the batch durable as a whole or not at all.
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// Does what can wait until there is nothing to write: makes everything written survive a power failure,
    /// brings the rows up to date. `true` if there is more of it.
    fn tidy(&mut self) -> Result<bool, StoreError>;

    /// Versions written by commits up to this one can be read back with [`StoreReader::body`].
    fn settled(&self) -> u64;

    /// Gives memory back; called when there was nothing to write for a while.
    fn rest(&mut self) -> Result<(), StoreError>;

    /// Writes rows ahead of the commit from which on they count. They can be read back at once, and survive a
    /// power failure with the batch that adopts them.
    fn stage(&mut self, rows: &StagedRows) -> Result<(), StoreError>;

    /// Removes some rows of a staging that was given up; `true` if there are more.
    fn discard(&mut self, staging: u64) -> Result<bool, StoreError>;

    /// Removes some rows of a table that nobody reads any more, at last the table; `true` if there are more.
    fn drop_table(&mut self, table: TableId) -> Result<bool, StoreError>;

    /// Forgets session records older than `ts`.
    fn forget_records(&mut self, ts: u64) -> Result<(), StoreError>;

    /// Forgets some of the deletions up to `ts`; `true` if there are more.
    fn forget_deletions(&mut self, ts: u64) -> Result<bool, StoreError>;
}

/// A store just opened, with what it holds.
pub struct OpenedStore {
    /// The writer.
    pub store: Box<dyn Store>,
    /// The readers.
    pub reader: Arc<dyn StoreReader>,
    /// Every table with its rows in order of their slots.
    pub tables: Vec<(TableId, Vec<Row>)>,
    /// No timestamp above this one was ever handed out.
    pub high_water: u64,
}
