//! Start-up: from the store's rows to the in-memory state.
//!
//! Rows of a table are sorted once per index and the maps are built from sorted keys. Parsing the bodies is
//! most of the work, so it is spread over the cores; it is also the check that the data file is sound.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fusion_schema::{DocumentId, Value, json};
use imbl::OrdMap;

use super::Shared;
use super::attached::{AttachedBuilder, AttachedIndex};
use super::bulk;
use super::catalog::{Catalog, INDEXES, SCHEMAS, SYSTEM_TABLES, TABLES, TableMeta};
use super::committer::derive_catalog;
use super::document::{Document, Entry, resident_bytes};
use super::key::{BY_CREATION_TIME, Key};
use super::snapshot::{State, TableState};
use super::transaction::version;
use crate::error::{Error, Result};
use crate::store::{Row, TableId};

/// Rows below which one thread does the work.
const PARALLEL_ROWS_MIN: usize = 20_000;

/// What share of the memory for bodies (one part in so many) long ones may have filled for more of them to be kept.
const LONG_BODIES_SHARE: usize = 2;

/// How many short rows take the time of a long one, at least.
const SHORT_PER_LONG: usize = 20;

/// Builds the state from what the store holds.
pub(super) fn load(shared: &Shared, tables: Vec<(TableId, Vec<Row>)>, high_water: u64) -> Result<State> {
    let mut rows: HashMap<TableId, Vec<Row>> = tables.into_iter().collect();
    let (mut ts, mut slot) = (high_water, 0);
    for row in rows.values().flatten() {
        ts = ts.max(row.ts);
        slot = slot.max(row.slot);
    }
    shared.slots.store(slot + 1, Ordering::Relaxed);
    let last_table = rows.keys().map(|table| table.0).max().unwrap_or(0);

    let mut state = State {
        ts,
        push_version: 0,
        attached: None,
        epoch: 0,
        catalog: Arc::new(Catalog::system()),
        tables: OrdMap::new(),
    };
    // The tables that say which tables there are come first.
    for table in [TABLES, INDEXES, SCHEMAS] {
        add(shared, &mut state, table, rows.remove(&table))?;
    }
    state.catalog = Arc::new(derive_catalog(shared, &state)?);
    // A table without documents has no rows to be known by.
    let last_table = state.catalog.tables().map(|table| table.id.0).fold(last_table, u32::max);
    shared.tables.fetch_max(last_table + 1, Ordering::Relaxed);
    for table in SYSTEM_TABLES {
        let table = TableId(table.number);
        add(shared, &mut state, table, rows.remove(&table))?;
    }
    for (table, rows) in rows {
        // A table that was dropped may have left rows behind; nothing names it any more.
        if state.catalog.table_by_id(table).is_some() {
            add(shared, &mut state, table, Some(rows))?;
        }
    }
    Ok(state)
}

fn add(shared: &Shared, state: &mut State, table: TableId, rows: Option<Vec<Row>>) -> Result<()> {
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(()) };
    let meta = state.catalog.table_by_id(table).cloned();
    let meta = meta.ok_or_else(|| Error::internal("A system table is missing."))?;
    state.tables.insert(table, Arc::new(table_state(shared, &meta, rows)?));
    Ok(())
}

type Part = (Vec<Arc<Entry>>, Vec<(u16, Vec<Key>)>, Vec<(u16, AttachedIndex)>);

