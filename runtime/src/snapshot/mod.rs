//! Data on its way in and out: [`Snapshots`] takes uploads, does imports and writes exports.
//!
//! Files of any length pass through in pieces ([`upload`](self), blocks of documents, the ZIP writer); only what the
//! database keeps in memory anyway grows with them. An import is put in place by one commit
//! ([`crate::database::staging`]), an export shows one snapshot. Both run on threads that may wait, one at a time each,
//! and whoever watches their rows sees how far they are. HTTP is the server's business.

mod archive;
mod blocks;
mod documents;
mod export;
mod export_json;
mod import;
mod pipeline;
mod survey;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use fusion_schema::{DocumentId, object};
use futures_util::Stream;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use self::import::{Importing, file_uuid, upload_name};
use self::survey::{Survey, summary, survey};
use self::upload::part_name;
use crate::auth::Purpose;
use crate::clock::Moment;
use crate::database::Transaction;
use crate::function::FunctionRunner;
use crate::system::events::Events;
use crate::system::exports::{Export, ExportState, Exports};
use crate::system::imports::{Import, ImportFormat, ImportMode, ImportState, Imports, UploadedFile};
use crate::{Error, ErrorKind, Result};

/// The folder of uploaded files in the blob store.
const UPLOADS: &str = "_imports";
/// The folder of exports in the blob store.
const EXPORTS: &str = "_exports";
/// Most parts of an upload.
pub const PARTS_MAX: u64 = 9_999;
/// How long an upload may rest before its parts go.
const UPLOAD_REST_MAX: Duration = Duration::from_secs(6 * 3_600);
/// How often what is old is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1_800);

/// See the module's documentation. Cheap to clone.
#[derive(Clone)]
pub struct Snapshots {
    inner: Arc<Inner>,
}

struct Inner {
    runner: Arc<FunctionRunner>,
    runtime: Handle,
    /// Uploads that were begun, and when they last grew.
    uploads: Mutex<HashMap<String, Moment>>,
    /// What imports that wait were found to be.
    surveys: Mutex<HashMap<DocumentId, Survey>>,
    /// The right to look through a file.
    looking: Semaphore,
    /// The right to import.
    importing: Semaphore,
    /// Whether what the last process left was looked at: what is begun before that would be taken for its.
    recovered: watch::Sender<bool>,
}

impl std::fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}

impl Snapshots {
    /// Begins to serve a deployment: takes up what the last process left. To be called inside of an async runtime.
    pub fn start(runner: Arc<FunctionRunner>) -> Self {
        let snapshots = Self {
            inner: Arc::new(Inner {
                runner,
                runtime: Handle::current(),
                uploads: Mutex::default(),
                surveys: Mutex::default(),
                looking: Semaphore::new(1),
                importing: Semaphore::new(1),
                recovered: watch::Sender::new(false),
            }),
        };
        let first = snapshots.clone();
        let weak = Arc::downgrade(&snapshots.inner);
        tokio::spawn(async move {
            if let Err(error) = first.recover().await {
                tracing::warn!(%error, "imports and exports of the last run could not be looked at");
            }
            first.inner.recovered.send_replace(true);
            drop(first);
            sweep(weak).await;
        });
        snapshots
    }

    /// Waits until what the last process left was looked at.
    async fn ready(&self) {
        // Fails only if the sender is gone, which this holds.
        let _ = self.inner.recovered.subscribe().wait_for(|is_recovered| *is_recovered).await;
    }

    // ---- uploads

    /// Begins an upload; gives its token.
    ///
    /// # Errors
    /// Only if the token cannot be sealed, which is internal.
    pub fn start_upload(&self) -> Result<String> {
        let name = upload_name();
        let token = self.secrets().seal(Purpose::ImportToken, name.as_bytes())?;
        self.inner.uploads.lock().insert(name, Moment::now());
        Ok(token)
    }

    fn upload(&self, token: &str) -> Result<String> {
        let name = self.secrets().open(Purpose::ImportToken, token);
        let name = name.and_then(|name| String::from_utf8(name).ok()).filter(|name| {
            // Tokens of parts are sealed with the same key.
            !name.contains('#')
        });
        let mut uploads = self.inner.uploads.lock();
        match name.and_then(|name| uploads.get_mut(&name).map(|rested| (name, rested))) {
            Some((name, rested)) => {
                *rested = Moment::now();
                Ok(name)
            }
            None => Err(Error::bad_request(
                "InvalidUploadToken",
                "The upload is not known: it was finished, it rested for too long, or the server was restarted. Begin again.",
            )),
        }
    }

