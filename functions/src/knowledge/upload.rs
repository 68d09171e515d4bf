//! A file on its way into the knowledge base.
//!
//! The document is there, as one that is being read, from the moment its file is stored. A short one is ready when
//! [`add`] is; a long one is read to its end, but its vectors are made in steps that are scheduled one after the
//! other, so that they go on after a restart. Whatever fails before takes everything away again.

use bytes::Bytes;
use fusion_runtime::Result;
use fusion_runtime::function::ActionCtx;
use fusion_schema::table::StoredFile;
use fusion_schema::tables::KnowledgeEntry;
use fusion_schema::{Id, Nullable};
use sha2::{Digest as _, Sha256};

use super::content_type::{Reading, content_type, reading};
use super::{CHUNKS_MAX, FILE_SIZE_MAX, IMAGE_SIZE_MAX, NAME_LENGTH_MAX, chunks, embed, embedder, extract};
use crate::assistant;
use crate::errors::bad_request;
use crate::services::embedding::BATCH;
use crate::services::{ServiceFailure, Services};
use crate::system::ai::knowledge::{Begin, Discard, Find, Found, Store, titled};

/// Most chunks that are stored with one transaction.
const STORED_AT_ONCE: usize = 500;

/// A file as it was sent.
pub(crate) struct Upload {
    pub(crate) organization_id: String,
    pub(crate) filename: String,
    /// What its sender says it is; may be empty.
    pub(crate) mime_type: String,
    pub(crate) bytes: Bytes,
    pub(crate) category: Option<String>,
}

/// Where a document is.
pub(crate) struct Added {
    pub(crate) entry_id: Id<KnowledgeEntry>,
    /// Where its file can be downloaded.
    pub(crate) url: Nullable<String>,
}

/// Adds a document. One of the same name is replaced once the new one is ready; the very same file is left as it is.
///
/// # Errors
/// `BAD_REQUEST` if the file cannot be used, `SERVICE_FAILED` if a model fails. Nothing of it is kept then.
pub(crate) async fn add(ctx: &ActionCtx<Services>, upload: Upload) -> Result<Added> {
    let Upload { organization_id, filename, mime_type, bytes, category } = upload;
    check(&filename, &bytes)?;
    let mime_type = content_type(&mime_type, &filename, &bytes);
    let Some(reading) = reading(&mime_type, &filename) else {
        return Err(bad_request(&format!("Unsupported MIME type: {mime_type}")));
    };
    if reading == Reading::Image && bytes.len() > IMAGE_SIZE_MAX {
        return Err(bad_request(&format!(
            "File is too large for AI extraction ({mime_type}). Please upload a smaller file or split it into smaller parts."
        )));
    }
    let content_hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let find = Find {
        organization_id: organization_id.clone(),
        key: filename.clone(),
        content_hash: content_hash.clone(),
    };
    let found: Option<Found> = ctx.run_query("system/ai/knowledge:find", find).await?;
    if let Some(Found { entry_id, storage_id }) = found {
        return added(ctx, entry_id, storage_id);
    }

    let storage_id = ctx.storage().store(bytes.clone(), Some(mime_type.clone())).await?;
    let begin = Begin {
        organization_id,
        key: filename.clone(),
        content_hash,
        mime_type: mime_type.clone(),
        storage_id,
        category,
        model: embedder(ctx)?.model(),
    };
    let result = match ctx.run_mutation("system/ai/knowledge:begin", begin).await {
        Ok(entry_id) => match fill(ctx, entry_id, &filename, reading, &mime_type, bytes).await {
            Ok(()) => return added(ctx, entry_id, Some(storage_id)),
            Err(error) => (Some(entry_id), error),
        },
        Err(error) => (None, error),
    };
    let (entry_id, error) = result;
    ctx.run_mutation::<()>("system/ai/knowledge:discard", Discard { entry_id, storage_id }).await?;
    Err(error)
}

fn check(filename: &str, bytes: &Bytes) -> Result<()> {
    let length = filename.encode_utf16().count();
    if filename.trim().is_empty() || length > NAME_LENGTH_MAX {
        return Err(bad_request(&format!(
            "The file's name must have between 1 and {NAME_LENGTH_MAX} characters."
        )));
    }
    if bytes.is_empty() {
        return Err(bad_request(&format!("The file \"{filename}\" is empty.")));
    }
    if bytes.len() > FILE_SIZE_MAX {
        return Err(bad_request(&format!(
            "The file \"{filename}\" is larger than {} MB. Split it into smaller files.",
            FILE_SIZE_MAX >> 20
        )));
    }
    Ok(())
}

fn added(
    ctx: &ActionCtx<Services>,
    entry_id: Id<KnowledgeEntry>,
    storage_id: Option<Id<StoredFile>>,
) -> Result<Added> {
    let url = storage_id.map(|id| ctx.storage().get_url(id)).transpose()?.flatten();
    Ok(Added { entry_id, url: Nullable(url) })
}

async fn fill(
    ctx: &ActionCtx<Services>,
    entry_id: Id<KnowledgeEntry>,
    filename: &str,
    reading: Reading,
    mime_type: &str,
    bytes: Bytes,
) -> Result<()> {
    let text = match reading {
        Reading::Image => assistant::describe(ctx, mime_type, bytes).await?,
        other => extract::text(other, bytes)
            .await
            .map_err(|reason| bad_request(&format!("The file \"{filename}\" cannot be used: {reason}.")))?,
    };
    let cutting = tokio::task::spawn_blocking(move || chunks::chunks(&text)).await;
    let texts =
        cutting.map_err(|error| fusion_runtime::Error::internal("A text was not cut.").with_source(error))?;
    if texts.len() > CHUNKS_MAX {
        return Err(bad_request(&format!(
            "The file \"{filename}\" has too much text. Split it into smaller files."
        )));
    }
    let total = texts.len() as f64;
    if texts.len() <= BATCH {
        let embedder = embedder(ctx)?;
        let vectors =
            embed(ctx, &*embedder, &titled(filename, &texts)).await.map_err(ServiceFailure::into_error)?;
        let model = embedder.model();
        let store = Store { entry_id, first: 0.0, texts, vectors: Some(vectors), model, total };
        return ctx.run_mutation("system/ai/knowledge:store", store).await;
    }
    for (place, texts) in texts.chunks(STORED_AT_ONCE).enumerate() {
        let store = Store {
            entry_id,
            first: (place * STORED_AT_ONCE) as f64,
            texts: texts.to_vec(),
            vectors: None,
            model: String::new(),
            total,
        };
        ctx.run_mutation::<()>("system/ai/knowledge:store", store).await?;
    }
    Ok(())
}
