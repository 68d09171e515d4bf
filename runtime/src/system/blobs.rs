//! [`Blobs`]: contents by name, in a local folder or an object store.
//!
//! A content appears under its name only when it is complete.

use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, pin_mut};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Content is handed to the store in parts of this size, in bytes.
const PART_SIZE: usize = 5 << 20;

/// A content that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The length in bytes.
    pub size: u64,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The folder, if it is a local one.
    folder: Option<PathBuf>,
}

impl Blobs {
    /// Contents in a local folder, which is made if it does not exist.
    ///
    /// # Errors
    /// If the folder cannot be made or used.
    pub fn local(folder: &FilePath) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::internal(format!(
                "The folder {} for files cannot be made: {error}. Check its permissions.",
                folder.display()
            ))
        })?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?.with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), folder: Some(folder.to_owned()) })
    }

    /// Contents in memory, for tests.
    pub fn in_memory() -> Self {
        Self { store: Arc::new(InMemory::new()), folder: None }
    }

    /// Contents in any object store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, folder: None }
    }

    /// Writes a content; nothing is left of it if that fails.
    ///
    /// # Errors
    /// If the stream or the store fails.
    pub async fn write<E: Into<Error>>(
        &self,
        name: &str,
        content: impl Stream<Item = std::result::Result<Bytes, E>> + Send,
    ) -> Result<Written> {
        let mut upload = self.store.put_multipart(&Path::from(name)).await.map_err(failed)?;
        match write_parts(&mut *upload, content).await {
            Ok(written) => {
                self.sync(name).await?;
                Ok(written)
            }
            Err(error) => {
                if let Err(abort) = upload.abort().await {
                    tracing::warn!(name, error = %abort, "an unfinished upload could not be removed");
                }
                Err(error)
            }
        }
    }

    /// Makes sure that a content survives a loss of power; object stores do so by themselves.
    async fn sync(&self, name: &str) -> Result<()> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        let path = folder.join(name);
        let synced = tokio::task::spawn_blocking(move || {
            std::fs::File::open(&path)?.sync_all()?;
            // The folder holds the name.
            std::fs::File::open(path.parent().unwrap_or(&folder))?.sync_all()
        });
        synced
            .await
            .map_err(|error| Error::internal("a file could not be synced").with_source(error))?
            .map_err(|error| Error::internal("a file could not be synced").with_source(error))
    }

    /// A whole content.
    ///
    /// # Errors
    /// If there is none, or the store fails.
    pub async fn read(&self, name: &str) -> Result<Bytes> {
        self.store
            .get_opts(&Path::from(name), GetOptions::default())
            .await
            .map_err(failed)?
            .bytes()
            .await
            .map_err(failed)
    }

    /// A small part of a content in one piece.
    ///
    /// # Errors
    /// If there is none, or the store fails.
    pub async fn read_piece(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&Path::from(name), options).await.map_err(failed)?;
        found.bytes().await.map_err(failed)
    }

    /// Whether there is a content of that name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn exists(&self, name: &str) -> Result<bool> {
        match self.store.head(&Path::from(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Deletes every content whose name begins with this folder's.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete_folder(&self, folder: &str) -> Result<()> {
        let prefix = Path::from(folder);
        let found: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.map_err(failed)?;
        for content in found {
            self.delete(content.location.as_ref()).await?;
        }
        Ok(())
    }

    /// The folders in a folder, with their whole names.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let found = self.store.list_with_delimiter(Some(&Path::from(folder))).await.map_err(failed)?;
        Ok(found.common_prefixes.into_iter().map(|path| path.to_string()).collect())
    }

    /// Part of a content (from `range.start` up to, not including, `range.end`), piece by piece.
    ///
    /// # Errors
    /// If there is none, or the store fails; also in the stream.
    pub async fn read_range(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&Path::from(name), options).await.map_err(failed)?;
        Ok(found.into_stream().map_err(failed).boxed())
    }

    /// Deletes a content; one that is not there is no error.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let path = Path::from(name);
        let paths = futures_util::stream::once(async move { Ok(path) }).boxed();
        let deleted: std::result::Result<Vec<_>, _> = self.store.delete_stream(paths).try_collect().await;
        match deleted {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

async fn write_parts<E: Into<Error>>(
    upload: &mut dyn MultipartUpload,
    content: impl Stream<Item = std::result::Result<Bytes, E>> + Send,
) -> Result<Written> {
    pin_mut!(content);
    let (mut hasher, mut size) = (Sha256::new(), 0);
    let (mut part, mut part_size) = (Vec::new(), 0);
    while let Some(piece) = content.next().await {
        let piece = piece.map_err(Into::into)?;
        hasher.update(&piece);
        size += piece.len() as u64;
        part_size += piece.len();
        part.push(piece);
        if part_size >= PART_SIZE {
            upload.put_part(PutPayload::from_iter(std::mem::take(&mut part))).await.map_err(failed)?;
            part_size = 0;
        }
    }
    if part_size > 0 || size == 0 {
        upload.put_part(PutPayload::from_iter(part)).await.map_err(failed)?;
    }
    upload.complete().await.map_err(failed)?;
    Ok(Written { sha256: hasher.finalize().into(), size })
}

fn failed(error: object_store::Error) -> Error {
    Error::internal("the file store failed").with_source(error)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn pieces(texts: &[&str]) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        stream::iter(texts.iter().map(|text| Ok(Bytes::copy_from_slice(text.as_bytes()))).collect::<Vec<_>>())
    }

    async fn collect(blobs: &Blobs, range: Range<u64>) -> String {
        let pieces: Vec<Bytes> = blobs.read_range("a", range).await.unwrap().try_collect().await.unwrap();
        String::from_utf8(pieces.concat()).unwrap()
    }

    #[tokio::test]
    async fn a_folder_keeps_whole_contents_only() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let written = blobs.write("a", pieces(&["hello ", "world"])).await.unwrap();
        assert_eq!(written.size, 11);
        assert_eq!(collect(&blobs, 0..11).await, "hello world");
        assert_eq!(collect(&blobs, 4..7).await, "o w");
        assert_eq!(collect(&blobs, 0..0).await, "");

        let broken = pieces(&["half"]).chain(stream::iter([Err(Error::function("the line went dead"))]));
        assert!(blobs.write("b", broken).await.is_err());
        assert!(blobs.read("b").await.is_err());
        assert_eq!(blobs.write("c", pieces(&[])).await.unwrap().size, 0);
        assert_eq!(blobs.read("c").await.unwrap(), "");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

        blobs.delete("a").await.unwrap();
        blobs.delete("a").await.unwrap();
        assert!(blobs.read("a").await.is_err());
    }
}
