// Which documents of a table are shown, and in which order: the form that the server's own queries take.

import { parse } from "../values/parse.ts";
import type { Value } from "../values/value.ts";
import { valueToWire } from "../values/wire.ts";

/** How a field is compared. */
export const OPERATORS = {
  eq: "equals",
  neq: "is not",
  lt: "<",
  lte: "≤",
  gt: ">",
  gte: "≥",
  anyOf: "is one of",
  noneOf: "is none of",
  type: "is of type",
  notype: "is not of type",
} as const;

/** The name of a comparison. */
export type Operator = keyof typeof OPERATORS;

/** Types by which documents can be told apart. */
export const TYPES = ["string", "boolean", "number", "bigint", "null", "id", "array", "object", "bytes", "unset"] as const;

/** A condition, as it is being written. */
export interface Clause {
  readonly id: number;
  readonly field: string;
  readonly op: Operator;
  /** A literal, or the name of a type. */
  readonly text: string;
}

/** A condition on a field of an index. */
export interface IndexClause {
  readonly kind: "any" | "eq" | "range";
  readonly text: string;
  readonly lower: string;
  readonly upper: string;
}

/** Everything that decides what is shown. */
export interface Filters {
  readonly clauses: readonly Clause[];
  readonly order: "asc" | "desc";
  /** Empty for the order of creation. */
  readonly index: string;
  readonly indexClauses: readonly IndexClause[];
  /** What to look for, with a full-text index. */
  readonly search: string;
}

/** All documents, the newest first. */
export const NO_FILTERS: Filters = { clauses: [], order: "desc", index: "", indexClauses: [], search: "" };

/** The value a text means for a field. */
export function readValue(field: string, text: string): Value {
  if (field === "_creationTime" && /\d-\d/.test(text)) {
    const date = Date.parse(text);
    if (!Number.isNaN(date)) return date;
  }
  // An id is always a text.
  if (field === "_id" && /^[0-9a-z]+$/.test(text.trim())) return text.trim();
  return parse(text);
}

function clauseJson({ id, field, op, text }: Clause) {
  const value = op === "type" || op === "notype" ? text : valueToWire(readValue(field, text));
  if ((op === "anyOf" || op === "noneOf") && !Array.isArray(value)) throw new Error("Give a list of values: [1, 2]");
  return { id: String(id), field, enabled: true, op, value };
}

function indexClauseJson(field: string, clause: IndexClause) {
  if (clause.kind !== "range") {
    return { type: "indexEq", enabled: clause.kind === "eq", value: clause.kind === "eq" ? valueToWire(readValue(field, clause.text)) : null };
  }
  return {
    type: "indexRange",
    enabled: true,
    ...(clause.lower === "" ? {} : { lowerOp: "gte", lowerValue: valueToWire(readValue(field, clause.lower)) }),
    ...(clause.upper === "" ? {} : { upperOp: "lte", upperValue: valueToWire(readValue(field, clause.upper)) }),
  };
}

/** A text that says why a condition cannot be meant, by its place. */
export function clauseError(clause: Clause): string | undefined {
  try {
    clauseJson(clause);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * The argument of the server's query: base64 of JSON, null for all documents.
 * @throws Error if a value is none
 */
export function encodeFilters(filters: Filters, fields: readonly string[], isSearch: boolean): string | null {
  if (filters.clauses.length === 0 && filters.index === "" && filters.order === "desc") return null;
  const index =
    filters.index === ""
      ? {}
      : isSearch
        ? { index: { name: filters.index, search: filters.search, clauses: [] } }
        : { index: { name: filters.index, clauses: filters.indexClauses.map((clause, at) => indexClauseJson(fields[at] ?? "", clause)) } };
  const json = JSON.stringify({ clauses: filters.clauses.map(clauseJson), order: filters.order, ...index });
  // Base64 is of bytes, and JSON of any characters.
  return btoa(String.fromCharCode(...new TextEncoder().encode(json)));
}

/** Filters as a parameter of the address. */
export function toParameter(filters: Filters): string {
  return JSON.stringify(filters);
}

/** Filters from a parameter of the address; none if it is not to be understood. */
export function fromParameter(text: string | null): Filters {
  if (text === null) return NO_FILTERS;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null) return NO_FILTERS;
    const read = { ...NO_FILTERS, ...json } as Filters;
    const isSound = Array.isArray(read.clauses) && Array.isArray(read.indexClauses) && read.clauses.every(({ op }) => op in OPERATORS);
    return isSound ? read : NO_FILTERS;
  } catch {
    return NO_FILTERS;
  }
}
