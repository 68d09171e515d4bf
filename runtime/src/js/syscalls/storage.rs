//! Stored files.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fusion_schema::DocumentId;
use serde::Deserialize;

use super::{arguments, quoted};
use crate::database::Transaction;
use crate::function::execution::Execution;
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

pub(super) fn find_for_url(tx: &mut Transaction, args: &str) -> Result<Option<FileMetadata>> {
    find(tx, "1.0/storageGetUrl", args)
}

pub(super) fn url_or_null(url: Option<String>) -> String {
    url.map_or_else(|| "null".to_owned(), |url| quoted(&url))
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Store<'a> {
    #[serde(borrow)]
    blob: Cow<'a, str>,
    content_type: Option<String>,
    sha256: Option<String>,
}

/// Stores the file that comes with a call in Base64.
pub(super) fn store(execution: &mut Execution, args: &str) -> Result<String> {
    let Store { blob, content_type, sha256: expected } = arguments("1.0/storageStore", args)?;
    let expected = sha256(expected.as_deref())?;
    let content = STANDARD
        .decode(blob.as_bytes())
        .map_err(|_| Error::bad_request("InvalidArgument", "The content of a file must be in Base64."))?;
    let content_type = content_type.as_deref().filter(|text| !text.is_empty());
    Ok(quoted(&execution.store_file(content.into(), content_type, expected)?.to_string()))
}

/// The content of a file in Base64 with its type.
pub(super) fn get(execution: &mut Execution, args: &str) -> Result<String> {
    let Some(file) = find(execution.tx(), "1.0/storageGet", args)? else { return Ok("null".to_owned()) };
    let content = execution.read_file(&file)?;
    let content_type = file.content_type.as_deref().map_or_else(|| "null".to_owned(), quoted);
    Ok(format!("{{\"blob\":\"{}\",\"contentType\":{content_type}}}", STANDARD.encode(content)))
}

/// The SHA-256 that a script says a file has, in Base64.
pub(super) fn sha256(text: Option<&str>) -> Result<Option<[u8; 32]>> {
    let Some(text) = text else { return Ok(None) };
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes
        .map(Some)
        .ok_or_else(|| Error::bad_request("InvalidArgument", "`sha256` must be a SHA-256 in Base64."))
}
