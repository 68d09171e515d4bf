//! Changing the schema, and what the layers above tie to it, in one commit: [`Database::switch`].
//!
//! The heavy work, validating existing documents and building new indexes, is done beside the running database by a
//! [`SchemaBuild`]. Under the head lock only what was written meanwhile is caught up with; then schema, tables, indexes
//! and the caller's rows switch in one commit. No transaction commits across the switch, and every snapshot carries
//! what was attached to it, so that whoever holds one finds the code that belongs to its data.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fusion_schema::id::InternalId;
use fusion_schema::table::{Schema, TableDefinition, VectorIndexDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{DocumentId, Object, Value, object};

use super::attached;
use super::catalog::{INDEXES, SCHEMAS, TableMeta};
use super::committer::{Head, derive_catalog};
use super::document::{Document, Entry};
use super::key::FIRST_DECLARED;
use super::schema_build::{ExistingIndex, NewContent, SchemaBuild, SchemaViolation};
use super::snapshot::{Snapshot, State, Timestamp};
use super::transaction::Transaction;
use super::{Database, TableId};
use crate::error::{Error, Result};
use crate::store::ViewDefinition;

/// What a schema change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaChange {
    /// Indexes that are new, as `table.index`.
    pub added_indexes: Vec<String>,
    /// Indexes that are gone, as `table.index`.
    pub removed_indexes: Vec<String>,
}

/// What the layers above attach to snapshots; see [`Snapshot::attached`].
pub type Attachment = Arc<dyn Any + Send + Sync>;

/// What came of a switch.
#[derive(Debug)]
pub enum Switched<T> {
    /// It is sequenced: everything begun from here on sees it. It is not durable yet.
    Done {
        /// What the caller's rows gave.
        value: T,
        /// The commit.
        ts: Timestamp,
        /// What happened to the indexes.
        change: SchemaChange,
    },
    /// So much was written, or the schema changed, meanwhile: the build has more to do first.
    Behind(Box<SchemaBuild>),
    /// A document that was written meanwhile does not match.
    Violated(SchemaViolation),
}

impl Database {
    /// Makes `schema` the active one: checks it, validates existing documents, builds and drops indexes.
    /// Tables that exist but are not in the schema are left alone, with their data; their indexes go.
    ///
    /// # Errors
    /// Bad request: `InvalidSchema` if the schema breaks a rule, `SchemaValidationFailed` with the first
    /// document that does not match. Nothing has changed then.
    pub fn apply_schema(&self, schema: &Schema) -> Result<SchemaChange> {
        schema.check().map_err(|error| Error::bad_request("InvalidSchema", error.to_string()))?;
        self.adopt_schema(schema)
    }

    /// As [`Database::apply_schema`], for a schema whose rules were checked.
    ///
    /// # Errors
    /// Bad request: `SchemaValidationFailed`.
    pub fn adopt_schema(&self, schema: &Schema) -> Result<SchemaChange> {
        let head = self.head();
        if head.catalog().schema.as_deref() == Some(schema) && attached::has_all(head.catalog(), schema) {
            return Ok(SchemaChange::default());
        }
        // What is sequenced already becomes part of what the build looks at.
        self.wait_durable(self.head().ts())?;
        let mut build = self.build_schema(Arc::new(schema.clone()));
        loop {
            build.complete()?;
            match self.switch(build, None, |_| Ok(()))? {
                Switched::Done { ts, change, .. } => {
                    self.wait_durable(ts)?;
                    return Ok(change);
                }
                Switched::Behind(behind) => build = *behind,
                Switched::Violated(violation) => return Err(violation.into_error()),
            }
        }
    }

    /// Begins to prepare a schema that keeps the rules of [`Schema::check`].
    pub fn build_schema(&self, schema: Arc<Schema>) -> SchemaBuild {
        SchemaBuild::new(self.clone(), schema)
    }

