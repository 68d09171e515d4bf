// What is known of a table: its indexes, and what its documents must look like.

import { Badge, Dialog, EmptyState, ErrorState, SkeletonLines, TabPanel, Table, Tabs } from "fusion-ui";
import { useState } from "preact/hooks";
import { tableText, useSchema } from "./schema.ts";
import { useScope, useScopedQuery } from "../component.tsx";
import { Code } from "../parts/code.tsx";
import { count } from "../parts/figures.ts";
import { system } from "../system.ts";
import type { Index } from "../system.ts";

function fieldsText({ fields }: Index): string {
  if (Array.isArray(fields)) return fields.join(", ");
  const filters = fields.filterFields.length > 0 ? `, filtered by ${fields.filterFields.join(", ")}` : "";
  return "searchField" in fields ? `words in ${fields.searchField}${filters}` : `vectors in ${fields.vectorField} (${fields.dimensions})${filters}`;
}

function kindOf({ fields }: Index): string {
  return Array.isArray(fields) ? "index" : "searchField" in fields ? "search index" : "vector index";
}

function State({ index }: { index: Index }) {
  const { state, stats } = index.backfill;
  if (index.staged) return <Badge>staged</Badge>;
  if (state === "done" || state === "backfilled") return <Badge tone="success">ready</Badge>;
  return <Badge tone="warning">{stats ? `building: ${count(stats.numDocsIndexed)} of ${stats.totalDocs === null ? "?" : count(stats.totalDocs)}` : "building"}</Badge>;
}

function Indexes({ table }: { table: string }) {
  const result = useScopedQuery(system.indexes, { tableName: table, tableNamespace: useScope().id });
  if (result.status === "loading") return <SkeletonLines count={3} />;
  if (result.status === "error") return <ErrorState error={result.error} />;
  const indexes = result.value;
  if (indexes.length === 0) return <EmptyState title="No indexes">Documents are found by id and in the order of creation. Indexes come with the schema of a push.</EmptyState>;
  return (
    <Table label={`Indexes of ${table}`}>
      <thead><tr><th>Name</th><th>Kind</th><th>Fields</th><th>State</th></tr></thead>
      <tbody>
        {indexes.map((index) => (
          <tr key={index.name}>
            <td><code>{index.name}</code></td>
            <td>{kindOf(index)}</td>
            <td><code>{fieldsText(index)}</code></td>
            <td><State index={index} /></td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function SchemaText({ table }: { table: string }) {
  const schema = useSchema();
  if (schema === undefined) return <SkeletonLines count={4} />;
  const found = schema?.tables.find(({ tableName }) => tableName === table);
  if (!found) return <EmptyState title="No schema">The documents of this table may have any fields.</EmptyState>;
  return (
    <>
      {!schema?.schemaValidation && <p class="ui-notice">The schema is not enforced: documents may look otherwise.</p>}
      <Code label={`Schema of ${table}`} text={tableText(found)} />
    </>
  );
}

/** The dialog. */
export function SchemaDialog({ table, onClose }: { table: string; onClose: () => void }) {
  const [tab, setTab] = useState<"indexes" | "schema">("schema");
  return (
    <Dialog open wide title={`Schema and indexes of ${table}`} onClose={onClose}>
      <Tabs name="schema" label="What to show" tabs={[{ id: "schema", label: "Schema" }, { id: "indexes", label: "Indexes" }]} selected={tab} onSelect={setTab} />
      <TabPanel name="schema" selected={tab}>{tab === "schema" ? <SchemaText table={table} /> : <Indexes table={table} />}</TabPanel>
    </Dialog>
  );
}
