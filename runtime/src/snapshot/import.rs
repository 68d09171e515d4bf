//! Doing an import: everything is written beside the database, then put in place by one commit.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use fusion_schema::{DocumentId, Object, TableNumber, Value, json, object};
use tokio::runtime::Handle;

use super::archive::{Archive, in_entry};
use super::blocks::{Blocks, Form, at, unreadable};
use super::documents::{Reading, documents, lines};
use super::pipeline::ordered;
use super::survey::{Survey, component, single, targets};
use super::upload::UploadReader;
use crate::clock::{Moment, random_bytes};
use crate::database::staging::Staging;
use crate::database::{ComponentId, Transaction};
use crate::function::FunctionRunner;
use crate::system::blobs::Written;
use crate::system::events::Events;
use crate::system::imports::{Import, ImportMode, ImportState, Imports};
use crate::{Error, ErrorKind, Result};

/// How often an import is done again that lost against a change of tables or schema.
const ATTEMPTS_MAX: usize = 3;
/// How often watchers are told how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(700);
/// Bytes of a file on their way at once.
const PIECE_SIZE: usize = 1 << 20;

/// An import under way, on a thread that may wait.
pub(super) struct Importing<'a> {
    pub(super) runner: &'a Arc<FunctionRunner>,
    pub(super) runtime: &'a Handle,
    pub(super) import: &'a Import,
    pub(super) survey: &'a Survey,
    progress: Progress,
}

/// What watchers see.
struct Progress {
    checkpoints: Vec<String>,
    told: Moment,
}

/// A file that was written and is not known yet.
struct NewFile {
    /// The component it is of.
    owner: ComponentId,
    id: DocumentId,
    uuid: String,
    creation_time: Option<f64>,
    content_type: Option<String>,
    written: Written,
}

/// What is known of a file in the archive.
#[derive(Default)]
struct FileFacts {
    creation_time: Option<f64>,
    content_type: Option<String>,
    sha256: Option<String>,
}

impl<'a> Importing<'a> {
    pub(super) fn new(
        runner: &'a Arc<FunctionRunner>,
        runtime: &'a Handle,
        import: &'a Import,
        survey: &'a Survey,
    ) -> Self {
        let progress = Progress { checkpoints: Vec::new(), told: Moment::now() };
        Self { runner, runtime, import, survey, progress }
    }

