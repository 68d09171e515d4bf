//! [`Document`] and the resident or evicted body behind it.
//!
//! The in-memory state holds one [`Entry`] per document version. Its body, the canonical JSON, may be evicted
//! once it is durable; it is then read back from the store by slot. The store overwrites a slot only after
//! [`Entry::supersede`], which brings an evicted body back first, so a snapshot can always read what it sees.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use fusion_schema::{DocumentId, Object, Value, json};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::store::{StoreReader, TableId};

/// Bytes that all resident bodies take. The memory budget is one of the process, so the counter is too.
static RESIDENT_BYTES: AtomicI64 = AtomicI64::new(0);

/// Bytes that all document bodies in memory take, about.
pub fn resident_bytes() -> usize {
    usize::try_from(RESIDENT_BYTES.load(Ordering::Relaxed)).unwrap_or(0)
}

/// What a body takes in memory. Allocators round up, and bodies that go one by one leave holes: with 100,000 bodies of
/// 29 KB, inserted and evicted as they came, the process took 1.4 times their length, and 1.1 times after a start
/// (`fusion-bench search-vector --documents 100000`).
fn taken(body: &str) -> i64 {
    (body.len() + body.len() / 4) as i64
}

/// One version of a document in memory. There is one for every document, so its size matters.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: DocumentId,
    pub(crate) table: TableId,
    pub(crate) creation_time: f64,
    pub(crate) slot: u64,
    /// The commit that wrote this version; 0 until it is sequenced.
    ts: AtomicU64,
    /// `None` while it is evicted. The lock also guards changes of [`Entry::superseded`].
    body: Mutex<Option<Arc<str>>>,
    /// The size all limits count, see [`Value::size`].
    pub(crate) size: u32,
    /// A newer version was sequenced: the store may overwrite the slot, so the body stays here.
    superseded: AtomicBool,
    /// Read since the evictor last came by.
    touched: AtomicBool,
}

const _: () = assert!(size_of::<Entry>() <= 80);

impl Entry {
    pub(crate) fn new(
        id: DocumentId,
        table: TableId,
        creation_time: f64,
        slot: u64,
        ts: u64,
        size: usize,
        body: Arc<str>,
    ) -> Self {
        RESIDENT_BYTES.fetch_add(taken(&body), Ordering::Relaxed);
        Self {
            id,
            table,
            creation_time,
            slot,
            ts: AtomicU64::new(ts),
            body: Mutex::new(Some(body)),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            superseded: AtomicBool::new(false),
            touched: AtomicBool::new(false),
        }
    }

    /// A version whose body is in the store and not in memory.
    pub(crate) const fn stored(
        id: DocumentId,
        table: TableId,
        creation_time: f64,
        slot: u64,
        ts: u64,
        size: u32,
    ) -> Self {
        Self {
            id,
            table,
            creation_time,
            slot,
            ts: AtomicU64::new(ts),
            body: Mutex::new(None),
            size,
            superseded: AtomicBool::new(false),
            touched: AtomicBool::new(false),
        }
    }

    pub(crate) fn ts(&self) -> u64 {
        self.ts.load(Ordering::Relaxed)
    }

    pub(crate) fn stamp(&self, ts: u64) {
        self.ts.store(ts, Ordering::Relaxed);
    }

    /// The body, read back from the store if it was evicted.
    pub(crate) fn body(&self, reader: &dyn StoreReader) -> Result<Arc<str>> {
        if let Some(body) = &*self.body.lock() {
            if !self.touched.load(Ordering::Relaxed) {
                self.touched.store(true, Ordering::Relaxed);
            }
            return Ok(body.clone());
        }
        let stored = reader.body(self.table, self.slot);
        let mut body = self.body.lock();
        if let Some(body) = &*body {
            // Somebody else was faster, or the store was about to overwrite the slot.
            return Ok(body.clone());
        }
        match stored {
            Ok(Some((ts, text))) if ts == self.ts() => {
                RESIDENT_BYTES.fetch_add(taken(&text), Ordering::Relaxed);
                *body = Some(text.clone());
                self.touched.store(true, Ordering::Relaxed);
                Ok(text)
            }
            Ok(found) => Err(Error::internal(format!(
                "Document {} of commit {} is not in the store (found commit {:?}).",
                self.id,
                self.ts(),
                found.map(|(ts, _)| ts)
            ))),
            Err(error) => Err(Error::internal("A document could not be read back.").with_source(error)),
        }
    }

