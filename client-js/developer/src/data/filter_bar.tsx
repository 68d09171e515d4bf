// Choosing which documents are shown, and in which order.

import { useEffect, useState } from "preact/hooks";
import { Button, CloseIcon, IconButton, PlusIcon, SelectField, TextField } from "fusion-ui";
import { OPERATORS, TYPES, clauseError } from "./filters.ts";
import type { Clause, Filters, IndexClause, Operator } from "./filters.ts";
import type { Index } from "../system.ts";

const NO_INDEX_CLAUSE: IndexClause = { kind: "any", text: "", lower: "", upper: "" };

const inputText = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value;

/** The fields of an index by which it orders, or in which it looks. */
export function indexFields(index: Index | undefined): string[] {
  if (!index) return [];
  return Array.isArray(index.fields) ? index.fields.filter((field) => field !== "_creationTime") : [];
}

/** Whether an index finds words. */
export function isSearch(index: Index | undefined): boolean {
  return index !== undefined && "searchField" in index.fields;
}

/** The bar. Nothing counts before it is applied. */
export function FilterBar(props: {
  filters: Filters;
  fields: readonly string[];
  indexes: readonly Index[];
  /** What the server says of conditions, by their places. */
  errors: ReadonlyMap<number, string>;
  onApply: (filters: Filters) => void;
}) {
  const [draft, setDraft] = useState(props.filters);
  const [isTried, setIsTried] = useState(false);
  useEffect(() => setDraft(props.filters), [props.filters]);
  const usable = props.indexes.filter(({ fields, staged }) => !staged && (Array.isArray(fields) || "searchField" in fields));
  const index = usable.find(({ name }) => name === draft.index);
  const change = (id: number, part: Partial<Clause>) =>
    setDraft({ ...draft, clauses: draft.clauses.map((clause) => (clause.id === id ? { ...clause, ...part } : clause)) });
  const changeIndex = (at: number, part: Partial<IndexClause>) =>
    setDraft({ ...draft, indexClauses: indexFields(index).map((_, place) => ({ ...NO_INDEX_CLAUSE, ...draft.indexClauses[place], ...(place === at ? part : {}) })) });
  const apply = (event: Event) => {
    event.preventDefault();
    setIsTried(true);
    if (draft.clauses.some((clause) => clauseError(clause) !== undefined)) return;
    props.onApply(draft);
  };
  const field = index && !Array.isArray(index.fields) && "searchField" in index.fields ? index.fields.searchField : "";

  return (
    <form class="filter-bar" onSubmit={apply} noValidate aria-label="Filter and order">
      <div class="filter-line">
        <SelectField
          label="Order by"
          value={draft.index}
          onChange={(event: Event) => setDraft({ ...draft, index: inputText(event), indexClauses: [] })}
        >
          <option value="">creation time</option>
          {usable.map(({ name, fields }) => (
            <option key={name} value={name}>{Array.isArray(fields) ? `${name} (${fields.join(", ")})` : `${name} (search)`}</option>
          ))}
        </SelectField>
        {!isSearch(index) && (
          <SelectField label="Direction" value={draft.order} onChange={(event: Event) => setDraft({ ...draft, order: inputText(event) as "asc" | "desc" })}>
            <option value="desc">descending</option>
            <option value="asc">ascending</option>
          </SelectField>
        )}
        {isSearch(index) && (
          <TextField label={`Words in ${field}`} value={draft.search} onInput={(event: Event) => setDraft({ ...draft, search: inputText(event) })} />
        )}
      </div>
      {indexFields(index).map((name, at) => {
        const clause = draft.indexClauses[at] ?? NO_INDEX_CLAUSE;
        return (
          <div class="filter-line" key={name}>
            <SelectField label={`${name} (index)`} value={clause.kind} onChange={(event: Event) => changeIndex(at, { kind: inputText(event) as IndexClause["kind"] })}>
              <option value="any">any</option>
              <option value="eq">equals</option>
              <option value="range">between</option>
            </SelectField>
            {clause.kind === "eq" && <TextField label="Value" value={clause.text} onInput={(event: Event) => changeIndex(at, { text: inputText(event) })} />}
            {clause.kind === "range" && (
              <>
                <TextField label="From" placeholder="the first" value={clause.lower} onInput={(event: Event) => changeIndex(at, { lower: inputText(event) })} />
                <TextField label="Up to" placeholder="the last" value={clause.upper} onInput={(event: Event) => changeIndex(at, { upper: inputText(event) })} />
              </>
            )}
          </div>
        );
      })}
      {draft.clauses.map((clause, at) => (
        <div class="filter-line" key={clause.id}>
          <SelectField label="Field" hideLabel value={clause.field} onChange={(event: Event) => change(clause.id, { field: inputText(event) })}>
            {[...new Set([...props.fields, clause.field])].map((name) => <option key={name} value={name}>{name}</option>)}
          </SelectField>
          <SelectField
            label="Comparison"
            hideLabel
            value={clause.op}
            onChange={(event: Event) => {
              const op = inputText(event) as Operator;
              const isType = op === "type" || op === "notype";
              const wasType = clause.op === "type" || clause.op === "notype";
              change(clause.id, { op, ...(isType === wasType ? {} : { text: isType ? "string" : "" }) });
            }}
          >
            {Object.entries(OPERATORS).map(([op, title]) => <option key={op} value={op}>{title}</option>)}
          </SelectField>
          {clause.op === "type" || clause.op === "notype" ? (
            <SelectField label="Type" hideLabel value={clause.text} onChange={(event: Event) => change(clause.id, { text: inputText(event) })}>
              {TYPES.map((type) => <option key={type} value={type}>{type}</option>)}
            </SelectField>
          ) : (
            <TextField
              label="Value"
              hideLabel
              fieldClass="mono"
              placeholder={clause.op === "anyOf" || clause.op === "noneOf" ? '["a", "b"]' : clause.field === "_creationTime" ? "2026-01-31" : '"text", 12, 12n, true'}
              value={clause.text}
              error={(isTried ? clauseError(clause) : undefined) ?? props.errors.get(at)}
              onInput={(event: Event) => change(clause.id, { text: inputText(event) })}
            />
          )}
          <IconButton
            label="Remove this condition"
            size="sm"
            icon={<CloseIcon />}
            onClick={() => setDraft({ ...draft, clauses: draft.clauses.filter(({ id }) => id !== clause.id) })}
          />
        </div>
      ))}
      <div class="filter-line">
        <Button
          size="sm"
          variant="quiet"
          icon={<PlusIcon />}
          onClick={() => setDraft({
            ...draft,
            clauses: [...draft.clauses, { id: Math.max(0, ...draft.clauses.map(({ id }) => id)) + 1, field: props.fields[0] ?? "_id", op: "eq", text: "" }],
          })}
        >
          Condition
        </Button>
        <Button size="sm" variant="primary" type="submit">Apply</Button>
      </div>
    </form>
  );
}
