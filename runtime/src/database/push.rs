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
use super::catalog::{INDEXES, SCHEMAS, TableMeta, component_of, derive_catalog};
use super::committer::Head;
use super::component::ComponentId;
use super::component_build::{ComponentBuild, ExistingIndex, NewContent};
use super::document::{Document, Entry};
use super::key::FIRST_DECLARED;
use super::schema_build::{SchemaBuild, SchemaViolation};
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

impl SchemaChange {
    fn add(&mut self, part: &ComponentBuild) {
        let name = |table: &str, index: &str| format!("{table}.{index}");
        let (old, new) = (part.base.catalog().schema_in(part.component), Some(&part.schema));
        let (old, new) = (old.map(|schema| &**schema), new.map(|schema| &**schema));
        self.added_indexes.extend(part.new.iter().map(|index| name(&index.table, &index.name)));
        self.added_indexes.extend(vector_indexes_without(new, old));
        self.removed_indexes.extend(part.removed.iter().map(|index| name(&index.table, &index.name)));
        self.removed_indexes.extend(vector_indexes_without(old, new));
    }
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
        self.adopt_schema_in(ComponentId::ROOT, schema)
    }

    /// As [`Database::adopt_schema`], in a component.
    ///
    /// # Errors
    /// Bad request: `SchemaValidationFailed`.
    pub fn adopt_schema_in(&self, component: ComponentId, schema: &Schema) -> Result<SchemaChange> {
        let head = self.head();
        if head.catalog().schema_in(component).is_some_and(|active| **active == *schema)
            && attached::has_all(head.catalog(), component, schema)
        {
            return Ok(SchemaChange::default());
        }
        // What is sequenced already becomes part of what the build looks at.
        self.wait_durable(self.head().ts())?;
        let mut build = self.build_schemas([(component, Arc::new(schema.clone()))]);
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

    /// Begins to prepare a schema of the app that keeps the rules of [`Schema::check`].
    pub fn build_schema(&self, schema: Arc<Schema>) -> SchemaBuild {
        self.build_schemas([(ComponentId::ROOT, schema)])
    }

    /// Begins to prepare schemas of components. One that is yet to be made ([`Database::new_component`]) must be made by
    /// the rows of the switch.
    pub fn build_schemas(
        &self,
        schemas: impl IntoIterator<Item = (ComponentId, Arc<Schema>)>,
    ) -> SchemaBuild {
        SchemaBuild::new(self, schemas)
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
        let is_outdated =
            build.parts.iter().any(|part| part.base.push_version() != head.snapshot.push_version);
        let touched: Option<Vec<_>> =
            build.parts.iter().map(|part| touched_since(&head, &part.base)).collect();
        let Some(touched) = touched.filter(|_| !is_outdated) else {
            drop(head);
            build.restart();
            return Ok(Switched::Behind(Box::new(build)));
        };
        let now = Snapshot(head.snapshot.clone());
        let is_behind = |(part, touched): (&ComponentBuild, &HashSet<_>)| {
            !part.is_done() || !part.is_unchanged() && touched.len() > CAUGHT_UP_AT_ONCE_MAX
        };
        if build.parts.iter().zip(&touched).any(is_behind) {
            return Ok(Switched::Behind(Box::new(build)));
        }
        if !build.parts.iter().all(|part| part.has_tables_of(&now)) {
            drop(head);
            build.restart();
            return Ok(Switched::Behind(Box::new(build)));
        }
        for (part, touched) in build.parts.iter_mut().zip(&touched) {
            if let Some(violation) = part.catch_up_with(&now, touched)? {
                return Ok(Switched::Violated(violation));
            }
        }

        let mut tx = self.begin(now);
        tx.lift_limits();
        let value = rows(&mut tx)?;
        let changed = || build.parts.iter().filter(|part| !part.is_unchanged());
        let slots = changed().map(|part| write_catalog(&mut tx, part)).collect::<Result<Vec<_>>>()?;
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
        for (part, slots) in changed().zip(&slots) {
            install_indexes(state, part, slots);
        }
        let root = changed().find(|part| part.component.is_root());
        let views = root.map(|root| views(state, &root.schema));
        committer.sequence(&mut head, ts, writes, None);
        if let Some(views) = views {
            committer.set_views(&mut head, views);
        }
        drop(head);
        committer.wake_store();
        let mut change = SchemaChange::default();
        build.parts.iter().for_each(|part| change.add(part));
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
            let schema = self.published().catalog().schema().cloned().unwrap_or_default();
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
fn write_catalog(tx: &mut Transaction, build: &ComponentBuild) -> Result<Vec<(TableId, u16)>> {
    tx.inside(build.component, |tx| write_component_catalog(tx, build))
}

fn write_component_catalog(tx: &mut Transaction, build: &ComponentBuild) -> Result<Vec<(TableId, u16)>> {
    let ComponentBuild { component, schema, new, removed, restaged, .. } = build;
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
        let meta = tx.snapshot().catalog().table_by_id(table).filter(|meta| meta.component == *component);
        let name = meta.map(|meta| meta.name.clone());
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
    for (id, row) in all_rows(tx, SCHEMAS)? {
        if component_of(&row) == *component {
            tx.delete(id)?;
        }
    }
    let mut row = object! {"schema" => schema.to_json().to_string()};
    if !component.is_root() {
        row.insert("component", f64::from(component.0));
    }
    tx.insert_system(SCHEMAS, row)?;
    Ok(slots)
}

pub(super) fn all_rows(tx: &mut Transaction, table: TableId) -> Result<Vec<(DocumentId, Arc<Object>)>> {
    let entries = tx.state().tables.get(&table).map(|table| table.documents.clone()).unwrap_or_default();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries.values() {
        // The transaction may have deleted it.
        if let Some(document) = tx.peek(table, entry.id)? {
            rows.push((document.id(), document.fields().clone()));
        }
    }
    Ok(rows)
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

fn install_indexes(state: &mut State, build: &ComponentBuild, slots: &[(TableId, u16)]) {
    let catalog = state.catalog.clone();
    for index in &build.removed {
        let Some(table) =
            catalog.table_in(build.component, &index.table).and_then(|meta| state.tables.get_mut(&meta.id))
        else {
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
