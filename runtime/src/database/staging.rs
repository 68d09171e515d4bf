//! [`Staging`]: whole tables, or additions to them, written beside the running database and then put in place by
//! one commit.
//!
//! Rows go to the store while they come, a part at a time between the batches of others, and memory keeps of each
//! document what it keeps of any. Nobody sees anything of it: new contents are tables of their own that the catalog
//! does not name, additions are rows that no index names. [`Staging::commit`] builds the indexes beside the head,
//! catches up with what was written meanwhile, and switches under the head lock, like a push. A staging that is
//! dropped, or that a crash cut off, leaves nothing behind.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use fusion_schema::id::InternalId;
use fusion_schema::names::{DOCUMENT_NESTING_MAX, DOCUMENT_SIZE_MAX, check_identifier};
use fusion_schema::table::Schema;
use fusion_schema::validator::TableLookup;
use fusion_schema::{DocumentId, Object, TableNumber, Value, json, object};
use imbl::{OrdMap, OrdSet};

use super::attached::{AttachedBuilder, Extracts};
use super::catalog::{COMPONENT_TABLES, INDEXES, TABLES, TableMeta, derive_catalog, number};
use super::chores::{Chore, Retired};
use super::committer::Head;
use super::component::ComponentId;
use super::deletions::{self, DroppedDocuments};
use super::document::{Entry, resident_bytes};
use super::key::{BY_CREATION_TIME, BY_ID, Key};
use super::push::views;
use super::snapshot::{Snapshot, State, TableState, Timestamp};
use super::transaction::{Transaction, internal_id, random_seed};
use super::{Database, TableId, bulk, validate};
use crate::error::{Error, Result};
use crate::store::{Row, StagedRows};

#[cfg(test)]
mod tests;

/// Parts on their way to the store.
const PARTS_MAX: usize = 2;

/// What is to become of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// It holds what is staged and nothing else.
    Replace,
    /// As [`Contents::Replace`], but only if it has no documents.
    Fill,
    /// What is staged comes to what it holds.
    Append,
    /// It is gone.
    Remove,
}

/// A table that is to be changed.
#[derive(Clone, Debug)]
pub struct Target {
    /// The component it belongs to.
    pub component: ComponentId,
    /// Its name.
    pub name: String,
    /// The number of its ids; `None` if any will do.
    pub number: Option<TableNumber>,
    /// What is to become of it.
    pub contents: Contents,
}

/// A table under way.
struct StagedTable {
    target: Target,
    meta: TableMeta,
    /// The table as it is.
    existing: Option<TableId>,
    /// Whether the rows come into the existing table.
    appends: bool,
    entries: Vec<Arc<Entry>>,
    /// Keys in every index but `by_id`.
    keys: Vec<(u16, Vec<Key>)>,
    /// What the attached indexes take.
    attached: Vec<(u16, AttachedBuilder)>,
}

/// What a document of a staged table is checked against and indexed by. Cheap to clone, for several threads.
#[derive(Clone)]
pub struct StagedShape {
    inner: Arc<Shape>,
}

struct Shape {
    meta: TableMeta,
    schema: Option<Arc<Schema>>,
    names: Arc<Names>,
}

/// The tables as they will be, by number.
struct Names(HashMap<(ComponentId, TableNumber), String>);

impl TableLookup for Shape {
    fn table_name(&self, number: TableNumber) -> Option<String> {
        self.names.0.get(&(self.meta.component, number)).cloned()
    }
}

/// A document that was checked and encoded.
#[derive(Debug)]
pub struct StagedDocument {
    id: InternalId,
    creation_time: f64,
    size: u32,
    body: Arc<str>,
    keys: Vec<Key>,
    attached: Extracts,
}

/// Ids for documents that have none.
#[derive(Debug)]
pub struct IdMaker {
    time_ms: f64,
    random: [u64; 2],
}

impl IdMaker {
    /// Ids of documents made at this time, in milliseconds since the epoch.
    pub fn new(time_ms: f64) -> Self {
        Self { time_ms, random: random_seed() }
    }

