// The documents that an organisation's assistant answers from.

import { contentHashFromArrayBuffer, guessMimeTypeFromContents, guessMimeTypeFromExtension, type Entry, type EntryId } from "@convex-dev/rag";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { action, mutation, query, type QueryCtx } from "../_generated/server";
import { notFound, unauthorized, wrongArguments } from "../lib/errors";
import { extractTextContent } from "../lib/extractTextContent";
import { requireOperator } from "../lib/guards";
import { humanSize } from "../lib/humanSize";
import { rag, type FileMetadata } from "../system/ai/rag";

const FIRST_PAGE = { numItems: 10, cursor: null };

/** Adds a file, in the place of one of the same name. */
export const addFile = action({
  args: { filename: v.string(), mimeType: v.string(), bytes: v.bytes(), category: v.optional(v.string()) },
  handler: async (ctx, args): Promise<{ url: string | null; entryId: EntryId }> => {
    const { organizationId } = await requireOperator(ctx);
    const { filename, bytes, category } = args;
    const guessed = guessMimeTypeFromExtension(filename) || guessMimeTypeFromContents(bytes);
    const mimeType = args.mimeType || guessed || "application/octet-stream";
    const storageId = await ctx.storage.store(new Blob([bytes], { type: mimeType }));
    try {
      const url = await ctx.storage.getUrl(storageId);
      if (url === null) throw new Error("Failed to get storage URL");
      const text = await extractTextContent({ filename, mimeType, bytes, url });
      const metadata: FileMetadata = { storageId, uploadedBy: organizationId, filename, category: category || null };
      const contentHash = await contentHashFromArrayBuffer(bytes);
      const { entryId, created } = await rag().add(ctx, {
        namespace: organizationId,
        key: filename,
        title: filename,
        text,
        metadata,
        contentHash,
      });
      if (created) return { url, entryId };
      // It is there already: what was stored now is not needed.
      await ctx.storage.delete(storageId);
      const known = (await rag().getEntry(ctx, { entryId }))?.metadata;
      return { url: known === undefined ? null : await ctx.storage.getUrl(known.storageId), entryId };
    } catch (error) {
      await ctx.storage.delete(storageId);
      throw error;
    }
  },
});

/** Removes a file: `entryId` or `fileId`, which is the same. */
export const deleteFile = mutation({
  args: { entryId: v.optional(v.string()), fileId: v.optional(v.string()) },
  handler: async (ctx, { entryId, fileId }) => {
    const { organizationId } = await requireOperator(ctx);
    const id = (entryId ?? fileId) as EntryId | undefined;
    if (id === undefined || (entryId !== undefined && fileId !== undefined)) {
      throw wrongArguments("Give either `entryId` or `fileId`.");
    }
    if ((await rag().getNamespace(ctx, { namespace: organizationId })) === null) throw unauthorized("Invalid namespace");
    // What is no id is refused at the border of the component.
    const entry = await rag().getEntry(ctx, { entryId: id }).catch(() => null);
    if (entry === null) throw notFound("Entry not found");
    if (entry.metadata?.uploadedBy !== organizationId) throw unauthorized("Invalid Organization ID");
    await ctx.storage.delete(entry.metadata.storageId);
    await rag().deleteAsync(ctx, { entryId: id });
    return null;
  },
});

type PublicFile = {
  id: EntryId;
  name: string;
  type: string;
  size: string;
  status: "ready" | "processing" | "error";
  url: string | null;
  category?: string;
};

async function publicFile(ctx: QueryCtx, entry: Entry<Record<string, never>, FileMetadata>): Promise<PublicFile> {
  const { metadata, key, entryId } = entry;
  const stored = metadata === undefined ? null : await ctx.db.system.get(metadata.storageId);
  const name = key || "Unknown";
  return {
    id: entryId,
    name,
    type: name.split(".").at(-1)?.toLowerCase() || "txt",
    size: stored === null ? "unknown" : humanSize(stored.size),
    status: entry.status === "ready" ? "ready" : "processing",
    url: metadata === undefined ? null : await ctx.storage.getUrl(metadata.storageId),
    ...(metadata?.category ? { category: metadata.category } : {}),
  };
}

/** The organisation's files in the order they came. A category is looked for in the page, which may so be shorter. */
export const list = query({
  args: { category: v.optional(v.string()), paginationOpts: v.optional(paginationOptsValidator) },
  handler: async (ctx, { category, paginationOpts = FIRST_PAGE }) => {
    const { organizationId } = await requireOperator(ctx);
    const namespace = await rag().getNamespace(ctx, { namespace: organizationId });
    if (namespace === null) return { page: [], isDone: true, continueCursor: "" };
    const entries = await rag().list(ctx, { namespaceId: namespace.namespaceId, status: "ready", order: "asc", paginationOpts });
    const files = await Promise.all(entries.page.map((entry) => publicFile(ctx, entry)));
    return { ...entries, page: files.filter((file) => !category || file.category === category) };
  },
});
