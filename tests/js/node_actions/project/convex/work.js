"use node";

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { actionGeneric as action, createFunctionHandle, internalActionGeneric as internalAction, makeFunctionReference } from "convex/server";
import { ConvexError, v } from "convex/values";
import { refuse } from "./shared.js";

const mutationNamed = (name) => makeFunctionReference(name);

/** Everything that an action's context offers, in one go. */
export const tour = action({
  args: { numbers: v.array(v.number()) },
  returns: v.any(),
  handler: async (ctx, { numbers }) => {
    await Promise.all(numbers.map((n) => ctx.runMutation("store:add", { n })));
    const sum = await ctx.runQuery("store:sum", {});
    const id = await ctx.storage.store(new Blob(["from Node"], { type: "text/plain" }));
    const blob = await ctx.storage.get(id);
    const stored = { text: await blob.text(), type: blob.type, url: await ctx.storage.getUrl(id) };
    await ctx.storage.delete(id);
    const gone = await ctx.storage.get(id);
    await ctx.runMutation("store:addNote", { text: "east", embedding: [1, 0] });
    await ctx.runMutation("store:addNote", { text: "north", embedding: [0, 1] });
    const [nearest] = await ctx.vectorSearch("notes", "by_embedding", { vector: [0.9, 0.1], limit: 1 });
    const handle = await createFunctionHandle(mutationNamed("store:add"));
    await ctx.runMutation(handle, { n: 100 });
    const job = await ctx.scheduler.runAfter(3_600_000, "store:addLater", { n: 1 });
    await ctx.scheduler.cancel(job);
    const identity = await ctx.auth.getUserIdentity();
    return {
      sum,
      stored,
      gone,
      score: nearest._score,
      isHandle: handle.startsWith("function://"),
      total: await ctx.runQuery("store:sum", {}),
      subject: identity?.subject ?? null,
      subjectInside: await ctx.runQuery("store:who", {}),
      version: process.version,
    };
  },
});

export const echo = action({
  args: { text: v.string() },
  returns: v.object({ length: v.number(), hash: v.string() }),
  handler: async (_ctx, { text }) => ({ length: text.length, hash: createHash("sha256").update(text).digest("hex") }),
});

export const back = action({ args: { length: v.number() }, handler: async (_ctx, { length }) => "x".repeat(length) });
export const wrongReturn = action({ args: {}, returns: v.string(), handler: async () => 7 });
export const values = action({ args: { value: v.any() }, handler: async (_ctx, { value }) => value });

export const nested = action({
  args: { depth: v.number() },
  handler: async (ctx, { depth }) => (depth === 0 ? [process.version] : [depth, ...(await ctx.runAction("store:viaNode", { depth: depth - 1 }))]),
});

export const addFromNode = internalAction({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.runMutation("store:add", { n });
  },
});

export const fails = action({
  args: { how: v.string() },
  handler: async (ctx, { how }) => {
    if (how === "data") throw new ConvexError({ code: 7n, text: "no" });
    if (how === "nested") await ctx.runMutation("store:refuse", {});
    if (how === "shared") refuse("this");
    if (how === "exit") process.exit(3);
    if (how === "string") throw "only text";
  },
});

export const prints = action({
  args: {},
  handler: async () => {
    console.log("text", 42, { a: [1, { b: null }] });
    console.warn("careful");
    console.error(new Map([["k", 1n]]));
    console.table([{ a: 1 }]);
    process.stderr.write("raw\n");
  },
});

export const beside = action({
  args: { how: v.string() },
  handler: async (_ctx, { how }) => {
    if (how === "rejected") {
      Promise.reject(new Error("nobody waits for this"));
      await new Promise((resolve) => setTimeout(resolve, 20));
      return "went on";
    }
    setTimeout(() => {
      throw new RangeError("thrown in a timer");
    }, 1);
    await new Promise(() => {});
  },
});

export const pid = action({ args: {}, handler: async () => process.pid });
export const waitFor = action({
  args: { ms: v.number() },
  handler: async (ctx, { ms }) => {
    await ctx.runMutation("store:add", { n: 1 });
    await new Promise((resolve) => setTimeout(resolve, ms));
    return process.pid;
  },
});

export const fill = action({
  args: {},
  handler: async () => {
    const kept = [];
    for (;;) {
      kept.push(Array.from({ length: 100_000 }, Math.random));
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
});

export const fillBuffers = action({
  args: {},
  handler: async () => {
    const kept = [];
    for (;;) {
      kept.push(Buffer.alloc(8 << 20, 1));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
});

export const spin = action({
  args: {},
  handler: async () => {
    for (;;);
  },
});

export const surroundings = action({
  args: { data: v.string() },
  handler: async (_ctx, { data }) => {
    const attempt = (body) => {
      try {
        return body();
      } catch (error) {
        return error.code;
      }
    };
    const before = readdirSync(".");
    writeFileSync("own.txt", "mine");
    return {
      variables: Object.keys(process.env).sort(),
      secret: process.env.SECRET_OF_THE_SERVER ?? null,
      color: process.env.COLOR ?? null,
      before,
      own: readFileSync("own.txt", "utf8"),
      data: attempt(() => readdirSync(data)),
      server: attempt(() => readFileSync(`/proc/${process.ppid}/environ`, "utf8").length),
      program: attempt(() => spawnSync("/bin/true").status),
    };
  },
});
