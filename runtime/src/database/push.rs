//! Changing the schema: [`Database::apply_schema`].
//!
//! The heavy work, validating existing documents and building new indexes, is done on a snapshot beside the
//! running database. Under the head lock only what was written meanwhile is caught up with; then schema, tables
//! and indexes switch in one commit. No transaction commits across the switch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fusion_schema::id::InternalId;
use fusion_schema::table::{IndexDefinition, Schema, TableDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{DocumentId, Object, Value, object};
use imbl::OrdSet;

use super::bulk;
use super::catalog::{INDEXES, SCHEMAS, TableMeta};
use super::committer::{Head, derive_catalog};
use super::document::{Document, Entry};
use super::key::{FIRST_DECLARED, Key};
use super::snapshot::{Snapshot, State};
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

/// An index to be built.
struct NewIndex {
    table: String,
    name: String,
    fields: Vec<String>,
    staged: bool,
    keys: OrdSet<Key>,
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
        loop {
            if let Some(change) = self.try_apply_schema(schema)? {
                return Ok(change);
            }
            // So much was written meanwhile that it cannot be caught up with: again from a newer snapshot.
        }
    }

    fn try_apply_schema(&self, schema: &Schema) -> Result<Option<SchemaChange>> {
        let snapshot = self.head();
        if snapshot.catalog().schema.as_deref() == Some(schema) {
            return Ok(Some(SchemaChange::default()));
        }
        for definition in changed_validators(&snapshot, schema) {
            self.validate_table(&snapshot, schema, definition)?;
        }
        let (mut new, removed) = diff_indexes(&snapshot, schema);
        for index in &mut new {
            index.keys = self.build_index(&snapshot, &index.table, &index.fields)?;
        }

        let committer = &self.inner.committer;
        let mut head = committer.head.lock();
        committer.wait_for_turn(&mut head, None)?;
        if head.snapshot.push_version != snapshot.push_version() || head.snapshot.epoch != snapshot.0.epoch {
            return Ok(None);
        }
        let Some(touched) = touched_since(&head, &snapshot) else { return Ok(None) };
        let now = Snapshot(head.snapshot.clone());
        self.catch_up(&snapshot, &now, schema, &touched, &mut new)?;

        let mut tx = self.begin(now);
        let slots = write_catalog(&mut tx, schema, &new, &removed)?;
        let writes = tx.into_parts().2.into_final();
        let ts = committer.next_ts(&mut head);
        let state = Arc::make_mut(&mut head.snapshot);
        state.ts = ts;
        state.apply(&writes);
        state.push_version += 1;
        state.catalog = Arc::new(derive_catalog(&self.inner.shared, state)?);
        install_indexes(state, &new, &slots, &removed);
        let views = views(state, schema);
        committer.sequence(&mut head, ts, writes, None);
        committer.set_views(&mut head, views);
        drop(head);
        committer.wake_store();
        self.wait_durable(ts)?;
        let name = |table: &str, index: &str| format!("{table}.{index}");
        Ok(Some(SchemaChange {
            added_indexes: new.iter().map(|index| name(&index.table, &index.name)).collect(),
            removed_indexes: removed.iter().map(|(table, index, _)| name(table, index)).collect(),
        }))
    }

    fn documents(&self, snapshot: &Snapshot, table: TableId) -> impl Iterator<Item = Result<Document>> {
        let entries = snapshot.0.tables.get(&table).map(|table| table.documents.clone()).unwrap_or_default();
        let shared = self.inner.shared.clone();
        entries.into_iter().map(move |(_, entry)| {
            let body = entry.body(&*shared.reader)?;
            Ok(Document::new(entry, body))
        })
    }

    fn document(&self, entry: &Arc<Entry>) -> Result<Document> {
        Ok(Document::new(entry.clone(), entry.body(&*self.inner.shared.reader)?))
    }

    fn validate_table(
        &self,
        snapshot: &Snapshot,
        schema: &Schema,
        definition: &TableDefinition,
    ) -> Result<()> {
        let Some(table) = snapshot.catalog().table(&definition.name) else { return Ok(()) };
        let lookup = self.lookup(snapshot, schema);
        for document in self.documents(snapshot, table.id) {
            validate(schema, &table.name, &document?, &lookup)?;
        }
        Ok(())
    }

    /// The tables as they will be: validators may name tables that this schema brings.
    fn lookup(&self, snapshot: &Snapshot, schema: &Schema) -> Transaction {
        let mut tx = self.begin(snapshot.clone());
        for definition in &schema.tables {
            // Only names and numbers matter here; a bad name was refused by the schema's own check.
            let _ = tx.table_or_create(&definition.name);
        }
        tx
    }

    fn build_index(&self, snapshot: &Snapshot, table: &str, fields: &[String]) -> Result<OrdSet<Key>> {
        let Some(table) = snapshot.catalog().table(table) else { return Ok(OrdSet::new()) };
        let mut keys = Vec::with_capacity(snapshot.document_count(table.id));
        for document in self.documents(snapshot, table.id) {
            keys.push(key_of(fields, &document?));
        }
        keys.sort_unstable();
        Ok(bulk::set(keys))
    }

    /// Brings validation and new indexes from `then` to `now` for the documents written in between.
    fn catch_up(
        &self,
        then: &Snapshot,
        now: &Snapshot,
        schema: &Schema,
        touched: &HashSet<(TableId, InternalId)>,
        new: &mut [NewIndex],
    ) -> Result<()> {
        let lookup = self.lookup(now, schema);
        for (table, id) in touched {
            let Some(meta) = now.catalog().table_by_id(*table) else { continue };
            let before = then.0.entry(*table, *id).map(|entry| self.document(entry)).transpose()?;
            let after = now.0.entry(*table, *id).map(|entry| self.document(entry)).transpose()?;
            if let Some(document) = &after {
                validate(schema, &meta.name, document, &lookup)?;
            }
            for index in new.iter_mut().filter(|index| index.table == meta.name) {
                if let Some(document) = &before {
                    index.keys.remove(&key_of(&index.fields, document));
                }
                if let Some(document) = &after {
                    index.keys.insert(key_of(&index.fields, document));
                }
            }
        }
        Ok(())
    }
}

