//! [`Kept`]: one vector index and how it stays in step with what is published.
//!
//! One thread changes it, its keeper's; searches wait until it has come as far as they need. A change of many documents
//! is made in parts, between which nobody searches, so whatever is searched is one published state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fusion_schema::id::InternalId;
use fusion_schema::table::VectorIndexDefinition;
use imbl::OrdMap;
use parking_lot::{Condvar, Mutex, RwLock};

use super::extract::{Extracted, Extractor};
use super::folder::Folder;
use super::index::VectorIndex;
use super::scan::{Filter, Found};
use super::segment::{Shape, Version};
use crate::clock::Moment;
use crate::database::document::Entry;
use crate::database::log::LogEntry;
use crate::database::snapshot::{Snapshot, Timestamp};
use crate::error::{Error, Result};
use crate::store::{StoreReader, TableId};

/// Documents read at a time.
const PART_DOCUMENTS: usize = 512;
/// Documents below which one thread reads them.
const PARALLEL_DOCUMENTS_MIN: usize = 64;

/// Which index it is: not its name, so that one that is renamed stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) table: TableId,
    pub(super) vector_field: String,
    pub(super) dimensions: u32,
    pub(super) filter_fields: Vec<String>,
}

impl Identity {
    pub(super) fn new(table: TableId, definition: &VectorIndexDefinition) -> Self {
        Self {
            table,
            vector_field: definition.vector_field.clone(),
            dimensions: definition.dimensions,
            filter_fields: definition.filter_fields.clone(),
        }
    }
}

/// The state that the index is in step with.
#[derive(Debug, Default)]
struct Applied {
    documents: OrdMap<InternalId, Arc<Entry>>,
    push_version: u64,
}

/// How far the keeper has come.
#[derive(Debug, Default)]
struct Progress {
    /// Whether what is in the index is one published state.
    is_current: bool,
    /// The timestamp of that state; 0 before the first.
    ts: Timestamp,
    /// The files were found damaged: everything is to be made anew.
    is_damaged: bool,
    /// Something was published, or the keeper is to look for another reason.
    is_called: bool,
    /// Searches that wait.
    waiting: usize,
}

