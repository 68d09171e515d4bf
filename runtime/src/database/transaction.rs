//! [`Transaction`]: a snapshot, what was read of it, and what is to be written.
//!
//! A transaction never waits and never sees anybody else. It reads its own writes. Sub-transactions take back
//! their own writes and nothing else; what they read stays read, because the caller may have acted on it. All
//! limits of C§11 are counted here, with the texts clients know.

use std::collections::HashMap;
use std::sync::Arc;

use fusion_schema::names::{DOCUMENT_NESTING_MAX, DOCUMENT_SIZE_MAX, check_identifier};
use fusion_schema::{DocumentId, Object, TableNumber, Value, json, object};

use super::allowance::Allowance;
use super::attached::{AttachedIndex, Extract, Extracts};
use super::catalog::{
    COMPONENT_TABLES, COMPONENTS, DEPLOYMENT_STATE, INDEXES, SCHEMAS, SYSTEM_TABLES, TABLES, TableMeta,
    component_of,
};
use super::component::ComponentId;
use super::document::{Document, Entry};
use super::key::{BY_ID, FIRST_DECLARED, IndexId, Key};
use super::query::paginate::{self, Page, PageRequest};
use super::query::{Query, QueryStream};
use super::reads::{Interval, ReadSet, Token};
use super::search::SearchIndex;
use super::search::query::SearchRead;
use super::snapshot::{Snapshot, State, Timestamp};
use super::writes::{Version, Writes};
use super::{Shared, validate};
use crate::error::{Error, Result};
use crate::store::TableId;

mod usage;

pub use usage::{TableRows, TransactionMetrics, TransactionUse};

/// Where a sub-transaction began; see [`Transaction::begin_sub`].
#[derive(Debug)]
#[must_use = "a sub-transaction is committed or rolled back"]
pub struct SubTransaction {
    savepoint: usize,
    tables: Vec<(ComponentId, String)>,
    metrics: TransactionMetrics,
}

/// See the module's documentation.
pub struct Transaction {
    base: Snapshot,
    shared: Arc<Shared>,
    reads: ReadSet,
    writes: Writes,
    metrics: TransactionMetrics,
    /// Index ranges that others read for it; see [`Transaction::count_for`].
    ranges_elsewhere: usize,
    /// What it may use, if that is not what every transaction may.
    allowance: Option<Box<Allowance>>,
    rows: Vec<TableRows>,
    /// The component whose tables it works on.
    component: ComponentId,
    /// Tables this transaction made.
    tables: HashMap<(ComponentId, String), Arc<TableMeta>>,
    /// Milliseconds; the next document's creation time.
    next_creation_time: f64,
    /// The source of ids; seeded on first use.
    random: Option<[u64; 2]>,
    /// A written document holds the placeholder of the commit's timestamp.
    has_commit_ts: bool,
    /// The server's own work is not held to the limits.
    is_unlimited: bool,
    pub(crate) journal: paginate::Journal,
}

impl Transaction {
    pub(crate) fn new(base: Snapshot, shared: Arc<Shared>) -> Self {
        let next_creation_time = shared.clock.unix_ms();
        Self {
            base,
            shared,
            reads: ReadSet::default(),
            writes: Writes::default(),
            metrics: TransactionMetrics::default(),
            ranges_elsewhere: 0,
            allowance: None,
            rows: Vec::new(),
            component: ComponentId::ROOT,
            tables: HashMap::new(),
            next_creation_time,
            random: None,
            has_commit_ts: false,
            is_unlimited: false,
            journal: paginate::Journal::default(),
        }
    }

