//! The commit pipeline: *sequence → make durable → publish*.
//!
//! ```text
//! runner threads          store thread                      publisher thread
//! commit() ── lock head ─► pending ──► one batch, one fsync ──► publish snapshot, log
//!   check reads, stamp,     (while it syncs, the next            release responses, then
//!   apply, unlock            batch gathers)                      wake live queries
//! ```
//!
//! *Sequencing* happens on the caller's own thread under one short lock (a few microseconds: check the read
//! set against commits since the begin timestamp, stamp, apply to the head). A separate sequencer thread would
//! cost two context switches per transaction and order nothing better. Nothing is acknowledged before the
//! fsync; a caller that is alone does that itself, for the same reason. A batch that fails transiently is rolled
//! back as a whole: the head becomes what is published, everything that had seen more is refused, and writes are
//! refused until the store takes them again. Responses are released before live queries are woken, so a session
//! always sends a mutation's response before a transition with its effect.
//!
//! A transaction that keeps losing takes a *lease of the head*: everybody else's commit waits (with a
//! deadline), so it cannot lose again.

use std::collections::VecDeque;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::catalog::{Catalog, DEPLOYMENT_STATE, INDEXES, SCHEMAS, derive_catalog};
use super::chores::{Chore, Retired};
use super::commit_ts::resolve_commit_ts;
use super::deletions::DroppedDocuments;
use super::document::Entry;
use super::log::{CommitLog, LogEntry};
use super::reads::ReadSet;
use super::snapshot::{Snapshot, State, Timestamp};
use super::transaction::Transaction;
use super::writes::{FinalWrite, Writes};
use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::limits::{HEAD_LEASE_MAX, PENDING_BYTES_MAX, PENDING_COMMITS_MAX};
use crate::store::{Batch, Row, RowChange, SessionRecord, Store, StoreError, TableId, ViewDefinition};

/// How often the store is tried again while it refuses writes, and how often idle work is done.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_millis(200);
/// Commits of a batch that the store's thread publishes itself.
const PUBLISHED_AT_ONCE_MAX: usize = 8;
/// After how long without a write the store gives memory back.
const REST_AFTER: Duration = Duration::from_secs(2);
/// How long session records are kept, in nanoseconds: 14 days.
const SESSION_RECORD_AGE_MAX: u64 = 14 * 24 * 3_600 * 1_000_000_000;
/// How often old session records are looked for.
const SESSION_RECORD_SWEEP_INTERVAL: Duration = Duration::from_secs(6 * 3_600);

/// How often the publisher looks for callbacks that came while it called others.
const RELEASE_ROUNDS_MAX: u32 = 64;

/// Called once, when what it waited for is durable or never will be.
pub type DurableCallback = Box<dyn FnOnce(Result<()>) + Send>;

/// What becomes durable together with a transaction.
#[derive(Debug, Default)]
pub struct CommitExtras {
    /// The record that answers a replay of the client's request; its timestamp is filled in.
    pub record: Option<SessionRecord>,
    /// Whether the caller's own thread may wait for the disk, because it has nothing else to do.
    pub is_unhurried: bool,
}

/// A transaction that has its place in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its timestamp; of a transaction without writes, the one of its snapshot.
    pub ts: Timestamp,
}

/// The sequenced state, which is ahead of the published one by what is not durable yet.
pub(super) struct Head {
    pub(super) snapshot: Arc<State>,
    pub(super) last_ts: Timestamp,
    pub(super) log: CommitLog,
    pending: Vec<PendingCommit>,
    /// Bytes of the documents in `pending`.
    pending_bytes: usize,
    /// What else the next batch brings.
    pub(super) changes: StoreChanges,
    /// What the store does between batches.
    pub(super) chores: VecDeque<Chore>,
    /// Records of commits that are not durable yet.
    records: HashMap<(u128, u32), SessionRecord>,
    lease: Option<Lease>,
    leases: u64,
    /// Why writes are refused.
    refusing: Option<String>,
    stopping: bool,
}

/// What a batch brings beside documents.
#[derive(Debug, Default)]
pub(super) struct StoreChanges {
    /// The SQL views.
    pub(super) views: Option<Vec<ViewDefinition>>,
    /// Stagings whose rows count from now on.
    pub(super) adopted: Vec<u64>,
    /// Tables that nobody knows any more.
    pub(super) retired: Vec<TableId>,
    /// The documents that went with tables, in the order of the commits.
    pub(super) dropped: Vec<DroppedDocuments>,
}

