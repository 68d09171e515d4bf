//! Writing an export: one ZIP file of one snapshot, piece by piece into the blob store.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use fusion_schema::{DocumentId, Value, json};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, Stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::export_json;
use crate::database::{ComponentId, Database, Snapshot, TableMeta};
use crate::store::TableId;
use crate::system::blobs::{Blobs, Written};
use crate::system::files::Files;
use crate::{Error, Result};

/// Bytes handed to the blob store at once.
const PIECE_SIZE: usize = 1 << 20;
/// Pieces on their way.
const PIECES_MAX: usize = 4;
/// Bytes of documents handed to the ZIP writer at once.
const TEXT_SIZE: usize = 64 << 10;
/// The fastest level of deflate: a snapshot is a fifth of its length already, and the processor has other work.
const LEVEL: i64 = 1;

const README: &str = "This is an export of all tables, as they were at one moment.\n\n\
Each folder is a table; documents.jsonl has one document in each line. Numbers with a dot are doubles, numbers without \
one are int64. `_tables` has the numbers of the tables, which are part of their ids, and `_storage` the stored files. \
`_components` has a folder of the same kind for each component.\n\n\
`npx convex import --replace-all FILE` and `fusion import --replace-all FILE` bring it back.\n";

/// What came of an export.
pub(super) struct Exported {
    pub(super) written: Written,
}

/// Writes the ZIP file of a snapshot under a name, on a thread that may wait.
///
/// # Errors
/// If data cannot be read or the blob store fails; nothing is left under the name then.
pub(super) fn export(
    database: &Database,
    snapshot: &Snapshot,
    blobs: &Blobs,
    runtime: &Handle,
    name: &str,
    includes_files: bool,
) -> Result<Exported> {
    let (pieces, received) = mpsc::channel::<Result<Bytes>>(PIECES_MAX);
    let writing = {
        let (blobs, name) = (blobs.clone(), name.to_owned());
        runtime.spawn(async move { blobs.write(&name, stream_of(received)).await })
    };
    let output = Pieces { pieces: pieces.clone(), piece: Vec::with_capacity(PIECE_SIZE) };
    let mut writer = Writer { zip: ZipWriter::new_stream(output), database, snapshot };
    let result = writer.write(blobs, runtime, includes_files).and_then(|()| writer.finish());
    if let Err(error) = &result {
        // The blob store must not take what is there for the whole.
        let _ = pieces.blocking_send(Err(error.clone()));
    }
    drop(pieces);
    let written = runtime.block_on(writing);
    let written = written.map_err(|_| Error::internal("the task that writes an export ended early"))?;
    result?;
    Ok(Exported { written: written? })
}

/// The end of a writer: pieces for the blob store, or a download.
struct Pieces {
    pieces: mpsc::Sender<Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_SIZE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_SIZE));
        let gone = |_| io::Error::other("nobody takes the pieces of the export any more");
        self.pieces.blocking_send(Ok(Bytes::from(piece))).map_err(gone)
    }
}

/// Writes a table's documents, each in a line.
fn write_documents(
    database: &Database,
    snapshot: &Snapshot,
    table: TableId,
    output: &mut impl Write,
) -> Result<()> {
    let mut text = Vec::with_capacity(2 * TEXT_SIZE);
    for document in database.documents_of(snapshot, table) {
        export_json::append(&document?.1, &mut text);
        text.push(b'\n');
        if text.len() >= TEXT_SIZE {
            output.write_all(&text).map_err(failed)?;
            text.clear();
        }
    }
    output.write_all(&text).map_err(failed)
}