    /// Takes a part of an upload; gives the part's token.
    ///
    /// # Errors
    /// `InvalidUploadToken`, `InvalidPartNumber`; if the content does not arrive whole.
    pub async fn upload_part<E: Into<Error>>(
        &self,
        token: &str,
        number: u64,
        content: impl Stream<Item = std::result::Result<Bytes, E>> + Send,
    ) -> Result<String> {
        self.ready().await;
        let name = self.upload(token)?;
        if !(1..=PARTS_MAX).contains(&number) {
            return Err(Error::bad_request(
                "InvalidPartNumber",
                format!("Parts have the numbers 1 to {PARTS_MAX}, not {number}. Send larger parts."),
            ));
        }
        let written = self.blobs().write(&part_name(&name, number as usize), content).await?;
        self.secrets().seal(Purpose::ImportToken, format!("{name}#{number}#{}", written.size).as_bytes())
    }

    /// Ends an upload and begins an import; gives the import's id.
    ///
    /// # Errors
    /// `InvalidUploadToken`, `InvalidPartToken`.
    pub async fn finish_upload(
        &self,
        token: &str,
        part_tokens: &[String],
        format: ImportFormat,
        mode: ImportMode,
        component: &str,
    ) -> Result<DocumentId> {
        self.ready().await;
        let name = self.upload(token)?;
        let mut parts = Vec::with_capacity(part_tokens.len());
        for (expected, token) in (1..).zip(part_tokens) {
            let part = self.part(&name, token).filter(|(number, _)| *number == expected);
            let (_, size) = part.ok_or_else(|| {
                Error::bad_request(
                    "InvalidPartToken",
                    format!(
                        "The token of part {expected} is not one of this upload. Send the parts in order."
                    ),
                )
            })?;
            parts.push(size);
        }
        let file = UploadedFile { name: name.clone(), parts };
        let component = component.to_owned();
        let insert = move |tx: &mut Transaction, _| Imports::new(tx).insert(&format, mode, &component, &file);
        let id = self.inner.runner.write(insert).await?;
        self.inner.uploads.lock().remove(&name);
        self.look_later(id);
        Ok(id)
    }

    /// Number and size of a part of this upload.
    fn part(&self, upload: &str, token: &str) -> Option<(u64, u64)> {
        let text = String::from_utf8(self.secrets().open(Purpose::ImportToken, token)?).ok()?;
        let (number, size) = text.strip_prefix(upload)?.strip_prefix('#')?.split_once('#')?;
        Some((number.parse().ok()?, size.parse().ok()?))
    }

    // ---- imports

    /// Looks through a file and asks for a confirmation, beside the caller.
    fn look_later(&self, id: DocumentId) {
        let snapshots = self.clone();
        tokio::spawn(async move { snapshots.look(id).await });
    }

    async fn look(&self, id: DocumentId) {
        let Ok(_place) = self.inner.looking.acquire().await else { return };
        let snapshots = self.clone();
        let looked = tokio::task::spawn_blocking(move || snapshots.survey(id)).await;
        let looked = looked.unwrap_or_else(|_| Err(Error::internal("looking through the file failed")));
        if let Err(error) = looked {
            self.fail(id, &error).await;
        }
    }

    fn survey(&self, id: DocumentId) -> Result<()> {
        let database = &self.inner.runner.deployment().database;
        let Some(import) = Imports::new(&mut database.begin_query()).get(id)? else { return Ok(()) };
        if import.state != ImportState::Uploaded {
            return Ok(());
        }
        let found = survey(&import, self.blobs(), &self.inner.runtime)?;
        let (message, needs_person) = summary(&found, &import, &database.published())?;
        // What cannot be done is told now, not after somebody said yes.
        drop(database.stage(survey::targets(&found, &import, &database.head())?)?);
        self.inner.surveys.lock().insert(id, found);
        let state = ImportState::WaitingForConfirmation { message, needs_person };
        self.inner.runtime.block_on(self.inner.runner.write(move |tx, _| {
            let mut imports = Imports::new(tx);
            match imports.get(id)?.map(|import| import.state) {
                Some(ImportState::Uploaded) => imports.set_state(id, &state),
                _ => Ok(()),
            }
        }))
    }

