import { doc } from "convex-helpers/validators";
import { ConvexError, v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { authMutation, authQuery, serviceMutation } from "./auth";
import { getConversationIfOwnedByUser } from "./auth/ownership";
import { conversationsOfUser, NEW_CHAT, whatsappConversationOf } from "./lib/conversations";
import * as fields from "./lib/fields";
import schema from "./schema";

const conversation = doc(schema, "conversations");

/** The active conversation of a web user or of a WhatsApp contact, which is begun if there is none. */
export const getOrCreate = serviceMutation({
  args: {
    userId: v.optional(v.id("users")),
    contactId: v.optional(v.id("contacts")),
    channel: fields.channel,
    agentId: v.optional(v.id("agents")),
  },
  returns: v.id("conversations"),
  handler: async (ctx, { userId, contactId, channel, agentId }) => {
    if (channel === "web" && userId) {
      const own = await conversationsOfUser(ctx.db, userId);
      const active = own.find((one) => one.channel === "web" && one.status === "active");
      return active?._id ?? (await ctx.db.insert("conversations", { channel, userId, agentId, status: "active" }));
    }
    if (channel === "whatsapp" && contactId) return await whatsappConversationOf(ctx.db, contactId, agentId);
    throw new ConvexError("Must provide userId for web or contactId for whatsapp");
  },
});

/** The user's own conversations, newest first. */
export const listByUser = authQuery({
  args: {},
  returns: v.array(conversation),
  handler: async (ctx) => (await conversationsOfUser(ctx.db, ctx.auth.user._id)).reverse(),
});

/** A conversation; null if there is none or it is somebody else's. */
export const get = authQuery({
  args: { id: v.id("conversations") },
  returns: v.union(conversation, v.null()),
  handler: (ctx, { id }) => getConversationIfOwnedByUser(ctx.db, id, ctx.auth.user._id),
});

/** Begins a conversation on the web. */
export const create = authMutation({
  args: { title: v.optional(v.string()) },
  returns: v.id("conversations"),
  handler: (ctx, { title = NEW_CHAT }) =>
    ctx.db.insert("conversations", { channel: "web", userId: ctx.auth.user._id, title, status: "active" }),
});

/** Puts a conversation of the web away. */
export const archive = authMutation({
  args: { id: v.id("conversations") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    const found = await getConversationIfOwnedByUser(ctx.db, id, ctx.auth.user._id);
    if (found?.channel === "web") await ctx.db.patch(id, { status: "archived" });
    return null;
  },
});

export const updateTitle = authMutation({
  args: { id: v.id("conversations"), title: v.string() },
  returns: v.null(),
  handler: async (ctx, { id, title }) => {
    if (await getConversationIfOwnedByUser(ctx.db, id, ctx.auth.user._id)) await ctx.db.patch(id, { title });
    return null;
  },
});

/** The active WhatsApp conversations of the contacts that are linked to a user. */
async function whatsappConversationsOfUser(db: DatabaseReader, userId: Id<"users">): Promise<Doc<"conversations">[]> {
  const contacts = await db
    .query("contacts")
    .withIndex("by_userId", (q) => q.eq("userId", userId))
    .collect();
  const all = await Promise.all(
    contacts.map((contact) =>
      db
        .query("conversations")
        .withIndex("by_contactId", (q) => q.eq("contactId", contact._id))
        .collect(),
    ),
  );
  return all.flat().filter(({ channel, status }) => channel === "whatsapp" && status === "active");
}

const lastMessage = v.object({
  content: v.string(),
  role: schema.tables.messages.validator.fields.role,
  createdAt: v.number(),
});

/** The user's active conversations of all channels, the one that was last written in first. */
export const listRecentWithLastMessage = authQuery({
  args: {},
  returns: v.array(v.object({ ...conversation.fields, lastMessage: v.union(lastMessage, v.null()) })),
  handler: async (ctx) => {
    const userId = ctx.auth.user._id;
    const own = (await conversationsOfUser(ctx.db, userId)).filter(
      ({ channel, status }) => channel === "web" && status === "active",
    );
    const linked = await whatsappConversationsOfUser(ctx.db, userId);
    const distinct = [...new Map([...own, ...linked].map((one) => [one._id, one])).values()];
    const withLast = await Promise.all(
      distinct.map(async (one) => {
        const last = await ctx.db
          .query("messages")
          .withIndex("by_conversationId", (q) => q.eq("conversationId", one._id))
          .order("desc")
          .first();
        return {
          ...one,
          lastMessage: last && { content: last.content, role: last.role, createdAt: last._creationTime },
        };
      }),
    );
    const time = (one: (typeof withLast)[number]) => one.lastMessage?.createdAt ?? one._creationTime;
    return withLast.sort((one, other) => time(other) - time(one));
  },
});
