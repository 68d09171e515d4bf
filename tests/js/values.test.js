// The vector file of values, through the encoders of the npm package and of Fusion's client. Rust goes through the same
// file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compareValues, convexToJson, getConvexSize, jsonToConvex } from "convex/values";
import { compareValues as compare, decode, encode } from "../../client-js/dist/client.js";

const vectors = JSON.parse(readFileSync(new URL("../../schema/tests/vectors/values.json", import.meta.url), "utf8"));

const kinds = [
  { package: "convex", read: jsonToConvex, write: convexToJson },
  { package: "fusion-client", read: decode, write: encode },
];

for (const { package: client, read, write } of kinds) test(`${client}: every value is read, and written as the canonical text`, () => {
  for (const { name, encoded, clean } of vectors.values) {
    const value = read(JSON.parse(encoded));
    const again = JSON.stringify(write(value));
    // Where the spelling of a number is free, the value must be the same.
    if (clean !== undefined) assert.equal(again, encoded, name);
    assert.deepEqual(read(JSON.parse(again)), value, name);
  }
});

test("every value has its size", () => {
  for (const { name, encoded, size } of vectors.values) {
    assert.equal(getConvexSize(jsonToConvex(JSON.parse(encoded))), size, name);
  }
});

for (const { package: client, read, write } of kinds) test(`${client}: other spellings are read as the same value`, () => {
  for (const { name, text, encoded } of vectors.reads) {
    assert.deepEqual(read(JSON.parse(text)), read(JSON.parse(encoded)), name);
  }
});

for (const { package: client, read, write } of kinds) test(`${client}: what is invalid is refused`, () => {
  for (const { name, text, js } of vectors.invalid.filter((vector) => vector.js)) {
    assert.throws(() => write(read(JSON.parse(text))), undefined, `${name} ${js}`);
  }
});

for (const [client, inOrder] of [["convex", compareValues], ["fusion-client", compare]]) test(`${client}: values ascend`, () => {
  const values = vectors.order.map((text) => jsonToConvex(JSON.parse(text)));
  for (const [left, value] of values.entries()) {
    for (const [right, other] of values.entries()) {
      const expected = Math.sign(left - right);
      assert.equal(Math.sign(inOrder(value, other)), expected, `${vectors.order[left]} and ${vectors.order[right]}`);
    }
  }
});