fn table_state(shared: &Shared, meta: &TableMeta, rows: Vec<Row>) -> Result<TableState> {
    let long = rows.iter().filter(|row| row.body.is_empty()).count();
    let threads = match rows.len() + long * SHORT_PER_LONG {
        0..PARALLEL_ROWS_MIN => 1,
        _ => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let chunk = rows.len().div_ceil(threads).max(1);
    let parts: Vec<Result<Part>> = std::thread::scope(|scope| {
        let parts: Vec<_> =
            rows.chunks(chunk).map(|rows| scope.spawn(|| read_part(shared, meta, rows))).collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, _>| {
            part.join().unwrap_or_else(|_| Err(Error::internal("Loading a table failed.")))
        };
        parts.into_iter().map(join).collect()
    });
    let (mut entries, mut keys, mut attached): Part =
        (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
    drop(rows);
    for part in parts {
        let (part_entries, part_keys, part_attached) = part?;
        entries.extend(part_entries);
        for (position, (slot, index)) in part_attached.into_iter().enumerate() {
            match attached.get_mut(position) {
                None => attached.push((slot, index)),
                Some((_, attached)) => attached.join(index),
            }
        }
        for (position, (slot, part_keys)) in part_keys.into_iter().enumerate() {
            match keys.get_mut(position) {
                None => keys.push((slot, part_keys)),
                Some((_, keys)) => keys.extend(part_keys),
            }
        }
    }
    let size = entries.iter().map(|entry| u64::from(entry.size)).sum();
    let mut table = TableState { size, attached, ..TableState::default() };
    std::thread::scope(|scope| {
        let documents = scope.spawn(move || {
            entries.sort_unstable_by_key(|entry| entry.id.internal);
            bulk::map(entries.into_iter().map(|entry| (entry.id.internal, entry)).collect())
        });
        for (slot, mut keys) in keys {
            keys.sort_unstable();
            let keys = bulk::set(keys);
            if slot == BY_CREATION_TIME {
                table.by_creation_time = keys;
            } else {
                table.indexes.push((slot, keys));
            }
        }
        if let Ok(documents) = documents.join() {
            table.documents = documents;
        }
    });
    Ok(table)
}

/// The top-level fields that something is found by, and the id.
fn indexed_fields(meta: &TableMeta) -> Vec<String> {
    let sorted = meta.indexes.iter().flat_map(|index| index.fields.iter().map(String::as_str));
    let attached = meta.attached.iter().flat_map(|index| index.definition.fields());
    let top = sorted.chain(attached).map(|path| path.split('.').next().unwrap_or(path).to_owned());
    let mut fields: Vec<String> = top.chain(["_id".to_owned()]).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// The body of a row that the store left where it is.
fn long_body(shared: &Shared, meta: &TableMeta, row: &Row) -> Result<Arc<str>> {
    match shared.reader.body(meta.id, row.slot) {
        Ok(Some((ts, body))) if ts == row.ts => Ok(body),
        Ok(_) => Err(Error::internal(format!(
            "The data file changed while it was opened: row {} of table \"{}\" is another one. Start again.",
            row.slot, meta.name
        ))),
        Err(error) => Err(Error::internal("A document could not be read.").with_source(error)),
    }
}

/// Parses rows and computes their keys in every index but `by_id`.
fn read_part(shared: &Shared, meta: &TableMeta, rows: &[Row]) -> Result<Part> {
    let wanted = indexed_fields(meta);
    let kept_max = shared.limits.body_bytes_max / LONG_BODIES_SHARE;
    let mut entries = Vec::with_capacity(rows.len());
    let mut keys: Vec<(u16, Vec<Key>)> =
        meta.indexes.iter().skip(1).map(|index| (index.id.slot, Vec::with_capacity(rows.len()))).collect();
    let mut attached: Vec<(u16, AttachedBuilder)> =
        meta.attached.iter().map(|index| (index.id.slot, AttachedBuilder::new(&index.definition))).collect();
    for row in rows {
        let id = DocumentId::new(meta.number, row.id);
        let damaged = |what: &str| {
            Error::internal(format!(
                "The data file is damaged: document {id} of table \"{}\" {what}. Restore the file from a backup.",
                meta.name
            ))
        };
        // A long body was left in the file. Most of it is of no interest here, like the numbers of a vector.
        let is_left = row.body.is_empty();
        let body = if is_left { long_body(shared, meta, row)? } else { row.body.clone() };
        let read = if is_left {
            json::decode_fields(&body, |name| wanted.iter().any(|wanted| wanted == name)).ok()
        } else {
            match json::decode(&body) {
                Ok(Value::Object(fields)) => {
                    let size = fields.size();
                    Some((fields, size))
                }
                _ => None,
            }
        };
        let Some((fields, size)) = read else { return Err(damaged("is not valid JSON")) };
        if fields.get("_id").and_then(Value::as_str).is_none_or(|text| text != id.to_string()) {
            return Err(damaged("is stored under another id"));
        }
        let Row { slot, ts, creation_time, .. } = *row;
        let entry = Arc::new(if is_left && resident_bytes() > kept_max {
            let size = u32::try_from(size).unwrap_or(u32::MAX);
            Entry::stored(id, meta.id, creation_time, slot, ts, size)
        } else {
            Entry::new(id, meta.id, creation_time, slot, ts, size, body.clone())
        });
        let document = Document::with_fields(entry.clone(), body, Arc::new(fields));
        let version = version(meta, document);
        for ((_, keys), (_, key)) in keys.iter_mut().zip(version.keys) {
            keys.push(key);
        }
        for ((_, builder), (_, extract)) in attached.iter_mut().zip(version.attached) {
            if let Some(extract) = extract {
                builder.add(row.id, extract);
            }
        }
        entries.push(entry);
    }
    let attached = attached.into_iter().map(|(slot, builder)| (slot, builder.finish())).collect();
    Ok((entries, keys, attached))
}
