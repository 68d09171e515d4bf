//! [`FileReader`] and [`FileWriter`]: `ctx.storage()` of queries and mutations.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use fusion_schema::Id;
use fusion_schema::table::StoredFile;

use crate::Result;
use crate::function::execution::Execution;
use crate::system::files::{FileMetadata, Files};

/// Stored files, to read about.
#[derive(Debug)]
pub struct FileReader<'a> {
    execution: &'a mut Execution,
}

impl<'a> FileReader<'a> {
    pub(super) const fn new(execution: &'a mut Execution) -> Self {
        Self { execution }
    }

    /// Where the file can be downloaded; `None` if there is no such file.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn get_url(&mut self, id: Id<StoredFile>) -> Result<Option<String>> {
        let file = self.get_metadata(id)?;
        Ok(file.map(|file| self.execution.file_url(&file.uuid)))
    }

    /// What is known about a file; `None` if there is no such file.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn get_metadata(&mut self, id: Id<StoredFile>) -> Result<Option<FileMetadata>> {
        Files::new(self.execution.tx()).get(id.document_id())
    }
}

/// Stored files, to read about, store, read and delete.
#[derive(Debug)]
pub struct FileWriter<'a> {
    reader: FileReader<'a>,
}

impl<'a> FileWriter<'a> {
    pub(super) const fn new(execution: &'a mut Execution) -> Self {
        Self { reader: FileReader::new(execution) }
    }

    /// A URL that takes uploads for an hour.
    ///
    /// # Errors
    /// Only if the token cannot be sealed, which is internal.
    pub fn generate_upload_url(&mut self) -> Result<String> {
        self.reader.execution.generate_upload_url()
    }

    /// Stores a file, which is there for others if this mutation commits. Blocks until the content is safe.
    ///
    /// # Errors
    /// If the content cannot be written; when a limit of the transaction is reached.
    pub fn store(&mut self, content: Bytes, content_type: Option<&str>) -> Result<Id<StoredFile>> {
        Ok(self.reader.execution.store_file(content, content_type, None)?.into())
    }

    /// A file's content; `None` if there is no such file. Blocks.
    ///
    /// # Errors
    /// If it cannot be read; when a limit of the transaction is reached.
    pub fn get(&mut self, id: Id<StoredFile>) -> Result<Option<Bytes>> {
        let Some(file) = self.get_metadata(id)? else { return Ok(None) };
        self.reader.execution.read_file(&file).map(Some)
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// `StorageIdNotFound` if there is no such file.
    pub fn delete(&mut self, id: Id<StoredFile>) -> Result<()> {
        self.reader.execution.delete_file(id.document_id())
    }
}

impl<'a> Deref for FileWriter<'a> {
    type Target = FileReader<'a>;

    fn deref(&self) -> &FileReader<'a> {
        &self.reader
    }
}

impl<'a> DerefMut for FileWriter<'a> {
    fn deref_mut(&mut self) -> &mut FileReader<'a> {
        &mut self.reader
    }
}
