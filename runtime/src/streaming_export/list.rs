//! Pages of all documents: tables in the order of their identities, which no later table comes before, and documents in
//! the order of their ids.

use std::sync::Arc;

use fusion_schema::DocumentId;
use fusion_schema::id::InternalId;
use fusion_schema::json::encode_string;
use serde::Deserialize;
use serde_json::json;

use super::page::{Page, Place};
use super::{ListRequest, StreamingExport, given_back};
use crate::database::{Snapshot, TableId, TableMeta};
use crate::error::{Error, Result};

/// The last document of a page.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    table: TableId,
    id: InternalId,
}

/// A cursor as clients have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CursorText {
    tablet: String,
    id: String,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self> {
        let parsed = serde_json::from_str::<CursorText>(text).ok().and_then(|cursor| {
            let id = DocumentId::decode(&cursor.id).ok()?.internal;
            Some(Self { table: TableId(cursor.tablet.parse().ok()?), id })
        });
        parsed.ok_or_else(|| {
            Error::bad_request(
                "InvalidCursor",
                "cursor is not one of list_snapshot. Pass the text that the last page gave, or leave it out to begin.",
            )
        })
    }

    fn text(table: TableId, id: DocumentId) -> String {
        json!({"tablet": table.0.to_string(), "id": id.to_string()}).to_string()
    }
}

impl StreamingExport {
    /// A page of all documents, as JSON text.
    ///
    /// # Errors
    /// Bad requests that name the field; `TableNotFound`; `InvalidWindowToReadDocuments` if the snapshot is so old that
    /// nobody could go on from it. Blocks while it reads.
    pub fn list_snapshot(&self, request: &ListRequest) -> Result<String> {
        let database = &self.database;
        let (newest, complete) = database.published_changes();
        let cursor = request.cursor.as_deref().map(Cursor::parse).transpose()?;
        if cursor.is_some() && request.snapshot.is_none() {
            return Err(Error::bad_request(
                "MissingSnapshot",
                "snapshot is missing: pass the one that the page with this cursor gave.",
            ));
        }
        let ts = match request.snapshot {
            None => complete,
            Some(ts) => given_back("snapshot", ts, &newest, complete)?,
        };
        // Somebody who goes on from here needs to hear of all deletions since.
        database.deletions_after(ts, &mut |_| false)?;
        let snapshot = if ts == newest.ts() { newest } else { database.snapshot_at(ts).unwrap_or(newest) };
        if request.snapshot.is_none() && ts == snapshot.ts() {
            database.pin_snapshot(snapshot.clone());
        }
        let tables = self.tables(&snapshot, request)?;

        let mut page = Page::new(request.format);
        let mut next = None;
        let left = tables.iter().filter(|table| cursor.is_none_or(|cursor| table.id >= cursor.table));
        'tables: for table in left {
            let component = snapshot.catalog().component_path(table.component).unwrap_or_default();
            let after = cursor.filter(|cursor| cursor.table == table.id).map(|cursor| cursor.id);
            for version in database.documents_behind(&snapshot, table.id, after) {
                page.examine();
                if version.ts() <= ts {
                    let place = Place { component, table: &table.name, ts: version.ts() };
                    page.add(place, &database.body(&version)?, false)?;
                }
                if page.is_full() {
                    next = Some(Cursor::text(table.id, version.id()));
                    break 'tables;
                }
            }
        }
        let mut rest = format!("\"snapshot\":{ts},\"cursor\":");
        match &next {
            Some(cursor) => encode_string(cursor, &mut rest),
            None => rest.push_str("null"),
        }
        rest.push_str(&format!(",\"hasMore\":{}", next.is_some()));
        Ok(page.finish(&rest))
    }

    /// The tables to be listed, in the order in which they are.
    fn tables(&self, snapshot: &Snapshot, request: &ListRequest) -> Result<Vec<Arc<TableMeta>>> {
        let catalog = snapshot.catalog();
        let is_wanted = |table: &&Arc<TableMeta>| {
            let component = catalog.component_path(table.component).unwrap_or_default();
            !table.number.is_system() && request.selection.takes(component, &table.name)
        };
        let mut tables: Vec<_> = catalog.all_tables().filter(is_wanted).cloned().collect();
        tables.sort_unstable_by_key(|table| table.id);
        match &request.selection.table {
            Some(name) if tables.is_empty() && request.cursor.is_none() => Err(Error::not_found(
                "TableNotFound",
                format!(
                    "tableName: there is no table \"{name}\". /api/json_schemas tells which tables there are."
                ),
            )),
            _ => Ok(tables),
        }
    }
}
