//! [`FileStorage`]: contents of stored files, their URLs and upload tokens.
//!
//! The UUID in a download URL and the token in an upload URL are the permission: nothing else is asked.

use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use fusion_schema::DocumentId;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use tokio::runtime::Handle;

use super::blobs::{Blobs, Written};
use crate::auth::{Purpose, Secrets};
use crate::clock::random_bytes;
use crate::{Error, Result};

/// How long an upload URL takes uploads: one hour, in milliseconds.
const UPLOAD_TOKEN_LIFETIME_MS: f64 = 3_600_000.0;
/// Bytes that make each upload token its own.
const UPLOAD_NONCE: usize = 8;

/// See the module's documentation. Cheap to clone.
#[derive(Clone)]
pub struct FileStorage {
    blobs: Blobs,
    secrets: Arc<Secrets>,
    origin: String,
    /// Where deletions run that nobody waits for, and what mutations write and read.
    runtime: Option<Handle>,
}

impl std::fmt::Debug for FileStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileStorage").field("blobs", &self.blobs).finish_non_exhaustive()
    }
}

/// A content that was written but is not known to anybody yet.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its UUID.
    pub uuid: String,
    /// Its digest and length.
    pub written: Written,
}

impl NewFile {
    /// The digest in base64.
    pub fn sha256(&self) -> String {
        BASE64.encode(self.written.sha256)
    }
}

impl FileStorage {
    /// Files in `blobs`, reached under `origin` (without a slash at the end). To be called inside of an async
    /// runtime: deletions run there.
    pub fn new(blobs: Blobs, secrets: Arc<Secrets>, origin: impl Into<String>) -> Self {
        Self { blobs, secrets, origin: origin.into(), runtime: Handle::try_current().ok() }
    }

    /// Where the contents lie.
    pub const fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Where a file of the app, or of a component by its row, can be downloaded.
    pub fn url(&self, uuid: &str, component: Option<DocumentId>) -> String {
        match component {
            None => format!("{}/api/storage/{uuid}", self.origin),
            Some(component) => format!("{}/api/storage/{uuid}?component={component}", self.origin),
        }
    }

    /// A URL that takes uploads to the app, or to a component by its row, for an hour from `now_ms` on.
    ///
    /// # Errors
    /// Only if the token cannot be sealed, which is internal.
    pub fn generate_upload_url(&self, now_ms: f64, component: Option<DocumentId>) -> Result<String> {
        let expires_ms = (now_ms + UPLOAD_TOKEN_LIFETIME_MS) as u64;
        // The nonce makes every URL its own, so that one can be told from another.
        let mut content = expires_ms.to_le_bytes().to_vec();
        content.extend_from_slice(&random_bytes::<UPLOAD_NONCE>());
        let component = component.map(|component| component.to_string()).unwrap_or_default();
        content.extend_from_slice(component.as_bytes());
        let token = self.secrets.seal(Purpose::UploadToken, &content)?;
        let parameter = if component.is_empty() { String::new() } else { format!("&component={component}") };
        Ok(format!("{}/api/storage/upload?token={token}{parameter}", self.origin))
    }

    /// Fails unless the token allows uploads at `now_ms`. Gives the row of the component they go to, if it is not the
    /// app.
    ///
    /// # Errors
    /// `StorageTokenInvalid`, `StorageTokenExpired`.
    pub fn check_upload_token(&self, token: &str, now_ms: f64) -> Result<Option<DocumentId>> {
        let content = self.secrets.open(Purpose::UploadToken, token);
        let parts = content.as_deref().and_then(|content| content.split_first_chunk::<8>());
        let Some((expires, rest)) = parts else {
            return Err(Error::unauthenticated(
                "StorageTokenInvalid",
                "The upload URL is not one of this deployment. Generate a new one.",
            ));
        };
        if now_ms < u64::from_le_bytes(*expires) as f64 {
            let component = rest.get(UPLOAD_NONCE..).and_then(|text| std::str::from_utf8(text).ok());
            return Ok(component.and_then(|text| DocumentId::decode(text).ok()));
        }
        Err(Error::unauthenticated(
            "StorageTokenExpired",
            "The upload URL has expired: it takes uploads for one hour. Generate a new one.",
        ))
    }

