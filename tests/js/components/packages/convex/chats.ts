// Text that is streamed to whoever asked and kept for everybody else.

import { PersistentTextStreaming, StreamIdValidator, type StreamId } from "@convex-dev/persistent-text-streaming";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { httpAction, mutation, query } from "./_generated/server";

const streaming = new PersistentTextStreaming(components.persistentTextStreaming);

export const create = mutation({
  args: { prompt: v.string() },
  handler: async (ctx, { prompt }) => {
    const stream = await streaming.createStream(ctx);
    await ctx.db.insert("chats", { prompt, stream });
    return stream;
  },
});

export const body = query({
  args: { stream: StreamIdValidator },
  handler: async (ctx, { stream }) => await streaming.getStreamBody(ctx, stream as StreamId),
});

export const stream = httpAction(async (ctx, request) => {
  const { stream } = (await request.json()) as { stream: string };
  return await streaming.stream(ctx, request, stream as StreamId, async (_ctx, _request, _stream, append) => {
    for (const word of ["Opening", " hours", " are", " nine to five."]) await append(word);
  });
});
