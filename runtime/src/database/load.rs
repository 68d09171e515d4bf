//! Start-up: from the store's rows to the in-memory state.
//!
//! Rows of a table are sorted once per index and the maps are built from sorted keys. Parsing the bodies is
//! most of the work, so it is spread over the cores; it is also the check that the data file is sound.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fusion_schema::{DocumentId, Value, json};
use imbl::OrdMap;

use super::Shared;
use super::attached::{AttachedLoaded, AttachedLoader, AttachedSaved};
use super::bulk;
use super::catalog::{
    COMPONENTS, Catalog, DEPLOYMENT_STATE, INDEXES, SCHEMAS, SYSTEM_TABLES, TABLES, TableMeta, derive_catalog,
};
use super::document::{Document, Entry, resident_bytes};
use super::key::{BY_CREATION_TIME, Key};
use super::snapshot::{State, TableState};
use super::transaction::keys;
use crate::error::{Error, Result};
use crate::store::{Row, TableId};

/// Rows below which one thread does the work.
const PARALLEL_ROWS_MIN: usize = 20_000;

/// What share of the memory for bodies (one part in so many) long ones may have filled for more of them to be kept.
const LONG_BODIES_SHARE: usize = 2;

/// How many short rows take the time of a long one, at least.
const SHORT_PER_LONG: usize = 20;

/// Where everything is loaded from.
#[derive(Clone, Copy)]
struct Source<'a> {
    shared: &'a Shared,
    data_folder: Option<&'a Path>,
}

/// Builds the state from what the store holds.
pub(super) fn load(
    shared: &Shared,
    data_folder: Option<&Path>,
    tables: Vec<(TableId, Vec<Row>)>,
    high_water: u64,
) -> Result<State> {
    let from = Source { shared, data_folder };
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
    for table in [COMPONENTS, TABLES, INDEXES, SCHEMAS, DEPLOYMENT_STATE] {
        add(from, &mut state, table, rows.remove(&table))?;
    }
    state.catalog = Arc::new(derive_catalog(shared, &state)?);
    // A table without documents has no rows to be known by.
    let last_table = state.catalog.all_tables().map(|table| table.id.0).fold(last_table, u32::max);
    shared.tables.fetch_max(last_table + 1, Ordering::Relaxed);
    let last_component = state.catalog.components().map(|component| component.id.0).max().unwrap_or(0);
    shared.components.fetch_max(last_component + 1, Ordering::Relaxed);
    for table in SYSTEM_TABLES {
        let table = TableId(table.number);
        add(from, &mut state, table, rows.remove(&table))?;
    }
    for (table, rows) in rows {
        // A table that was dropped may have left rows behind; nothing names it any more.
        if state.catalog.table_by_id(table).is_some() {
            add(from, &mut state, table, Some(rows))?;
        }
    }
    Ok(state)
}

fn add(from: Source<'_>, state: &mut State, table: TableId, rows: Option<Vec<Row>>) -> Result<()> {
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(()) };
    let meta = state.catalog.table_by_id(table).cloned();
    let meta = meta.ok_or_else(|| Error::internal("A system table is missing."))?;
    state.tables.insert(table, Arc::new(table_state(from, &meta, rows)?));
    Ok(())
}

type Part = (Vec<Arc<Entry>>, Vec<(u16, Vec<Key>)>, Vec<AttachedLoaded>);

fn table_state(from: Source<'_>, meta: &TableMeta, rows: Vec<Row>) -> Result<TableState> {
    let saved: Vec<_> =
        meta.attached.iter().map(|index| AttachedSaved::open(from.data_folder, index)).collect();
    let long = rows.iter().filter(|row| row.body.is_empty()).count();
    let threads = match rows.len() + long * SHORT_PER_LONG {
        0..PARALLEL_ROWS_MIN => 1,
        _ => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let chunk = rows.len().div_ceil(threads).max(1);
    let parts: Vec<Result<Part>> = std::thread::scope(|scope| {
        let parts: Vec<_> =
            rows.chunks(chunk).map(|rows| scope.spawn(|| read_part(from, meta, &saved, rows))).collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, _>| {
            part.join().unwrap_or_else(|_| Err(Error::internal("Loading a table failed.")))
        };
        parts.into_iter().map(join).collect()
    });
    let mut entries = Vec::with_capacity(rows.len());
    let mut keys: Vec<(u16, Vec<Key>)> = Vec::new();
    let mut attached: Vec<Vec<AttachedLoaded>> = saved.iter().map(|_| Vec::new()).collect();
    drop(rows);
    for part in parts {
        let (part_entries, part_keys, part_attached) = part?;
        entries.extend(part_entries);
        for (attached, part) in attached.iter_mut().zip(part_attached) {
            attached.push(part);
        }
        for (position, (slot, part_keys)) in part_keys.into_iter().enumerate() {
            match keys.get_mut(position) {
                None => keys.push((slot, part_keys)),
                Some((_, keys)) => keys.extend(part_keys),
            }
        }
    }
    let attached = meta.attached.iter().zip(saved).zip(attached);
    let attached = attached.map(|((index, saved), loaded)| (index.id.slot, saved.finish(loaded))).collect();
    let size = entries.iter().map(|entry| u64::from(entry.size)).sum();
    let changed = entries.iter().map(|entry| entry.ts()).max().unwrap_or(0);
    let mut table = TableState { size, attached, changed, ..TableState::default() };
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
fn long_body(from: Source<'_>, meta: &TableMeta, row: &Row) -> Result<Arc<str>> {
    match from.shared.reader.body(meta.id, row.slot) {
        Ok(Some((ts, body))) if ts == row.ts => Ok(body),
        Ok(_) => Err(Error::internal(format!(
            "The data file changed while it was opened: row {} of table \"{}\" is another one. Start again.",
            row.slot, meta.name
        ))),
        Err(error) => Err(Error::internal("A document could not be read.").with_source(error)),
    }
}

/// Parses rows and computes their keys in every index but `by_id`.
fn read_part(from: Source<'_>, meta: &TableMeta, saved: &[AttachedSaved], rows: &[Row]) -> Result<Part> {
    let wanted = indexed_fields(meta);
    let kept_max = from.shared.limits.body_bytes_max / LONG_BODIES_SHARE;
    let mut entries = Vec::with_capacity(rows.len());
    let mut all_keys: Vec<(u16, Vec<Key>)> =
        meta.indexes.iter().skip(1).map(|index| (index.id.slot, Vec::with_capacity(rows.len()))).collect();
    let mut attached: Vec<_> = saved.iter().map(AttachedSaved::loader).collect();
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
        let body = if is_left { long_body(from, meta, row)? } else { row.body.clone() };
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
        for ((_, all), (_, key)) in all_keys.iter_mut().zip(keys(meta, &document)) {
            all.push(key);
        }
        for (index, loader) in meta.attached.iter().zip(&mut attached) {
            if !loader.knows(&row.id, row.ts)
                && let Some(extract) = index.definition.extract(&document)
            {
                loader.add(row.id, extract);
            }
        }
        entries.push(entry);
    }
    Ok((entries, all_keys, attached.into_iter().map(AttachedLoader::finish).collect()))
}