/// See the module's documentation.
pub(super) struct Kept {
    pub(super) identity: Identity,
    extractor: Extractor,
    folder: Folder,
    index: RwLock<VectorIndex>,
    /// Touched by the keeper alone.
    applied: Mutex<Applied>,
    progress: Mutex<Progress>,
    /// The keeper waits here to be called.
    call: Condvar,
    /// Searches wait here for progress.
    changed: Condvar,
    stopping: AtomicBool,
    memory: AtomicUsize,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Kept {
    pub(super) fn new(identity: Identity, definition: &VectorIndexDefinition, folder: Folder) -> Self {
        let shape = Shape { dimensions: identity.dimensions as usize, tags: identity.filter_fields.len() };
        Self {
            identity,
            extractor: Extractor::new(definition),
            folder,
            index: RwLock::new(VectorIndex::new(shape, Vec::new())),
            applied: Mutex::default(),
            progress: Mutex::default(),
            call: Condvar::new(),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
            memory: AtomicUsize::new(0),
        }
    }

    /// Bytes in memory, about.
    pub(super) fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    pub(super) const fn folder(&self) -> &Folder {
        &self.folder
    }

    // ---- for everybody

    /// Tells the keeper that something was published.
    pub(super) fn call(&self) {
        let mut progress = self.progress.lock();
        if !std::mem::replace(&mut progress.is_called, true) {
            self.call.notify_one();
        }
    }

    /// Makes the keeper end.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.call();
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether it has been in step with a published state.
    pub(super) fn is_built(&self) -> bool {
        self.progress.lock().ts > 0
    }

    /// Waits until the index is in step with a state not before `ts`; whether it is.
    pub(super) fn wait(&self, ts: Timestamp, most: Duration) -> bool {
        let until = Moment::now().after(most);
        let mut progress = self.progress.lock();
        progress.waiting += 1;
        let mut is_there = progress.is_current && progress.ts >= ts;
        while !is_there && !self.is_stopping() {
            progress.is_called = true;
            self.call.notify_one();
            if self.changed.wait_until(&mut progress, until.instant()).timed_out() {
                break;
            }
            is_there = progress.is_current && progress.ts >= ts;
        }
        progress.waiting -= 1;
        is_there
    }

    /// The documents most similar to a unit vector in a state not before `ts`, best first; `None` if the index does not
    /// come in step with such a state in time.
    pub(super) fn search(
        &self,
        query: &[f32],
        limit: usize,
        filter: &Filter,
        ts: Timestamp,
        most: Duration,
    ) -> Option<Vec<Found>> {
        let until = Moment::now().after(most);
        loop {
            let left = until.instant().saturating_duration_since(Moment::now().instant());
            if !self.wait(ts, left) {
                return None;
            }
            let index = self.index.read();
            // As long as this is held the keeper changes nothing; but it may have begun to meanwhile.
            if !self.progress.lock().is_current {
                continue;
            }
            match index.search(query, limit, filter) {
                Ok(found) => return Some(found),
                Err(error) => {
                    drop(index);
                    tracing::error!(%error, table = self.identity.table.0, "a vector index is made anew");
                    let mut progress = self.progress.lock();
                    progress.is_current = false;
                    progress.is_damaged = true;
                }
            }
        }
    }

    // ---- for the keeper

    /// Opens what an earlier process left behind.
    pub(super) fn open(&self) {
        let shape =
            Shape { dimensions: self.identity.dimensions as usize, tags: self.identity.filter_fields.len() };
        *self.index.write() = VectorIndex::new(shape, self.folder.open(shape));
    }

    /// Waits until there is something to do, but at most so long. While nobody waits for it, the keeper lets some
    /// commits gather.
    pub(super) fn wait_for_call(&self, most: Duration, gather: Duration) {
        let until = Moment::now().after(most);
        let mut progress = self.progress.lock();
        while !progress.is_called && !self.call.wait_until(&mut progress, until.instant()).timed_out() {}
        let until = Moment::now().after(gather);
        while progress.is_called && progress.waiting == 0 && !self.is_stopping() {
            if self.call.wait_until(&mut progress, until.instant()).timed_out() {
                break;
            }
        }
        progress.is_called = false;
    }

    /// Brings the index from the state it is in step with to a later one. `commits` are those between the two, or
    /// `None` if some are forgotten.
    pub(super) fn follow(
        &self,
        now: &Snapshot,
        commits: Option<Vec<Arc<LogEntry>>>,
        reader: &dyn StoreReader,
    ) -> Result<()> {
        let (is_first, is_damaged) = {
            let mut progress = self.progress.lock();
            let is_damaged = std::mem::take(&mut progress.is_damaged);
            if is_damaged || progress.ts == 0 {
                progress.is_current = false;
            }
            (progress.ts == 0, is_damaged)
        };
        let mut applied = self.applied.lock();
        if is_damaged {
            self.folder.remove();
            self.open();
            applied.documents = OrdMap::new();
        }
        let table = now.0.tables.get(&self.identity.table);
        let documents = table.map(|table| table.documents.clone()).unwrap_or_default();
        let commits = commits.filter(|_| {
            // Imports say nothing in the log, but change the version as a push does.
            !is_first && !is_damaged && applied.push_version == now.push_version()
        });
        match commits {
            Some(commits) => {
                let writes = commits.iter().flat_map(|commit| &commit.writes);
                let mut ids: Vec<InternalId> =
                    writes.filter(|write| write.table == self.identity.table).map(|write| write.id).collect();
                ids.sort_unstable();
                ids.dedup();
                let changes = ids.iter().map(|id| (*id, documents.get(id).cloned()));
                self.change(changes, reader)?;
            }
            None => self.compare(&applied.documents, &documents, reader)?,
        }
        if self.is_stopping() && !self.progress.lock().is_current {
            return Ok(());
        }
        *applied = Applied { documents, push_version: now.push_version() };
        drop(applied);
        self.memory.store(self.index.read().memory(), Ordering::Relaxed);
        let mut progress = self.progress.lock();
        progress.ts = now.ts();
        progress.is_current = !progress.is_damaged;
        drop(progress);
        self.changed.notify_all();
        Ok(())
    }

    /// As [`Kept::follow`], without knowing what was written between the two states.
    fn compare(
        &self,
        before: &OrdMap<InternalId, Arc<Entry>>,
        after: &OrdMap<InternalId, Arc<Entry>>,
        reader: &dyn StoreReader,
    ) -> Result<()> {
        let gone: Vec<InternalId> = self
            .index
            .read()
            .versions()
            .map(|version| version.id)
            .filter(|id| !after.contains_key(id))
            .collect();
        let mut known = before.iter().peekable();
        let changed = after.iter().filter(move |(id, entry)| {
            while known.next_if(|(known, _)| known < id).is_some() {}
            !known.peek().is_some_and(|(known, before)| known == id && Arc::ptr_eq(before, entry))
        });
        let changes = changed.map(|(id, entry)| (*id, Some(entry.clone())));
        self.change(gone.into_iter().map(|id| (id, None)).chain(changes), reader)
    }

    /// Makes changes to documents, in parts if they are many.
    fn change(
        &self,
        changes: impl Iterator<Item = (InternalId, Option<Arc<Entry>>)>,
        reader: &dyn StoreReader,
    ) -> Result<()> {
        let mut part = Vec::with_capacity(PART_DOCUMENTS);
        for (id, entry) in changes {
            let known = self.index.read().version_of(&id);
            if known == entry.as_ref().map(|entry| entry.ts()) {
                continue;
            }
            part.push((id, entry));
            if part.len() == PART_DOCUMENTS {
                self.progress.lock().is_current = false;
                self.change_part(std::mem::take(&mut part), reader)?;
                if self.is_stopping() {
                    return Ok(());
                }
            }
        }
        self.change_part(part, reader)
    }

    fn change_part(
        &self,
        part: Vec<(InternalId, Option<Arc<Entry>>)>,
        reader: &dyn StoreReader,
    ) -> Result<()> {
        if part.is_empty() {
            return Ok(());
        }
        let threads = match part.len() {
            0..PARALLEL_DOCUMENTS_MIN => 1,
            _ => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let read = |part: &[(InternalId, Option<Arc<Entry>>)]| -> Result<Vec<Option<Extracted>>> {
            let read = |entry: &Arc<Entry>| Ok(self.extractor.read(&entry.passing_body(reader)?));
            part.iter().map(|(_, entry)| entry.as_ref().map_or(Ok(None), read)).collect()
        };
        let (first, others) = part.split_at(part.len().div_ceil(threads));
        let extracted = std::thread::scope(|scope| -> Result<Vec<Option<Extracted>>> {
            let others: Vec<_> =
                others.chunks(first.len().max(1)).map(|part| scope.spawn(move || read(part))).collect();
            let mut extracted = read(first)?;
            for other in others {
                let other = other.join();
                extracted.extend(other.unwrap_or_else(|_| Err(Error::internal("Reading vectors failed.")))?);
            }
            Ok(extracted)
        })?;
        let mut index = self.index.write();
        for ((id, entry), extracted) in part.into_iter().zip(extracted) {
            match entry.zip(extracted) {
                Some((entry, extracted)) => index.insert(Version { id, ts: entry.ts() }, &extracted),
                None => index.remove(&id),
            }
        }
        let is_full = index.is_full();
        drop(index);
        if is_full {
            self.seal();
        }
        Ok(())
    }

    /// Seals the open segment, if there is anything in it.
    pub(super) fn seal(&self) {
        let index = self.index.read();
        let (number, rows) = index.open_segment();
        if rows == 0 {
            return;
        }
        let written =
            self.folder.segment(number).and_then(|path| path.map(|path| index.write_open(&path)).transpose());
        drop(index);
        let file = written.unwrap_or_else(|error| {
            tracing::warn!(%error, "vectors stay in memory because their file cannot be written");
            None
        });
        self.index.write().seal(file);
    }

    /// Takes apart segments of which little lives.
    pub(super) fn tidy(&self) {
        while !self.is_stopping()
            && let Some(number) = { self.index.read().wasteful() }
        {
            let living = self.index.read().living(number);
            let living = match living {
                Ok(living) => living,
                Err(error) => {
                    tracing::error!(%error, table = self.identity.table.0, "a vector index is made anew");
                    let mut progress = self.progress.lock();
                    progress.is_current = false;
                    progress.is_damaged = true;
                    progress.is_called = true;
                    return;
                }
            };
            let mut index = self.index.write();
            for (version, extracted) in &living {
                index.insert(*version, extracted);
            }
            let segment = index.take(number);
            let is_full = index.is_full();
            drop(index);
            if is_full {
                self.seal();
            }
            // Only now: had the process ended before, the rows would still have been in the file.
            if let Some(segment) = segment {
                segment.discard();
            }
        }
        self.memory.store(self.index.read().memory(), Ordering::Relaxed);
    }
}
