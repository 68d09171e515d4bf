import type { Doc } from "../_generated/dataModel";
import type { DatabaseReader } from "../_generated/server";

export const contactByPhone = (db: DatabaseReader, phone: string): Promise<Doc<"contacts"> | null> =>
  db
    .query("contacts")
    .withIndex("by_phone", (q) => q.eq("phone", phone))
    .first();