/// Streams a table's documents as the export of a snapshot has them, from a thread of its own.
pub(super) fn export_table(
    database: Database,
    snapshot: Snapshot,
    table: TableId,
    runtime: &Handle,
) -> BoxStream<'static, Result<Bytes>> {
    let (pieces, received) = mpsc::channel::<Result<Bytes>>(PIECES_MAX);
    runtime.spawn_blocking(move || {
        let mut output = Pieces { pieces: pieces.clone(), piece: Vec::with_capacity(PIECE_SIZE) };
        let written = write_documents(&database, &snapshot, table, &mut output)
            .and_then(|()| output.flush().map_err(failed));
        if let Err(error) = written {
            // Whoever reads must not take what is there for the whole. The reader may be gone.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    stream_of(received).boxed()
}

fn stream_of(received: mpsc::Receiver<Result<Bytes>>) -> impl Stream<Item = Result<Bytes>> + Send {
    futures_util::stream::unfold(received, |mut received| async move {
        received.recv().await.map(|piece| (piece, received))
    })
}

struct Writer<'a> {
    zip: ZipWriter<StreamWriter<Pieces>>,
    database: &'a Database,
    snapshot: &'a Snapshot,
}

/// The folder of a component: that of the app is the whole file.
fn folder_of(component: &str) -> String {
    let parts = component.split('/').filter(|part| !part.is_empty());
    parts.map(|part| format!("_components/{part}/")).collect()
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("The export could not be written.").with_source(error)
}

impl Writer<'_> {
    fn begin(&mut self, name: &str, method: CompressionMethod) -> Result<()> {
        let level = (method == CompressionMethod::Deflated).then_some(LEVEL);
        // Nobody knows the length of an entry before it is written.
        let options =
            SimpleFileOptions::default().compression_method(method).compression_level(level).large_file(true);
        self.zip.start_file(name, options).map_err(failed)
    }

    fn put(&mut self, name: &str, content: &[u8]) -> Result<()> {
        self.begin(name, CompressionMethod::Deflated)?;
        self.zip.write_all(content).map_err(failed)
    }

    fn write(&mut self, blobs: &Blobs, runtime: &Handle, includes_files: bool) -> Result<()> {
        self.put("README.md", README.as_bytes())?;
        let catalog = self.snapshot.catalog().clone();
        let mut components: Vec<_> =
            catalog.components().map(|component| (component.path.to_string(), component.id)).collect();
        components.push((String::new(), ComponentId::ROOT));
        components.sort_unstable();
        for (path, component) in components {
            let folder = folder_of(&path);
            self.write_component(component, &folder)?;
            if includes_files {
                self.write_files(component, &folder, blobs, runtime)?;
            }
        }
        Ok(())
    }

    /// Writes the tables of the app, or of a component into its folder.
    fn write_component(&mut self, component: ComponentId, folder: &str) -> Result<()> {
        let catalog = self.snapshot.catalog().clone();
        let mut tables: Vec<&Arc<TableMeta>> =
            catalog.tables_in(component).filter(|table| !table.number.is_system()).collect();
        tables.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut names = String::new();
        for table in &tables {
            names.push_str("{\"name\":");
            json::encode_string(&table.name, &mut names);
            names.push_str(&format!(",\"id\":{}}}\n", table.number));
        }
        self.put(&format!("{folder}_tables/documents.jsonl"), names.as_bytes())?;
        for table in tables {
            self.put(&format!("{folder}{}/generated_schema.jsonl", table.name), b"\"uniform\"\n")?;
            self.begin(&format!("{folder}{}/documents.jsonl", table.name), CompressionMethod::Deflated)?;
            write_documents(self.database, self.snapshot, table.id, &mut self.zip)?;
        }
        Ok(())
    }

    fn write_files(
        &mut self,
        component: ComponentId,
        folder: &str,
        blobs: &Blobs,
        runtime: &Handle,
    ) -> Result<()> {
        let table = self.snapshot.catalog().table_in(component, "_storage");
        let Some(table) = table.map(|table| table.id) else {
            return Ok(());
        };
        let ids: Vec<DocumentId> = self
            .database
            .documents_of(self.snapshot, table)
            .map(|document| document.map(|(id, _)| id))
            .collect::<Result<_>>()?;
        let mut rows = Vec::new();
        let mut files = Vec::with_capacity(ids.len());
        for id in ids {
            // One transaction each, so that none grows with the number of files.
            let mut tx = self.database.begin(self.snapshot.clone());
            tx.enter(component);
            let Some(row) = tx.get(id)? else { continue };
            let Some(file) = Files::new(&mut tx).get(id)? else { continue };
            let mut fields = (**row.fields()).clone();
            fields.insert("internalId", file.uuid.as_str());
            export_json::append(&json::encode(&Value::Object(fields)), &mut rows);
            rows.push(b'\n');
            files.push(file);
        }
        self.put(&format!("{folder}_storage/documents.jsonl"), &rows)?;
        for file in files {
            let extension = file.content_type.as_deref().and_then(extension);
            let extension = extension.map(|extension| format!(".{extension}")).unwrap_or_default();
            // Pictures and the like are packed already.
            self.begin(&format!("{folder}_storage/{}{extension}", file.id), CompressionMethod::Stored)?;
            let mut at = 0;
            while at < file.size {
                let end = (at + PIECE_SIZE as u64).min(file.size);
                let piece = runtime.block_on(blobs.read_piece(&file.uuid, at..end))?;
                if piece.is_empty() {
                    return Err(Error::internal("A stored file is shorter than it was."));
                }
                at += piece.len() as u64;
                self.zip.write_all(&piece).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let mut rest = self.zip.finish().map_err(failed)?.into_inner();
        rest.flush().map_err(failed)
    }
}

/// The usual extension of a content type.
fn extension(content_type: &str) -> Option<&'static str> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    Some(match essence {
        "application/gzip" => "gz",
        "application/javascript" | "text/javascript" => "js",
        "application/json" => "json",
        "application/pdf" => "pdf",
        "application/xml" | "text/xml" => "xml",
        "application/zip" => "zip",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "audio/wav" => "wav",
        "image/avif" => "avif",
        "image/gif" => "gif",
        "image/jpeg" => "jpeg",
        "image/png" => "png",
        "image/svg+xml" => "svg",
        "image/webp" => "webp",
        "text/css" => "css",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "text/plain" => "txt",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        _ => return None,
    })
}
