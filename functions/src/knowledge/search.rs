//! Finding the passages that are about a question.

use fusion_runtime::Result;
use fusion_runtime::database::VectorQuery;
use fusion_runtime::function::ActionCtx;
use fusion_schema::Id;

use super::{embed, embedder, space};
use crate::services::chat::Passage;
use crate::services::{ServiceFailure, Services};
use crate::system::ai::knowledge::{FoundPassage, GetPassages};

/// How many passages are given.
pub(crate) const PASSAGES: usize = 5;
/// How many vectors are looked at: some belong to documents that are still being read or just went away.
const CANDIDATES: usize = 64;

/// The passages of an organisation's documents that are about a question, best first.
///
/// # Errors
/// `SERVICE_FAILED` if the embedding model fails.
pub(crate) async fn passages(
    ctx: &ActionCtx<Services>,
    organization_id: &str,
    question: &str,
) -> Result<Vec<Passage>> {
    let embedder = embedder(ctx)?;
    let vectors = embed(ctx, &*embedder, &[question.to_owned()]).await.map_err(ServiceFailure::into_error)?;
    let vector = vectors.into_iter().next().unwrap_or_default();
    if vector.iter().all(|number| *number == 0.0) {
        return Ok(Vec::new());
    }
    let query =
        VectorQuery::new(vector).limit(CANDIDATES).or_eq("space", space(organization_id, &embedder.model()));
    let found = ctx.vector_search("knowledgeVectors", "by_embedding", query).await?;
    let vector_ids = found.iter().filter(|found| found.score > 0.0).map(|found| Id::from(found.id)).collect();
    let get = GetPassages { organization_id: organization_id.to_owned(), vector_ids };
    let passages: Vec<FoundPassage> = ctx.run_query("system/ai/knowledge:passages", get).await?;
    Ok(passages.into_iter().map(|FoundPassage { title, text }| Passage { title, text }).collect())
}