    /// Another id.
    #[expect(clippy::should_implement_trait, reason = "an iterator could end")]
    pub fn next(&mut self) -> InternalId {
        internal_id(self.time_ms, &mut self.random)
    }
}

impl StagedShape {
    /// The table's name.
    pub fn name(&self) -> &str {
        &self.inner.meta.name
    }

    /// The number of the table's ids.
    pub fn number(&self) -> TableNumber {
        self.inner.meta.number
    }

    /// Checks a document, without system fields, and encodes it.
    ///
    /// # Errors
    /// Bad requests that name what is wrong with the document.
    pub fn document(&self, id: InternalId, creation_time: f64, mut fields: Object) -> Result<StagedDocument> {
        let Shape { meta, schema, .. } = &*self.inner;
        fields.insert("_id", DocumentId::new(meta.number, id));
        fields.insert("_creationTime", creation_time);
        let size = fields.size();
        validate::document(&meta.name, &fields, size, DOCUMENT_SIZE_MAX, DOCUMENT_NESTING_MAX)?;
        if let Some(schema) = schema {
            validate::against_schema(schema, &meta.name, &fields, &*self.inner)?;
        }
        let indexes = meta.indexes.iter().filter(|index| index.id.slot != BY_ID);
        let keys = indexes.map(|index| Key::of_document(&index.fields, &fields, creation_time, id)).collect();
        let attached = meta.attached.iter();
        let attached = attached
            .map(|index| (index.id.slot, index.definition.extract_of(&fields, creation_time)))
            .collect();
        let fields = Value::Object(fields);
        if fields.contains_commit_ts() {
            return Err(Error::bad_request(
                "InvalidValue",
                "The placeholder of a commit's timestamp cannot be imported.",
            ));
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Ok(StagedDocument { id, creation_time, size, body: json::encode(&fields).into(), keys, attached })
    }
}

/// See the module's documentation.
pub struct Staging {
    database: Database,
    /// What it was planned on.
    base: Snapshot,
    /// Its identity in the store. Its rows have later timestamps, which no commit has.
    id: Timestamp,
    tables: Vec<StagedTable>,
    names: Arc<Names>,
    /// Parts on their way to the store.
    under_way: Vec<Receiver<Result<()>>>,
    /// It is part of the database now.
    is_adopted: bool,
}

impl std::fmt::Debug for Staging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staging").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If it was committed, it is published by now.
        self.database.inner.committer.open_stagings.lock().remove(&self.id);
        if !self.is_adopted {
            self.database.inner.committer.add_chore(Chore::Discard(self.id));
        }
    }
}

impl Database {
    /// Begins to stage tables; the order of the targets is how they are named further on.
    ///
    /// # Errors
    /// Bad request: `InvalidTableName`; `TableNumberTaken` if a target wants the number of a table that stays;
    /// `WrongTableNumber` if documents are to be added under another number than the table's.
    pub fn stage(&self, targets: Vec<Target>) -> Result<Staging> {
        let committer = &self.inner.committer;
        let (base, id) = {
            // Its rows get timestamps from here on and are seen later, so readers who follow all changes wait here.
            let mut open = committer.open_stagings.lock();
            let mut head = committer.head.lock();
            let id = committer.next_ts(&mut head);
            open.insert(id);
            (Snapshot(head.snapshot.clone()), id)
        };
        let mut staging = Staging {
            database: self.clone(),
            base,
            id,
            tables: Vec::new(),
            names: Arc::new(Names(HashMap::new())),
            under_way: Vec::new(),
            is_adopted: false,
        };
        staging.tables = plan(self, &staging.base, targets)?;
        staging.names = Arc::new(names_after(&staging.base, &staging.tables));
        Ok(staging)
    }
}

/// What is to become of a target.
struct Planned {
    target: Target,
    /// The table as it is.
    existing: Option<Arc<TableMeta>>,
    appends: bool,
    /// The number of its ids, if it matters or there is one already.
    number: Option<TableNumber>,
}