    /// Switches to a prepared schema in one commit with the caller's `rows`, and has all snapshots from then on
    /// carry `attachment`; without one they carry what they carried before. `rows` runs under the head lock: it must be
    /// quick, and it cannot lose.
    ///
    /// # Errors
    /// The error of `rows` or of the database; nothing has changed then.
    pub fn switch<T>(
        &self,
        mut build: SchemaBuild,
        attachment: Option<Attachment>,
        rows: impl FnOnce(&mut Transaction) -> Result<T>,
    ) -> Result<Switched<T>> {
        let committer = &self.inner.committer;
        let mut head = committer.head.lock();
        committer.wait_for_turn(&mut head, None)?;
        if head.snapshot.push_version != build.base.push_version() {
            drop(head);
            build.restart();
            return Ok(Switched::Behind(Box::new(build)));
        }
        let Some(touched) = touched_since(&head, &build.base) else {
            drop(head);
            build.restart();
            return Ok(Switched::Behind(Box::new(build)));
        };
        let now = Snapshot(head.snapshot.clone());
        let is_much = !build.is_unchanged() && touched.len() > CAUGHT_UP_AT_ONCE_MAX;
        if is_much || !build.is_done() {
            return Ok(Switched::Behind(Box::new(build)));
        }
        if !build.has_tables_of(&now) {
            drop(head);
            build.restart();
            return Ok(Switched::Behind(Box::new(build)));
        }
        if let Some(violation) = build.catch_up_with(&now, &touched)? {
            return Ok(Switched::Violated(violation));
        }

        let mut tx = self.begin(now);
        tx.lift_limits();
        let value = rows(&mut tx)?;
        let is_unchanged = build.is_unchanged();
        let slots = if is_unchanged { Vec::new() } else { write_catalog(&mut tx, &build)? };
        let changes_catalog = tx.changes_catalog();
        let writes = tx.into_parts().2.into_final();
        let ts = committer.next_ts(&mut head);
        let before = head.snapshot.clone();
        let state = Arc::make_mut(&mut head.snapshot);
        state.ts = ts;
        state.apply(&writes);
        state.push_version += 1;
        if let Some(attachment) = attachment {
            state.attached = Some(attachment);
        }
        if changes_catalog {
            match derive_catalog(&self.inner.shared, state) {
                Ok(catalog) => state.catalog = Arc::new(catalog),
                Err(error) => {
                    head.snapshot = before;
                    return Err(error);
                }
            }
        }
        install_indexes(state, &build, &slots);
        let views = (!is_unchanged).then(|| views(state, &build.schema));
        committer.sequence(&mut head, ts, writes, None);
        if let Some(views) = views {
            committer.set_views(&mut head, views);
        }
        drop(head);
        committer.wake_store();
        let name = |table: &str, index: &str| format!("{table}.{index}");
        let (old, new) = (build.base.catalog().schema.as_deref(), Some(&*build.schema));
        let added = build.new.iter().map(|index| name(&index.table, &index.name));
        let removed = build.removed.iter().map(|index| name(&index.table, &index.name));
        let change = SchemaChange {
            added_indexes: added.chain(vector_indexes_without(new, old)).collect(),
            removed_indexes: removed.chain(vector_indexes_without(old, new)).collect(),
        };
        Ok(Switched::Done { value, ts, change })
    }

    /// As [`Database::switch`] with the schema as it is.
    ///
    /// # Errors
    /// The error of `rows` or of the database; nothing has changed then.
    pub fn switch_attachment<T>(
        &self,
        attachment: Attachment,
        mut rows: impl FnMut(&mut Transaction) -> Result<T>,
    ) -> Result<(T, Timestamp)> {
        loop {
            // Only a durable state can be built on.
            self.wait_durable(self.head().ts())?;
            let schema = self.published().catalog().schema.clone().unwrap_or_default();
            let mut build = self.build_schema(schema);
            build.complete()?;
            match self.switch(build, Some(attachment.clone()), &mut rows)? {
                Switched::Done { value, ts, .. } => return Ok((value, ts)),
                Switched::Behind(_) => {}
                Switched::Violated(violation) => return Err(violation.into_error()),
            }
        }
    }

    /// Whether it is being closed.
    pub fn is_closing(&self) -> bool {
        self.inner.committer.is_stopping()
    }

    /// The document of an entry.
    pub(super) fn document(&self, entry: &Arc<Entry>) -> Result<Document> {
        Ok(Document::new(entry.clone(), entry.body(&*self.inner.shared.reader)?))
    }
}

/// Documents that may be caught up with under the head lock.
const CAUGHT_UP_AT_ONCE_MAX: usize = 5_000;

/// The documents written between a snapshot and the head; `None` if the log does not reach back.
fn touched_since(head: &Head, snapshot: &Snapshot) -> Option<HashSet<(TableId, InternalId)>> {
    let entries = head.log.since(snapshot.ts())?;
    Some(entries.flat_map(|entry| &entry.writes).map(|write| (write.table, write.id)).collect())
}

