// One table: its documents, and what can be done with them.

import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { Button, ConfirmDialog, EmptyState, ErrorState, Menu, MoreIcon, PlusIcon, SkeletonLines, TrashIcon, toast, toastError } from "fusion-ui";
import { deleteDocuments, setField } from "./changes.ts";
import { AddDialog, DocumentDialog, EditManyDialog } from "./document_dialog.tsx";
import { FilterBar, indexFields, isSearch } from "./filter_bar.tsx";
import { NO_FILTERS, encodeFilters, fromParameter, toParameter } from "./filters.ts";
import type { Filters } from "./filters.ts";
import { Grid } from "./grid.tsx";
import type { PageWindow } from "./page_window.ts";
import { SchemaDialog } from "./schema_dialog.tsx";
import { fieldsOf, useSchema } from "./schema.ts";
import { RemoveTableDialog } from "./table_dialogs.tsx";
import { useWindow } from "./use_window.ts";
import { useMutate, useScope, useScopedQuery } from "../component.tsx";
import { plural } from "../parts/figures.ts";
import { EditIcon, FilterIcon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { useAttempt } from "../parts/use_attempt.ts";
import { useRouter } from "../router.tsx";
import { system } from "../system.ts";
import type { Doc, Value } from "../values/value.ts";

/** More columns than this nobody reads; a document shows all of its fields. */
const COLUMNS_MAX = 60;

type Open = { kind: "none" } | { kind: "add" | "schema" | "clear" | "deleteTable" | "editMany" | "deleteMany" } | { kind: "document"; document: Doc };

/** Columns in a fixed order: what the schema names first, then whatever documents bring, as they come. */
function useColumns(rows: PageWindow<Doc>, named: readonly string[]): readonly string[] {
  const seen = useRef<{ rows: PageWindow<Doc>; fields: Set<string> }>({ rows, fields: new Set() });
  if (seen.current.rows !== rows) seen.current = { rows, fields: new Set(seen.current.fields) };
  for (const document of rows.present()) for (const field of Object.keys(document)) seen.current.fields.add(field);
  const others = [...seen.current.fields].filter((field) => !field.startsWith("_") && !named.includes(field));
  const columns = ["_id", ...named, ...others].slice(0, COLUMNS_MAX);
  columns.push("_creationTime");
  const key = columns.join("\n");
  return useMemo(() => key.split("\n"), [key]);
}

/** What a page of errors says, by condition. */
function filterErrors(rows: PageWindow<Doc>): Map<number, string> {
  const found = new Map<number, string>();
  const first = rows.row(0) as unknown as { filter?: number; error?: string } | undefined;
  if (first && !("_id" in first)) {
    for (const one of rows.present() as unknown as { filter: number; error: string }[]) found.set(one.filter, one.error);
  }
  return found;
}

/** The page of a table. */
export function TableView({ table }: { table: string }) {
  const mutate = useMutate();
  const router = useRouter();
  const parameter = router.parameters.get("filter");
  const filters = useMemo(() => fromParameter(parameter), [parameter]);
  const [isFilterShown, setIsFilterShown] = useState(parameter !== null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<Open>({ kind: "none" });
  const deletion = useAttempt(toastError);
  const [round, setRound] = useState(0);

  const schema = useSchema();
  const documentType = schema?.tables.find(({ tableName }) => tableName === table)?.documentType;
  const size = useScopedQuery(system.tableSize, { tableName: table });
  const indexResult = useScopedQuery(system.indexes, { tableName: table, tableNamespace: useScope().id });
  const indexes = indexResult.status === "success" ? (indexResult.value) : [];
  const index = indexes.find(({ name }) => name === filters.index);

  const [encoded, unreadable] = useMemo(() => {
    try {
      return [encodeFilters(filters, indexFields(index), isSearch(index)), undefined];
    } catch (error) {
      return [null, error];
    }
  }, [filters, index]);
  const rows = useWindow(system.documents, { table, filters: encoded }, round) as PageWindow<Doc>;
  const errors = filterErrors(rows);
  const columns = useColumns(rows, useMemo(() => fieldsOf(documentType), [documentType]));

  const apply = (next: Filters) => {
    setSelected(new Set());
    const isAny = next !== NO_FILTERS && toParameter(next) !== toParameter(NO_FILTERS);
    router.go(`/data/${encodeURIComponent(table)}`, isAny ? { filter: toParameter(next) } : {});
  };
  const select = useCallback((ids: readonly string[], isSelected: boolean) => {
    setSelected((before) => {
      const next = new Set(before);
      for (const id of ids) {
        if (isSelected) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }, []);
  const save = useCallback((document: Doc, field: string, value: Value | undefined) => setField(mutate, table, document, field, value), [mutate, table]);
  const removeSelected = async () => {
    await deleteDocuments(mutate, table, [...selected]);
    toast(`${plural(selected.size, "document")} deleted.`);
    setSelected(new Set());
    setOpen({ kind: "none" });
  };
  const close = () => setOpen({ kind: "none" });
  const isFiltered = filters.clauses.length > 0 || filters.search !== "" || filters.indexClauses.some(({ kind }) => kind !== "any");
  const total = size.status === "success" ? size.value : undefined;

  let content;
  if (unreadable !== undefined) content = <ErrorState title="This filter cannot be understood" error={unreadable} />;
  else if (rows.error !== undefined && rows.count === 0) content = <ErrorState error={rows.error} onRetry={() => setRound(round + 1)} />;
  else if (errors.size > 0) content = <ErrorState title="A condition is not accepted" error={[...errors.values()].join("\n")} />;
  else if (rows.isLoading) content = <SkeletonLines count={12} height="1.25rem" />;
  else if (rows.count === 0 && rows.isDone) {
    content = isFiltered ? (
      <EmptyState title="Nothing matches" action={<Button onClick={() => apply(NO_FILTERS)}>Show all documents</Button>} />
    ) : (
      <EmptyState title="This table is empty" action={<Button icon={<PlusIcon />} onClick={() => setOpen({ kind: "add" })}>Add a document</Button>} />
    );
  } else {
    content = (
      <Grid table={table} rows={rows} columns={columns} validator={documentType} selected={selected} onSelect={select} onOpen={(document) => setOpen({ kind: "document", document })} onSave={save} />
    );
  }
  return (
    <section class="table-view" aria-label={`Table ${table}`}>
      <PageHead title={table} aside={total === undefined ? "" : plural(total, "document")}>
        {selected.size > 0 && (
          <>
            <span class="muted">{plural(selected.size, "document")} selected</span>
            <Button size="sm" icon={<EditIcon />} onClick={() => setOpen({ kind: "editMany" })}>Edit</Button>
            <Button size="sm" icon={<TrashIcon />} onClick={() => setOpen({ kind: "deleteMany" })}>Delete</Button>
          </>
        )}
        <Button size="sm" icon={<FilterIcon />} aria-expanded={isFilterShown} onClick={() => setIsFilterShown(!isFilterShown)}>
          {isFiltered ? `Filter (${Math.max(filters.clauses.length, 1)})` : "Filter & sort"}
        </Button>
        <Button size="sm" variant="primary" icon={<PlusIcon />} onClick={() => setOpen({ kind: "add" })}>Add</Button>
        <Menu
          size="sm"
          align="end"
          aria-label="More"
          icon={<MoreIcon />}
          items={[
            { label: "Schema and indexes", onSelect: () => setOpen({ kind: "schema" }) },
            { label: "Clear the table…", danger: true, onSelect: () => setOpen({ kind: "clear" }) },
            { label: "Delete the table…", danger: true, onSelect: () => setOpen({ kind: "deleteTable" }) },
          ]}
        />
      </PageHead>
      {isFilterShown && <FilterBar filters={filters} fields={columns} indexes={indexes} errors={errors} onApply={apply} />}
      {content}
      {open.kind === "document" && <DocumentDialog table={table} validator={documentType} document={open.document} onClose={close} />}
      {open.kind === "add" && <AddDialog table={table} validator={documentType} onClose={close} />}
      {open.kind === "editMany" && <EditManyDialog table={table} ids={[...selected]} onClose={close} />}
      {open.kind === "schema" && <SchemaDialog table={table} onClose={close} />}
      {open.kind === "clear" && <RemoveTableDialog table={table} size={total} isWhole={false} onDone={close} onClose={close} />}
      {open.kind === "deleteTable" && <RemoveTableDialog table={table} size={total} isWhole onDone={() => router.go("/data")} onClose={close} />}
      <ConfirmDialog
        open={open.kind === "deleteMany"}
        title={`Delete ${plural(selected.size, "document")}?`}
        action="Delete"
        busy={deletion.isBusy}
        onConfirm={() => void deletion.run(removeSelected)}
        onClose={close}
      >
        <p>They will be gone from {table}. This cannot be undone.</p>
      </ConfirmDialog>
    </section>
  );
}
