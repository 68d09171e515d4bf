// Vectors of texts: those of texts that share words are close.

import { createHash } from "node:crypto";

const DIMENSIONS = 1536;

export function embedding(text) {
  const vector = new Array(DIMENSIONS).fill(0);
  for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
    vector[createHash("sha256").update(word).digest().readUInt16BE() % DIMENSIONS] += 1;
  }
  return vector;
}
