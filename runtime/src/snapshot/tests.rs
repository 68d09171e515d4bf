//! Imports and exports as their watchers see them.

use std::io::{Cursor, Read as _, Write as _};

use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::validator::{FieldValidator, ObjectValidator};
use fusion_schema::{Object, Validator, Value, json, object};
use futures_util::{StreamExt as _, stream};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::*;
use crate::database::ComponentId;
use crate::database::{Database, DatabaseOptions};
use crate::function::Application;
use crate::function::testing::runner_on;
use crate::system::files::Files;

fn schema() -> Schema {
    let field = |name: &str, validator| (name.to_owned(), FieldValidator { validator, optional: false });
    let document = Validator::Object(ObjectValidator {
        fields: vec![field("author", Validator::String), field("n", Validator::Float64)],
    });
    let messages = TableDefinition::new("messages", document).index("by_n", ["n"]);
    Schema::new(vec![messages])
}

struct World {
    database: Database,
    runner: Arc<FunctionRunner>,
    snapshots: Snapshots,
}

fn start() -> World {
    start_on(Database::open(DatabaseOptions::in_memory()).unwrap())
}

fn start_on(database: Database) -> World {
    let runner = runner_on(database.clone(), Application::new("test"));
    let snapshots = Snapshots::start(runner.clone());
    World { database, runner, snapshots }
}

fn lines(text: &str) -> ImportFormat {
    ImportFormat::JsonLines { table: text.to_owned() }
}

impl World {
    async fn upload(&self, format: ImportFormat, mode: ImportMode, content: &[u8]) -> DocumentId {
        let token = self.snapshots.start_upload().unwrap();
        let mut parts = Vec::new();
        // Small parts, so that documents are cut.
        let size = content.len() / 7 + 10;
        for (number, part) in (1..).zip(content.chunks(size)) {
            let piece = stream::iter([Ok::<_, Error>(Bytes::copy_from_slice(part))]);
            parts.push(self.snapshots.upload_part(&token, number, piece).await.unwrap());
        }
        self.snapshots.finish_upload(&token, &parts, format, mode, "").await.unwrap()
    }

