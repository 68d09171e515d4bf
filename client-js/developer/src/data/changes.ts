// What the data browser changes, in pieces that the server takes.

import type { Mutate } from "../component.tsx";
import { system } from "../system.ts";
import type { Changed } from "../system.ts";
import type { Doc, Value } from "../values/value.ts";

/** The most documents in one call. */
const BATCH = 1_000;

function checked(changed: Changed | null): void {
  if (changed && !changed.success) throw new Error(changed.error);
}

/** Puts documents into a table. */
export async function addDocuments(mutate: Mutate, table: string, documents: Value[]): Promise<void> {
  for (let at = 0; at < documents.length; at += BATCH) {
    checked(await mutate(system.addDocuments, { table, documents: documents.slice(at, at + BATCH) }));
  }
}

/** Puts a document in the place of another. */
export async function replaceDocument(mutate: Mutate, id: string, document: Value): Promise<void> {
  checked(await mutate(system.replaceDocument, { id, document }));
}

/** Sets one field, or takes it away. */
export async function setField(mutate: Mutate, table: string, document: Doc, field: string, value: Value | undefined): Promise<void> {
  if (value !== undefined) {
    checked(await mutate(system.patchDocuments, { table, fields: { [field]: value }, ids: [document._id] }));
    return;
  }
  const { [field]: _gone, _id, _creationTime, ...rest } = document;
  await replaceDocument(mutate, _id, rest);
}

/** Sets fields of many documents. */
export async function patchDocuments(mutate: Mutate, table: string, ids: readonly string[], fields: Value): Promise<void> {
  for (let at = 0; at < ids.length; at += BATCH) {
    checked(await mutate(system.patchDocuments, { table, fields, ids: ids.slice(at, at + BATCH) }));
  }
}

/** Deletes documents. */
export async function deleteDocuments(mutate: Mutate, table: string, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += BATCH) {
    const toDelete = ids.slice(at, at + BATCH).map((id) => ({ id, tableName: table }));
    checked(await mutate(system.deleteDocuments, { toDelete }));
  }
}

/** Deletes everything in a table, and tells how much is gone. */
export async function clearTable(mutate: Mutate, tableName: string, onProgress: (deleted: number) => void): Promise<void> {
  let cursor: string | null = null;
  let deleted = 0;
  for (;;) {
    const page: { deleted: number; hasMore: boolean; continueCursor: string } = await mutate(system.clearTablePage, { tableName, cursor });
    deleted += page.deleted;
    onProgress(deleted);
    if (!page.hasMore) return;
    cursor = page.continueCursor;
  }
}