    /// The snapshot it began with.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.base
    }

    /// The timestamp of the snapshot it began with.
    pub fn begin_ts(&self) -> Timestamp {
        self.base.ts()
    }

    /// Whether nothing was written.
    pub fn is_read_only(&self) -> bool {
        self.writes.is_empty()
    }

    /// The limits it is held to.
    pub fn limits(&self) -> &crate::limits::Limits {
        &self.shared.limits
    }

    /// When it began, in milliseconds since the epoch.
    pub(crate) const fn now_ms(&self) -> f64 {
        self.next_creation_time
    }

    pub(crate) fn state(&self) -> &State {
        &self.base.0
    }

    pub(crate) const fn writes(&self) -> &Writes {
        &self.writes
    }

    pub(crate) fn into_parts(self) -> (Snapshot, ReadSet, Writes) {
        (self.base, self.reads, self.writes)
    }

    pub(crate) const fn has_commit_ts(&self) -> bool {
        self.has_commit_ts
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Grows with every write, so that open scans look again.
    pub(crate) const fn generation(&self) -> u64 {
        self.writes.generation
    }

    /// What a finished query leaves behind.
    pub fn into_token(mut self) -> Token {
        self.reads.normalize();
        Token { ts: self.base.ts(), push_version: self.base.push_version(), reads: self.reads }
    }

    // ---- components

    /// The component whose tables names and ids mean.
    pub const fn component(&self) -> ComponentId {
        self.component
    }

    /// The path of that component; empty for the app.
    pub fn component_path(&self) -> String {
        self.base.catalog().component_path(self.component).unwrap_or_default().to_owned()
    }

    /// From now on names and ids mean tables of this component. Gives the one before, to come back to it.
    pub const fn enter(&mut self, component: ComponentId) -> ComponentId {
        std::mem::replace(&mut self.component, component)
    }

    /// Does something inside a component and comes back.
    pub fn inside<T>(&mut self, component: ComponentId, body: impl FnOnce(&mut Self) -> T) -> T {
        let former = self.enter(component);
        let value = body(self);
        self.enter(former);
        value
    }

    // ---- tables

    /// A table that this transaction made.
    fn made(&self, name: &str) -> Option<&Arc<TableMeta>> {
        if self.tables.is_empty() {
            return None;
        }
        self.tables.get(&(self.component, name.to_owned()))
    }

    /// The table of that name as this transaction sees it; depends on the name from then on.
    pub fn table(&mut self, name: &str) -> Option<Arc<TableMeta>> {
        if let Some(table) = self.made(name) {
            return Some(table.clone());
        }
        if let Some(table) = self.base.catalog().table_in(self.component, name) {
            // Tables never change their number; dropping one is a push, which ends this transaction.
            return Some(table.clone());
        }
        // A table of that name would appear in the index of names.
        if let Some(tables) =
            self.base.catalog().table_by_id(TABLES).and_then(|tables| tables.index("by_name"))
        {
            let mut start = Vec::new();
            fusion_schema::key::encode(&Value::from(name), &mut start);
            let end = fusion_schema::key::prefix_end(&start);
            self.reads.add(Interval { index: tables.id, start, end });
        }
        None
    }

    /// The table whose ids have that number.
    pub fn table_by_number(&self, number: TableNumber) -> Option<Arc<TableMeta>> {
        self.table_by_number_in(self.component, number)
    }

    fn table_by_number_in(&self, component: ComponentId, number: TableNumber) -> Option<Arc<TableMeta>> {
        let is_it = |table: &&Arc<TableMeta>| table.component == component && table.number == number;
        let own = self.tables.values().find(is_it);
        own.or_else(|| self.base.catalog().table_by_number_in(component, number)).cloned()
    }

    /// The name of the table whose ids have that number.
    pub fn table_name(&self, number: TableNumber) -> Option<String> {
        self.table_by_number(number).map(|table| table.name.clone())
    }

    /// The table of that name, made if it does not exist.
    ///
    /// # Errors
    /// Bad request (`InvalidTableName`) if the name is none.
    pub(crate) fn table_or_create(&mut self, name: &str) -> Result<Arc<TableMeta>> {
        if let Some(table) = self.table(name) {
            return Ok(table);
        }
        check_identifier(name).map_err(|error| Error::bad_request("InvalidTableName", error))?;
        if name.starts_with('_') {
            return Err(Error::bad_request(
                "InvalidTableName",
                format!(
                    "Table name \"{name}\" is invalid: names that start with an underscore are reserved."
                ),
            ));
        }
        // Whoever makes a table has seen all tables, so two cannot take one number.
        self.read(Interval { index: IndexId::by_id(TABLES), start: Vec::new(), end: None })?;
        let component = self.component;
        let made = self.tables.values().filter(|table| table.component == component);
        let known = self.base.catalog().tables_in(component).chain(made);
        let number = known.fold(TableNumber::FIRST_USER.0, |number, table| number.max(table.number.0 + 1));
        self.make_table(name, TableNumber(number))
    }

    /// Makes the system tables that the component has for itself.
    pub(crate) fn make_component_tables(&mut self) -> Result<()> {
        for table in SYSTEM_TABLES.iter().filter(|table| COMPONENT_TABLES.contains(&table.name)) {
            self.make_table(table.name, TableNumber(table.number))?;
        }
        Ok(())
    }

    fn make_table(&mut self, name: &str, number: TableNumber) -> Result<Arc<TableMeta>> {
        let (component, id) = (self.component, self.shared.next_table());
        let table = Arc::new(TableMeta::new(id, component, number, name.to_owned()));
        let mut row = object! {"name" => name, "number" => f64::from(number.0), "table" => f64::from(id.0)};
        if !component.is_root() {
            row.insert("component", f64::from(component.0));
        }
        self.insert_system(TABLES, row)?;
        self.tables.insert((component, name.to_owned()), table.clone());
        Ok(table)
    }

    // ---- reading

    /// Adds an interval to the read set.
    pub(crate) fn read(&mut self, interval: Interval) -> Result<usize> {
        self.check_ranges()?;
        Ok(self.reads.add(interval))
    }

    /// Adds a full-text search to the read set.
    pub(crate) fn read_search(&mut self, search: SearchRead) -> Result<()> {
        // The limit is that of ranges, of which it is one.
        self.check_ranges()?;
        self.reads.add_search(search);
        Ok(())
    }

    /// Adds a document that a search found to the read set; the search was counted.
    pub(crate) fn read_found(&mut self, table: TableId, id: fusion_schema::id::InternalId) {
        self.reads.add_uncounted(Interval::point(IndexId::by_id(table), &id));
    }

    /// A full-text index as this transaction sees it, with its own writes.
    pub(crate) fn search_index(&self, index: IndexId) -> SearchIndex {
        let state = self.state().tables.get(&index.table);
        let mut found = match state.and_then(|table| table.attached(index.slot)) {
            Some(AttachedIndex::Search(index)) => index.clone(),
            None => SearchIndex::default(),
        };
        for (id, write) in self.writes.all_of_table(index.table) {
            let text = |version: &Option<Version>| {
                let taken = version.as_ref()?.attached.iter().find(|(slot, _)| *slot == index.slot)?;
                taken.1.as_ref().and_then(Extract::as_search).cloned()
            };
            let (old, new) = (text(&write.old), text(&write.new));
            if old != new {
                found.apply(id, old, new);
            }
        }
        found
    }

    pub(crate) fn widen(&mut self, interval: usize, start: Vec<u8>, end: Option<Vec<u8>>) {
        self.reads.widen(interval, start, end);
    }

    pub(crate) fn end_after(&mut self, interval: usize, key: &[u8]) {
        self.reads.end_after(interval, key);
    }

    pub(crate) fn start_at(&mut self, interval: usize, key: &[u8]) {
        self.reads.start_at(interval, key);
    }

    fn document(&self, entry: &Arc<Entry>) -> Result<Document> {
        Ok(Document::new(entry.clone(), entry.body(&*self.shared.reader)?))
    }

    /// The current version of a document, without recording the read.
    pub(super) fn peek(&self, table: TableId, id: DocumentId) -> Result<Option<Document>> {
        if let Some(write) = self.writes.get(table, id.internal) {
            return Ok(write.new.as_ref().map(|version| version.document.clone()));
        }
        self.state().entry(table, id.internal).map(|entry| self.document(entry)).transpose()
    }

    /// Loads a document that a scan found, and counts it.
    pub(crate) fn load(&mut self, table: TableId, id: fusion_schema::id::InternalId) -> Result<Document> {
        let found = match self.writes.get(table, id) {
            Some(write) => write.new.as_ref().map(|version| version.document.clone()),
            None => self.state().entry(table, id).map(|entry| self.document(entry)).transpose()?,
        };
        let document =
            found.ok_or_else(|| Error::internal("An index names a document that is not there."))?;
        self.count_read(table, document.size())?;
        Ok(document)
    }

    /// A document by its id; `None` if there is none.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn get(&mut self, id: DocumentId) -> Result<Option<Document>> {
        let Some(table) = self.table_by_number(id.table) else {
            // A table with that number may be made later.
            self.read(Interval { index: IndexId::by_id(TABLES), start: Vec::new(), end: None })?;
            return Ok(None);
        };
        self.read(Interval::point(IndexId::by_id(table.id), &id.internal))?;
        let document = self.peek(table.id, id)?;
        if let Some(document) = &document {
            self.count_read(table.id, document.size())?;
        }
        Ok(document)
    }

    /// Opens a query.
    ///
    /// # Errors
    /// `InvalidIndexRange`, `IndexNotFoundError`, or a limit of the transaction.
    pub fn query(&mut self, query: &Query) -> Result<QueryStream> {
        QueryStream::open(self, query)
    }

    /// Reads a page of a query.
    ///
    /// # Errors
    /// As [`Transaction::query`]; `InvalidCursor` as an application error.
    pub fn paginate(&mut self, query: &Query, request: &PageRequest) -> Result<Page> {
        paginate::paginate(self, query, request)
    }

    /// How many documents a table holds, without reading them. Depends on the whole table.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn count(&mut self, table: &str) -> Result<u64> {
        let Some(table) = self.table(table) else { return Ok(0) };
        self.read(Interval { index: IndexId::by_id(table.id), start: Vec::new(), end: None })?;
        let base = self.base.document_count(table.id) as i64;
        let own: i64 = self
            .writes
            .iter()
            .filter(|((written, _), _)| *written == table.id)
            .map(|(_, write)| i64::from(write.new.is_some()) - i64::from(write.old.is_some()))
            .sum();
        Ok(u64::try_from(base + own).unwrap_or(0))
    }

    /// The id in `text`, if it is one of that table.
    pub fn normalize_id(&mut self, table: &str, text: &str) -> Option<DocumentId> {
        let id = DocumentId::decode(text).ok()?;
        self.table(table).filter(|table| table.number == id.table).map(|_| id)
    }

    /// Gives the journal of the last run, so that pages end where they ended then.
    pub fn set_journal(&mut self, journal: Option<&str>) {
        self.journal = paginate::Journal::parse(journal);
    }

    /// The journal of this run; `None` if it read no page.
    pub fn take_journal(&mut self) -> Option<String> {
        self.journal.take()
    }

    // ---- writing

    /// Inserts a document and gives its id. Makes the table if it does not exist.
    ///
    /// # Errors
    /// Bad requests that name what is wrong with the document; a limit of the transaction.
    pub fn insert(&mut self, table: &str, fields: Object) -> Result<DocumentId> {
        for field in ["_id", "_creationTime"] {
            if fields.contains(field) {
                return Err(Error::bad_request(
                    "SystemFieldProvided",
                    format!(
                        "Provided document with a `{field}` field to insert into \"{table}\": the server sets it, so leave it out."
                    ),
                ));
            }
        }
        let meta = self.table_or_create(table)?;
        let id = DocumentId::new(meta.number, self.new_internal_id());
        self.insert_with(&meta, id, None, fields)
    }

    /// Inserts a document under a given id, for imports. `creation_time` in milliseconds.
    ///
    /// # Errors
    /// As [`Transaction::insert`]; bad request (`DocumentExists`) if the id is taken.
    pub fn insert_with_id(
        &mut self,
        table: &str,
        id: DocumentId,
        creation_time: f64,
        fields: Object,
    ) -> Result<()> {
        let meta = self.table_or_create(table)?;
        if meta.number != id.table {
            return Err(Error::bad_request(
                "WrongTable",
                format!("ID \"{id}\" is not one of table \"{table}\"."),
            ));
        }
        self.read(Interval::point(IndexId::by_id(meta.id), &id.internal))?;
        if self.peek(meta.id, id)?.is_some() {
            return Err(Error::bad_request(
                "DocumentExists",
                format!("Table \"{table}\" already has ID \"{id}\"."),
            ));
        }
        self.insert_with(&meta, id, Some(creation_time), fields).map(|_| ())
    }

    /// Inserts a row of a system table, which has neither user-visible rules nor a schema.
    pub(crate) fn insert_system(&mut self, table: TableId, fields: Object) -> Result<DocumentId> {
        let meta = self.base.catalog().table_by_id(table).cloned();
        let meta = meta.ok_or_else(|| Error::internal("A system table is missing."))?;
        let id = DocumentId::new(meta.number, self.new_internal_id());
        self.insert_with(&meta, id, None, fields)
    }

    /// As [`Transaction::insert_system`], under a given id.
    pub(crate) fn insert_system_with_id(
        &mut self,
        table: TableId,
        id: DocumentId,
        fields: Object,
    ) -> Result<()> {
        let meta = self.base.catalog().table_by_id(table).cloned();
        let meta = meta.ok_or_else(|| Error::internal("A system table is missing."))?;
        self.insert_with(&meta, id, None, fields).map(drop)
    }

    /// Forgets the schema of a component.
    pub(crate) fn delete_schema(&mut self, component: ComponentId) -> Result<()> {
        for (id, row) in super::push::all_rows(self, SCHEMAS)? {
            if component_of(&row) == component {
                self.delete(id)?;
            }
        }
        Ok(())
    }

    fn insert_with(
        &mut self,
        meta: &TableMeta,
        id: DocumentId,
        creation_time: Option<f64>,
        mut fields: Object,
    ) -> Result<DocumentId> {
        let creation_time = creation_time.unwrap_or_else(|| {
            let time = self.next_creation_time;
            self.next_creation_time = time.next_up();
            time
        });
        fields.insert("_id", id);
        fields.insert("_creationTime", creation_time);
        // A fresh id was never read, but nobody else can have it: 64 bits of it are random in every millisecond.
        let slot = self.shared.next_slot();
        self.write(meta, id, creation_time, slot, Some(fields))?;
        Ok(id)
    }

    /// Sets (`Some`) or removes (`None`) top-level fields and gives the new document.
    ///
    /// # Errors
    /// Bad request (`NonexistentDocument`) if there is none; as [`Transaction::insert`].
    pub fn patch(&mut self, id: DocumentId, fields: Vec<(String, Option<Value>)>) -> Result<Document> {
        let (meta, old) = self.existing(id, "Update")?;
        let mut new = (**old.fields()).clone();
        for (name, value) in fields {
            if matches!(name.as_str(), "_id" | "_creationTime") {
                check_system_field(&old, &name, value.as_ref())?;
                continue;
            }
            match value {
                Some(value) => new.insert(name, value),
                None => new.remove(&name),
            };
        }
        self.write(&meta, id, old.creation_time(), old.entry().slot, Some(new))
    }

    /// Replaces all fields and gives the new document.
    ///
    /// # Errors
    /// As [`Transaction::patch`].
    pub fn replace(&mut self, id: DocumentId, mut fields: Object) -> Result<Document> {
        let (meta, old) = self.existing(id, "Replace")?;
        for name in ["_id", "_creationTime"] {
            if let Some(value) = fields.get(name) {
                check_system_field(&old, name, Some(value))?;
            }
        }
        fields.insert("_id", id);
        fields.insert("_creationTime", old.creation_time());
        self.write(&meta, id, old.creation_time(), old.entry().slot, Some(fields))
    }

    /// Deletes a document and gives what it was.
    ///
    /// # Errors
    /// As [`Transaction::patch`].
    pub fn delete(&mut self, id: DocumentId) -> Result<Document> {
        let (meta, old) = self.existing(id, "Delete")?;
        self.count_write(old.size())?;
        self.put_version(&meta, id, None)?;
        Ok(old)
    }

    fn existing(&mut self, id: DocumentId, verb: &str) -> Result<(Arc<TableMeta>, Document)> {
        let missing =
            || Error::bad_request("NonexistentDocument", format!("{verb} on nonexistent document ID {id}"));
        let meta = self.table_by_number(id.table).ok_or_else(missing)?;
        self.read(Interval::point(IndexId::by_id(meta.id), &id.internal))?;
        let document = self.peek(meta.id, id)?.ok_or_else(missing)?;
        Ok((meta, document))
    }

    /// Checks a document and makes it the current version.
    fn write(
        &mut self,
        meta: &TableMeta,
        id: DocumentId,
        creation_time: f64,
        slot: u64,
        fields: Option<Object>,
    ) -> Result<Document> {
        let Some(fields) = fields else { return Err(Error::internal("A write without a document.")) };
        let size = fields.size();
        self.count_write(size)?;
        if !id.table.is_system() {
            validate::document(&meta.name, &fields, size, DOCUMENT_SIZE_MAX, DOCUMENT_NESTING_MAX)?;
            if let Some(schema) = self.base.catalog().schema_in(meta.component) {
                let tables = TransactionTables { tx: self, component: meta.component };
                validate::against_schema(schema, &meta.name, &fields, &tables)?;
            }
        }
        let fields = Value::Object(fields);
        let body: Arc<str> = json::encode(&fields).into();
        self.has_commit_ts |= body.contains("{\"$commitTs\":");
        let Value::Object(fields) = fields else { return Err(Error::internal("A document is an object.")) };
        let entry = Arc::new(Entry::new(id, meta.id, creation_time, slot, 0, size, body.clone()));
        let document = Document::with_fields(entry, body, Arc::new(fields));
        self.put_version(meta, id, Some(&document))?;
        Ok(document)
    }

    fn put_version(&mut self, meta: &TableMeta, id: DocumentId, document: Option<&Document>) -> Result<()> {
        let new = document.map(|document| version(meta, document.clone()));
        let old = match self.writes.get(meta.id, id.internal) {
            Some(_) => None,
            None => match self.state().entry(meta.id, id.internal) {
                Some(entry) => Some(version(meta, self.document(entry)?)),
                None => None,
            },
        };
        self.writes.put(meta.id, id.internal, || old, new);
        Ok(())
    }

    // ---- sub-transactions

    /// Begins a part that can be rolled back alone.
    pub fn begin_sub(&mut self) -> SubTransaction {
        let tables = self.tables.keys().cloned().collect();
        SubTransaction { savepoint: self.writes.savepoint(), tables, metrics: self.metrics }
    }

    /// Keeps the part's writes.
    pub fn commit_sub(&mut self, sub: SubTransaction) {
        let SubTransaction { .. } = sub;
    }

    /// Takes back the part's writes, which no longer count; what it read stays read.
    pub fn rollback_sub(&mut self, sub: SubTransaction) {
        self.writes.rollback(sub.savepoint);
        let TransactionMetrics { documents_read, bytes_read, files_read, file_bytes_read, .. } = self.metrics;
        self.metrics =
            TransactionMetrics { documents_read, bytes_read, files_read, file_bytes_read, ..sub.metrics };
        self.tables.retain(|made, _| sub.tables.contains(made));
    }

    /// Whether schema, tables or indexes change, which every other transaction depends on.
    pub(crate) fn changes_catalog(&self) -> bool {
        self.writes.iter().any(|((table, _), _)| {
            matches!(*table, COMPONENTS | TABLES | INDEXES | SCHEMAS | DEPLOYMENT_STATE)
        })
    }

    /// Six bytes of the time, eight random ones, two of the day. Documents made together lie together, in memory
    /// and in the caches.
    fn new_internal_id(&mut self) -> fusion_schema::id::InternalId {
        let random = self.random.get_or_insert_with(random_seed);
        internal_id(self.next_creation_time, random)
    }
}