impl Planned {
    /// Whether no other number will do.
    const fn is_fixed(&self) -> bool {
        self.appends || self.target.number.is_some()
    }
}

/// What becomes of each target.
fn plan(database: &Database, base: &Snapshot, targets: Vec<Target>) -> Result<Vec<StagedTable>> {
    let catalog = base.catalog();
    let mut names = HashSet::new();
    for target in &targets {
        check_identifier(&target.name).map_err(|error| Error::bad_request("InvalidTableName", error))?;
        // The system tables of a component go with it.
        let is_own = target.contents == Contents::Remove
            && !target.component.is_root()
            && COMPONENT_TABLES.contains(&target.name.as_str());
        let is_reserved = target.name.starts_with('_') && !is_own;
        if is_reserved || !names.insert((target.component, target.name.clone())) {
            return Err(Error::bad_request(
                "InvalidTableName",
                format!(
                    "Table name \"{}\" is invalid: names that start with an underscore are reserved, and each table is given once.",
                    target.name
                ),
            ));
        }
    }
    let stays = |table: &TableMeta| {
        table.number.is_system() || !names.contains(&(table.component, table.name.clone()))
    };
    let mut taken: HashMap<(ComponentId, TableNumber), String> = catalog
        .all_tables()
        .filter(|table| stays(table))
        .map(|table| ((table.component, table.number), table.name.clone()))
        .collect();
    let mut planned: Vec<Planned> = Vec::new();
    for target in targets {
        let existing = catalog.table_in(target.component, &target.name).cloned();
        let documents = existing.as_ref().map_or(0, |table| base.document_count(table.id));
        let appends = target.contents == Contents::Append && documents > 0;
        let number = match (&existing, target.contents) {
            (_, Contents::Remove) => None,
            (Some(table), _) if appends => Some(table.number),
            (existing, _) => target.number.or_else(|| existing.as_ref().map(|table| table.number)),
        };
        if let (true, Some(wanted), Some(number)) = (appends, target.number, number)
            && wanted != number
        {
            return Err(Error::bad_request(
                "WrongTableNumber",
                format!(
                    "The IDs to be added to table \"{}\" are not its own: they were made by another deployment. Replace the table, or leave out \"_id\".",
                    target.name
                ),
            ));
        }
        planned.push(Planned { target, existing, appends, number });
    }
    // Numbers that are asked for come first; a table whose number is taken by then gets another one.
    for planned in planned.iter().filter(|planned| planned.is_fixed()) {
        let Some(number) = planned.number else { continue };
        let place = (planned.target.component, number);
        if number.is_system() || taken.contains_key(&place) {
            let holder = taken.get(&place).map_or("a system table", String::as_str);
            return Err(Error::bad_request(
                "TableNumberTaken",
                format!(
                    "The IDs of table \"{}\" are those of \"{holder}\". Import both tables together, or leave out \"_id\".",
                    planned.target.name
                ),
            ));
        }
        taken.insert(place, planned.target.name.clone());
    }
    let known = catalog.all_tables().map(|table| table.number);
    let mut next = known.chain(taken.keys().map(|(_, number)| *number)).max();
    let mut tables = Vec::with_capacity(planned.len());
    for planned in planned {
        let is_fixed = planned.is_fixed();
        let Planned { target, existing, appends, number } = planned;
        let number = match number {
            Some(number) if is_fixed || !taken.contains_key(&(target.component, number)) => number,
            _ if target.contents == Contents::Remove => {
                existing.as_ref().map_or(TableNumber::FIRST_USER, |table| table.number)
            }
            _ => {
                let last = next.map_or(0, |number| number.0).max(TableNumber::FIRST_USER.0 - 1);
                next = Some(TableNumber(last + 1));
                TableNumber(last + 1)
            }
        };
        if target.contents != Contents::Remove {
            taken.insert((target.component, number), target.name.clone());
        }
        let meta = match &existing {
            Some(table) if appends => TableMeta::clone(table),
            _ => renumbered(existing.as_deref(), database.inner.shared.next_table(), number, &target),
        };
        let keys = meta.indexes.iter().filter(|index| index.id.slot != BY_ID);
        let keys = keys.map(|index| (index.id.slot, Vec::new())).collect();
        let builders = meta.attached.iter();
        let attached =
            builders.map(|index| (index.id.slot, AttachedBuilder::new(&index.definition))).collect();
        let existing = existing.map(|table| table.id);
        tables.push(StagedTable { target, meta, existing, appends, entries: Vec::new(), keys, attached });
    }
    Ok(tables)
}