    /// Does it, and notes that in the same commit; gives the number of documents.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub(super) fn run(mut self) -> Result<u64> {
        for attempt in 1.. {
            self.progress.checkpoints.clear();
            match self.attempt() {
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < ATTEMPTS_MAX => {}
                result => return result,
            }
        }
        Err(Error::internal("an import was not done"))
    }

    fn attempt(&mut self) -> Result<u64> {
        let database = self.runner.deployment().database.clone();
        let mut staging = database.stage(targets(self.survey, self.import, &database.head())?)?;
        let reader = UploadReader::new(
            self.runner.deployment().files.blobs().clone(),
            self.runtime.clone(),
            self.import.file.clone(),
        );
        let survey = self.survey;
        let mut written = 0;
        let mut files: Vec<NewFile> = Vec::new();
        // The components whose files are in the file.
        let mut owners = Vec::new();
        if let Some((form, _)) = single(&self.import.format) {
            written += self.table(&mut staging, 0, form, false, reader)?;
        } else {
            let mut archive = Archive::open(reader)?;
            for (target, table) in survey.tables.iter().enumerate() {
                let folder = archive.folders.get(&table.component);
                let entry = folder.and_then(|folder| folder.tables.get(&table.name)).cloned();
                let entry = entry.ok_or_else(|| Error::internal("A table left the uploaded file."))?;
                let content = archive.entry(entry.entry)?;
                written += self
                    .table(&mut staging, target, Form::JsonLines, entry.is_exported, content)
                    .map_err(|error| in_entry(&table.name, error))?;
            }
            for inner in survey.files.keys() {
                let (owner, _) = component(self.import, inner, &database.head())?;
                owners.push(owner);
                let result = self.files(&mut archive, inner, owner, &mut files);
                if let Err(error) = result {
                    self.forget(&files);
                    return Err(error);
                }
            }
        }
        let written = written + files.len() as u64;
        let (id, mode) = (self.import.id, self.import.mode);
        let now_ns = self.runner.deployment().clock().unix_ns();
        let mut replaced = Vec::new();
        let committed = staging.commit(|tx| {
            let state = Imports::new(tx).get(id)?.map(|import| import.state);
            if !matches!(state, Some(ImportState::InProgress { .. })) {
                return Err(canceled());
            }
            replaced.clear();
            for owner in &owners {
                let own: Vec<&NewFile> = files.iter().filter(|file| file.owner == *owner).collect();
                replaced.extend(tx.inside(*owner, |tx| put_files(tx, mode, &own))?);
            }
            Imports::new(tx).set_state(id, &ImportState::Completed { ts: now_ns, documents: written })?;
            let what = object! { "import_id" => id, "num_documents" => written as f64 };
            Events::new(tx).record("snapshot_import", what)
        });
        match committed {
            Ok(_) => {
                for uuid in replaced {
                    self.runner.deployment().files.delete_later(uuid);
                }
                Ok(written)
            }
            Err(error) => {
                self.forget(&files);
                Err(error)
            }
        }
    }

    /// Stages the documents of one table.
    fn table(
        &mut self,
        staging: &mut Staging,
        target: usize,
        form: Form,
        is_exported: bool,
        reader: impl Read,
    ) -> Result<u64> {
        let shape = staging.shape(target)?;
        let surveyed = self.survey.tables.get(target);
        let total = surveyed.map_or(0, |table| table.documents);
        let name = shape.name().to_owned();
        let mut blocks = Blocks::open(form, reader)?;
        let now_ms = self.runner.deployment().clock().unix_ms();
        let reading = Reading { columns: blocks.columns().to_vec(), is_exported, now_ms };
        let mut count = 0;
        ordered(
            || blocks.next(),
            |block| documents(&block, &reading, &shape),
            |documents| {
                count += documents.len() as u64;
                staging.add(target, documents)?;
                self.tell(|| format!("Importing \"{name}\" ({count}/{total} documents)"))
            },
        )?;
        self.progress.checkpoints.push(format!("Imported \"{name}\" ({count} documents)"));
        self.tell_now(None)?;
        Ok(count)
    }

    /// Writes the contents of the archive's files; none of them is known to anybody yet.
    fn files<R: Read + std::io::Seek>(
        &mut self,
        archive: &mut Archive<R>,
        inner: &str,
        owner: ComponentId,
        written: &mut Vec<NewFile>,
    ) -> Result<()> {
        let folder = archive.folders.get(inner).cloned().unwrap_or_default();
        let entries = folder.files;
        let mut facts = match folder.files_entry {
            Some(entry) => {
                file_facts(archive.entry(entry)?, &entries).map_err(|error| in_entry("_storage", error))?
            }
            None => BTreeMap::new(),
        };
        let blobs = self.runner.deployment().files.blobs().clone();
        // Those of other components have the numbers before.
        let first = written.len();
        for (number, (id, entry)) in entries.iter().enumerate() {
            let facts = facts.remove(id).unwrap_or_default();
            // The names are known beforehand, so that what a crash leaves behind can be found.
            let uuid = file_uuid(self.import.id, (first + number) as u64);
            let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes>>(4);
            let writing = {
                let (blobs, uuid) = (blobs.clone(), uuid.clone());
                let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
                    receiver.recv().await.map(|piece| (piece, receiver))
                });
                self.runtime.spawn(async move { blobs.write(&uuid, pieces).await })
            };
            let mut content = archive.entry(*entry)?;
            loop {
                let mut piece = vec![0; PIECE_SIZE];
                let mut filled = 0;
                let read = loop {
                    match content.read(&mut piece[filled..]) {
                        Ok(0) => break Ok(()),
                        Ok(count) => filled += count,
                        Err(error) => break Err(unreadable(error)),
                    }
                };
                piece.truncate(filled);
                let is_over = read.is_err() || filled < PIECE_SIZE;
                let failed = read.is_err();
                let piece = read.map(|()| Bytes::from(piece));
                // A writer that gave up says why.
                if sender.blocking_send(piece).is_err() || is_over || failed {
                    break;
                }
            }
            drop(sender);
            let done = self.runtime.block_on(writing);
            let done = done.map_err(|_| Error::internal("the task that writes a file ended early"))??;
            written.push(NewFile {
                owner,
                id: *id,
                uuid,
                creation_time: facts.creation_time,
                content_type: facts.content_type,
                written: done,
            });
            check_digest(*id, facts.sha256.as_deref(), &done)?;
            let total = entries.len();
            self.tell(|| format!("Importing \"_storage\" ({}/{total} files)", number + 1))?;
        }
        self.progress.checkpoints.push(format!("Imported \"_storage\" ({} files)", entries.len()));
        self.tell_now(None)
    }

    fn forget(&self, files: &[NewFile]) {
        for file in files {
            self.runner.deployment().files.delete_later(file.uuid.clone());
        }
    }

    /// Tells watchers how far it is, now and then.
    fn tell(&mut self, progress: impl FnOnce() -> String) -> Result<()> {
        if self.progress.told.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.tell_now(Some(progress()))
    }

    fn tell_now(&mut self, progress: Option<String>) -> Result<()> {
        self.progress.told = Moment::now();
        let id = self.import.id;
        let state = ImportState::InProgress { progress, checkpoints: self.progress.checkpoints.clone() };
        self.runtime.block_on(self.runner.write(move |tx, _| {
            let mut imports = Imports::new(tx);
            match imports.get(id)?.map(|import| import.state) {
                Some(ImportState::InProgress { .. }) => imports.set_state(id, &state),
                _ => Err(canceled()),
            }
        }))
    }
}

