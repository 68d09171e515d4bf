//! The database: snapshots as values, serializable transactions, a commit pipeline, and what live queries need
//! to know which results a commit touched.
//!
//! - [`Snapshot`]: the committed state at one timestamp ([`snapshot`]); [`Catalog`]: its tables and indexes.
//! - [`Transaction`]: a snapshot, a [`ReadSet`] and writes ([`transaction`]); [`query`] reads ranges and pages.
//! - [`Database::commit`]: *sequence → make durable → publish* ([`committer`]).
//! - [`Database::vector_search`]: documents by the similarity of their vectors ([`vector`]).
//! - [`CommitLog`], [`Token`], [`interval_index`]: which commit invalidates which result.
//! - [`Database::changes_after`], [`Database::deletions_after`]: what happened since any timestamp, also before a restart.
//!
//! The database knows no functions, sessions or JSON-over-HTTP. Documents are kept durable by
//! [`crate::store`]; all indexes live in memory and are rebuilt at start-up.
//!
//! Deliberately absent: versions older than the snapshots somebody holds, and waiting inside a transaction.

mod allowance;
mod attached;
mod bulk;
pub mod catalog;
mod changes;
mod chores;
mod commit_ts;
mod committer;
mod compact;
mod component;
mod component_build;
mod deletions;
mod document;
mod evict;
pub mod interval_index;
mod key;
mod load;
mod log;
mod push;
pub mod query;
mod range_tree;
mod reads;
mod schema_build;
mod search;
mod snapshot;
pub mod staging;
mod transaction;
mod validate;
mod vector;
mod writes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use fusion_schema::DocumentId;
use parking_lot::Mutex;

pub use allowance::Resource;
pub use attached::{AttachedDefinition, AttachedMeta};
pub use catalog::{Catalog, ComponentTables, IndexMeta, TableMeta};
pub use changes::{Change, DocumentVersion};
pub use committer::{CommitExtras, CommitMetrics, Committed, DurableCallback};
pub use component::{ComponentId, ComponentMeta, EnvironmentBinding, child_path};
pub use document::{Document, resident_bytes};
pub use key::{IndexId, Key};
#[cfg(test)]
pub(crate) use log::KeyChange;
pub use log::{CommitLog, LogEntry, LogWrite};
pub use push::{Attachment, SchemaChange, Switched};
pub use query::{
    Expression, Order, Page, PageRequest, PageStatus, Query, QueryOperator, QuerySource, QueryStream,
    SearchExpression,
};
pub use reads::{Interval, ReadSet, SearchReads, Token};
pub use schema_build::{BuildProgress, BuildStep, SchemaBuild, SchemaViolation};
pub use snapshot::{Snapshot, Timestamp};
pub use transaction::{SubTransaction, TableRows, Transaction, TransactionMetrics, TransactionUse};
pub use vector::{VECTOR_FILTERS_MAX, VECTOR_RESULTS_DEFAULT, VECTOR_RESULTS_MAX, VectorMatch, VectorQuery};

pub use crate::store::{Deletion, TableId};

use crate::auth::secrets::Secrets;
use crate::clock::{Clock, Moment, SystemClock};
use crate::error::{Error, Result};
use crate::limits::{Limits, PINNED_SNAPSHOT_AGE_MAX, PINNED_SNAPSHOTS_MAX};
use crate::store::{Durability, OpenedStore, SessionRecord, StoreOptions, StoreReader, sqlite};
use committer::Committer;
use vector::VectorIndexes;

/// Called with the reason when the process must stop because nobody knows what the disk holds.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// How a database is opened.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// The data folder and durability.
    pub store: StoreOptions,
    /// The limits transactions are held to.
    pub limits: Arc<Limits>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// The keys under which cursors are sealed.
    pub secrets: Arc<Secrets>,
    /// What to do when the store fails for good; the default only logs.
    pub on_fatal: OnFatal,
}

