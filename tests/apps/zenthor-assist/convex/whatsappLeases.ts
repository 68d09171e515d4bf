// One process at a time speaks for a WhatsApp account: the one that holds its lease.

import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./auth";
import schema from "./schema";

const DEFAULT_TTL_MS = 45_000;
const SHORTEST_TTL_MS = 10_000;

const account = doc(schema, "whatsappAccounts");
const lease = doc(schema, "whatsappLeases");

const accountById = (db: DatabaseReader, accountId: string): Promise<Doc<"whatsappAccounts"> | null> =>
  db
    .query("whatsappAccounts")
    .withIndex("by_accountId", (q) => q.eq("accountId", accountId))
    .first();

const leaseOf = (db: DatabaseReader, accountId: string): Promise<Doc<"whatsappLeases"> | null> =>
  db
    .query("whatsappLeases")
    .withIndex("by_accountId", (q) => q.eq("accountId", accountId))
    .first();

const expiry = (now: number, ttlMs: number | undefined): number =>
  now + Math.max(SHORTEST_TTL_MS, ttlMs ?? DEFAULT_TTL_MS);

export const upsertAccount = serviceMutation({
  args: { accountId: v.string(), phone: v.string(), enabled: v.boolean(), meta: v.optional(v.any()) },
  returns: v.id("whatsappAccounts"),
  handler: async (ctx, args) => {
    const now = Date.now();
    const found = await accountById(ctx.db, args.accountId);
    if (!found) return await ctx.db.insert("whatsappAccounts", { ...args, createdAt: now, updatedAt: now });
    await ctx.db.patch(found._id, { ...args, updatedAt: now });
    return found._id;
  },
});

export const listEnabledAccounts = serviceQuery({
  args: {},
  returns: v.array(account),
  handler: (ctx) =>
    ctx.db
      .query("whatsappAccounts")
      .withIndex("by_enabled", (q) => q.eq("enabled", true))
      .collect(),
});

/** Takes a lease that is free, has expired or is the owner's already. */
export const acquireLease = serviceMutation({
  args: { accountId: v.string(), ownerId: v.string(), ttlMs: v.optional(v.number()) },
  returns: v.object({
    acquired: v.boolean(),
    ownerId: v.optional(v.string()),
    expiresAt: v.optional(v.number()),
  }),
  handler: async (ctx, { accountId, ownerId, ttlMs }) => {
    const now = Date.now();
    const found = await leaseOf(ctx.db, accountId);
    if (found && found.ownerId !== ownerId && found.expiresAt > now) {
      return { acquired: false, ownerId: found.ownerId, expiresAt: found.expiresAt };
    }
    const held = { ownerId, expiresAt: expiry(now, ttlMs), heartbeatAt: now };
    if (found) await ctx.db.patch(found._id, held);
    else await ctx.db.insert("whatsappLeases", { accountId, ...held });
    return { acquired: true, ownerId, expiresAt: held.expiresAt };
  },
});

/** Prolongs a lease; false when it was lost. */
export const heartbeatLease = serviceMutation({
  args: { accountId: v.string(), ownerId: v.string(), ttlMs: v.optional(v.number()) },
  returns: v.boolean(),
  handler: async (ctx, { accountId, ownerId, ttlMs }) => {
    const now = Date.now();
    const found = await leaseOf(ctx.db, accountId);
    if (found?.ownerId !== ownerId || found.expiresAt <= now) return false;
    await ctx.db.patch(found._id, { expiresAt: expiry(now, ttlMs), heartbeatAt: now });
    return true;
  },
});

/** Gives a lease back; false when it is somebody else's. */
export const releaseLease = serviceMutation({
  args: { accountId: v.string(), ownerId: v.string() },
  returns: v.boolean(),
  handler: async (ctx, { accountId, ownerId }) => {
    const found = await leaseOf(ctx.db, accountId);
    if (found?.ownerId !== ownerId) return false;
    await ctx.db.delete(found._id);
    return true;
  },
});

/** The accounts whose leases an owner holds, expired ones included: nobody else has taken them yet. */
export const listOwnedAccounts = serviceQuery({
  args: { ownerId: v.string() },
  returns: v.array(account),
  handler: async (ctx, { ownerId }) => {
    const leases = await ctx.db
      .query("whatsappLeases")
      .withIndex("by_ownerId", (q) => q.eq("ownerId", ownerId))
      .collect();
    const accounts = await Promise.all(leases.map(({ accountId }) => accountById(ctx.db, accountId)));
    return accounts.filter((one) => one !== null);
  },
});

export const getLease = serviceQuery({
  args: { accountId: v.string() },
  returns: v.union(lease, v.null()),
  handler: (ctx, { accountId }) => leaseOf(ctx.db, accountId),
});
