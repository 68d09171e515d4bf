// The language models. `OPENAI_BASE_URL` names another service of the same protocol.

import { createOpenAI } from "@ai-sdk/openai";

declare global {
  // Models are given by their providers here, not by names. The list of all names that "ai" knows is longer than what the compiler
  // can combine with the agent component's types.
  interface RegisteredProviderModels {
    openai: "gpt-4o" | "gpt-4o-mini";
  }
}

const openai = () => createOpenAI({ baseURL: process.env.OPENAI_BASE_URL || undefined, apiKey: process.env.OPENAI_API_KEY ?? "" });

/** The model that answers visitors, helps operators and reads images. */
export const chatModel = () => openai().chat(process.env.OPENAI_CHAT_MODEL || "gpt-4o-mini");

/** The model that reads documents. */
export const documentModel = () => openai().chat(process.env.OPENAI_DOCUMENT_MODEL || "gpt-4o");

export const EMBEDDING_DIMENSION = 1536;
export const embeddingModel = () => openai().embedding("text-embedding-3-small");
