import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

declare class AsyncLocalStorage<T> {
  run<R>(store: T, callback: () => R): R;
  getStore(): T | undefined;
}

const ofModule = new AsyncLocalStorage<number>();

/** What is in both storages after waiting for a value, the database and a thenable. */
export const both = query({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    const ofCall = new AsyncLocalStorage<number>();
    const outside = ofModule.getStore() ?? null;
    const inside = await ofModule.run(n, () =>
      ofCall.run(-n, async () => {
        await 1;
        await ctx.db.query("numbers").first();
        await { then: (resolve: (value: null) => void) => resolve(null) };
        return [ofModule.getStore(), ofCall.getStore()];
      }),
    );
    return [outside, ...inside, ofModule.getStore() ?? null];
  },
});

/** As `both`, with the storage of the call alone. */
export const ofCall = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    const storage = new AsyncLocalStorage<number>();
    return await storage.run(n, async () => {
      await ctx.db.insert("numbers", { n });
      await null;
      return storage.getStore();
    });
  },
});
