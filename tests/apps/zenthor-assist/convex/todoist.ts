// A user's Todoist account: how it is connected, and what agents do in it. Whatever asks Todoist is an action, because
// queries and mutations cannot.

import { ConvexError, v } from "convex/values";
import { literals } from "convex-helpers/validators";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, internalQuery, type ActionCtx, type DatabaseReader } from "./_generated/server";
import { authMutation, authQuery, serviceAction } from "./auth";
import { authAction } from "./auth/actions";
import { ownerOf } from "./auth/ownership";
import { BATCH, MINUTE_MS } from "./lib/batch";
import { todoistConnection } from "./lib/fields";
import * as todoist from "./lib/todoistApi";

const STATE_LIFETIME_MS = 10 * MINUTE_MS;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 200;

const connectionOf = (db: DatabaseReader, userId: Id<"users">): Promise<Doc<"todoistConnections"> | null> =>
  db
    .query("todoistConnections")
    .withIndex("by_userId", (q) => q.eq("userId", userId))
    .first();

/** Whether the user's account is connected; the token stays here. */
export const getConnectionStatus = authQuery({
  args: {},
  returns: v.object({
    connected: v.boolean(),
    scope: v.optional(v.string()),
    accountEmail: v.optional(v.string()),
    accountName: v.optional(v.string()),
    connectedAt: v.optional(v.number()),
  }),
  handler: async (ctx) => {
    const connection = await connectionOf(ctx.db, ctx.auth.user._id);
    if (!connection) return { connected: false };
    const { scope, accountEmail, accountName, createdAt } = connection;
    return { connected: true, scope, accountEmail, accountName, connectedAt: createdAt };
  },
});

/** Begins to connect: the user goes to the address and comes back with a code and the state. */
export const startOAuth = authMutation({
  args: {},
  returns: v.object({ authorizationUrl: v.string(), expiresAt: v.number() }),
  handler: async (ctx) => {
    const state = `todoist_${crypto.randomUUID()}`;
    const authorizationUrl = todoist.authorizationUrl(state);
    const userId = ctx.auth.user._id;
    const now = Date.now();
    const old = await ctx.db
      .query("todoistOauthStates")
      .withIndex("by_userId", (q) => q.eq("userId", userId))
      .collect();
    for (const { _id } of old) await ctx.db.delete(_id);
    const expiresAt = now + STATE_LIFETIME_MS;
    await ctx.db.insert("todoistOauthStates", { userId, state, expiresAt, createdAt: now });
    return { authorizationUrl, expiresAt };
  },
});

/** Ends connecting: gives the code for a token and keeps that. */
export const completeOAuth = authAction({
  args: { code: v.string(), state: v.string() },
  returns: v.null(),
  handler: async (ctx, { code, state }): Promise<null> => {
    const userId = ctx.auth.user._id;
    // Two transactions with Todoist between them: the state is used up before, so that it serves once.
    const outcome = await ctx.runMutation(internal.todoist.takeState, { userId, state });
    if (outcome === "invalid") throw new ConvexError("Invalid Todoist OAuth state.");
    if (outcome === "expired") throw new ConvexError("Todoist OAuth state expired. Please try connecting again.");
    const token = await todoist.exchangeCode(code);
    const account = await todoist.accountOf(token.accessToken);
    await ctx.runMutation(internal.todoist.saveConnection, { userId, ...token, ...account });
    return null;
  },
});

/** Uses a state up and says what it was. It does not throw: what is thrown would undo it. */
export const takeState = internalMutation({
  args: { userId: v.id("users"), state: v.string() },
  returns: literals("valid", "invalid", "expired"),
  handler: async (ctx, { userId, state }) => {
    const found = await ctx.db
      .query("todoistOauthStates")
      .withIndex("by_state", (q) => q.eq("state", state))
      .first();
    if (found?.userId !== userId) return "invalid";
    await ctx.db.delete(found._id);
    return found.expiresAt < Date.now() ? "expired" : "valid";
  },
});