/// Where a stream of random numbers begins.
pub(super) fn random_seed() -> [u64; 2] {
    let number = u128::from_le_bytes(crate::clock::random_bytes());
    // The generator must not start at zero.
    [(number as u64) | 1, (number >> 64) as u64]
}

/// The id of a document made at `time_ms`.
pub(super) fn internal_id(time_ms: f64, random: &mut [u64; 2]) -> fusion_schema::id::InternalId {
    const DAY_MS: f64 = 86_400_000.0;
    let mut id = [0; 16];
    id[..6].copy_from_slice(&(time_ms as u64).to_be_bytes()[2..]);
    id[6..14].copy_from_slice(&next_random(random).to_be_bytes());
    id[14..].copy_from_slice(&((time_ms / DAY_MS) as u16).to_be_bytes());
    id
}

/// xoroshiro128+ (Blackman and Vigna, 2018).
const fn next_random(state: &mut [u64; 2]) -> u64 {
    let [a, mut b] = *state;
    let result = a.wrapping_add(b);
    b ^= a;
    *state = [a.rotate_left(24) ^ b ^ (b << 16), b.rotate_left(37)];
    result
}

fn check_system_field(old: &Document, name: &str, value: Option<&Value>) -> Result<()> {
    if value.is_some() && value == old.fields().get(name) {
        return Ok(());
    }
    Err(Error::bad_request(
        "SystemFieldChanged",
        format!("Document {} cannot change its `{name}`: the server sets it once.", old.id()),
    ))
}

