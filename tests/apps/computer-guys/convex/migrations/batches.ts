// Migrations in batches. How far one is stands in a workflow of its own type: the cursor moves in the transaction that changes the
// documents, so a migration that was cut off goes on where it was, and no document is seen twice.

import { v } from "convex/values";
import { makeFunctionReference, type DocumentByName } from "convex/server";
import type { DataModel, Doc, Id, TableNames } from "../_generated/dataModel";
import { internalMutation, type MutationCtx } from "../_generated/server";

const TYPE = "migration";
const BATCH = 100;

type Progress = { cursor: string | null; processed: number; changed: number };
type Status = Progress & { migration: string; status: Doc<"workflows">["status"] };
type Change<Table extends TableNames> = Partial<Omit<DocumentByName<DataModel, Table>, "_id" | "_creationTime">>;

type Migration<Table extends TableNames> = {
  /** The path of the function, such as `migrations/normalizeEmails:run`. */
  path: string;
  table: Table;
  /** What has to change in a document; undefined if nothing. */
  migrate: (ctx: MutationCtx, document: DocumentByName<DataModel, Table>) => Promise<Change<Table> | undefined> | Change<Table> | undefined;
};

const BEGINNING: Progress = { cursor: null, processed: 0, changed: 0 };

const statusOf = ({ name, status, metadata }: Doc<"workflows">): Status => ({
  migration: name,
  status,
  ...(metadata as Progress),
});

async function latest(ctx: MutationCtx, path: string): Promise<Doc<"workflows"> | null> {
  return ctx.db
    .query("workflows")
    .withIndex("by_type", (q) => q.eq("type", TYPE))
    .order("desc")
    .filter((q) => q.eq(q.field("name"), path))
    .first();
}

async function create(ctx: MutationCtx, path: string): Promise<Id<"workflows">> {
  const now = Date.now();
  return ctx.db.insert("workflows", {
    name: path,
    type: TYPE,
    status: "running",
    input: {},
    steps: [],
    metadata: BEGINNING,
    retries: 0,
    createdAt: now,
    startedAt: now,
  });
}

/**
 * A function that runs a migration, one batch in each transaction, each of which schedules the next. Run again it goes on, or says
 * that it is done. `restart` begins from the start, `dryRun` says what the next batch would do, `oneBatch` stops after it.
 */
export function migration<Table extends TableNames>({ path, table, migrate }: Migration<Table>) {
  const self = makeFunctionReference<"mutation", { batchSize?: number }>(path);
  return internalMutation({
    args: {
      batchSize: v.optional(v.number()),
      dryRun: v.optional(v.boolean()),
      oneBatch: v.optional(v.boolean()),
      restart: v.optional(v.boolean()),
    },
    handler: async (ctx, { batchSize = BATCH, dryRun = false, oneBatch = false, restart = false }): Promise<Status> => {
      const known = restart ? null : await latest(ctx, path);
      if (known?.status === "completed") {
        console.log(`${path} is done already`);
        return statusOf(known);
      }
      const before = (known?.metadata as Progress | undefined) ?? BEGINNING;
      const { page, isDone, continueCursor } = await ctx.db.query(table).paginate({ cursor: before.cursor, numItems: batchSize });
      let changed = 0;
      for (const document of page) {
        const change = await migrate(ctx, document);
        if (change === undefined) continue;
        changed += 1;
        // Of a table that is a type parameter the compiler cannot tell that these are its fields.
        if (!dryRun) await ctx.db.patch(document._id, change as never);
      }
      const progress = { cursor: continueCursor, processed: before.processed + page.length, changed: before.changed + changed };
      console.log(`${path}: ${progress.processed} documents seen, ${progress.changed} changed${dryRun ? " (dry run)" : ""}`);
      if (dryRun) return { migration: path, status: "pending", ...progress };
      const status = isDone ? "completed" : "running";
      const workflowId = known?._id ?? (await create(ctx, path));
      await ctx.db.patch(workflowId, { status, metadata: progress, ...(isDone ? { completedAt: Date.now(), output: progress } : {}) });
      if (!isDone && !oneBatch) await ctx.scheduler.runAfter(0, self, { batchSize });
      return { migration: path, status, ...progress };
    },
  });
}
