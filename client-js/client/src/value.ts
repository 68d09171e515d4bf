import { base64ToBytes, base64ToWord, bytesToBase64, wordToBase64 } from "./base64.ts";

/** What functions take and return. A 64-bit integer is a `bigint`, bytes are an `ArrayBuffer`. */
export type Value = null | boolean | number | bigint | string | ArrayBuffer | Value[] | { [field: string]: Value | undefined };

/** A value as it travels: JSON in which what JSON cannot say is an object with one field like `$integer`. */
export type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

/** Whether JSON would write another number, or none. */
function isSpecial(number: number): boolean {
  return !Number.isFinite(number) || Object.is(number, -0);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of other frames have another `Object.prototype`, but nothing above it.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function checkField(field: string): void {
  if (field.startsWith("$") || /[^ -~]/.test(field) || field.length > 1024) {
    throw new Error(`${JSON.stringify(field)} cannot be the name of a field: it must be ASCII, at most 1024 long, and not start with "$"`);
  }
}

/** Encodes a value. `path` says in errors where it stands. Fields that are undefined are left out. */
export function encode(value: Value, path = ""): Json {
  switch (typeof value) {
    case "boolean":
    case "string":
      return value;
    case "number":
      return isSpecial(value) ? { $float: wordToBase64((view) => view.setFloat64(0, value, true)) } : value;
    case "bigint":
      if (value < MIN_INTEGER || value > MAX_INTEGER) throw new Error(`${value}n does not fit into 64 bits${at(path)}`);
      return { $integer: wordToBase64((view) => view.setBigInt64(0, value, true)) };
    case "object":
      if (value === null) return null;
      if (value instanceof ArrayBuffer) return { $bytes: bytesToBase64(new Uint8Array(value)) };
      if (Array.isArray(value)) return value.map((item, i) => encode(item, `${path}[${i}]`));
      if (isPlainObject(value)) return encodeFields(value, path);
  }
  throw new Error(`${Object.prototype.toString.call(value)} is no value that functions take${at(path)}`);
}

function encodeFields(value: { [field: string]: Value | undefined }, path: string): Json {
  const fields: { [field: string]: Json } = {};
  // In order, so that equal objects have equal texts.
  for (const field of Object.keys(value).sort()) {
    const item = value[field];
    if (item === undefined) continue;
    checkField(field);
    define(fields, field, encode(item, `${path}.${field}`));
  }
  return fields;
}

/** Sets a field that may be called `__proto__`. */
export function define<T>(fields: { [field: string]: T }, field: string, value: T): void {
  if (field === "__proto__") Object.defineProperty(fields, field, { value, enumerable: true, configurable: true, writable: true });
  else fields[field] = value;
}

function at(path: string): string {
  return path === "" ? "" : `, at ${path}`;
}

/** Decodes a value. */
export function decode(json: Json): Value {
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map(decode);
  const entries = Object.entries(json);
  const [first] = entries;
  if (entries.length === 1 && first?.[0].startsWith("$")) return decodeSpecial(...first);
  const fields: { [field: string]: Value } = {};
  for (const [field, item] of entries) {
    checkField(field);
    define(fields, field, decode(item));
  }
  return fields;
}

function decodeSpecial(kind: string, json: Json): Value {
  if (typeof json === "string") {
    switch (kind) {
      case "$integer":
        return base64ToWord(json).getBigInt64(0, true);
      case "$bytes":
        return base64ToBytes(json).buffer;
      case "$float": {
        const number = base64ToWord(json).getFloat64(0, true);
        if (isSpecial(number)) return number;
      }
    }
  }
  throw new Error(`${JSON.stringify({ [kind]: json })} is no value`);
}
