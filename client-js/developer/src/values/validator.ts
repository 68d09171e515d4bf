// Validators (their JSON is that of a push) as TypeScript, and a first value that fits them.

import { fieldName, formatLine } from "./format.ts";
import { wireToValue } from "./wire.ts";
import type { Value } from "./value.ts";

/** A field of an object validator. */
export interface FieldValidator {
  readonly fieldType: Validator;
  readonly optional: boolean;
}

/** What a value must look like. */
export type Validator =
  | { readonly type: "null" | "boolean" | "string" | "bytes" | "any" | "number" | "bigint" | "commitTs" }
  | { readonly type: "id"; readonly tableName: string }
  | { readonly type: "literal"; readonly value: unknown }
  | { readonly type: "array"; readonly value: Validator }
  | { readonly type: "object"; readonly value: Readonly<Record<string, FieldValidator>> }
  | { readonly type: "record"; readonly keys: Validator; readonly values: FieldValidator }
  | { readonly type: "union"; readonly value: readonly Validator[] };

/** As it is written in `schema.ts`. */
export function validatorText(validator: Validator, indent = ""): string {
  switch (validator.type) {
    case "number":
    case "null":
    case "boolean":
    case "string":
    case "bytes":
    case "any":
    case "commitTs":
      return `v.${validator.type}()`;
    case "bigint":
      return "v.int64()";
    case "id":
      return `v.id(${JSON.stringify(validator.tableName)})`;
    case "literal":
      return `v.literal(${formatLine(wireToValue(validator.value))})`;
    case "array":
      return `v.array(${validatorText(validator.value, indent)})`;
    case "record":
      return `v.record(${validatorText(validator.keys, indent)}, ${validatorText(validator.values.fieldType, indent)})`;
    case "union":
      return `v.union(${validator.value.map((one) => validatorText(one, indent)).join(", ")})`;
    case "object":
      return `v.object(${fieldsText(validator.value, indent)})`;
    default:
      return "v.any()";
  }
}

/** The fields of an object, in braces. */
export function fieldsText(fields: Readonly<Record<string, FieldValidator>>, indent = ""): string {
  const inner = `${indent}  `;
  const lines = Object.entries(fields).map(([name, { fieldType, optional }]) => {
    const text = validatorText(fieldType, inner);
    return `${inner}${fieldName(name)}: ${optional ? `v.optional(${text})` : text},\n`;
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("")}${indent}}`;
}

/** A value to begin with. */
export function example(validator: Validator): Value {
  switch (validator.type) {
    case "boolean":
      return false;
    case "number":
      return 0;
    case "bigint":
    case "commitTs":
      return 0n;
    case "string":
    case "id":
      return "";
    case "bytes":
      return new ArrayBuffer(0);
    case "array":
      return [];
    case "record":
      return {};
    case "literal":
      return wireToValue(validator.value);
    case "union":
      return validator.value[0] ? example(validator.value[0]) : null;
    case "object": {
      const required = Object.entries(validator.value).filter(([, field]) => !field.optional);
      return Object.fromEntries(required.map(([name, field]) => [name, example(field.fieldType)]));
    }
    default:
      return null;
  }
}

/** The table that ids of this kind are of, also in an optional or nullable one. */
export function tableOf(validator: Validator): string | undefined {
  if (validator.type === "id") return validator.tableName;
  if (validator.type !== "union") return undefined;
  return validator.value.map(tableOf).find((name) => name !== undefined);
}