    async fn state(&self, id: DocumentId, is_wanted: impl Fn(&ImportState) -> bool) -> ImportState {
        for _ in 0..4_000 {
            let import = Imports::new(&mut self.database.begin_query()).get(id).unwrap().unwrap();
            if is_wanted(&import.state) {
                return import.state;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never came to that");
    }

    /// Imports with a confirmation; the number of documents, or why not.
    async fn import(&self, format: ImportFormat, mode: ImportMode, content: &[u8]) -> Result<u64, String> {
        let id = self.upload(format, mode, content).await;
        let is_asked = |state: &ImportState| !matches!(state, ImportState::Uploaded);
        if let ImportState::Failed { message } = self.state(id, is_asked).await {
            return Err(message);
        }
        self.snapshots.confirm(id).await.unwrap();
        match self.state(id, ImportState::is_over).await {
            ImportState::Completed { documents, .. } => Ok(documents),
            ImportState::Failed { message } => Err(message),
            other => panic!("{other:?}"),
        }
    }

    async fn export(&self, includes_files: bool) -> Vec<u8> {
        self.snapshots.request_export(includes_files).await.unwrap();
        for _ in 0..4_000 {
            let latest = Exports::new(&mut self.database.begin_query()).all().unwrap().remove(0);
            if matches!(latest.state, ExportState::Completed { .. }) {
                let start_ts = latest.start_ts.unwrap().to_string();
                let (_, size, content) = self.snapshots.download(&start_ts).await.unwrap();
                let pieces: Vec<Bytes> = content.map(Result::unwrap).collect().await;
                let content = pieces.concat();
                assert_eq!(content.len() as u64, size);
                return content;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the export was not written");
    }

    /// The documents of a table without system fields, as JSON.
    fn texts(&self, table: &str) -> Vec<String> {
        let all = crate::system::all(&mut self.database.begin_query(), table).unwrap();
        let text = |document: &crate::database::Document| {
            let mut fields: Object = (**document.fields()).clone();
            fields.remove("_id");
            fields.remove("_creationTime");
            json::encode(&Value::Object(fields))
        };
        all.iter().map(text).collect()
    }
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The entries of a ZIP file; where files lie inside of a deployment does not matter.
fn entries(zip: &[u8]) -> Vec<(String, String)> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let mut text = String::from_utf8_lossy(&content).into_owned();
        if entry.name().unwrap() == "_storage/documents.jsonl" {
            let rows = text.lines().map(|line| {
                let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
                row["internalId"] = serde_json::Value::Null;
                row.to_string()
            });
            text = rows.collect::<Vec<_>>().join("\n");
        }
        found.push((entry.name().unwrap().into_owned(), text));
    }
    found
}

const APPEND: ImportMode = ImportMode::Append;

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_file_is_read() {
    let world = start();
    let jsonl = b"{\"a\":1,\"b\":{\"$integer\":\"AQAAAAAAAAA=\"}}\r\n\n  {\"a\":\"x\"}";
    assert_eq!(world.import(lines("t"), APPEND, jsonl).await, Ok(2));
    let array = ImportFormat::JsonArray { table: "t".to_owned() };
    assert_eq!(world.import(array, APPEND, b"[{\"a\":[1,2]},\n{\"a\":null}]").await, Ok(2));
    let csv = ImportFormat::Csv { table: "t".to_owned() };
    let rows = b"a,b c\r\n1.50,\"x, \"\"y\"\"\"\n,-0\n";
    assert_eq!(world.import(csv, APPEND, rows).await, Ok(2));
    assert_eq!(
        world.texts("t"),
        [
            r#"{"a":1,"b":{"$integer":"AQAAAAAAAAA="}}"#,
            r#"{"a":"x"}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":null}"#,
            r#"{"a":1.5,"b c":"x, \"y\""}"#,
            r#"{"a":"","b c":{"$float":"AAAAAAAAAIA="}}"#,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_do_what_they_say() {
    let world = start();
    world.database.apply_schema(&schema()).unwrap();
    let one = br#"{"author":"amy","n":1}"#;
    let two = br#"{"author":"bob","n":2}"#;
    assert_eq!(world.import(lines("messages"), ImportMode::RequireEmpty, one).await, Ok(1));
    let error = world.import(lines("messages"), ImportMode::RequireEmpty, two).await.unwrap_err();
    let expected =
        "Table messages already exists. Please choose a new table name or use replace/append modes.";
    assert_eq!(error, expected);
    assert_eq!(world.import(lines("messages"), ImportMode::Append, two).await, Ok(1));
    assert_eq!(world.texts("messages").len(), 2);
    assert_eq!(world.import(lines("messages"), ImportMode::Replace, two).await, Ok(1));
    assert_eq!(world.texts("messages"), [r#"{"author":"bob","n":2}"#]);
    assert_eq!(world.import(lines("loose"), ImportMode::RequireEmpty, b"{}").await, Ok(1));

    let id = world.upload(lines("other"), ImportMode::ReplaceAll, b"{}\n{}").await;
    let state = world.state(id, |state| !matches!(state, ImportState::Uploaded)).await;
    let ImportState::WaitingForConfirmation { message, needs_person } = state else { panic!("{state:?}") };
    assert!(needs_person);
    assert_eq!(
        message,
        "Import change summary:\n\
         table    |     create |     delete |\n\
         ------------------------------------\n\
         loose    |          0 |          1 |\n\
         messages |          0 |          1 |\n\
         other    |          2 |          0 |\n\
         Once the import has started, it runs in the background; stopping this command does not cancel it."
    );
    world.snapshots.confirm(id).await.unwrap();
    world.state(id, |state| matches!(state, ImportState::Completed { documents: 2, .. })).await;
    assert!(world.texts("messages").is_empty());
    let catalog = world.database.published().catalog().clone();
    assert!(catalog.table("messages").is_some() && catalog.table("loose").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_does_not_fit_is_named_and_nothing_is_changed() {
    let world = start();
    world.database.apply_schema(&schema()).unwrap();
    let good = "{\"author\":\"amy\",\"n\":1}\n".repeat(5_000);
    for (bad, fragment) in [
        (
            r#"{"author":"amy","n":"1"}"#,
            "Line 5001: Failed to insert or update a document in table \"messages\"",
        ),
        (r#"{"author":"amy","n":1"#, "Line 5001: EOF while parsing an object at column"),
        ("[1]", "Line 5001: "),
        (r#"{"author":"amy","n":1,"_id":"x"}"#, "Line 5001: \"x\" is not an ID of table \"messages\"."),
        (r#"{"author":"amy","n":1,"_creationTime":-1}"#, "Line 5001: -1 is not a creation time"),
        (r#"{"author":"amy","n":{"$commitTs":null}}"#, "Line 5001: "),
    ] {
        let text = format!("{good}{bad}\n{good}");
        let error = world.import(lines("messages"), APPEND, text.as_bytes()).await.unwrap_err();
        assert!(error.starts_with(fragment), "{error}");
    }
    let csv = ImportFormat::Csv { table: "messages".to_owned() };
    let rows = format!("author,n\n{}amy\n{}", "amy,1\n".repeat(30_000), "amy,1\n".repeat(30_000));
    let error = world.import(csv.clone(), APPEND, rows.as_bytes()).await.unwrap_err();
    assert_eq!(
        error,
        "Line 30002: The row has 1 cells, but the first row has 2: nothing is in column 2 (\"n\")."
    );
    let rows = format!("author,n\n{}7,1\n", "amy,1\n".repeat(30_000));
    let error = world.import(csv, APPEND, rows.as_bytes()).await.unwrap_err();
    assert!(error.starts_with("Line 30002: Failed to insert"), "{error}");
    assert!(world.texts("messages").is_empty());
    // Nothing is left of the uploads either.
    for _ in 0..2_000 {
        if world.snapshots.blobs().folders(UPLOADS).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("uploads are left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_comes_back_as_it_was() {
    let world = start();
    world.database.apply_schema(&schema()).unwrap();
    let mut tx = world.database.begin_mutation();
    for n in 0..500 {
        tx.insert("messages", object! { "author" => "amy", "n" => f64::from(n) }).unwrap();
    }
    let id = tx
        .insert("odd", object! { "i" => 7_i64, "f" => 7.0, "nan" => f64::NAN, "b" => Value::Bytes(vec![1]) });
    tx.insert(
        "odd",
        object! { "other" => id.unwrap(), "zero" => -0.0, "nested" => object! {"_x" => i64::MIN} },
    )
    .unwrap();
    let ts = world.database.commit(tx, crate::database::CommitExtras::default()).unwrap().ts;
    world.database.wait_durable(ts).unwrap();
    for (content, content_type) in [("<b>hi</b>", Some("text/html; charset=utf-8")), ("", None)] {
        let piece = stream::iter([Ok::<_, Error>(Bytes::from_static(content.as_bytes()))]);
        let content_type = content_type.map(str::to_owned);
        world.runner.store_file(ComponentId::ROOT, piece, content_type, None).await.unwrap();
    }
    let first = world.export(true).await;
    let names: Vec<String> = entries(&first).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert!(names.iter().any(|name| name.ends_with(".html")), "{names:?}");

    // A deployment whose tables were made in another order, and hold something.
    let other = start();
    let mut tx = other.database.begin_mutation();
    tx.insert("something", object! {}).unwrap();
    tx.insert("odd", object! {}).unwrap();
    other.database.commit(tx, crate::database::CommitExtras::default()).unwrap();
    other.database.apply_schema(&schema()).unwrap();
    let piece = stream::iter([Ok::<_, Error>(Bytes::from_static(b"old"))]);
    let old = other.runner.store_file(ComponentId::ROOT, piece, None, None).await.unwrap();
    let old = Files::new(&mut other.database.begin_query()).get(old).unwrap().unwrap();
    assert_eq!(other.import(ImportFormat::Zip, ImportMode::ReplaceAll, &first).await, Ok(504));
    assert_eq!(entries(&other.export(true).await), entries(&first));
    assert!(Files::new(&mut other.database.begin_query()).get(old.id).unwrap().is_none());

    // Without files the stored ones stay.
    let without = world.export(false).await;
    assert_eq!(entries(&without).len(), 6);
    assert_eq!(other.import(ImportFormat::Zip, ImportMode::ReplaceAll, &without).await, Ok(502));
    assert_eq!(entries(&other.export(true).await), entries(&first));
    let error = other.import(ImportFormat::Zip, ImportMode::Append, &first).await.unwrap_err();
    assert!(error.contains("already has a document with ID"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_hostile_archives_are_refused() {
    let world = start();
    let zip = |entries: &[(&str, &[u8])]| zipped(entries);
    // Text that hardly gets shorter, so that its length alone is what is wrong.
    let noise = (0_u64..17 << 20).map(|n| b'a' + (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as u8);
    let line: Vec<u8> = [b'{'].into_iter().chain(noise).collect();
    for (content, fragment) in [
        (b"no zip at all".to_vec(), "The file is not a ZIP file"),
        (zip(&[("README.md", b"hi")]), "The ZIP file has no tables"),
        (zip(&[("_storage/x.png", b"hi")]), "\"_storage/x.png\" is not named after the ID"),
        (zip(&[("_components/c/t/documents.jsonl", b"{}")]), "The file has data of the component \"c\""),
        (
            zip(&[("a/documents.jsonl", b"{}"), ("b/documents.jsonl", b"{}\n{")]),
            "b/documents.jsonl: Line 2: EOF",
        ),
        (zip(&[("_x/documents.jsonl", b"{}")]), "Table name \"_x\" is invalid"),
        (zip(&[("a/documents.jsonl", &line)]), "a/documents.jsonl: Line 1: The document is too long"),
        (
            zip(&[("a/documents.jsonl", b"{}"), ("_storage/documents.jsonl", b"{\"_id\":\"x\"}")]),
            "_storage/documents.jsonl: Line 1: The document has no ID",
        ),
    ] {
        let error = world.import(ImportFormat::Zip, APPEND, &content).await.unwrap_err();
        assert!(error.starts_with(fragment), "{error}");
    }
    let mut cut = zip(&[("a/documents.jsonl", b"{}"), ("b/documents.jsonl", b"{}")]);
    // The first byte of the first entry's content.
    cut[30 + "a/documents.jsonl".len()] ^= 0xFF;
    assert!(world.import(ImportFormat::Zip, APPEND, &cut).await.is_err());
    assert!(world.database.published().catalog().table("a").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inflated_is_counted() {
    let world = start();
    let text = format!("{{\"a\":\"{}\"}}\n", "b".repeat(1_000)).repeat(10_000);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..2 {
        zip.start_file(format!("t{number}/documents.jsonl"), SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 80 << 10, "{}", bomb.len());
    let error = world.import(ImportFormat::Zip, APPEND, &bomb).await.unwrap_err();
    assert!(error.contains("is inflated to more than 16777216 bytes"), "{error}");
    // One that says too little of itself: the length stands in the last part, 24 bytes behind the beginning of an entry.
    let mut liar = zipped(&[("a/documents.jsonl", text.as_bytes())]);
    let entry = liar.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    liar[entry + 24..entry + 28].copy_from_slice(&100_u32.to_le_bytes());
    let error = world.import(ImportFormat::Zip, APPEND, &liar).await.unwrap_err();
    assert!(error.contains("is larger than its declared uncompressed size"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_needs_to_want_an_import_any_more() {
    let world = start();
    let id = world.upload(lines("t"), APPEND, b"{}").await;
    world.state(id, |state| matches!(state, ImportState::WaitingForConfirmation { .. })).await;
    world.snapshots.cancel(id).await.unwrap();
    assert_eq!(world.snapshots.confirm(id).await.unwrap_err().code(), "ImportNotWaiting");
    assert_eq!(world.snapshots.cancel(id).await.unwrap_err().code(), "ImportIsOver");
    assert!(world.snapshots.blobs().folders(UPLOADS).await.unwrap().is_empty());
    assert!(world.database.published().catalog().table("t").is_none());
    // Tokens are those of one upload.
    let token = world.snapshots.start_upload().unwrap();
    let piece = || stream::iter([Ok::<_, Error>(Bytes::from_static(b"{}"))]);
    let part = world.snapshots.upload_part(&token, 1, piece()).await.unwrap();
    let other = world.snapshots.start_upload().unwrap();
    let error = world
        .snapshots
        .finish_upload(&other, std::slice::from_ref(&part), lines("t"), APPEND, "")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "InvalidPartToken");
    let error = world.snapshots.upload_part("nonsense", 1, piece()).await.unwrap_err();
    assert_eq!(error.code(), "InvalidUploadToken");
    let error = world.snapshots.upload_part(&part, 1, piece()).await.unwrap_err();
    assert_eq!(error.code(), "InvalidUploadToken");
    let error = world.snapshots.upload_part(&token, PARTS_MAX + 1, piece()).await.unwrap_err();
    assert_eq!(error.code(), "InvalidPartNumber");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_export_runs_at_a_time_and_goes_when_its_time_is_over() {
    let world = start();
    // Else the request below might be taken for one of the last process.
    world.snapshots.ready().await;
    let request = Exports::new(&mut world.database.begin_mutation()).request(false, 1).unwrap();
    assert!(world.snapshots.download(&request.to_string()).await.is_err());
    world.runner.write(|tx, _| Exports::new(tx).request(false, 1)).await.unwrap();
    assert_eq!(world.snapshots.request_export(false).await.unwrap_err().code(), "ExportInProgress");
    let latest = || Exports::new(&mut world.database.begin_query()).all().unwrap().remove(0);
    world.snapshots.cancel_export(latest().id.to_string()).await.unwrap();
    world.export(false).await;
    let export = latest();
    let ExportState::Completed { blob, .. } = &export.state else { panic!("{export:?}") };
    world.snapshots.set_export_expiration(export.id.to_string(), 1).await.unwrap();
    assert!(!world.snapshots.blobs().exists(blob).await.unwrap());
    assert_eq!(
        world.snapshots.download(&export.id.to_string()).await.err().unwrap().code(),
        "ExportNotFound"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_cut_off_is_told_and_cleaned_up() {
    let world = start();
    let id = world.upload(lines("t"), APPEND, b"{}").await;
    world.state(id, |state| matches!(state, ImportState::WaitingForConfirmation { .. })).await;
    let waiting = world.upload(lines("t"), APPEND, b"{}\n{}").await;
    world.state(waiting, |state| matches!(state, ImportState::WaitingForConfirmation { .. })).await;
    // As if the process had ended in the middle: begun, with a file written.
    world.runner.write(move |tx, _| Imports::new(tx).confirm(id)).await.unwrap();
    world.runner.write(|tx, _| Exports::new(tx).request(false, 1)).await.unwrap();
    let piece = stream::iter([Ok::<_, Error>(Bytes::from_static(b"x"))]);
    world.snapshots.blobs().write(&file_uuid(id, 0), piece).await.unwrap();

    let again = Snapshots::start(world.runner.clone());
    let state = world.state(id, ImportState::is_over).await;
    assert!(matches!(state, ImportState::Failed { message } if message.contains("nothing was imported")));
    for _ in 0..2_000 {
        let export = Exports::new(&mut world.database.begin_query()).all().unwrap().remove(0);
        if export.state == ExportState::Over && again.blobs().folders(UPLOADS).await.unwrap().len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!again.blobs().exists(&file_uuid(id, 0)).await.unwrap());
    again.confirm(waiting).await.unwrap();
    world.state(waiting, |state| matches!(state, ImportState::Completed { documents: 2, .. })).await;
}
