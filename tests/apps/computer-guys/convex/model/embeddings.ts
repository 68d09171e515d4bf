// Embeddings, from any service that speaks OpenAI's protocol.

import { ConvexError } from "convex/values";

const DIMENSIONS = 1536;

type Answer = { data?: { embedding?: unknown }[] };

/** The embedding of a text: `EMBEDDINGS_BASE_URL`, `EMBEDDINGS_MODEL` and `OPENAI_API_KEY` say whose. */
export async function embed(text: string): Promise<number[]> {
  const base = process.env.EMBEDDINGS_BASE_URL || "https://api.openai.com/v1";
  const key = process.env.OPENAI_API_KEY;
  const response = await fetch(`${base}/embeddings`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) } as Record<string, string>,
    body: JSON.stringify({
      model: process.env.EMBEDDINGS_MODEL || "text-embedding-3-small",
      input: [text],
      encoding_format: "float",
      dimensions: DIMENSIONS,
    }),
  });
  if (!response.ok) {
    throw new ConvexError({ code: "EMBEDDING_FAILED", message: `the embedding service answered ${response.status}` });
  }
  const { data } = (await response.json()) as Answer;
  const embedding = data?.[0]?.embedding;
  if (!Array.isArray(embedding) || embedding.length !== DIMENSIONS) {
    throw new ConvexError({ code: "EMBEDDING_FAILED", message: `the embedding service did not answer with ${DIMENSIONS} numbers` });
  }
  return embedding as number[];
}
