// The schema in force, as the server has it.

import { useScopedQuery } from "../component.tsx";
import { system } from "../system.ts";
import { fieldsText, validatorText } from "../values/validator.ts";
import type { Validator } from "../values/validator.ts";

/** A table of a schema. */
export interface TableSchema {
  readonly tableName: string;
  readonly indexes?: { readonly indexDescriptor: string; readonly fields: string[] }[];
  readonly searchIndexes?: { readonly indexDescriptor: string; readonly searchField: string; readonly filterFields: string[] }[];
  readonly vectorIndexes?: { readonly indexDescriptor: string; readonly vectorField: string; readonly dimensions: number; readonly filterFields: string[] }[];
  readonly documentType?: Validator | null;
}

/** A schema. */
export interface Schema {
  readonly tables: TableSchema[];
  readonly schemaValidation: boolean;
}

/** The schema in force; undefined while it is not known, null if there is none. */
export function useSchema(): Schema | null | undefined {
  const result = useScopedQuery(system.schemas, {});
  if (result.status !== "success") return undefined;
  const { active } = result.value;
  return active === undefined ? null : (JSON.parse(active) as Schema);
}

/** The fields of a table's documents in the order of the schema; of all kinds if there are several. */
export function fieldsOf(validator: Validator | null | undefined): string[] {
  if (validator?.type === "object") return Object.keys(validator.value);
  if (validator?.type === "union") return [...new Set(validator.value.flatMap(fieldsOf))];
  return [];
}

/** What a field of a table's documents may be. */
export function fieldValidator(validator: Validator | null | undefined, field: string): Validator | undefined {
  if (validator?.type === "object") return validator.value[field]?.fieldType;
  if (validator?.type !== "union") return undefined;
  return validator.value.map((one) => fieldValidator(one, field)).find((one) => one !== undefined);
}

/** A table as it is written in `schema.ts`. */
export function tableText({ tableName, documentType, indexes = [], searchIndexes = [], vectorIndexes = [] }: TableSchema): string {
  const list = (fields: readonly string[]) => `[${fields.map((field) => JSON.stringify(field)).join(", ")}]`;
  const type = !documentType ? "v.any()" : documentType.type === "object" ? fieldsText(documentType.value, "") : validatorText(documentType, "");
  const lines = [
    ...indexes.map(({ indexDescriptor, fields }) => `  .index(${JSON.stringify(indexDescriptor)}, ${list(fields)})`),
    ...searchIndexes.map(
      ({ indexDescriptor, searchField, filterFields }) =>
        `  .searchIndex(${JSON.stringify(indexDescriptor)}, { searchField: ${JSON.stringify(searchField)}, filterFields: ${list(filterFields)} })`,
    ),
    ...vectorIndexes.map(
      ({ indexDescriptor, vectorField, dimensions, filterFields }) =>
        `  .vectorIndex(${JSON.stringify(indexDescriptor)}, { vectorField: ${JSON.stringify(vectorField)}, dimensions: ${dimensions}, filterFields: ${list(filterFields)} })`,
    ),
  ];
  return [`${tableName}: defineTable(${type})`, ...lines].join("\n");
}