/// Writes the rows that describe the new tables, indexes and schema; gives the new indexes' slots.
fn write_catalog(tx: &mut Transaction, build: &SchemaBuild) -> Result<Vec<(TableId, u16)>> {
    let SchemaBuild { schema, new, removed, restaged, .. } = build;
    let mut tables: HashMap<String, Arc<TableMeta>> = HashMap::new();
    for definition in &schema.tables {
        tables.insert(definition.name.clone(), tx.table_or_create(&definition.name)?);
    }
    let rows: Vec<(DocumentId, Arc<Object>)> = all_rows(tx, INDEXES)?;
    let mut next_slots: HashMap<TableId, u16> = HashMap::new();
    for (id, row) in &rows {
        let (Some(table), Some(slot)) =
            (super::catalog::number(row, "table").map(TableId), super::catalog::number(row, "slot"))
        else {
            continue;
        };
        let next = next_slots.entry(table).or_insert(FIRST_DECLARED);
        *next = (*next).max(slot as u16 + 1);
        let name = tx.snapshot().catalog().table_by_id(table).map(|meta| meta.name.clone());
        let is_it =
            |index: &ExistingIndex| Some(&index.table) == name.as_ref() && u32::from(index.slot) == slot;
        if removed.iter().any(is_it) {
            tx.delete(*id)?;
        } else if let Some((_, staged)) = restaged.iter().find(|(index, _)| is_it(index)) {
            tx.patch(*id, vec![("staged".to_owned(), Some(Value::Boolean(*staged)))])?;
        }
    }
    let mut slots = Vec::with_capacity(new.len());
    for index in new {
        let Some(meta) = tables.get(&index.table) else { continue };
        let slot = next_slots.entry(meta.id).or_insert(FIRST_DECLARED);
        let mut row = object! {
            "table" => f64::from(meta.id.0), "slot" => f64::from(*slot), "name" => index.name.as_str(),
            "staged" => index.staged,
        };
        match &index.content {
            NewContent::Keys { fields, .. } => row
                .insert("fields", fields.iter().map(|field| Value::from(field.as_str())).collect::<Vec<_>>()),
            NewContent::Attached { definition, .. } => {
                row.insert("attached", Value::Object(definition.to_row()))
            }
        };
        tx.insert_system(INDEXES, row)?;
        slots.push((meta.id, *slot));
        *slot += 1;
    }
    for (id, _) in all_rows(tx, SCHEMAS)? {
        tx.delete(id)?;
    }
    tx.insert_system(SCHEMAS, object! {"schema" => schema.to_json().to_string()})?;
    Ok(slots)
}

pub(super) fn all_rows(tx: &mut Transaction, table: TableId) -> Result<Vec<(DocumentId, Arc<Object>)>> {
    let entries = tx.state().tables.get(&table).map(|table| table.documents.clone()).unwrap_or_default();
    entries
        .keys()
        .map(|id| tx.load(table, *id).map(|document| (document.id(), document.fields().clone())))
        .collect()
}

/// The vector indexes of a schema that are not the same in another one, as `table.index`.
fn vector_indexes_without(schema: Option<&Schema>, other: Option<&Schema>) -> Vec<String> {
    let all = |schema: Option<&Schema>| -> Vec<(String, VectorIndexDefinition)> {
        let tables = schema.iter().flat_map(|schema| &schema.tables);
        let indexes = tables.flat_map(|table| {
            let indexes = table.vector_indexes.iter().chain(&table.staged_vector_indexes);
            indexes.map(move |index| (format!("{}.{}", table.name, index.name), index.clone()))
        });
        indexes.collect()
    };
    let other = all(other);
    all(schema).into_iter().filter(|index| !other.contains(index)).map(|(name, _)| name).collect()
}

fn install_indexes(state: &mut State, build: &SchemaBuild, slots: &[(TableId, u16)]) {
    let catalog = state.catalog.clone();
    for index in &build.removed {
        let Some(table) = catalog.table(&index.table).and_then(|meta| state.tables.get_mut(&meta.id)) else {
            continue;
        };
        let table = Arc::make_mut(table);
        table.indexes.retain(|(found, _)| *found != index.slot);
        table.attached.retain(|(found, _)| *found != index.slot);
    }
    for (index, (table, slot)) in build.new.iter().zip(slots) {
        let Some(table) = state.tables.get_mut(table) else { continue };
        match &index.content {
            NewContent::Keys { keys, .. } if !keys.is_empty() => {
                *Arc::make_mut(table).index_mut(*slot) = keys.clone();
            }
            NewContent::Attached { index: Some(index), .. } => {
                Arc::make_mut(table).attached.push((*slot, index.clone()));
            }
            _ => {}
        }
    }
}

pub(super) fn views(state: &State, schema: &Schema) -> Vec<ViewDefinition> {
    let columns = |validator: &Validator| -> Vec<String> {
        match validator {
            Validator::Object(object) => object.fields.iter().map(|(name, _)| name.clone()).collect(),
            Validator::Union(members) => {
                let mut names: Vec<String> = Vec::new();
                for member in members {
                    if let Validator::Object(object) = member {
                        names.extend(object.fields.iter().map(|(name, _)| name.clone()));
                    }
                }
                names.sort();
                names.dedup();
                names
            }
            _ => Vec::new(),
        }
    };
    let view = |definition: &TableDefinition| {
        let table = state.catalog.table(&definition.name)?.id;
        Some(ViewDefinition {
            name: definition.name.clone(),
            table,
            columns: columns(&definition.document_type),
        })
    };
    schema.tables.iter().filter_map(view).collect()
}