impl DatabaseOptions {
    /// A database in memory, for tests.
    pub fn in_memory() -> Self {
        Self {
            store: StoreOptions { folder: None, durability: Durability::Full },
            limits: Arc::new(Limits::default()),
            clock: Arc::new(SystemClock),
            secrets: Arc::new(Secrets::new(crate::auth::secrets::InstanceSecret::generate())),
            on_fatal: Arc::new(|_| {}),
        }
    }

    /// A database in a folder.
    #[must_use]
    pub fn with_folder(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
        self.store.folder = Some(folder.into());
        self
    }
}

/// What transactions and the committer share.
pub(crate) struct Shared {
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
    reader: Arc<dyn StoreReader>,
    secrets: Arc<Secrets>,
    on_fatal: OnFatal,
    /// The next row number in the store.
    slots: AtomicU64,
    /// The next table's identity.
    tables: AtomicU32,
    /// The next component's identity.
    components: AtomicU32,
}

impl Shared {
    fn next_slot(&self) -> u64 {
        self.next_slots(1)
    }

    /// The first of `count` adjacent slots.
    fn next_slots(&self, count: usize) -> u64 {
        self.slots.fetch_add(count as u64, Ordering::Relaxed)
    }

    /// An identity that no table ever had in this process, nor has in the store.
    fn next_table(&self) -> TableId {
        TableId(self.tables.fetch_add(1, Ordering::Relaxed))
    }

    /// An identity that no component ever had in this process, nor has in the store.
    fn next_component(&self) -> ComponentId {
        ComponentId(self.components.fetch_add(1, Ordering::Relaxed))
    }
}