    /// The body, which is not kept in memory if it was evicted: for readers of everything.
    pub(crate) fn passing_body(&self, reader: &dyn StoreReader) -> Result<Arc<str>> {
        if let Some(body) = self.resident_body() {
            return Ok(body);
        }
        match reader.body(self.table, self.slot) {
            Ok(Some((ts, text))) if ts == self.ts() => Ok(text),
            // The store may have been about to overwrite the slot: then the body is in memory by now.
            _ => self.body(reader),
        }
    }

    /// The body if it is in memory.
    pub(crate) fn resident_body(&self) -> Option<Arc<str>> {
        self.body.lock().clone()
    }

    /// Announces that the store will overwrite the slot: the body is made resident and stays so.
    pub(crate) fn supersede(&self, reader: &dyn StoreReader) -> Result<()> {
        let body = self.body.lock();
        self.superseded.store(true, Ordering::Relaxed);
        if body.is_some() {
            return Ok(());
        }
        drop(body);
        self.body(reader).map(|_| ())
    }

    /// Takes [`Entry::supersede`] back, after a batch that was rolled back.
    pub(crate) fn restore(&self) {
        let _body = self.body.lock();
        self.superseded.store(false, Ordering::Relaxed);
    }

    /// Lets go of the body, unless it was read since the last visit; gives the bytes freed. Only for durable
    /// versions.
    pub(crate) fn evict(&self) -> usize {
        if self.touched.swap(false, Ordering::Relaxed) {
            return 0;
        }
        let mut body = self.body.lock();
        if self.superseded.load(Ordering::Relaxed) {
            return 0;
        }
        let Some(body) = body.take() else { return 0 };
        RESIDENT_BYTES.fetch_sub(taken(&body), Ordering::Relaxed);
        body.len()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(body) = self.body.get_mut() {
            RESIDENT_BYTES.fetch_sub(taken(body), Ordering::Relaxed);
        }
    }
}

/// A document as a transaction read or wrote it.
#[derive(Clone, Debug)]
pub struct Document {
    entry: Arc<Entry>,
    body: Arc<str>,
    fields: OnceLock<Arc<Object>>,
}

impl Document {
    pub(crate) const fn new(entry: Arc<Entry>, body: Arc<str>) -> Self {
        Self { entry, body, fields: OnceLock::new() }
    }

    pub(crate) fn with_fields(entry: Arc<Entry>, body: Arc<str>, fields: Arc<Object>) -> Self {
        Self { entry, body, fields: OnceLock::from(fields) }
    }

    pub(crate) const fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The document's id.
    pub fn id(&self) -> DocumentId {
        self.entry.id
    }

    /// When it was inserted, in milliseconds since the epoch.
    pub fn creation_time(&self) -> f64 {
        self.entry.creation_time
    }

    /// The canonical encoded JSON, `_id` and `_creationTime` included.
    pub fn json(&self) -> &Arc<str> {
        &self.body
    }

    /// The fields, `_id` and `_creationTime` included; parsed on first use.
    pub fn fields(&self) -> &Arc<Object> {
        self.fields.get_or_init(|| match json::decode(&self.body) {
            Ok(Value::Object(object)) => Arc::new(object),
            // Bodies are written by `json::encode` alone and checked at load, so this is a damaged file.
            _ => Arc::new(Object::new()),
        })
    }

    /// The document as a value.
    pub fn to_value(&self) -> Value {
        Value::Object((**self.fields()).clone())
    }

    /// The fields, `_id` and `_creationTime` included, for the caller to keep.
    pub fn into_fields(self) -> Object {
        self.fields();
        self.fields.into_inner().map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    /// Size in bytes of [`Value::size`].
    pub fn size(&self) -> usize {
        self.entry.size as usize
    }
}