impl Head {
    /// Whether the database is being closed.
    pub(super) const fn is_stopping(&self) -> bool {
        self.stopping
    }
}

impl StoreChanges {
    const fn is_empty(&self) -> bool {
        self.views.is_none() && self.adopted.is_empty() && self.retired.is_empty() && self.dropped.is_empty()
    }
}

struct Lease {
    id: u64,
    deadline: Moment,
}

pub(super) struct PendingCommit {
    pub(super) entry: Arc<LogEntry>,
    pub(super) writes: Vec<FinalWrite>,
    record: Option<SessionRecord>,
    /// The tables, if it deletes documents.
    pub(super) catalog: Option<Arc<Catalog>>,
}

/// Batches on their way from the store thread to the publisher thread.
enum Published {
    Batch { snapshot: Arc<State>, entries: Vec<Arc<LogEntry>> },
    RolledBack { after: Timestamp, to: Timestamp, error: Error },
}

/// Commits on their way to the store.
struct UnwrittenBatch {
    pending: Vec<PendingCommit>,
    changes: StoreChanges,
    /// The state after the last of them.
    snapshot: Arc<State>,
}

/// Who writes: the store's thread, or a thread whose commit is the only one.
struct Writer {
    store: Box<dyn Store>,
    publisher: Sender<Published>,
    /// When something was written last.
    written: Moment,
}

#[derive(Default)]
struct Waiters {
    by_ts: BTreeMap<Timestamp, Vec<DurableCallback>>,
    /// Every callback up to here was called. Later ones are called in the order of their timestamps.
    released: Timestamp,
    /// Timestamps `(after, to]` that were sequenced and never became durable.
    rolled_back: Vec<(Timestamp, Timestamp, Error)>,
}