    /// Writes a content under a new UUID. `expected` is the SHA-256 it must have.
    ///
    /// # Errors
    /// `Sha256Mismatch`; if the stream or the store fails.
    pub async fn write<E: Into<Error>>(
        &self,
        content: impl Stream<Item = std::result::Result<Bytes, E>> + Send,
        expected: Option<[u8; 32]>,
    ) -> Result<NewFile> {
        let uuid = uuid::Builder::from_random_bytes(random_bytes()).into_uuid().to_string();
        let written = self.blobs.write(&uuid, content).await?;
        let file = NewFile { uuid, written };
        if expected.is_some_and(|expected| expected != written.sha256) {
            self.blobs.delete(&file.uuid).await?;
            return Err(Error::bad_request(
                "Sha256Mismatch",
                format!(
                    "The content's SHA-256 is {}, not the one that was announced. Send the file again.",
                    file.sha256()
                ),
            ));
        }
        Ok(file)
    }

    /// As [`FileStorage::write`] of one piece, for the threads of mutations: blocks.
    ///
    /// # Errors
    /// As [`FileStorage::write`]; without an async runtime.
    pub fn write_blocking(&self, content: Bytes, expected: Option<[u8; 32]>) -> Result<NewFile> {
        let content = futures_util::stream::once(async { Ok::<_, Error>(content) });
        self.handle()?.block_on(self.write(content, expected))
    }

    /// As [`FileStorage::read`], for the threads of mutations: blocks.
    ///
    /// # Errors
    /// As [`FileStorage::read`]; without an async runtime.
    pub fn read_blocking(&self, uuid: &str) -> Result<Bytes> {
        self.handle()?.block_on(self.read(uuid))
    }

    fn handle(&self) -> Result<&Handle> {
        self.runtime.as_ref().ok_or_else(|| Error::internal("files were opened outside of an async runtime"))
    }

    /// A whole content.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn read(&self, uuid: &str) -> Result<Bytes> {
        self.blobs.read(uuid).await
    }

    /// Part of a content, piece by piece.
    ///
    /// # Errors
    /// If it cannot be read; also in the stream.
    pub async fn read_range(
        &self,
        uuid: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.blobs.read_range(uuid, range).await
    }

    /// Deletes a content.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete(&self, uuid: &str) -> Result<()> {
        self.blobs.delete(uuid).await
    }

    /// Deletes a content without waiting; a failure leaves it behind and is logged.
    pub fn delete_later(&self, uuid: String) {
        let Some(runtime) = &self.runtime else {
            tracing::warn!(uuid, "the content of a deleted file is left behind: there is no async runtime");
            return;
        };
        let blobs = self.blobs.clone();
        runtime.spawn(async move {
            if let Err(error) = blobs.delete(&uuid).await {
                tracing::warn!(uuid, %error, "the content of a deleted file is left behind");
            }
        });
    }
}

/// Contents that a transaction wrote and that nobody knows before it commits: whatever becomes of it, they go away
/// unless [`UncommittedFiles::keep`] is called.
#[derive(Debug, Default)]
pub struct UncommittedFiles {
    files: Vec<(FileStorage, String)>,
}

impl UncommittedFiles {
    /// Adds a content.
    pub fn add(&mut self, storage: &FileStorage, uuid: String) {
        self.files.push((storage.clone(), uuid));
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Deletes all but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        for (storage, uuid) in self.files.drain(len.min(self.files.len())..) {
            storage.delete_later(uuid);
        }
    }

    /// Leaves the contents where they are: the transaction has committed.
    pub fn keep(mut self) {
        self.files.clear();
    }
}

impl Drop for UncommittedFiles {
    fn drop(&mut self) {
        self.truncate(0);
    }
}
