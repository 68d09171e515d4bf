// Values as text: what a TypeScript programmer would write, with `12n` for an int64 and `Bytes("…")` for bytes in base64.

import type { Value } from "./value.ts";
import { isBytes, isObject, toBase64 } from "./value.ts";

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
/** Longer than this, an object or array has a line for each of its parts. */
const LINE_WIDTH = 72;

/** A string as a literal. Line separators are escaped, which a text field would otherwise break at. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16)}`);
}

/** A field's name, quoted if it must be. */
export function fieldName(name: string): string {
  return IDENTIFIER.test(name) ? name : quoted(name);
}

function scalar(value: Value): string | undefined {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "boolean":
      return String(value);
    default:
      return isBytes(value) ? `Bytes("${toBase64(value)}")` : undefined;
  }
}

/** A value on one line. */
export function formatLine(value: Value): string {
  const text = scalar(value);
  if (text !== undefined) return text;
  if (Array.isArray(value)) return `[${value.map(formatLine).join(", ")}]`;
  const parts = Object.entries(value as Record<string, Value>).map(([name, part]) => `${fieldName(name)}: ${formatLine(part)}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}

/** A value over as many lines as it needs to be read easily; `isOpen` gives each field a line even where one would do. */
export function format(value: Value, indent = "", isOpen = false): string {
  const text = scalar(value);
  if (text !== undefined) return text;
  const line = formatLine(value);
  const isArray = Array.isArray(value);
  const isFlat = (isArray ? value : Object.values(value as Record<string, Value>)).every((part) => !isObject(part) && !Array.isArray(part));
  if (!isOpen && line.length + indent.length <= LINE_WIDTH && (isFlat || isArray)) return line;
  const inner = `${indent}  `;
  const parts = isArray
    ? value.map((part) => format(part, inner))
    : Object.entries(value as Record<string, Value>).map(([name, part]) => `${fieldName(name)}: ${format(part, inner)}`);
  if (parts.length === 0) return isArray ? "[]" : "{}";
  const [open, close] = isArray ? ["[", "]"] : ["{", "}"];
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join("")}${indent}${close}`;
}

/** The beginning of a value, for a cell: documents may be a megabyte, so only as much is looked at as is shown. */
export function preview(value: Value | undefined, length = 120): string {
  if (value === undefined) return "";
  const out: string[] = [];
  let left = length;
  const put = (text: string): boolean => {
    out.push(text.length > left ? `${text.slice(0, Math.max(left, 0))}…` : text);
    left -= text.length;
    return left > 0;
  };
  const walk = (part: Value): boolean => {
    if (typeof part === "string") return put(quoted(part.length > left ? part.slice(0, left + 1) : part));
    if (isBytes(part)) return put(`Bytes(${part.byteLength})`);
    const text = scalar(part);
    if (text !== undefined) return put(text);
    if (Array.isArray(part)) return put("[") && part.every((one, at) => (at === 0 || put(", ")) && walk(one)) && put("]");
    let isFirst = true;
    if (!put("{ ")) return false;
    for (const [name, one] of Object.entries(part as Record<string, Value>)) {
      if (!put(`${isFirst ? "" : ", "}${fieldName(name)}: `) || !walk(one)) return false;
      isFirst = false;
    }
    return put(" }");
  };
  walk(value);
  return out.join("");
}
