//! What a data connector reads: all documents, all of them as changes, and whether there is anything new; and what it
//! costs to remember deletions for it. Without sockets, in this process.

use std::io;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_runtime::database::{CommitExtras, Database, DatabaseOptions};
use fusion_runtime::streaming_export::{DeltasRequest, ListRequest, Selection, StreamingExport};
use fusion_schema::json::Format;
use fusion_schema::{DocumentId, object};
use serde_json::Value as Json;

use crate::report::{head, micros, millis, percentile, plain, rate, thousands};
use crate::setup::Options;

/// Documents inserted by one transaction.
const PER_TRANSACTION: u64 = 8_000;
/// Documents deleted one at a time, and as many in flight.
const DELETED: usize = 20_000;
const IN_FLIGHT: usize = 1_000;

pub(crate) fn run(options: &Options) -> io::Result<()> {
    let folder = options.scratch()?;
    let opened = || {
        let options = DatabaseOptions::in_memory().with_folder(folder.path().join("data"));
        Database::open(options).map_err(io::Error::other)
    };
    let database = opened()?;
    let ids = insert(&database, options.documents)?;
    let export = StreamingExport::new(database.clone());
    head();
    let documents = thousands(options.documents);
    let per_second = |begun: Moment| rate(options.documents as f64 / begun.elapsed().as_secs_f64());

    let begun = Moment::now();
    let snapshot = list(&export)?;
    plain(&format!("list of {documents} documents of 200 bytes"), &per_second(begun), "");
    let begun = Moment::now();
    follow(&export, 0)?;
    plain(&format!("{documents} documents as changes"), &per_second(begun), "");
    let begun = Moment::now();
    follow(&export, snapshot)?;
    plain("looking for what is new: nothing is", &micros(begun.elapsed()), "");

    let begun = Moment::now();
    let mut latencies = delete(&database, &ids, 1)?;
    let deleted = DELETED.min(ids.len() / 2);
    let alone = rate(deleted as f64 / begun.elapsed().as_secs_f64());
    let p50 = millis(percentile(&mut latencies, 0.5));
    plain("deletions one at a time, one document each", &format!("{alone}, p50 {p50}"), "");
    let begun = Moment::now();
    delete(&database, &ids[deleted..], IN_FLIGHT)?;
    let together = rate(deleted as f64 / begun.elapsed().as_secs_f64());
    plain(&format!("the same, {IN_FLIGHT} in flight"), &together, "");
    drop(export);
    database.close();
    drop(database);

    let database = opened()?;
    let export = StreamingExport::new(database);
    let begun = Moment::now();
    follow(&export, snapshot)?;
    let found = format!("{} deletions in {}", thousands(2 * deleted as u64), millis(begun.elapsed()));
    plain("what happened since the list, after a restart", &found, "");
    Ok(())
}

fn insert(database: &Database, documents: u64) -> io::Result<Vec<DocumentId>> {
    let filler = "The quick brown fox jumps over the lazy dog and the dog does not care. ";
    let mut ids = Vec::new();
    for start in (0..documents).step_by(PER_TRANSACTION as usize) {
        let mut tx = database.begin_mutation();
        for number in start..documents.min(start + PER_TRANSACTION) {
            let fields =
                object! {"number" => number as f64, "text" => format!("{filler}{filler}{number:07}")};
            ids.push(tx.insert("documents", fields).map_err(io::Error::other)?);
        }
        let committed = database.commit(tx, CommitExtras::default()).map_err(io::Error::other)?;
        database.wait_durable(committed.ts).map_err(io::Error::other)?;
    }
    Ok(ids)
}

fn list(export: &StreamingExport) -> io::Result<u64> {
    let (mut snapshot, mut cursor) = (None, None);
    loop {
        let request =
            ListRequest { snapshot, cursor, selection: Selection::default(), format: Format::Clean };
        let page = end_of(&export.list_snapshot(&request).map_err(io::Error::other)?)?;
        snapshot = page["snapshot"].as_u64();
        cursor = page["cursor"].as_str().map(str::to_owned);
        if page["hasMore"] == false {
            return Ok(snapshot.unwrap_or_default());
        }
    }
}

fn follow(export: &StreamingExport, mut cursor: u64) -> io::Result<()> {
    loop {
        let request = DeltasRequest { cursor, selection: Selection::default(), format: Format::Clean };
        let page = end_of(&export.document_deltas(&request).map_err(io::Error::other)?)?;
        cursor = page["cursor"].as_u64().unwrap_or_default();
        if page["hasMore"] == false {
            return Ok(());
        }
    }
}

/// The fields of a page behind its documents, so that parsing those is not measured.
fn end_of(page: &str) -> io::Result<Json> {
    let end = page.rfind("],\"").map_or(page, |end| &page[end + 2..]);
    serde_json::from_str(&format!("{{{end}")).map_err(io::Error::other)
}

/// Deletes documents, each in a transaction, with so many under way; gives the time of each that was waited for.
fn delete(database: &Database, ids: &[DocumentId], in_flight: usize) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for part in ids[..DELETED.min(ids.len() / 2)].chunks(in_flight) {
        let begun = Moment::now();
        let mut last = 0;
        for id in part {
            let mut tx = database.begin_mutation();
            tx.delete(*id).map_err(io::Error::other)?;
            let extras = CommitExtras { is_unhurried: in_flight == 1, ..CommitExtras::default() };
            last = database.commit(tx, extras).map_err(io::Error::other)?.ts;
        }
        database.wait_durable(last).map_err(io::Error::other)?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}
