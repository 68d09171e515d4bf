// The vector file of values, through the npm package's own encoder. Rust goes through the same file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compareValues, convexToJson, getConvexSize, jsonToConvex } from "convex/values";

const vectors = JSON.parse(readFileSync(new URL("../../schema/tests/vectors/values.json", import.meta.url), "utf8"));

test("every value is read, and written as the canonical text", () => {
  for (const { name, encoded, clean } of vectors.values) {
    const value = jsonToConvex(JSON.parse(encoded));
    const again = JSON.stringify(convexToJson(value));
    // Where the spelling of a number is free, the value must be the same.
    if (clean !== undefined) assert.equal(again, encoded, name);
    assert.deepEqual(jsonToConvex(JSON.parse(again)), value, name);
  }
});

test("every value has its size", () => {
  for (const { name, encoded, size } of vectors.values) {
    assert.equal(getConvexSize(jsonToConvex(JSON.parse(encoded))), size, name);
  }
});

test("other spellings are read as the same value", () => {
  for (const { name, text, encoded } of vectors.reads) {
    assert.deepEqual(jsonToConvex(JSON.parse(text)), jsonToConvex(JSON.parse(encoded)), name);
  }
});

test("what is invalid is refused", () => {
  for (const { name, text, js } of vectors.invalid.filter((vector) => vector.js)) {
    assert.throws(() => convexToJson(jsonToConvex(JSON.parse(text))), undefined, `${name} ${js}`);
  }
});

test("values ascend", () => {
  const values = vectors.order.map((text) => jsonToConvex(JSON.parse(text)));
  for (const [left, value] of values.entries()) {
    for (const [right, other] of values.entries()) {
      const expected = Math.sign(left - right);
      assert.equal(Math.sign(compareValues(value, other)), expected, `${vectors.order[left]} and ${vectors.order[right]}`);
    }
  }
});
