//! The knowledge base: documents of an organisation, cut into passages that are found by what they are about.
//!
//! A file goes through `content_type` (what it is), `extract` (its text) and `chunks` (its parts); `upload` leads it
//! there, and into the tables by the mutations of `system/ai/knowledge`. `search` finds passages again.

pub(crate) mod chunks;
pub(crate) mod content_type;
pub(crate) mod extract;
pub(crate) mod search;
pub(crate) mod upload;

use fusion_runtime::Result;
use fusion_runtime::function::ActionCtx;

use crate::services::embedding::{Embedder, stored};
use crate::services::{FailureKind, ServiceFailure, Services, Settings};

/// The largest file, in bytes. What a client sends in one call has an upper bound of its own not far above.
pub(crate) const FILE_SIZE_MAX: usize = 15 << 20;
/// The largest image, in bytes; it is sent to the language model.
pub(crate) const IMAGE_SIZE_MAX: usize = 5 << 20;
/// Most chunks of one document.
pub(crate) const CHUNKS_MAX: usize = 20_000;
/// Most documents of one organisation.
pub(crate) const ENTRIES_MAX: usize = 1_000;
/// The longest name of a file, in UTF-16 code units.
pub(crate) const NAME_LENGTH_MAX: usize = 255;

/// The embedding model that is now in use.
pub(crate) fn embedder(ctx: &ActionCtx<Services>) -> Result<std::sync::Arc<dyn Embedder>> {
    ctx.services().embedder(&mut Settings::new(&mut |name| ctx.env(name)))
}

/// The vectors that can be compared with each other.
pub(crate) fn space(organization_id: &str, model: &str) -> String {
    format!("{organization_id}|{model}")
}

/// The vectors of some texts, as they are stored.
///
/// # Errors
/// If the model fails, or gives another number of vectors.
pub(crate) async fn embed(
    ctx: &ActionCtx<Services>,
    embedder: &dyn Embedder,
    texts: &[String],
) -> Result<Vec<Vec<f64>>, ServiceFailure> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let result = embedder.embed(texts).await.and_then(|vectors| {
        if vectors.len() == texts.len() {
            return Ok(vectors);
        }
        Err(ServiceFailure::new("the embedding model", FailureKind::Unusable, "it has too few vectors"))
    });
    if let Err(failure) = &result {
        crate::assistant::telemetry::failed(ctx, failure);
    }
    Ok(result?.into_iter().map(stored).collect())
}