/// See the module's documentation. Clones share one database; it is closed with [`Database::close`], or when
/// the last clone is dropped.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    committer: Arc<Committer>,
    shared: Arc<Shared>,
    vectors: Arc<VectorIndexes>,
    pins: Mutex<VecDeque<(Moment, Snapshot)>>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.vectors.stop();
        self.committer.stop();
        for thread in self.threads.get_mut().drain(..) {
            // A callback may hold the last clone: a thread cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Database {
    /// Opens (or makes) the database and loads it.
    ///
    /// # Errors
    /// One sentence that says what is wrong with the data folder and what to do.
    pub fn open(options: DatabaseOptions) -> Result<Self> {
        let opened = sqlite::open(&options.store).map_err(|error| {
            Error::new(crate::ErrorKind::Internal, "DataFolderUnusable", error.to_string())
        })?;
        Self::open_on(opened, options)
    }

    /// Opens the database on a store.
    fn open_on(opened: OpenedStore, options: DatabaseOptions) -> Result<Self> {
        let data_folder = options.store.folder;
        let shared = Arc::new(Shared {
            clock: options.clock,
            limits: options.limits,
            reader: opened.reader,
            secrets: options.secrets,
            on_fatal: options.on_fatal,
            slots: AtomicU64::new(1),
            tables: AtomicU32::new(fusion_schema::TableNumber::FIRST_USER.0),
            components: AtomicU32::new(1),
        });
        let stored_tables: Vec<TableId> = opened.tables.iter().map(|(table, _)| *table).collect();
        let state = load::load(&shared, data_folder.as_deref(), opened.tables, opened.high_water)?;
        let committer = Arc::new(Committer::new(shared.clone(), Arc::new(state)));
        committer.drop_unknown(stored_tables);
        let failed = |error| Error::internal("The database threads could not be started.").with_source(error);
        let threads = committer.start(opened.store).map_err(failed)?;
        let vectors = VectorIndexes::new(&committer, data_folder.clone());
        vectors.start();
        let listener = vectors.clone();
        committer.listen(Arc::new(move || listener.published()));
        evict::start(&committer, &vectors, shared.limits.body_bytes_max).map_err(failed)?;
        attached::keeper::start(&committer, data_folder).map_err(failed)?;
        let (pins, threads) = (Mutex::new(VecDeque::new()), Mutex::new(threads));
        let inner = Inner { committer, shared, vectors, pins, threads };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Refuses further writes and waits until everything sequenced is durable.
    pub fn close(&self) {
        self.inner.vectors.stop();
        self.inner.committer.stop();
        let threads = std::mem::take(&mut *self.inner.threads.lock());
        for thread in threads {
            let _ = thread.join();
        }
    }

    /// The newest durable state: what queries run on.
    pub fn published(&self) -> Snapshot {
        Snapshot(self.inner.committer.published.load_full())
    }

    /// The newest sequenced state: what mutations run on. Its contents may never become durable, so nothing
    /// of it may leave the process before [`Database::when_durable`].
    pub fn head(&self) -> Snapshot {
        self.inner.committer.begin()
    }

    /// Begins a transaction on a snapshot.
    pub fn begin(&self, snapshot: Snapshot) -> Transaction {
        Transaction::new(snapshot, self.inner.shared.clone())
    }

    /// Begins a transaction on the published state.
    pub fn begin_query(&self) -> Transaction {
        self.begin(self.published())
    }

    /// Begins a transaction on the head.
    pub fn begin_mutation(&self) -> Transaction {
        self.begin(self.head())
    }

    /// Gives a transaction its place in the order of commits. It is not durable yet: see
    /// [`Database::when_durable`].
    ///
    /// # Errors
    /// Conflict if it lost against another transaction and must be run again; overloaded while the store
    /// refuses writes.
    pub fn commit(&self, tx: Transaction, extras: CommitExtras) -> Result<Committed> {
        self.inner.committer.commit(tx, extras, None)
    }

    /// Calls back once everything up to `ts` is durable and published, from the publisher's thread (or at
    /// once); with an error if it never will be. The callback must not block.
    pub fn when_durable(&self, ts: Timestamp, callback: DurableCallback) {
        self.inner.committer.when_durable(ts, callback);
    }

    /// Waits until everything up to `ts` is durable and published.
    ///
    /// # Errors
    /// If it never will be.
    pub async fn durable(&self, ts: Timestamp) -> Result<()> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.when_durable(
            ts,
            Box::new(move |result| {
                // The waiting side may be gone.
                let _ = sender.send(result);
            }),
        );
        receiver
            .await
            .unwrap_or_else(|_| Err(Error::overloaded("ShuttingDown", "The server is shutting down.")))
    }

    /// [`Database::durable`] for threads.
    ///
    /// # Errors
    /// If it never will be.
    pub fn wait_durable(&self, ts: Timestamp) -> Result<()> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.when_durable(
            ts,
            Box::new(move |result| {
                let _ = sender.send(result);
            }),
        );
        receiver
            .recv()
            .unwrap_or_else(|_| Err(Error::overloaded("ShuttingDown", "The server is shutting down.")))
    }

    /// Takes the head for the caller alone: until the lease is dropped (or too old), nobody else commits, so
    /// a transaction begun under it cannot lose.
    ///
    /// # Errors
    /// Overloaded while the store refuses writes.
    pub fn lease_head(&self) -> Result<HeadLease> {
        let id = self.inner.committer.lease()?;
        Ok(HeadLease { database: self.clone(), id })
    }

    /// The record of a client's request that was committed, durable or not yet.
    ///
    /// # Errors
    /// Internal if the store cannot be read.
    pub fn session_record(&self, session: u128, request: u32) -> Result<Option<SessionRecord>> {
        self.inner.committer.session_record(session, request)
    }

    /// The highest request of a client's session that was committed, durable or not yet. No later request of that
    /// session can have been committed before.
    ///
    /// # Errors
    /// Internal if the store cannot be read.
    pub fn last_request(&self, session: u128) -> Result<Option<u32>> {
        self.inner.committer.last_request(session)
    }

    /// Has `listener` called after every publication, once all responses waiting for it were released. It
    /// must not block.
    pub fn on_publish(&self, listener: Arc<dyn Fn() + Send + Sync>) {
        self.inner.committer.listen(listener);
    }

    /// The published commits after `ts`, oldest first; `None` if some are forgotten already.
    pub fn commits_since(&self, ts: Timestamp) -> Option<Vec<Arc<LogEntry>>> {
        Some(self.inner.committer.published_log.lock().since(ts)?.cloned().collect())
    }

    /// Keeps the published snapshot readable for a while and gives its timestamp (`query_ts`).
    pub fn pin(&self) -> Timestamp {
        self.pin_snapshot(self.published())
    }

    /// Keeps a snapshot readable for a while and gives its timestamp.
    pub fn pin_snapshot(&self, snapshot: Snapshot) -> Timestamp {
        let ts = snapshot.ts();
        let mut pins = self.inner.pins.lock();
        while pins.front().is_some_and(|(since, _)| since.elapsed() > PINNED_SNAPSHOT_AGE_MAX)
            || pins.len() >= PINNED_SNAPSHOTS_MAX
        {
            pins.pop_front();
        }
        match pins.iter_mut().find(|(_, pinned)| pinned.ts() == ts) {
            Some((since, _)) => *since = Moment::now(),
            None => pins.push_back((Moment::now(), snapshot)),
        }
        ts
    }

    /// The snapshot at a timestamp, if it is the published one, pinned or retained.
    pub fn snapshot_at(&self, ts: Timestamp) -> Option<Snapshot> {
        let published = self.published();
        if published.ts() == ts {
            return Some(published);
        }
        let retained = self.inner.committer.retained.lock();
        if let Ok(index) = retained.binary_search_by_key(&ts, |state| state.ts) {
            return Some(Snapshot(retained[index].clone()));
        }
        drop(retained);
        let pins = self.inner.pins.lock();
        pins.iter().find(|(_, snapshot)| snapshot.ts() == ts).map(|(_, snapshot)| snapshot.clone())
    }

    /// An identity and a row for a component that is to be made.
    pub fn new_component(&self) -> NewComponent {
        let mut random = transaction::random_seed();
        let internal = transaction::internal_id(self.clock().unix_ms(), &mut random);
        let document = DocumentId::new(fusion_schema::TableNumber(catalog::COMPONENTS.0), internal);
        NewComponent { id: self.inner.shared.next_component(), document }
    }

    /// The documents of a table in order of their ids, each with its canonical JSON. What memory let go of is read
    /// back without being kept.
    pub fn documents_of(
        &self,
        snapshot: &Snapshot,
        table: TableId,
    ) -> impl Iterator<Item = Result<(DocumentId, Arc<str>)>> + use<> {
        let table = snapshot.0.tables.get(&table).cloned();
        let entries = table.as_ref().map(|table| table.documents.clone()).unwrap_or_default();
        let shared = self.inner.shared.clone();
        entries.into_iter().map(move |(_, entry)| {
            // As long as somebody has the table, its rows are there to be read.
            let _ = &table;
            Ok((entry.id, entry.passing_body(&*shared.reader)?))
        })
    }

    /// Counters of the commit pipeline.
    pub fn commit_metrics(&self) -> &CommitMetrics {
        &self.inner.committer.metrics
    }

    /// The limits transactions are held to.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.inner.shared.limits
    }

    /// Where time comes from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.shared.clock
    }

    /// The keys derived from the instance secret.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.inner.shared.secrets
    }
}

/// What a component that is to be made will be known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewComponent {
    /// Its identity inside the engine.
    pub id: ComponentId,
    /// Its row in `_components`.
    pub document: DocumentId,
}

/// The right to commit next; see [`Database::lease_head`].
pub struct HeadLease {
    database: Database,
    id: u64,
}

impl HeadLease {
    /// Begins a transaction that cannot lose.
    pub fn begin(&self) -> Transaction {
        self.database.begin_mutation()
    }

    /// Commits a transaction begun under this lease.
    ///
    /// # Errors
    /// Bad request if the lease was held for too long and others went on without it.
    pub fn commit(&self, tx: Transaction, extras: CommitExtras) -> Result<Committed> {
        self.database.inner.committer.commit(tx, extras, Some(self.id))
    }
}

impl Drop for HeadLease {
    fn drop(&mut self) {
        self.database.inner.committer.release(self.id);
    }
}

#[cfg(test)]
mod push_tests;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod tests;
