// The npm package must read and write every case of the vector file that the Rust tests also go through.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { compareValues, convexToJson, getConvexSize, jsonToConvex } from "convex/values";

const vectors = JSON.parse(readFileSync(new URL("../../schema/tests/vectors/values.json", import.meta.url), "utf8"));
const decode = (text) => jsonToConvex(JSON.parse(text));

test("every value survives the npm package and has the size the limits are stated in", () => {
  for (const { name, encoded, size } of vectors.values) {
    const value = decode(encoded);
    assert.deepEqual(convexToJson(value), JSON.parse(encoded), name);
    assert.equal(getConvexSize(value), size, `size of ${name}`);
  }
});

test("the npm package writes the canonical text", () => {
  for (const { name, encoded, clean } of vectors.values) {
    if (clean === undefined) continue;
    assert.equal(JSON.stringify(convexToJson(decode(encoded))), encoded, name);
  }
});

test("other spellings are read as the same value", () => {
  for (const { name, text, encoded } of vectors.reads) {
    assert.deepEqual(convexToJson(decode(text)), JSON.parse(encoded), name);
  }
});

test("what is invalid is refused", () => {
  for (const { name, text, js } of vectors.invalid) {
    if (js) assert.throws(() => decode(text), undefined, name);
    else assert.doesNotThrow(() => decode(text), undefined, `${name}: no longer only the server's check`);
  }
});

test("values ascend in the order the server uses", () => {
  const values = vectors.order.map(decode);
  for (let left = 0; left < values.length; left += 1) {
    for (let right = 0; right < values.length; right += 1) {
      const found = Math.sign(compareValues(values[left], values[right]));
      assert.equal(found, Math.sign(left - right), `${vectors.order[left]} against ${vectors.order[right]}`);
    }
  }
});