/// A new table with the indexes of an old one.
fn renumbered(old: Option<&TableMeta>, id: TableId, number: TableNumber, target: &Target) -> TableMeta {
    let mut meta = TableMeta::new(id, target.component, number, target.name.clone());
    for index in old.into_iter().flat_map(|old| &old.indexes).skip(meta.indexes.len()) {
        let mut index = index.clone();
        index.id.table = id;
        meta.indexes.push(index);
    }
    for index in old.into_iter().flat_map(|old| &old.attached) {
        let mut index = index.clone();
        index.id.table = id;
        meta.attached.push(index);
    }
    meta
}

fn names_after(base: &Snapshot, tables: &[StagedTable]) -> Names {
    let changed: HashSet<(ComponentId, &str)> =
        tables.iter().map(|table| (table.target.component, table.target.name.as_str())).collect();
    let stay = base.catalog().all_tables().filter(|table| !changed.contains(&(table.component, &table.name)));
    let mut names: HashMap<_, _> =
        stay.map(|table| ((table.component, table.number), table.name.clone())).collect();
    for table in tables.iter().filter(|table| table.target.contents != Contents::Remove) {
        names.insert((table.target.component, table.meta.number), table.target.name.clone());
    }
    Names(names)
}

impl Staging {
    /// What the documents of a target must look like.
    pub fn shape(&self, target: usize) -> Result<StagedShape> {
        let table = self.tables.get(target).ok_or_else(|| Error::internal("There is no such target."))?;
        let schema = self.base.catalog().schema_in(table.target.component).cloned();
        let (meta, names) = (table.meta.clone(), self.names.clone());
        Ok(StagedShape { inner: Arc::new(Shape { meta, schema, names }) })
    }

    /// How many documents each target has now, beside those that are staged.
    pub fn existing(&self, target: usize) -> usize {
        let existing = self.tables.get(target).and_then(|table| table.existing);
        existing.map_or(0, |table| self.base.document_count(table))
    }

    /// Adds documents to a target. Waits while the store is busy with earlier parts.
    ///
    /// # Errors
    /// Overloaded while the store refuses writes.
    pub fn add(&mut self, target: usize, documents: Vec<StagedDocument>) -> Result<()> {
        if documents.is_empty() {
            return Ok(());
        }
        let shared = &self.database.inner.shared;
        let Some(table) = self.tables.get_mut(target) else {
            return Err(Error::internal("There is no such target."));
        };
        let first = shared.next_slots(documents.len());
        let committer = &self.database.inner.committer;
        // Each part has a timestamp of its own, so that readers can stop between them.
        let ts = committer.next_ts(&mut committer.head.lock());
        // What is read next is not known, so a quarter of the budget is filled and no more.
        let keeps_bodies = resident_bytes() < shared.limits.body_bytes_max / 4;
        let mut rows = Vec::with_capacity(documents.len());
        for (slot, document) in (first..).zip(documents) {
            let StagedDocument { id, creation_time, size, body, keys, attached } = document;
            let (document_id, of) = (DocumentId::new(table.meta.number, id), table.meta.id);
            let entry = if keeps_bodies {
                Entry::new(document_id, of, creation_time, slot, ts, size as usize, body.clone())
            } else {
                Entry::stored(document_id, of, creation_time, slot, ts, size)
            };
            table.entries.push(Arc::new(entry));
            for ((_, all), key) in table.keys.iter_mut().zip(keys) {
                all.push(key);
            }
            for ((_, builder), (_, extract)) in table.attached.iter_mut().zip(attached) {
                if let Some(extract) = extract {
                    builder.add(id, extract);
                }
            }
            rows.push(Row { slot, id, ts, creation_time, body });
        }
        let rows =
            StagedRows { staging: self.id, table: table.meta.id, is_whole_table: !table.appends, rows };
        let (sender, receiver) = sync_channel(1);
        committer.add_chore(Chore::Stage(
            rows,
            Box::new(move |result| {
                // The staging may have been given up.
                let _ = sender.send(result);
            }),
        ));
        self.under_way.push(receiver);
        self.wait(PARTS_MAX)
    }

