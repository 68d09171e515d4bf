//! Pages of what changed since a timestamp, in the order of the transactions.

use std::collections::HashMap;
use std::sync::Arc;

use fusion_schema::{DocumentId, TableNumber};

use super::page::{Page, Place, ROWS_MAX};
use super::{DeltasRequest, StreamingExport, given_back};
use crate::database::{Change, Deletion, Snapshot, TableId, Timestamp};
use crate::error::Result;

/// What lies between two timestamps.
struct Window {
    changes: Vec<Change>,
    deletions: Vec<Deletion>,
    /// Up to here it is complete.
    upto: Timestamp,
}

impl StreamingExport {
    /// A page of what changed, as JSON text.
    ///
    /// # Errors
    /// Bad requests that name the field; `InvalidWindowToReadDocuments` if the cursor is too old. Blocks while it reads.
    pub fn document_deltas(&self, request: &DeltasRequest) -> Result<String> {
        let (snapshot, complete) = self.database.published_changes();
        let cursor = given_back("cursor", request.cursor, &snapshot, complete)?;
        let mut page = Page::new(request.format);
        let window = self.window(&snapshot, cursor, complete)?;
        let mut end = window.upto;
        let places = Places::new(&snapshot, request);
        let (mut changes, mut deletions) = (&window.changes[..], &window.deletions[..]);
        loop {
            let next = changes.first().map(|change| change.ts);
            let next = next.into_iter().chain(deletions.first().map(|deletion| deletion.ts)).min();
            let Some(ts) = next else { break };
            // All of one transaction; first what is gone, because an import may bring back what it removes.
            let (now, later) = deletions.split_at(deletions.partition_point(|deletion| deletion.ts == ts));
            deletions = later;
            now.iter().for_each(|deletion| self.add_deletion(&mut page, &snapshot, request, deletion));
            let (now, later) = changes.split_at(changes.partition_point(|change| change.ts == ts));
            changes = later;
            for change in now {
                self.add_change(&mut page, &snapshot, &places, change)?;
            }
            if page.is_full() {
                end = ts;
                break;
            }
        }
        let rest = format!("\"cursor\":{end},\"hasMore\":{}", end < complete);
        Ok(page.finish(&rest))
    }

    /// What comes after the cursor, enough for a page.
    fn window(&self, snapshot: &Snapshot, after: Timestamp, complete: Timestamp) -> Result<Window> {
        let mut changes = self.changes.lock();
        let (found, mut upto) = changes.after(&self.database, snapshot, after, complete);
        // A few more than a page has, because some may have been replaced.
        let mut wanted = found.len().min(2 * ROWS_MAX);
        if let Some(last) =
            wanted.checked_sub(1).and_then(|last| found.get(last)).filter(|_| wanted < found.len())
        {
            upto = last.ts;
            wanted = found.partition_point(|change| change.ts <= upto);
        }
        let found = found[..wanted].to_vec();
        drop(changes);
        let mut deletions: Vec<Deletion> = Vec::new();
        let mut count = 0;
        self.database.deletions_after(after, &mut |deletion| {
            if deletion.ts > upto {
                return false;
            }
            let is_enough = count >= ROWS_MAX && deletions.last().is_some_and(|last| last.ts < deletion.ts);
            if is_enough {
                upto = deletions.last().map_or(upto, |last| last.ts);
                return false;
            }
            count += deletion.ids.len();
            deletions.push(deletion);
            true
        })?;
        let changes = found.into_iter().take_while(|change| change.ts <= upto).collect();
        Ok(Window { changes, deletions, upto })
    }

    fn add_deletion(
        &self,
        page: &mut Page,
        snapshot: &Snapshot,
        request: &DeltasRequest,
        deletion: &Deletion,
    ) {
        let Deletion { ts, component, table, number, ids } = deletion;
        let is_wanted = request.selection.takes(component, table);
        let catalog = snapshot.catalog();
        let component_now = catalog.component_at(component);
        let meta = component_now.and_then(|component| catalog.table_in(component, table));
        let meta = meta.filter(|meta| meta.number == TableNumber(*number));
        for id in ids {
            page.examine();
            // It may be there again, brought by an import, and reach the reader at another time than this.
            let is_back = || meta.is_some_and(|meta| self.database.version(snapshot, meta.id, *id).is_some());
            if is_wanted && !is_back() {
                let id = DocumentId::new(TableNumber(*number), *id).to_string();
                page.add_deleted(Place { component, table, ts: *ts }, &id);
            }
        }
    }

    fn add_change(
        &self,
        page: &mut Page,
        snapshot: &Snapshot,
        places: &Places,
        change: &Change,
    ) -> Result<()> {
        page.examine();
        let Some((component, table)) = places.wanted.get(&change.table) else { return Ok(()) };
        // What changed again or was deleted since comes later.
        let version = self.database.version(snapshot, change.table, change.id);
        let Some(version) = version.filter(|version| version.ts() == change.ts) else { return Ok(()) };
        page.add(Place { component, table, ts: change.ts }, &self.database.body(&version)?, true)
    }
}

/// Where the tables are that a reader wants.
struct Places {
    wanted: HashMap<TableId, (Arc<str>, Arc<str>)>,
}

impl Places {
    fn new(snapshot: &Snapshot, request: &DeltasRequest) -> Self {
        let catalog = snapshot.catalog();
        let wanted = catalog.all_tables().filter(|table| !table.number.is_system()).filter_map(|table| {
            let component = catalog.component_path(table.component)?;
            let is_wanted = request.selection.takes(component, &table.name);
            is_wanted.then(|| (table.id, (component.into(), table.name.as_str().into())))
        });
        Self { wanted: wanted.collect() }
    }
}
