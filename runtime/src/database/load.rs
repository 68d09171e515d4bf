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
use super::catalog::{Catalog, INDEXES, SCHEMAS, SYSTEM_TABLES, TABLES, TableMeta};
use super::committer::derive_catalog;
use super::document::{Document, Entry};
use super::key::{BY_CREATION_TIME, Key};
use super::snapshot::{State, TableState};
use super::transaction::keys;
use crate::error::{Error, Result};
use crate::store::{Row, TableId};

/// Rows below which one thread does the work.
const PARALLEL_ROWS_MIN: usize = 20_000;

/// Builds the state from what the store holds.
pub(super) fn load(
    shared: &Shared,
    data_folder: Option<&Path>,
    tables: Vec<(TableId, Vec<Row>)>,
    high_water: u64,
) -> Result<State> {
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
        add(data_folder, &mut state, table, rows.remove(&table))?;
    }
    state.catalog = Arc::new(derive_catalog(shared, &state)?);
    // A table without documents has no rows to be known by.
    let last_table = state.catalog.tables().map(|table| table.id.0).fold(last_table, u32::max);
    shared.tables.fetch_max(last_table + 1, Ordering::Relaxed);
    for table in SYSTEM_TABLES {
        let table = TableId(table.number);
        add(data_folder, &mut state, table, rows.remove(&table))?;
    }
    for (table, rows) in rows {
        // A table that was dropped may have left rows behind; nothing names it any more.
        if state.catalog.table_by_id(table).is_some() {
            add(data_folder, &mut state, table, Some(rows))?;
        }
    }
    Ok(state)
}

fn add(data_folder: Option<&Path>, state: &mut State, table: TableId, rows: Option<Vec<Row>>) -> Result<()> {
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(()) };
    let meta = state.catalog.table_by_id(table).cloned();
    let meta = meta.ok_or_else(|| Error::internal("A system table is missing."))?;
    state.tables.insert(table, Arc::new(table_state(data_folder, &meta, rows)?));
    Ok(())
}

type Part = (Vec<Arc<Entry>>, Vec<(u16, Vec<Key>)>, Vec<AttachedLoaded>);

fn table_state(data_folder: Option<&Path>, meta: &TableMeta, rows: Vec<Row>) -> Result<TableState> {
    let saved: Vec<_> = meta.attached.iter().map(|index| AttachedSaved::open(data_folder, index)).collect();
    let threads = match rows.len() {
        0..PARALLEL_ROWS_MIN => 1,
        _ => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let chunk = rows.len().div_ceil(threads).max(1);
    let parts: Vec<Result<Part>> = std::thread::scope(|scope| {
        let parts: Vec<_> =
            rows.chunks(chunk).map(|rows| scope.spawn(|| read_part(meta, &saved, rows))).collect();
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

/// Parses rows and computes their keys in every index but `by_id`.
fn read_part(meta: &TableMeta, saved: &[AttachedSaved], rows: &[Row]) -> Result<Part> {
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
        let Ok(Value::Object(fields)) = json::decode(&row.body) else {
            return Err(damaged("is not valid JSON"));
        };
        if fields.get("_id").and_then(Value::as_str).is_none_or(|text| text != id.to_string()) {
            return Err(damaged("is stored under another id"));
        }
        let entry = Arc::new(Entry::new(
            id,
            meta.id,
            row.creation_time,
            row.slot,
            row.ts,
            fields.size(),
            row.body.clone(),
        ));
        let document = Document::with_fields(entry.clone(), row.body.clone(), Arc::new(fields));
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