/// A document with its keys in the table's indexes.
pub(crate) fn version(meta: &TableMeta, document: Document) -> Version {
    Version { keys: keys(meta, &document), attached: extracts(meta, &document), document }
}

/// A document's keys in all indexes but `by_id`.
pub(crate) fn keys(meta: &TableMeta, document: &Document) -> Vec<(u16, Key)> {
    let fields = document.fields();
    let indexes = meta.indexes.iter().filter(|index| index.id.slot != BY_ID);
    let keys = indexes.map(|index| {
        debug_assert!(index.id.slot >= FIRST_DECLARED || index.fields.is_empty());
        let key = Key::of_document(&index.fields, fields, document.creation_time(), document.id().internal);
        (index.id.slot, key)
    });
    keys.collect()
}

/// What the attached indexes of a table take of a document.
pub(crate) fn extracts(meta: &TableMeta, document: &Document) -> Extracts {
    meta.attached.iter().map(|index| (index.id.slot, index.definition.extract(document))).collect()
}

/// The tables as a transaction sees them, for validators of ids.
struct TransactionTables<'a> {
    tx: &'a Transaction,
    component: ComponentId,
}

impl fusion_schema::validator::TableLookup for TransactionTables<'_> {
    fn table_name(&self, number: TableNumber) -> Option<String> {
        self.tx.table_by_number_in(self.component, number).map(|table| table.name.clone())
    }
}

impl fusion_schema::validator::TableLookup for Transaction {
    fn table_name(&self, number: TableNumber) -> Option<String> {
        Self::table_name(self, number)
    }
}