    /// Waits until at most so many parts are under way.
    fn wait(&mut self, most: usize) -> Result<()> {
        while self.under_way.len() > most {
            let result = self.under_way.remove(0).recv();
            result.map_err(|_| Error::overloaded("ShuttingDown", "The server is shutting down."))??;
        }
        Ok(())
    }

    /// Puts everything in place at once, with what `system` writes to system tables, and waits until that is
    /// durable. `system` must be quick: nobody else commits meanwhile.
    ///
    /// # Errors
    /// Conflict if tables or schema changed since the staging began: it has to be done again. Bad request:
    /// `DocumentExists` if an id is there twice, `TableNotEmpty`. Nothing has changed then.
    pub fn commit(mut self, mut system: impl FnMut(&mut Transaction) -> Result<()>) -> Result<Timestamp> {
        self.wait(0)?;
        let mut built = self.tables.iter_mut().map(build).collect::<Result<Vec<_>>>()?;
        let database = self.database.clone();
        let committer = &database.inner.committer;
        let merge_base = database.head();
        for (table, built) in self.tables.iter().zip(&mut built) {
            merge(table, &merge_base, built)?;
        }

        let mut head = committer.head.lock();
        committer.wait_for_turn(&mut head, None)?;
        self.check(&head, &merge_base)?;
        for (table, built) in self.tables.iter().zip(&mut built) {
            catch_up(table, &head, &merge_base, built)?;
        }
        let mut tx = database.begin(Snapshot(head.snapshot.clone()));
        tx.lift_limits();
        system(&mut tx)?;
        self.write_catalog(&mut tx)?;
        let writes = tx.into_parts().2.into_final();
        let replaced = self.tables.iter().zip(&built).filter(|(table, _)| !table.appends);
        let mut dropped: Vec<_> = replaced
            .filter_map(|(table, built)| {
                let new = (table.target.contents != Contents::Remove).then_some((&table.meta, built));
                DroppedDocuments::of(&head.snapshot, table.existing?, new)
            })
            .collect();
        let ts = committer.next_ts_after(&mut head, deletions::timestamps_of(&dropped));
        deletions::set_timestamps(&mut dropped, ts);
        let mut state = State::clone(&head.snapshot);
        state.ts = ts;
        state.apply(&writes);
        state.push_version += 1;
        state.catalog = Arc::new(derive_catalog(&database.inner.shared, &state)?);
        let mut retired = Vec::new();
        for (table, mut built) in self.tables.iter().zip(built) {
            built.changed = ts;
            if let Some(existing) = table.existing.filter(|_| !table.appends) {
                let old = state.tables.remove(&existing);
                let lifetime = old.map(|old| old.lifetime.clone()).unwrap_or_default();
                retired.push(Retired { table: existing, lifetime });
            }
            if table.target.contents != Contents::Remove {
                state.tables.insert(table.meta.id, Arc::new(built));
            }
        }
        let views = state.catalog.schema().cloned().map(|schema| views(&state, &schema));
        head.snapshot = Arc::new(state);
        committer.sequence(&mut head, ts, writes, None);
        head.changes.views = views.or(head.changes.views.take());
        head.changes.adopted.push(self.id);
        head.changes.retired.extend(retired.iter().map(|retired| retired.table));
        head.changes.dropped.extend(dropped);
        drop(head);
        committer.wake_store();
        database.wait_durable(ts)?;
        self.is_adopted = true;
        committer.retired.lock().extend(retired);
        Ok(ts)
    }