fn canceled() -> Error {
    Error::bad_request("ImportCanceled", "Import canceled")
}

/// Under which name an import puts its files into the blob store.
pub(super) fn file_uuid(import: DocumentId, number: u64) -> String {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    hasher.update(import.internal);
    hasher.update(number.to_le_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// What the archive says about its files, which are no more than it has.
fn file_facts(
    content: impl Read,
    entries: &BTreeMap<DocumentId, usize>,
) -> Result<BTreeMap<DocumentId, FileFacts>> {
    let mut facts = BTreeMap::new();
    lines(content, |line, text| {
        let row = match json::decode_export(text).map_err(|error| at(line, error))? {
            Value::Object(row) => row,
            _ => return Err(at(line, "A document must be an object.")),
        };
        let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("_id").and_then(|id| DocumentId::decode(&id).ok());
        let id = id.filter(|id| id.table == TableNumber::STORAGE);
        let id = id.ok_or_else(|| at(line, "The document has no ID of a stored file."))?;
        if !entries.contains_key(&id) {
            return Err(at(line, format!("The file \"{id}\" is not in the ZIP file.")));
        }
        let known = FileFacts {
            creation_time: row.get("_creationTime").and_then(Value::as_f64).filter(|time| *time > 0.0),
            content_type: text("contentType"),
            sha256: text("sha256"),
        };
        facts.insert(id, known);
        Ok(())
    })?;
    Ok(facts)
}

/// Fails if the content is not the one that was exported. Digests were written in base64 or in hexadecimal digits.
fn check_digest(id: DocumentId, expected: Option<&str>, written: &Written) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    let hex: String = written.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    if expected == BASE64.encode(written.sha256) || expected.eq_ignore_ascii_case(&hex) {
        return Ok(());
    }
    Err(Error::bad_request(
        "InvalidImport",
        format!("The file \"{id}\" in _storage is damaged: its SHA-256 is not the one in documents.jsonl."),
    ))
}

/// Writes the rows of the files; gives the names of contents that nobody knows any more.
fn put_files(tx: &mut Transaction, mode: ImportMode, files: &[&NewFile]) -> Result<Vec<String>> {
    let existing = crate::system::all(tx, "_storage")?;
    let mut replaced = Vec::new();
    match mode {
        ImportMode::RequireEmpty if !existing.is_empty() => {
            return Err(Error::bad_request(
                "TableNotEmpty",
                "Table _storage already exists. Please choose a new table name or use replace/append modes.",
            ));
        }
        ImportMode::Replace | ImportMode::ReplaceAll => {
            for row in crate::system::all(tx, "_file_storage")? {
                if let Some(uuid) = row.fields().get("uuid").and_then(Value::as_str) {
                    replaced.push(uuid.to_owned());
                }
                tx.delete(row.id())?;
            }
            for row in existing {
                tx.delete(row.id())?;
            }
        }
        _ => {}
    }
    for file in files {
        let mut row: Object =
            object! { "sha256" => BASE64.encode(file.written.sha256), "size" => file.written.size as f64 };
        if let Some(content_type) = &file.content_type {
            row.insert("contentType", content_type.as_str());
        }
        let now_ms = tx.now_ms();
        tx.insert_with_id("_storage", file.id, file.creation_time.unwrap_or(now_ms), row)?;
        tx.insert("_file_storage", object! { "storageId" => file.id, "uuid" => file.uuid.as_str() })?;
    }
    Ok(replaced)
}

/// A name for an upload that nobody can guess.
pub(super) fn upload_name() -> String {
    let uuid = uuid::Builder::from_random_bytes(random_bytes()).into_uuid();
    format!("{}/{uuid}", super::UPLOADS)
}