/// See the module's documentation.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) head: Mutex<Head>,
    /// The store thread waits for work here.
    work: Condvar,
    /// Committers wait here for room or for the end of a lease.
    room: Condvar,
    pub(super) published: ArcSwap<State>,
    /// Published states before that, as many as the limits want, oldest first.
    pub(super) retained: Mutex<VecDeque<Arc<State>>>,
    pub(super) published_log: Mutex<CommitLog>,
    /// Versions up to this commit can be read back from the store.
    settled: AtomicU64,
    /// Batches on their way to the publisher thread.
    unpublished: AtomicUsize,
    /// Tables whose rows go once no snapshot can read them any more.
    pub(super) retired: Mutex<Vec<Retired>>,
    /// Locked before the head. `None` before the start and after the end.
    writer: Mutex<Option<Writer>>,
    /// Stagings that are under way, by their timestamps. Locked before the head.
    pub(super) open_stagings: Mutex<BTreeSet<Timestamp>>,
    waiters: Mutex<Waiters>,
    listeners: Mutex<Vec<Arc<dyn Fn() + Send + Sync>>>,
    pub(super) metrics: CommitMetrics,
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct CommitMetrics {
    /// Transactions sequenced.
    pub commits: AtomicU64,
    /// Batches made durable.
    pub batches: AtomicU64,
    /// Transactions that lost and were run again.
    pub conflicts: AtomicU64,
    /// Head leases taken.
    pub leases: AtomicU64,
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// The parts of a transaction the committer looks at.
struct Finished {
    base: Snapshot,
    reads: ReadSet,
    writes: Vec<FinalWrite>,
    changes_catalog: bool,
    has_commit_ts: bool,
}

impl Finished {
    fn new(tx: Transaction) -> Self {
        let changes_catalog = tx.changes_catalog();
        let has_commit_ts = tx.has_commit_ts();
        let (base, mut reads, writes): (_, _, Writes) = tx.into_parts();
        reads.normalize();
        Self { base, reads, writes: writes.into_final(), changes_catalog, has_commit_ts }
    }
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, state: Arc<State>) -> Self {
        let ts = state.ts;
        Self {
            shared,
            head: Mutex::new(Head {
                snapshot: state.clone(),
                last_ts: ts,
                log: CommitLog::new(ts),
                pending: Vec::new(),
                pending_bytes: 0,
                changes: StoreChanges::default(),
                chores: VecDeque::new(),
                records: HashMap::new(),
                lease: None,
                leases: 0,
                refusing: None,
                stopping: false,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            published: ArcSwap::new(state),
            retained: Mutex::default(),
            published_log: Mutex::new(CommitLog::new(ts)),
            settled: AtomicU64::new(0),
            unpublished: AtomicUsize::new(0),
            retired: Mutex::default(),
            writer: Mutex::new(None),
            open_stagings: Mutex::default(),
            waiters: Mutex::new(Waiters { released: ts, ..Waiters::default() }),
            listeners: Mutex::new(Vec::new()),
            metrics: CommitMetrics::default(),
        }
    }

    /// Starts the store and publisher threads.
    pub(super) fn start(
        self: &Arc<Self>,
        store: Box<dyn Store>,
    ) -> std::io::Result<Vec<std::thread::JoinHandle<()>>> {
        let (sender, receiver) = channel();
        let (writer, publisher) = (self.clone(), self.clone());
        *self.writer.lock() = Some(Writer { store, publisher: sender, written: Moment::now() });
        Ok(vec![
            std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run_store())?,
            std::thread::Builder::new()
                .name("publisher".to_owned())
                .spawn(move || publisher.run_publisher(&receiver))?,
        ])
    }

    /// Makes the threads stop once everything sequenced is durable.
    pub(super) fn stop(&self) {
        self.head.lock().stopping = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// Versions up to this commit can be read back from the store.
    pub(super) fn settled(&self) -> Timestamp {
        self.settled.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.head.lock().stopping
    }

    pub(super) fn listen(&self, listener: Arc<dyn Fn() + Send + Sync>) {
        self.listeners.lock().push(listener);
    }

    // ---- sequencing

    pub(super) fn begin(&self) -> Snapshot {
        Snapshot(self.head.lock().snapshot.clone())
    }

    /// Checks and sequences a transaction. `lease` is the caller's own lease of the head.
    pub(super) fn commit(
        &self,
        tx: Transaction,
        extras: CommitExtras,
        lease: Option<u64>,
    ) -> Result<Committed> {
        let finished = Finished::new(tx);
        if finished.writes.is_empty() && extras.record.is_none() {
            return Ok(Committed { ts: finished.base.ts() });
        }
        let mut head = self.head.lock();
        self.wait_for_turn(&mut head, lease)?;
        if let Err(error) = check(&head, &finished) {
            count(&self.metrics.conflicts, 1);
            return Err(error);
        }
        let Finished { mut writes, changes_catalog, has_commit_ts, .. } = finished;
        let ts = self.next_ts(&mut head);
        if has_commit_ts {
            resolve_commit_ts(&head.snapshot.catalog, &mut writes, ts);
        }
        let state = Arc::make_mut(&mut head.snapshot);
        state.ts = ts;
        state.apply(&writes);
        if changes_catalog {
            let catalog_writes = |table| writes.iter().any(|write| write.log.table == table);
            if [INDEXES, SCHEMAS, DEPLOYMENT_STATE].into_iter().any(catalog_writes) {
                state.push_version += 1;
            }
            state.catalog = Arc::new(derive_catalog(&self.shared, state)?);
        }
        self.sequence(&mut head, ts, writes, extras.record);
        drop(head);
        if extras.is_unhurried {
            self.write_at_once();
        } else {
            self.wake_store();
        }
        Ok(Committed { ts })
    }

    /// Appends a commit that was applied to the head.
    pub(super) fn sequence(
        &self,
        head: &mut Head,
        ts: Timestamp,
        writes: Vec<FinalWrite>,
        record: Option<SessionRecord>,
    ) {
        for entry in writes.iter().filter_map(|write| write.new.as_ref()) {
            entry.stamp(ts);
            head.pending_bytes += entry.size as usize;
        }
        let entry = Arc::new(LogEntry {
            ts,
            push_version: head.snapshot.push_version,
            writes: writes.iter().map(|write| write.log.clone()).collect(),
        });
        head.log.push(entry.clone());
        let record = record.map(|record| SessionRecord { ts, ..record });
        if let Some(record) = &record {
            head.records.insert((record.session, record.request), record.clone());
        }
        let deletes = writes.iter().any(|write| write.new.is_none());
        let catalog = deletes.then(|| head.snapshot.catalog.clone());
        head.pending.push(PendingCommit { entry, writes, record, catalog });
        count(&self.metrics.commits, 1);
    }

    /// Every commit has its own timestamp, close to the clock and never going back.
    pub(super) fn next_ts(&self, head: &mut Head) -> Timestamp {
        let ts = self.shared.clock.unix_ns().max(head.last_ts + 1);
        head.last_ts = ts;
        ts
    }

    /// Sets the SQL views that the next batch brings into the data file.
    pub(super) fn set_views(&self, head: &mut Head, views: Vec<ViewDefinition>) {
        head.changes.views = Some(views);
    }

    /// Wakes the store thread after [`Committer::sequence`].
    pub(super) fn wake_store(&self) {
        self.work.notify_one();
    }

    /// Waits until nobody else holds the head and there is room for another commit.
    pub(super) fn wait_for_turn(
        &self,
        head: &mut parking_lot::MutexGuard<'_, Head>,
        lease: Option<u64>,
    ) -> Result<()> {
        let deadline = Moment::now().after(HEAD_LEASE_MAX);
        loop {
            if let Some(reason) = &head.refusing {
                return Err(refused(reason));
            }
            if head.stopping {
                return Err(Error::overloaded(
                    "ShuttingDown",
                    "The server is shutting down. Try again later.",
                ));
            }
            match &head.lease {
                Some(held) if Some(held.id) != lease => {
                    let until = held.deadline;
                    if self.room.wait_until(head, until.instant()).timed_out() {
                        head.lease = None;
                    }
                    continue;
                }
                None if lease.is_some() => {
                    return Err(Error::bad_request(
                        "FunctionTimedOut",
                        "The function ran for too long while others waited for it, so its writes were refused.",
                    ));
                }
                _ => {}
            }
            if head.pending.len() < PENDING_COMMITS_MAX && head.pending_bytes < PENDING_BYTES_MAX {
                return Ok(());
            }
            if self.room.wait_until(head, deadline.instant()).timed_out() {
                return Err(Error::overloaded(
                    "CommitterFullError",
                    "Too many writes are waiting for the disk. Slow down and try again.",
                ));
            }
        }
    }

    /// Takes the head for the caller alone.
    pub(super) fn lease(&self) -> Result<u64> {
        let mut head = self.head.lock();
        self.wait_for_turn(&mut head, None)?;
        head.leases += 1;
        let id = head.leases;
        head.lease = Some(Lease { id, deadline: Moment::now().after(HEAD_LEASE_MAX) });
        count(&self.metrics.leases, 1);
        Ok(id)
    }

    pub(super) fn release(&self, id: u64) {
        let mut head = self.head.lock();
        if head.lease.as_ref().is_some_and(|lease| lease.id == id) {
            head.lease = None;
            self.room.notify_all();
        }
    }

    /// The record of a request that is sequenced, whether durable or not.
    pub(super) fn session_record(&self, session: u128, request: u32) -> Result<Option<SessionRecord>> {
        if let Some(record) = self.head.lock().records.get(&(session, request)) {
            return Ok(Some(record.clone()));
        }
        self.shared.reader.session_record(session, request).map_err(|error| {
            Error::internal("The record of an earlier request could not be read.").with_source(error)
        })
    }

    /// The highest request of a session that has a record, durable or not.
    pub(super) fn last_request(&self, session: u128) -> Result<Option<u32>> {
        // First what is not durable yet: a record leaves there only after the store has it.
        let head = self.head.lock();
        let sequenced =
            head.records.keys().filter(|(found, _)| *found == session).map(|(_, request)| *request).max();
        drop(head);
        let stored = self.shared.reader.last_request(session).map_err(|error| {
            Error::internal("The records of earlier requests could not be read.").with_source(error)
        })?;
        Ok(sequenced.max(stored))
    }

    // ---- durability

    /// Calls back once everything up to `ts` is durable, or will never be.
    pub(super) fn when_durable(&self, ts: Timestamp, callback: DurableCallback) {
        let mut waiters = self.waiters.lock();
        if let Some((.., error)) = waiters.rolled_back.iter().find(|(after, to, _)| *after < ts && ts <= *to)
        {
            let error = error.clone();
            drop(waiters);
            callback(Err(error));
        } else if ts <= waiters.released {
            drop(waiters);
            callback(Ok(()));
        } else {
            waiters.by_ts.entry(ts).or_default().push(callback);
        }
    }

    /// What waits for the store, with the state it leads to.
    fn take_batch(&self, head: &mut Head) -> UnwrittenBatch {
        let batch = UnwrittenBatch {
            pending: std::mem::take(&mut head.pending),
            changes: std::mem::take(&mut head.changes),
            snapshot: head.snapshot.clone(),
        };
        head.pending_bytes = 0;
        batch
    }

    /// Makes what waits durable on the caller's own thread, unless the store is busy: for a caller who has nothing
    /// else to do, and saves two switches of threads.
    fn write_at_once(&self) {
        let Some(mut writer) = self.writer.try_lock() else { return self.wake_store() };
        let Some(writer) = &mut *writer else { return };
        let batch = {
            let mut head = self.head.lock();
            // More than one commit waits, or the end of the process: the store's thread knows what to do first.
            if head.pending.len() != 1 || !head.changes.is_empty() || head.stopping {
                drop(head);
                return self.wake_store();
            }
            self.take_batch(&mut head)
        };
        self.write_batch(writer, batch);
        if !self.has_no_work() {
            self.wake_store();
        }
    }

    fn run_store(&self) {
        let mut swept = Moment::now();
        let mut deletions_swept = None;
        loop {
            let mut head = self.head.lock();
            if head.pending.is_empty() && head.changes.is_empty() && head.chores.is_empty() && !head.stopping
            {
                self.work.wait_for(&mut head, HOUSEKEEPING_INTERVAL);
            }
            drop(head);
            // Whoever writes at once holds it, too: what commits meanwhile is part of this batch.
            let mut writer = self.writer.lock();
            let Some(writing) = &mut *writer else { return };
            let mut head = self.head.lock();
            let batch = self.take_batch(&mut head);
            let chore = head.chores.pop_front();
            let (stopping, refusing) = (head.stopping, head.refusing.is_some());
            drop(head);
            self.room.notify_all();
            let has_batch = !batch.pending.is_empty() || !batch.changes.is_empty();
            if has_batch {
                self.write_batch(writing, batch);
            }
            let has_chore = chore.is_some();
            if let Some(chore) = chore {
                self.do_chore(&mut *writing.store, chore, refusing || stopping);
                writing.written = Moment::now();
            }
            let store = &mut *writing.store;
            if !refusing && !stopping {
                self.sweep_deletions(store, &mut deletions_swept);
            }
            if has_batch || has_chore {
                self.look_for_retired();
                continue;
            }
            if stopping {
                while self.tidy(store) {}
                // The publisher stops when nobody can send it anything.
                *writer = None;
                return;
            }
            if refusing {
                self.probe(store);
            } else {
                // More of it goes on as soon as nothing else is to be done.
                while self.tidy(store) && self.has_no_work() {}
                self.look_for_retired();
                if writing.written.elapsed() > REST_AFTER
                    && let Err(error) = writing.store.rest()
                {
                    self.note_failure(&error);
                }
            }
            if swept.elapsed() > SESSION_RECORD_SWEEP_INTERVAL {
                swept = Moment::now();
                let oldest = self.shared.clock.unix_ns().saturating_sub(SESSION_RECORD_AGE_MAX);
                if let Err(error) = writing.store.forget_records(oldest) {
                    self.note_failure(&error);
                }
            }
        }
    }

    fn has_no_work(&self) -> bool {
        let head = self.head.lock();
        head.pending.is_empty() && head.chores.is_empty()
    }

    /// Has the store do what could wait; whether there is more of it.
    fn tidy(&self, store: &mut dyn Store) -> bool {
        let more = store.tidy();
        self.settled.store(store.settled(), Ordering::Relaxed);
        more.unwrap_or_else(|error| {
            self.note_failure(&error);
            false
        })
    }

    fn write_batch(&self, writer: &mut Writer, batch: UnwrittenBatch) {
        let Writer { store, publisher, written } = writer;
        let UnwrittenBatch { pending, changes, snapshot } = batch;
        let result = self.batch(&pending, changes, snapshot.ts).and_then(|batch| store.write(&batch));
        *written = Moment::now();
        match result {
            Ok(()) => {
                self.settled.store(store.settled(), Ordering::Relaxed);
                count(&self.metrics.batches, 1);
                let entries: Vec<_> = pending.iter().map(|commit| commit.entry.clone()).collect();
                if entries.len() <= PUBLISHED_AT_ONCE_MAX && self.unpublished.load(Ordering::Acquire) == 0 {
                    // A switch of threads would take longer.
                    self.publish(snapshot, entries);
                    return;
                }
                self.unpublished.fetch_add(1, Ordering::AcqRel);
                // The publisher lives as long as the sender.
                let _ = publisher.send(Published::Batch { snapshot, entries });
            }
            Err(error) => {
                self.note_failure(&error);
                self.roll_back(publisher, &pending, &error);
            }
        }
    }

    /// The net effect of the commits: of several versions of a document only the last is written.
    fn batch(
        &self,
        pending: &[PendingCommit],
        StoreChanges { views, adopted, retired, dropped }: StoreChanges,
        ts: Timestamp,
    ) -> Result<Batch, StoreError> {
        let (deletions, deletions_floor) = self.deletions_of(pending, &dropped);
        let mut changes: Vec<(TableId, RowChange)> = Vec::new();
        let mut places: HashMap<u64, usize> = HashMap::new();
        for write in pending.iter().flat_map(|commit| &commit.writes) {
            if let Some(old) = &write.old {
                old.supersede(&*self.shared.reader).map_err(|error| StoreError::Fatal(error.to_string()))?;
            }
            let Some(slot) = write.new.as_ref().or(write.old.as_ref()).map(|entry| entry.slot) else {
                continue;
            };
            // A row that this very batch inserts is not in the file yet, whatever happens to it further on.
            let earlier = places.get(&slot).map(|place| &changes[*place].1);
            let is_new = earlier.map_or(write.old.is_none(), |change| matches!(change, RowChange::Insert(_)));
            let change = match &write.new {
                Some(new) if is_new => RowChange::Insert(row(new)?),
                Some(new) => RowChange::Update(row(new)?),
                None => RowChange::Delete { slot },
            };
            match places.get(&slot) {
                Some(place) => changes[*place].1 = change,
                None => {
                    places.insert(slot, changes.len());
                    changes.push((write.log.table, change));
                }
            }
        }
        let records = pending.iter().filter_map(|commit| commit.record.clone()).collect();
        Ok(Batch { changes, records, ts, views, adopted, retired, deletions, deletions_floor })
    }

    /// The head becomes what is published; everything sequenced beyond is refused.
    fn roll_back(&self, publisher: &Sender<Published>, pending: &[PendingCommit], error: &StoreError) {
        let mut head = self.head.lock();
        // The publisher may still be busy with an earlier, durable batch: wait for it.
        let durable = pending.first().map_or(head.last_ts, |commit| commit.entry.ts);
        let durable = head.log.last_before(durable);
        while self.published.load().ts < durable {
            parking_lot::MutexGuard::unlocked(&mut head, || std::thread::sleep(Duration::from_millis(1)));
        }
        let after = self.published.load().ts;
        for old in pending
            .iter()
            .chain(&head.pending)
            .flat_map(|commit| &commit.writes)
            .filter_map(|w| w.old.as_ref())
        {
            old.restore();
        }
        let mut state = State::clone(&self.published.load());
        state.epoch = head.snapshot.epoch + 1;
        head.snapshot = Arc::new(state);
        head.log.truncate_after(after);
        head.pending.clear();
        head.pending_bytes = 0;
        head.records.clear();
        head.changes = StoreChanges::default();
        let to = head.last_ts;
        // Nothing handed out so far may ever be taken for durable.
        let error = refused(&error.to_string());
        let _ = publisher.send(Published::RolledBack { after, to, error });
    }

    pub(super) fn note_failure(&self, error: &StoreError) {
        match error {
            StoreError::Transient(reason) => {
                tracing::error!(reason, "writes are refused until the store takes them again");
                self.head.lock().refusing = Some(reason.clone());
            }
            StoreError::Fatal(_) | StoreError::Unusable(_) => self.fail(error),
        }
    }

    /// Nobody knows what the disk holds: nothing may be acknowledged from here on.
    fn fail(&self, error: &StoreError) {
        let reason = error.to_string();
        tracing::error!(reason, "the store failed; the process must stop");
        self.head.lock().refusing = Some(reason.clone());
        (self.shared.on_fatal)(&reason);
    }

    /// Tries whether the store takes writes again.
    fn probe(&self, store: &mut dyn Store) {
        let ts = self.head.lock().last_ts;
        match store.write(&Batch { ts: ts + 1, ..Batch::default() }) {
            Ok(()) => {
                tracing::info!("the store takes writes again");
                let mut head = self.head.lock();
                head.last_ts = head.last_ts.max(ts + 1);
                head.refusing = None;
            }
            Err(StoreError::Transient(_)) => {}
            Err(error) => self.fail(&error),
        }
    }

    // ---- publishing

    fn run_publisher(&self, batches: &Receiver<Published>) {
        while let Ok(batch) = batches.recv() {
            match batch {
                Published::Batch { snapshot, entries } => {
                    self.publish(snapshot, entries);
                    self.unpublished.fetch_sub(1, Ordering::AcqRel);
                }
                Published::RolledBack { after, to, error } => {
                    let mut waiters = self.waiters.lock();
                    waiters.rolled_back.push((after, to, error.clone()));
                    let lost: Vec<_> =
                        waiters.by_ts.extract_if(.., |ts, _| *ts > after && *ts <= to).collect();
                    drop(waiters);
                    for callback in lost.into_iter().flat_map(|(_, callbacks)| callbacks) {
                        callback(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Has readers see what was put into the head beside the commits (a better index, smaller trees) before the next
    /// commit. `false` while a commit is under way, which may have been sequenced before and would bring back what was
    /// there: to be tried again.
    pub(super) fn publish_head(&self) -> bool {
        // While this is held and nothing is on its way to the publisher, nobody else publishes.
        let Some(_writer) = self.writer.try_lock() else { return false };
        if self.unpublished.load(Ordering::Acquire) > 0 {
            return false;
        }
        let snapshot = self.head.lock().snapshot.clone();
        if self.published.load().ts != snapshot.ts {
            return false;
        }
        self.published.store(snapshot);
        self.tell_listeners();
        true
    }

    fn tell_listeners(&self) {
        let listeners = self.listeners.lock().clone();
        for listener in listeners {
            listener();
        }
    }

    fn publish(&self, snapshot: Arc<State>, entries: Vec<Arc<LogEntry>>) {
        let ts = snapshot.ts;
        if self.shared.limits.retained_states_max > 0 {
            let mut retained = self.retained.lock();
            retained.push_back(self.published.load_full());
            while retained.len() > self.shared.limits.retained_states_max {
                retained.pop_front();
            }
        }
        {
            let mut log = self.published_log.lock();
            entries.into_iter().for_each(|entry| log.push(entry));
            self.published.store(snapshot);
        }
        {
            let mut head = self.head.lock();
            if !head.records.is_empty() {
                head.records.retain(|_, record| record.ts > ts);
            }
        }
        for round in 1.. {
            let mut waiters = self.waiters.lock();
            let later = waiters.by_ts.split_off(&(ts + 1));
            let released = std::mem::replace(&mut waiters.by_ts, later);
            // While callbacks are called, others may come that must not overtake them; but not for ever.
            let is_last = released.is_empty() || round == RELEASE_ROUNDS_MAX;
            if is_last {
                waiters.released = ts;
            }
            drop(waiters);
            for callback in released.into_values().flatten() {
                callback(Ok(()));
            }
            if is_last {
                break;
            }
        }
        self.tell_listeners();
    }
}

pub(super) fn refused(reason: &str) -> Error {
    Error::overloaded(
        "WritesRefused",
        format!("Writes are refused for now, nothing was written: {reason} Reads go on."),
    )
}

fn row(entry: &Arc<Entry>) -> Result<Row, StoreError> {
    let body =
        entry.resident_body().ok_or_else(|| StoreError::Fatal("A new document has no body.".to_owned()))?;
    Ok(Row {
        slot: entry.slot,
        id: entry.id.internal,
        ts: entry.ts(),
        creation_time: entry.creation_time,
        body,
    })
}

/// Whether anything the transaction depends on changed since it began.
fn check(head: &Head, finished: &Finished) -> Result<()> {
    let base = &finished.base.0;
    if base.push_version != head.snapshot.push_version {
        return Err(Error::conflict("Functions or schema changed while this mutation was being run."));
    }
    if base.epoch != head.snapshot.epoch {
        return Err(Error::conflict("What this mutation was based on was rolled back."));
    }
    let Some(mut since) = head.log.since(base.ts) else {
        return Err(Error::conflict(
            "This mutation ran for so long that later writes cannot be checked against it.",
        ));
    };
    let touched = since.find_map(|entry| finished.reads.touched_table(entry));
    match touched {
        None => Ok(()),
        Some(table) => {
            let name = base.catalog.table_by_id(table).map_or("", |table| table.name.as_str());
            Err(Error::conflict(format!(
                "Documents read from or written to the \"{name}\" table changed while this mutation was being run and on every subsequent retry. See https://docs.convex.dev/error#1"
            )))
        }
    }
}