    /// Fails if what was planned on is no longer so.
    fn check(&self, head: &Head, merge_base: &Snapshot) -> Result<()> {
        let now = &head.snapshot;
        let changed = || Error::conflict("Tables or schema changed while documents were being imported.");
        if now.push_version != self.base.push_version()
            || now.epoch != self.base.0.epoch
            || now.epoch != merge_base.0.epoch
        {
            return Err(changed());
        }
        for table in &self.tables {
            let Target { component, name, .. } = &table.target;
            if now.catalog.table_in(*component, name).map(|meta| meta.id) != table.existing {
                return Err(changed());
            }
            let holder = now.catalog.table_by_number_in(*component, table.meta.number);
            let is_free =
                holder.is_none_or(|holder| self.tables.iter().any(|table| table.existing == Some(holder.id)));
            if !is_free && table.target.contents != Contents::Remove {
                return Err(changed());
            }
            let documents = table.existing.and_then(|table| now.tables.get(&table));
            let has_documents = documents.is_some_and(|table| !table.documents.is_empty());
            if has_documents && table.target.contents == Contents::Fill {
                return Err(Error::bad_request(
                    "TableNotEmpty",
                    format!(
                        "Table {name} already exists. Please choose a new table name or use replace/append modes."
                    ),
                ));
            }
            if has_documents && table.target.contents == Contents::Append && !table.appends {
                return Err(changed());
            }
        }
        Ok(())
    }

    /// Writes the rows that say which tables and indexes there are.
    fn write_catalog(&self, tx: &mut Transaction) -> Result<()> {
        let changed: HashMap<TableId, &StagedTable> = self
            .tables
            .iter()
            .filter(|table| !table.appends)
            .filter_map(|table| Some((table.existing?, table)))
            .collect();
        for (table_rows, is_index) in [(TABLES, false), (INDEXES, true)] {
            for (id, row) in super::push::all_rows(tx, table_rows)? {
                let Some(table) = number(&row, "table").and_then(|table| changed.get(&TableId(table))) else {
                    continue;
                };
                if table.target.contents == Contents::Remove {
                    tx.delete(id)?;
                    continue;
                }
                let mut fields = vec![("table".to_owned(), Some(Value::from(f64::from(table.meta.id.0))))];
                if !is_index {
                    let number = f64::from(table.meta.number.0);
                    fields.push(("number".to_owned(), Some(Value::from(number))));
                }
                tx.patch(id, fields)?;
            }
        }
        let is_new =
            |table: &&StagedTable| table.existing.is_none() && table.target.contents != Contents::Remove;
        for table in self.tables.iter().filter(is_new) {
            let mut row = object! {
                "name" => table.target.name.as_str(), "number" => f64::from(table.meta.number.0),
                "table" => f64::from(table.meta.id.0),
            };
            if !table.target.component.is_root() {
                row.insert("component", f64::from(table.target.component.0));
            }
            tx.insert_system(TABLES, row)?;
        }
        Ok(())
    }
}

/// The staged documents and their indexes as a table of its own.
fn build(table: &mut StagedTable) -> Result<TableState> {
    let mut entries = std::mem::take(&mut table.entries);
    entries.sort_unstable_by_key(|entry| entry.id.internal);
    if let Some(twice) = entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(exists(table, twice[0].id));
    }
    let mut built = TableState {
        size: entries.iter().map(|entry| u64::from(entry.size)).sum(),
        documents: bulk::map(entries.into_iter().map(|entry| (entry.id.internal, entry)).collect()),
        ..TableState::default()
    };
    for (slot, mut keys) in std::mem::take(&mut table.keys) {
        keys.sort_unstable();
        *built.index_mut(slot) = bulk::set(keys);
    }
    let builders = std::mem::take(&mut table.attached);
    built.attached = builders.into_iter().map(|(slot, builder)| (slot, builder.finish())).collect();
    Ok(built)
}

fn exists(table: &StagedTable, id: DocumentId) -> Error {
    Error::bad_request(
        "DocumentExists",
        format!("Table \"{}\" already has a document with ID \"{id}\".", table.target.name),
    )
}