fn key_of(fields: &[String], document: &Document) -> Key {
    Key::of_document(fields, document.fields(), document.creation_time(), document.id().internal)
}

fn validate(schema: &Schema, table: &str, document: &Document, tables: &Transaction) -> Result<()> {
    schema.check_document(table, document.fields(), tables).map_err(|error| {
        Error::bad_request("SchemaValidationFailed", error.for_document(document.id(), table))
    })
}

/// The tables whose documents must be looked at: those whose document type is not the enforced one already.
fn changed_validators<'a>(snapshot: &Snapshot, schema: &'a Schema) -> Vec<&'a TableDefinition> {
    if !schema.schema_validation {
        return Vec::new();
    }
    let enforced = snapshot.catalog().schema.as_ref().filter(|schema| schema.schema_validation).cloned();
    let same = |definition: &&TableDefinition| {
        let enforced = enforced.as_ref().and_then(|schema| schema.table(&definition.name));
        enforced.is_none_or(|enforced| enforced.document_type != definition.document_type)
    };
    schema.tables.iter().filter(same).collect()
}

type RemovedIndex = (String, String, u16);

/// What has to be built and what has to go.
fn diff_indexes(snapshot: &Snapshot, schema: &Schema) -> (Vec<NewIndex>, Vec<RemovedIndex>) {
    let (mut new, mut removed) = (Vec::new(), Vec::new());
    let mut wanted: HashMap<&str, Vec<(&IndexDefinition, bool)>> = HashMap::new();
    for table in &schema.tables {
        let indexes = table.indexes.iter().map(|index| (index, false));
        let staged = table.staged_indexes.iter().map(|index| (index, true));
        wanted.entry(&table.name).or_default().extend(indexes.chain(staged));
    }
    for (table, definitions) in &wanted {
        let meta = snapshot.catalog().table(table);
        for (definition, staged) in definitions {
            let existing = meta.and_then(|meta| meta.index(&definition.name));
            if existing.is_none_or(|index| index.fields != definition.fields || index.staged != *staged) {
                new.push(NewIndex {
                    table: (*table).to_owned(),
                    name: definition.name.clone(),
                    fields: definition.fields.clone(),
                    staged: *staged,
                    keys: OrdSet::new(),
                });
            }
        }
    }
    for meta in snapshot.catalog().tables().filter(|meta| !meta.number.is_system()) {
        for index in meta.indexes.iter().filter(|index| index.id.slot >= FIRST_DECLARED) {
            let kept = wanted.get(meta.name.as_str()).is_some_and(|definitions| {
                definitions.iter().any(|(definition, staged)| {
                    definition.name == index.name
                        && definition.fields == index.fields
                        && *staged == index.staged
                })
            });
            if !kept {
                removed.push((meta.name.clone(), index.name.clone(), index.id.slot));
            }
        }
    }
    new.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
    removed.sort();
    (new, removed)
}

/// The documents written between a snapshot and the head; `None` if the log does not reach back.
fn touched_since(head: &Head, snapshot: &Snapshot) -> Option<HashSet<(TableId, InternalId)>> {
    let entries = head.log.since(snapshot.ts())?;
    Some(entries.flat_map(|entry| &entry.writes).map(|write| (write.table, write.id)).collect())
}

/// Writes the rows that describe the new tables, indexes and schema; gives the new indexes' slots.
fn write_catalog(
    tx: &mut Transaction,
    schema: &Schema,
    new: &[NewIndex],
    removed: &[RemovedIndex],
) -> Result<Vec<(TableId, u16)>> {
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
        if removed.iter().any(|(table, _, gone)| Some(table) == name.as_ref() && u32::from(*gone) == slot) {
            tx.delete(*id)?;
        }
    }
    let mut slots = Vec::with_capacity(new.len());
    for index in new {
        let Some(meta) = tables.get(&index.table) else { continue };
        let slot = next_slots.entry(meta.id).or_insert(FIRST_DECLARED);
        let fields: Vec<Value> = index.fields.iter().map(|field| Value::from(field.as_str())).collect();
        tx.insert_system(
            INDEXES,
            object! {
                "table" => f64::from(meta.id.0), "slot" => f64::from(*slot), "name" => index.name.as_str(),
                "fields" => fields, "staged" => index.staged,
            },
        )?;
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

fn install_indexes(state: &mut State, new: &[NewIndex], slots: &[(TableId, u16)], removed: &[RemovedIndex]) {
    let catalog = state.catalog.clone();
    for (table, _, slot) in removed {
        let Some(table) = catalog.table(table).and_then(|meta| state.tables.get_mut(&meta.id)) else {
            continue;
        };
        Arc::make_mut(table).indexes.retain(|(found, _)| found != slot);
    }
    for (index, (table, slot)) in new.iter().zip(slots) {
        if index.keys.is_empty() {
            continue;
        }
        if let Some(table) = state.tables.get_mut(table) {
            *Arc::make_mut(table).index_mut(*slot) = index.keys.clone();
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