    /// Does an import that waits for a confirmation, beside the caller.
    ///
    /// # Errors
    /// `ImportNotFound`, `ImportNotWaiting`.
    pub async fn confirm(&self, id: DocumentId) -> Result<()> {
        self.ready().await;
        self.inner.runner.write(move |tx, _| Imports::new(tx).confirm(id)).await?;
        let snapshots = self.clone();
        tokio::spawn(async move { snapshots.perform(id).await });
        Ok(())
    }

    /// Takes a whole file and imports it without being asked again; gives the number of documents.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn import_at_once<E: Into<Error>>(
        &self,
        format: ImportFormat,
        mode: ImportMode,
        component: &str,
        content: impl Stream<Item = std::result::Result<Bytes, E>> + Send,
    ) -> Result<u64> {
        self.ready().await;
        let name = upload_name();
        self.inner.uploads.lock().insert(name.clone(), Moment::now());
        let written = self.blobs().write(&part_name(&name, 1), content).await?;
        let file = UploadedFile { name: name.clone(), parts: vec![written.size] };
        let component = component.to_owned();
        let insert = move |tx: &mut Transaction, _| Imports::new(tx).insert(&format, mode, &component, &file);
        let id = self.inner.runner.write(insert).await?;
        self.inner.uploads.lock().remove(&name);
        self.look(id).await;
        // An import that failed there says why below.
        if self.inner.runner.write(move |tx, _| Imports::new(tx).confirm(id)).await.is_ok() {
            self.perform(id).await;
        }
        let database = self.inner.runner.deployment().database.clone();
        let import =
            self.inner.runner.blocking(move || Imports::new(&mut database.begin_query()).get(id)).await?;
        match import.map(|import| import.state) {
            Some(ImportState::Completed { documents, .. }) => Ok(documents),
            Some(ImportState::Failed { message }) => Err(Error::bad_request("ImportFailed", message)),
            _ => Err(Error::internal("an import ended without an end")),
        }
    }

    /// Gives up an import that is not over.
    ///
    /// # Errors
    /// `ImportNotFound`, `ImportIsOver`.
    pub async fn cancel(&self, id: DocumentId) -> Result<()> {
        self.ready().await;
        let import = self.inner.runner.write(move |tx, _| Imports::new(tx).cancel(id)).await?;
        if !matches!(import.state, ImportState::InProgress { .. }) {
            self.clean_up(id, &import.file.name).await;
        }
        Ok(())
    }

    async fn perform(&self, id: DocumentId) {
        let Ok(_place) = self.inner.importing.acquire().await else { return };
        let snapshots = self.clone();
        let done = tokio::task::spawn_blocking(move || snapshots.import(id)).await;
        let done = done.unwrap_or_else(|_| Err(Error::internal("a thread of an import panicked")));
        match done {
            Ok(Some(import)) => self.clean_up(id, &import.file.name).await,
            Ok(None) => {}
            Err(error) => self.fail(id, &error).await,
        }
    }

    fn import(&self, id: DocumentId) -> Result<Option<Import>> {
        let runner = &self.inner.runner;
        let database = &runner.deployment().database;
        let Some(import) = Imports::new(&mut database.begin_query()).get(id)? else { return Ok(None) };
        if !matches!(import.state, ImportState::InProgress { .. }) {
            return Ok(None);
        }
        let found = self.inner.surveys.lock().remove(&id);
        let found = match found {
            Some(found) => found,
            None => survey(&import, self.blobs(), &self.inner.runtime)?,
        };
        Importing::new(runner, &self.inner.runtime, &import, &found).run()?;
        Ok(Some(import))
    }

    /// Notes why an import came to nothing, and cleans up.
    async fn fail(&self, id: DocumentId, error: &Error) {
        let message = if error.kind() == ErrorKind::Internal {
            tracing::error!(%error, source = ?std::error::Error::source(error), "an import failed");
            format!("{} The server's log has the details.", error.message())
        } else {
            error.message().to_owned()
        };
        let noted = self
            .inner
            .runner
            .write(move |tx, _| {
                let mut imports = Imports::new(tx);
                let Some(import) = imports.get(id)? else { return Ok(None) };
                if !import.state.is_over() {
                    imports.set_state(id, &ImportState::Failed { message: message.clone() })?;
                }
                Ok(Some(import.file.name))
            })
            .await;
        match noted {
            Ok(Some(upload)) => self.clean_up(id, &upload).await,
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the end of an import could not be noted"),
        }
    }

    async fn clean_up(&self, id: DocumentId, upload: &str) {
        self.inner.surveys.lock().remove(&id);
        if let Err(error) = self.blobs().delete_folder(upload).await {
            tracing::warn!(upload, %error, "the parts of an import are left behind");
        }
    }

    // ---- exports

    /// Asks for an export, which is written beside the caller.
    ///
    /// # Errors
    /// `ExportInProgress`.
    pub async fn request_export(&self, includes_files: bool) -> Result<DocumentId> {
        self.ready().await;
        let clock = self.inner.runner.deployment().clock().clone();
        let id = self
            .inner
            .runner
            .write(move |tx, _| {
                let id = Exports::new(tx).request(includes_files, clock.unix_ns())?;
                let what = object! { "export_id" => id, "include_storage" => includes_files };
                Events::new(tx).record("request_export", what).map(|()| id)
            })
            .await?;
        let snapshots = self.clone();
        tokio::spawn(async move { snapshots.export(id, includes_files).await });
        Ok(id)
    }

    async fn export(&self, id: DocumentId, includes_files: bool) {
        let snapshots = self.clone();
        let done = tokio::task::spawn_blocking(move || snapshots.write_export(id, includes_files)).await;
        let done = done.unwrap_or_else(|_| Err(Error::internal("the thread of an export panicked")));
        if let Err(error) = done {
            if error.kind() != ErrorKind::NotFound {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "an export failed");
            }
            let now = self.now_ns();
            let noted = self.inner.runner.write(move |tx, _| {
                let mut exports = Exports::new(tx);
                match exports.find(&id.to_string()) {
                    Ok(export) if export.state != ExportState::Over => exports.fail(id, now),
                    _ => Ok(()),
                }
            });
            if let Err(error) = noted.await {
                tracing::error!(%error, "the end of an export could not be noted");
            }
        }
    }

    fn write_export(&self, id: DocumentId, includes_files: bool) -> Result<()> {
        let Inner { runner, runtime, .. } = &*self.inner;
        let database = &runner.deployment().database;
        let snapshot = database.published();
        let start_ts = snapshot.ts();
        runtime.block_on(runner.write(move |tx, _| Exports::new(tx).begin(id, start_ts)))?;
        let blob = format!("{EXPORTS}/{id}.zip");
        let exported = export::export(database, &snapshot, self.blobs(), runtime, &blob, includes_files)?;
        let (now, size, name) = (self.now_ns(), exported.written.size, blob.clone());
        let noted =
            runtime.block_on(runner.write(move |tx, _| Exports::new(tx).complete(id, &name, size, now)));
        if noted.is_err() {
            runtime.block_on(self.blobs().delete(&blob))?;
        }
        noted
    }

    /// A finished export, by its id or the timestamp of its snapshot, and its content.
    ///
    /// # Errors
    /// `ExportNotFound`, also for one that is not finished.
    pub async fn download(&self, id: &str) -> Result<(Export, u64, BoxStream<'static, Result<Bytes>>)> {
        let database = self.inner.runner.deployment().database.clone();
        let wanted = id.to_owned();
        let export = self
            .inner
            .runner
            .blocking(move || Exports::new(&mut database.begin_query()).find(&wanted))
            .await?;
        let ExportState::Completed { blob, size } = export.state.clone() else {
            return Err(Error::not_found("ExportNotFound", format!("The export \"{id}\" is not finished.")));
        };
        let content = self.blobs().read_range(&blob, 0..size).await?;
        Ok((export, size, content))
    }

    /// Streams a table's documents, each in a line, as they are at this moment.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub fn export_table(&self, name: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let database = &self.inner.runner.deployment().database;
        let snapshot = database.published();
        let table = snapshot.catalog().table(name).filter(|table| !table.number.is_system());
        let no_table = || Error::not_found("NoSuchTable", format!("There is no table \"{name}\"."));
        let table = table.ok_or_else(no_table)?.id;
        Ok(export::export_table(database.clone(), snapshot, table, &self.inner.runtime))
    }

    /// Gives up an export that is under way.
    ///
    /// # Errors
    /// `ExportNotFound`, `ExportIsOver`.
    pub async fn cancel_export(&self, id: String) -> Result<()> {
        self.ready().await;
        let now = self.now_ns();
        self.inner.runner.write(move |tx, _| Exports::new(tx).cancel(&id, now)).await
    }

    /// Sets when an export goes, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// `ExportNotFound`.
    pub async fn set_export_expiration(&self, id: String, expiration_ts: u64) -> Result<()> {
        self.ready().await;
        self.inner.runner.write(move |tx, _| Exports::new(tx).set_expiration(&id, expiration_ts)).await?;
        self.expire().await
    }

    async fn expire(&self) -> Result<()> {
        let now = self.now_ns();
        for blob in self.inner.runner.write(move |tx, _| Exports::new(tx).expire(now)).await? {
            self.blobs().delete(&blob).await?;
        }
        Ok(())
    }

    // ---- what the last process left

    async fn recover(&self) -> Result<()> {
        let now = self.now_ns();
        let database = self.inner.runner.deployment().database.clone();
        let found = self
            .inner
            .runner
            .blocking(move || {
                let mut tx = database.begin_query();
                let exports = Exports::new(&mut tx).all()?;
                Ok((Imports::new(&mut tx).open()?, exports))
            })
            .await?;
        let (imports, exports) = found;
        let mut known: Vec<String> = Vec::new();
        for import in imports {
            match import.state {
                ImportState::Uploaded => {
                    known.push(import.file.name.clone());
                    self.look_later(import.id);
                }
                ImportState::InProgress { .. } => {
                    self.remove_files_of(import.id).await?;
                    let error = Error::bad_request(
                        "ImportCutOff",
                        "The server stopped during the import; nothing was imported. Import the file again.",
                    );
                    self.fail(import.id, &error).await;
                }
                _ => known.push(import.file.name.clone()),
            }
        }
        for export in exports {
            if matches!(export.state, ExportState::Requested | ExportState::InProgress) {
                self.inner.runner.write(move |tx, _| Exports::new(tx).fail(export.id, now)).await?;
                self.blobs().delete(&format!("{EXPORTS}/{}.zip", export.id)).await?;
            }
        }
        for upload in self.blobs().folders(UPLOADS).await? {
            let is_new = self.inner.uploads.lock().contains_key(&upload);
            if !is_new && !known.contains(&upload) {
                self.blobs().delete_folder(&upload).await?;
            }
        }
        Ok(())
    }

    /// Removes the files that an import wrote which was cut off.
    async fn remove_files_of(&self, id: DocumentId) -> Result<()> {
        for number in 0.. {
            let uuid = file_uuid(id, number);
            if !self.blobs().exists(&uuid).await? {
                return Ok(());
            }
            self.blobs().delete(&uuid).await?;
        }
        Ok(())
    }

    async fn forget_rested_uploads(&self) -> Result<()> {
        let rested: Vec<String> = {
            let mut uploads = self.inner.uploads.lock();
            uploads.extract_if(|_, rested| rested.elapsed() > UPLOAD_REST_MAX).map(|(name, _)| name).collect()
        };
        for upload in rested {
            self.blobs().delete_folder(&upload).await?;
        }
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        self.inner.runner.deployment().clock().unix_ns()
    }

    fn blobs(&self) -> &crate::system::blobs::Blobs {
        self.inner.runner.deployment().files.blobs()
    }

    fn secrets(&self) -> &crate::auth::Secrets {
        self.inner.runner.deployment().secrets()
    }
}

/// Now and then removes what is old, as long as somebody has the service.
async fn sweep(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(inner) = inner.upgrade() else { return };
        let snapshots = Snapshots { inner };
        let swept = async {
            snapshots.expire().await?;
            snapshots.forget_rested_uploads().await
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "old exports and uploads are left behind");
        }
    }
}
