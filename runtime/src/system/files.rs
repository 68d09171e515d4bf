//! Stored files: rows of `_storage` (what functions see) and `_file_storage` (under which UUID the content lies).

use fusion_schema::{DocumentId, TableNumber, Value, object};

use super::{equal, first};
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_storage";
const CONTENT_TABLE: &str = "_file_storage";

/// What is known about a stored file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileMetadata {
    /// The id functions know it by.
    pub id: DocumentId,
    /// The UUID in its URL, under which its content is stored.
    pub uuid: String,
    /// The SHA-256 of the content, in base64.
    pub sha256: String,
    /// The length in bytes.
    pub size: u64,
    /// The type given when it was stored.
    pub content_type: Option<String>,
}

/// The stored files as one transaction sees them.
pub struct Files<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

impl<'a> Files<'a> {
    /// The files in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    /// Adds a file whose content is already in place under `uuid`. `sha256` is base64.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn insert(
        &mut self,
        uuid: &str,
        sha256: &str,
        size: u64,
        content_type: Option<&str>,
    ) -> Result<DocumentId> {
        let mut row = object! { "sha256" => sha256, "size" => size as f64 };
        if let Some(content_type) = content_type {
            row.insert("contentType", content_type);
        }
        let id = self.tx.insert(TABLE, row)?;
        self.tx.insert(CONTENT_TABLE, object! { "storageId" => id, "uuid" => uuid })?;
        Ok(id)
    }

    /// A file by its id; `None` also for an id of another table.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn get(&mut self, id: DocumentId) -> Result<Option<FileMetadata>> {
        if id.table != TableNumber::STORAGE {
            return Ok(None);
        }
        let Some(row) = self.tx.get(id)? else { return Ok(None) };
        match self.content_row(id)? {
            Some(content) => metadata(&row, &content).map(Some),
            None => Ok(None),
        }
    }

    /// A file by the UUID in its URL.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn by_uuid(&mut self, uuid: &str) -> Result<Option<FileMetadata>> {
        let Some(content) = first(self.tx, CONTENT_TABLE, "by_uuid", vec![equal("uuid", uuid)])? else {
            return Ok(None);
        };
        let id = content
            .fields()
            .get("storageId")
            .and_then(Value::as_str)
            .and_then(|id| DocumentId::decode(id).ok());
        match id {
            Some(id) => self.tx.get(id)?.map(|row| metadata(&row, &content)).transpose(),
            None => Ok(None),
        }
    }

    /// Reads what user code gave as a storage id: an id of `_storage`, or the UUID of a file.
    ///
    /// # Errors
    /// `InvalidStorageId` for anything else.
    pub fn parse_id(&mut self, text: &str) -> Result<Option<DocumentId>> {
        if let Ok(id) = DocumentId::decode(text)
            && id.table == TableNumber::STORAGE
        {
            return Ok(Some(id));
        }
        if uuid::Uuid::parse_str(text).is_ok() {
            return Ok(self.by_uuid(text)?.map(|file| file.id));
        }
        Err(Error::bad_request(
            "InvalidStorageId",
            format!("Invalid storage ID: \"{text}\" is neither an id of table \"_storage\" nor a UUID."),
        ))
    }

    /// Removes a file's rows and gives the UUID of the content, which is to be deleted after the commit.
    ///
    /// # Errors
    /// `StorageIdNotFound`.
    pub fn delete(&mut self, id: DocumentId) -> Result<String> {
        let Some(file) = self.get(id)? else {
            return Err(Error::not_found("StorageIdNotFound", format!("storage id {id} not found")));
        };
        if let Some(content) = self.content_row(id)? {
            self.tx.delete(content.id())?;
        }
        self.tx.delete(id)?;
        Ok(file.uuid)
    }

    fn content_row(&mut self, id: DocumentId) -> Result<Option<Document>> {
        first(self.tx, CONTENT_TABLE, "by_storage_id", vec![equal("storageId", id)])
    }
}

fn metadata(row: &Document, content: &Document) -> Result<FileMetadata> {
    let fields = row.fields();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let parts = (|| {
        Some(FileMetadata {
            id: row.id(),
            uuid: text(content.fields().get("uuid"))?,
            sha256: text(fields.get("sha256"))?,
            size: fields.get("size").and_then(Value::as_f64)? as u64,
            content_type: text(fields.get("contentType")),
        })
    })();
    parts.ok_or_else(|| Error::internal(format!("the row of file {} is damaged", row.id())))
}
