// Shapes of values, for contracts: a function gives the shape of every answer it may ever give.

import assert from "node:assert/strict";

const fail = (path, expected, value) => assert.fail(`${path || "the value"}: expected ${expected}, got ${JSON.stringify(value)}`);

export const string = (value, path) => typeof value === "string" || fail(path, "a string", value);
export const number = (value, path) => typeof value === "number" || fail(path, "a number", value);
export const boolean = (value, path) => typeof value === "boolean" || fail(path, "a boolean", value);
export const nothing = (value, path) => value === null || fail(path, "null", value);
export const any = () => true;
export const id = (value, path) => (typeof value === "string" && /^[0-9a-z]{31,37}$/.test(value)) || fail(path, "an id", value);
export const literal = (...values) => (value, path) => values.includes(value) || fail(path, values.join(" or "), value);
export const optional = (shape) => Object.assign((value, path) => value === undefined || shape(value, path), { optional: true });
export const nullable = (shape) => (value, path) => value === null || shape(value, path);
export const array = (shape) => (value, path) => {
  if (!Array.isArray(value)) fail(path, "an array", value);
  value.forEach((item, index) => shape(item, `${path}[${index}]`));
  return true;
};

/** An object with these fields and no others. */
export const object = (fields) => (value, path = "") => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) fail(path, "an object", value);
  for (const [name, shape] of Object.entries(fields)) {
    if (!(name in value) && !shape.optional) fail(`${path}.${name}`, "a field", value);
    shape(value[name], `${path}.${name}`);
  }
  for (const name of Object.keys(value)) if (!(name in fields)) fail(`${path}.${name}`, "no such field", value[name]);
  return true;
};

/** One of several shapes. */
export const union = (...shapes) => (value, path) => {
  const problems = [];
  for (const shape of shapes) {
    try {
      return shape(value, path);
    } catch (error) {
      problems.push(error.message);
    }
  }
  return assert.fail(problems.join("\n or "));
};

/** A document with these fields beside the system's. */
export const document = (fields) => object({ _id: id, _creationTime: number, ...fields });

/** A page of a paginated query. */
export const page = (shape) =>
  object({ page: array(shape), isDone: boolean, continueCursor: string, splitCursor: optional(nullable(string)), pageStatus: optional(nullable(string)) });
