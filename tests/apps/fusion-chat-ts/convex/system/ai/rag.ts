// The knowledge base: a namespace for each organisation.

import { RAG } from "@convex-dev/rag";
import { components } from "../../_generated/api";
import type { Id } from "../../_generated/dataModel";
import { EMBEDDING_DIMENSION, embeddingModel } from "../../lib/models";

/** What is kept of an uploaded file beside its text. */
export type FileMetadata = { storageId: Id<"_storage">; uploadedBy: string; filename: string; category: string | null };

/** Made for each call: the model's address is in the environment, which no module may read before. */
export const rag = (): RAG<Record<string, never>, FileMetadata> =>
  new RAG(components.rag, { textEmbeddingModel: embeddingModel(), embeddingDimension: EMBEDDING_DIMENSION });
