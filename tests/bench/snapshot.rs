//! Import of a large JSONL file into a table with two indexes, and export of the same.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::http::{call, post, request, value_of};
use fusion_tests::process::Server;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::report::{head, megabytes, plain, rate, row, thousands};
use crate::setup::{Options, seed_documents};

/// Bytes of an uploaded part.
const PART_SIZE: usize = 8 << 20;
/// How often a state is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A file of documents, 200 bytes each.
fn write_lines(path: &Path, documents: u64) -> io::Result<()> {
    let mut text = String::new();
    let mut file = File::create(path)?;
    for number in 0..documents {
        let filler = "The quick brown fox jumps over the lazy dog and the dog does not care. ";
        let _ = writeln!(
            text,
            r#"{{"group":"group-{}","number":{number},"text":"{filler}{filler}{:07}"}}"#,
            number % 1_000,
            number * 7919 % 10_000_000
        );
        if text.len() > 1 << 20 {
            file.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    file.write_all(text.as_bytes())
}

/// What nobody can do without: reading the file and parsing every line.
fn parse_lines(path: &Path) -> io::Result<Duration> {
    let begun = Moment::now();
    for line in BufReader::new(File::open(path)?).lines() {
        let document: Value = serde_json::from_str(&line?)?;
        std::hint::black_box(document);
    }
    Ok(begun.elapsed())
}

async fn send(server: &Server, path: &str, body: &[u8]) -> io::Result<Value> {
    let headers = format!("Authorization: Convex {}\r\n", server.admin_key);
    let answer = request(server.address(), "POST", path, &headers, body).await?;
    // Some answers say nothing but that it went well.
    if answer.status == 200 && answer.body.is_empty() { Ok(Value::Null) } else { answer.json() }
}

/// Polls a system query until its state is over.
async fn finished(server: &Server, path: &str, args: Value, state: &[&str]) -> io::Result<Value> {
    loop {
        let body = json!({"path": path, "args": args, "format": "convex_encoded_json"});
        let mut found = value_of(post(server, "/api/query", &body).await?)?;
        for name in state {
            found = found[name].take();
        }
        match found["state"].as_str() {
            Some("failed") => return Err(io::Error::other(format!("it failed: {found}"))),
            Some("completed" | "waiting_for_confirmation") => return Ok(found),
            _ => sleep(POLL_INTERVAL).await,
        }
    }
}

pub(crate) async fn import(options: &Options) -> io::Result<()> {
    let (server, folder) = options.server()?;
    let file = folder.path().join("documents.jsonl");
    write_lines(&file, options.documents)?;
    let floor = parse_lines(&file)?;
    head();
    let before = server.resident_bytes()?;

    let begun = Moment::now();
    let started = send(&server, "/api/import/start_upload", b"").await?;
    let token = started["uploadToken"].as_str().unwrap_or_default().to_owned();
    let content = fs::read(&file)?;
    let mut parts = Vec::new();
    for (number, part) in (1..).zip(content.chunks(PART_SIZE)) {
        let path = format!("/api/import/upload_part?uploadToken={token}&partNumber={number}");
        parts.push(send(&server, &path, part).await?);
    }
    let uploaded = begun.elapsed();
    drop(content);

    let begun = Moment::now();
    let import = json!({"tableName": "records", "mode": "requireEmpty", "format": "jsonLines"});
    let body = json!({"import": import, "uploadToken": token, "partTokens": parts});
    let import = post(&server, "/api/import/finish_upload", &body).await?;
    let id = json!({"importId": import["importId"]});
    let state = ["state"];
    finished(&server, "_system/cli/queryImport", id.clone(), &state).await?;
    let surveyed = begun.elapsed();
    send(&server, "/api/perform_import", id.to_string().as_bytes()).await?;
    let mut peak = server.resident_bytes()?;
    let done = loop {
        peak = peak.max(server.resident_bytes()?);
        let body = json!({"path": "_system/cli/queryImport", "args": id, "format": "convex_encoded_json"});
        let found = value_of(post(&server, "/api/query", &body).await?)?;
        match found["state"]["state"].as_str() {
            Some("completed") => break begun.elapsed(),
            Some("failed") => return Err(io::Error::other(format!("it failed: {found}"))),
            _ => sleep(POLL_INTERVAL).await,
        }
    };
    let count = call(&server, "documents:count", json!({})).await?;
    if count.as_f64() != Some(options.documents as f64) {
        return Err(io::Error::other(format!("{count} documents after the import")));
    }
    let per_second = |duration: Duration| options.documents as f64 / duration.as_secs_f64();
    let what =
        format!("import of {} JSONL documents of 200 bytes, two indexes", thousands(options.documents));
    let ratio = per_second(done) / per_second(floor);
    row(&what, &rate(per_second(done)), &rate(per_second(floor)), ratio, "≥ 60,000/s");
    plain("of that, the look before the confirmation", &format!("{:.2} s", surveyed.as_secs_f64()), "");
    plain("upload before it", &format!("{:.2} s", uploaded.as_secs_f64()), "");
    let memory = format!("{} → {} at most", megabytes(before), megabytes(peak));
    plain("resident memory meanwhile (keys stay in memory)", &memory, "bounded");
    server.stop()
}

pub(crate) async fn export(options: &Options) -> io::Result<()> {
    let (server, folder) = options.server()?;
    seed_documents(&server, options.documents).await?;
    head();
    let before = server.resident_bytes()?;
    let begun = Moment::now();
    send(&server, "/api/export/request/zip?includeStorage=false", b"").await?;
    let mut peak = before;
    let export = loop {
        peak = peak.max(server.resident_bytes()?);
        let body = json!({"path": "_system/cli/exports:getLatest", "args": {}, "format": "json"});
        let found = value_of(post(&server, "/api/query", &body).await?)?;
        match found["state"].as_str() {
            Some("completed") => break found,
            Some("failed") => return Err(io::Error::other(format!("it failed: {found}"))),
            _ => sleep(POLL_INTERVAL).await,
        }
    };
    let written = begun.elapsed();
    let begun = Moment::now();
    let path = format!("/api/export/zip/{}", export["start_ts"].as_str().unwrap_or_default());
    let headers = format!("Authorization: Convex {}\r\n", server.admin_key);
    let zip = request(server.address(), "GET", &path, &headers, b"").await?.body;
    let downloaded = begun.elapsed();

    // The floor writes as many bytes as the export reads, without packing them.
    let line = [b'x'; 250];
    let begun = Moment::now();
    let mut file = io::BufWriter::new(File::create(folder.path().join("plain"))?);
    for _ in 0..options.documents {
        file.write_all(&line)?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let floor = begun.elapsed();

    let per_second = |duration: Duration| options.documents as f64 / duration.as_secs_f64();
    let what = format!("export of {} documents to a ZIP file", thousands(options.documents));
    let ratio = per_second(written) / per_second(floor);
    row(&what, &rate(per_second(written)), &rate(per_second(floor)), ratio, "≥ 150,000/s");
    let download = format!("{} in {:.2} s", megabytes(zip.len() as u64), downloaded.as_secs_f64());
    plain("download of it", &download, "");
    let memory = format!("{} → {} at most", megabytes(before), megabytes(peak));
    plain("resident memory meanwhile", &memory, "bounded");
    server.stop()
}