/// Brings what the table holds at `base` together with what was built, if that comes to it.
fn merge(table: &StagedTable, base: &Snapshot, built: &mut TableState) -> Result<()> {
    let Some(old) = table.existing.filter(|_| table.appends).and_then(|table| base.0.tables.get(&table))
    else {
        return Ok(());
    };
    if let Some(id) = built.documents.keys().find(|id| old.documents.contains_key(*id)) {
        return Err(exists(table, DocumentId::new(table.meta.number, *id)));
    }
    let mut new = std::mem::take(built);
    let joining = std::mem::take(&mut new.attached);
    let is_few = new.documents.len() < old.documents.len() / 4;
    let keys = |slot: u16| -> OrdSet<Key> {
        let empty = OrdSet::new();
        let (old, new) = (old.index(slot).unwrap_or(&empty), new.index(slot).unwrap_or(&empty));
        if is_few {
            let mut keys = old.clone();
            keys.extend(new.iter().cloned());
            return keys;
        }
        bulk::set(merged(old.iter().cloned(), new.iter().cloned()))
    };
    let pair = |(id, entry): (&InternalId, &Arc<Entry>)| (*id, entry.clone());
    let documents: OrdMap<InternalId, Arc<Entry>> = if is_few {
        let mut documents = old.documents.clone();
        documents.extend(new.documents.iter().map(pair));
        documents
    } else {
        let mut pairs: Vec<_> = old.documents.iter().chain(new.documents.iter()).map(pair).collect();
        pairs.sort_by_key(|(id, _)| *id);
        bulk::map(pairs)
    };
    let mut attached = old.attached.clone();
    for (slot, index) in joining {
        match attached.iter_mut().find(|(found, _)| *found == slot) {
            Some((_, old)) => old.join(index),
            None => attached.push((slot, index)),
        }
    }
    *built = TableState {
        documents,
        by_creation_time: keys(BY_CREATION_TIME),
        indexes: table.keys_beyond_creation_time().map(|slot| (slot, keys(slot))).collect(),
        attached,
        size: old.size + new.size,
        changed: old.changed,
        lifetime: old.lifetime.clone(),
    };
    Ok(())
}

impl StagedTable {
    fn keys_beyond_creation_time(&self) -> impl Iterator<Item = u16> {
        self.meta.indexes.iter().map(|index| index.id.slot).filter(|slot| *slot > BY_CREATION_TIME)
    }
}

fn merged<T: Ord>(old: impl Iterator<Item = T>, new: impl Iterator<Item = T>) -> Vec<T> {
    // A stable sort merges two sorted runs in one pass.
    let mut all: Vec<T> = old.chain(new).collect();
    all.sort();
    all
}

/// Brings additions up to date with what was written to the table since `base`.
fn catch_up(table: &StagedTable, head: &Head, base: &Snapshot, built: &mut TableState) -> Result<()> {
    let Some(existing) = table.existing.filter(|_| table.appends) else { return Ok(()) };
    let Some(current) = head.snapshot.tables.get(&existing) else { return Ok(()) };
    let Some(entries) = head.log.since(base.ts()) else {
        return Err(Error::conflict("Too much was written while documents were being imported."));
    };
    let mut seen = HashSet::new();
    for write in entries.flat_map(|entry| &entry.writes).filter(|write| write.table == existing) {
        let before = built.documents.get(&write.id);
        let is_staged = before.is_some() && base.0.entry(existing, write.id).is_none();
        if seen.insert(write.id) && is_staged {
            return Err(exists(table, DocumentId::new(table.meta.number, write.id)));
        }
        if let Some(before) = before {
            built.size -= u64::from(before.size);
        }
        match current.documents.get(&write.id) {
            Some(entry) => {
                built.size += u64::from(entry.size);
                built.documents.insert(write.id, entry.clone());
            }
            None => drop(built.documents.remove(&write.id)),
        }
        for (slot, change) in &write.keys {
            change.apply(built.index_mut(*slot));
        }
        built.apply_attached(write);
    }
    Ok(())
}