export const saveConnection = internalMutation({
  args: todoistConnection,
  returns: v.null(),
  handler: async (ctx, connection) => {
    const now = Date.now();
    const found = await connectionOf(ctx.db, connection.userId);
    if (found) await ctx.db.replace(found._id, { ...connection, createdAt: found.createdAt, updatedAt: now });
    else await ctx.db.insert("todoistConnections", { ...connection, createdAt: now, updatedAt: now });
    return null;
  },
});

/** Forgets the token; false if there was none. */
export const disconnect = authMutation({
  args: {},
  returns: v.boolean(),
  handler: async (ctx) => {
    const found = await connectionOf(ctx.db, ctx.auth.user._id);
    if (found) await ctx.db.delete(found._id);
    return found !== null;
  },
});

/** The token of the user a conversation belongs to. */
export const tokenForConversation = internalQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { conversationId }) => {
    const conversation = await ctx.db.get(conversationId);
    const owner = conversation && (await ownerOf(ctx.db, conversation));
    const connection = owner ? await connectionOf(ctx.db, owner) : null;
    return connection?.accessToken ?? null;
  },
});

/** Does something with the token of a conversation's owner; `otherwise` if they connected no account. */
async function connected<T, O>(
  ctx: ActionCtx,
  conversationId: Id<"conversations">,
  otherwise: O,
  work: (accessToken: string) => Promise<T>,
): Promise<T | O> {
  const accessToken: string | null = await ctx.runQuery(internal.todoist.tokenForConversation, { conversationId });
  return accessToken === null ? otherwise : await work(accessToken);
}

const conversation = { conversationId: v.id("conversations") };

export const createTaskForConversation = serviceAction({
  args: {
    ...conversation,
    content: v.string(),
    description: v.optional(v.string()),
    dueString: v.optional(v.string()),
    priority: v.optional(v.number()),
  },
  returns: v.union(todoist.todoistTask, v.null()),
  handler: (ctx, { conversationId, ...task }): Promise<todoist.TodoistTask | null> =>
    connected(ctx, conversationId, null, (accessToken) => todoist.createTask(accessToken, task)),
});

export const listTasksForConversation = serviceAction({
  args: { ...conversation, filter: v.optional(v.string()), limit: v.optional(v.number()) },
  returns: v.union(v.array(todoist.todoistTask), v.null()),
  handler: (ctx, { conversationId, filter, limit = DEFAULT_LIMIT }): Promise<todoist.TodoistTask[] | null> =>
    connected(ctx, conversationId, null, (accessToken) =>
      todoist.listTasks(accessToken, filter, Math.min(Math.max(Math.trunc(limit), 1), MAX_LIMIT)),
    ),
});

export const completeTaskForConversation = serviceAction({
  args: { ...conversation, taskId: v.string() },
  returns: v.boolean(),
  handler: (ctx, { conversationId, taskId }): Promise<boolean> =>
    connected(ctx, conversationId, false, (accessToken) => todoist.completeTask(accessToken, taskId)),
});

export const rescheduleTaskForConversation = serviceAction({
  args: { ...conversation, taskId: v.string(), dueString: v.string() },
  returns: v.boolean(),
  handler: (ctx, { conversationId, taskId, dueString }): Promise<boolean> =>
    connected(ctx, conversationId, false, (accessToken) => todoist.rescheduleTask(accessToken, taskId, dueString)),
});

export const cleanupExpiredOauthStates = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const old = await ctx.db
      .query("todoistOauthStates")
      .withIndex("by_expiresAt", (q) => q.lt("expiresAt", Date.now()))
      .take(BATCH);
    for (const { _id } of old) await ctx.db.delete(_id);
    if (old.length === BATCH) await ctx.scheduler.runAfter(0, internal.todoist.cleanupExpiredOauthStates, {});
    return null;
  },
});
