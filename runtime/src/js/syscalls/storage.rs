//! Stored files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fusion_schema::DocumentId;
use serde::Deserialize;

use super::{arguments, quoted};
use crate::database::Transaction;
use crate::function::execution::Execution;
use crate::system::file_storage::FileStorage;
use crate::system::files::{FileMetadata, Files};
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ById {
    storage_id: String,
}

/// The file a script names; `None` if there is none.
fn find(tx: &mut Transaction, name: &str, args: &str) -> Result<Option<FileMetadata>> {
    let ById { storage_id } = arguments(name, args)?;
    find_id(tx, &storage_id)
}

/// The file with that id or UUID; `None` if there is none.
pub(super) fn find_id(tx: &mut Transaction, storage_id: &str) -> Result<Option<FileMetadata>> {
    let mut files = Files::new(tx);
    match files.parse_id(storage_id)? {
        Some(id) => files.get(id),
        None => Ok(None),
    }
}

pub(super) fn get_url(tx: &mut Transaction, files: &FileStorage, args: &str) -> Result<String> {
    let file = find(tx, "1.0/storageGetUrl", args)?;
    Ok(file.map_or_else(|| "null".to_owned(), |file| quoted(&files.url(&file.uuid))))
}

pub(super) fn get_metadata(tx: &mut Transaction, args: &str) -> Result<String> {
    let Some(file) = find(tx, "1.0/storageGetMetadata", args)? else { return Ok("null".to_owned()) };
    let sha256 = STANDARD.decode(&file.sha256).unwrap_or_default();
    let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let json = serde_json::json!({
        "storageId": file.uuid,
        "sha256": hex,
        "size": file.size,
        "contentType": file.content_type,
    });
    Ok(json.to_string())
}

/// The id of the file that a script wants deleted.
pub(super) fn to_delete(tx: &mut Transaction, args: &str) -> Result<DocumentId> {
    let ById { storage_id } = arguments("1.0/storageDelete", args)?;
    Files::new(tx)
        .parse_id(&storage_id)?
        .ok_or_else(|| Error::not_found("StorageIdNotFound", format!("storage id {storage_id} not found")))
}

pub(super) fn delete(execution: &mut Execution, args: &str) -> Result<String> {
    let id = to_delete(execution.tx(), args)?;
    execution.delete_file(id)?;
    Ok("null".to_owned())
}

/// The SHA-256 that a script says a file has, in Base64.
pub(super) fn sha256(text: Option<&str>) -> Result<Option<[u8; 32]>> {
    let Some(text) = text else { return Ok(None) };
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes
        .map(Some)
        .ok_or_else(|| Error::bad_request("InvalidArgument", "`sha256` must be a SHA-256 in Base64."))
}
