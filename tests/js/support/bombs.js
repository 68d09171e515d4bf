// Bombs: `[what, ZIP file, what the error says]`.

import { randomBytes } from "node:crypto";
import { deflated, honest, zipFile } from "./bomb.js";

const MiB = 1 << 20;
const TABLE = "a/documents.jsonl";
/** The most that a 32-bit length can say. */
const SIZE_MAX = 0xffff_fffe;

/** Each unpacks to `gibibytes`, or says so. */
export function bombs(gibibytes) {
  const mebibytes = gibibytes * 1024;
  const size = Math.min(mebibytes * MiB, SIZE_MAX);
  const lines = deflated("\n", mebibytes);
  const zeros = deflated("\0", mebibytes);
  const small = Buffer.from('{"a":1}\n');
  const inner = zipFile([{ name: TABLE, content: zeros, size }]);
  return [
    ["many empty lines", zipFile([{ name: TABLE, content: lines, size }]), /is inflated to more than \d+ bytes/],
    ["one endless line", zipFile([{ name: TABLE, content: zeros, size: 1000 * MiB }]), /a\/documents\.jsonl: Line 1: The document is too long/],
    ["names of tables without end", zipFile([honest(TABLE, small), { name: "_tables/documents.jsonl", content: zeros, size: 900 * MiB }]), /_tables\/documents\.jsonl: Line 1: The document is too long/],
    ["files that never end", zipFile([honest(TABLE, small), { name: "_storage/documents.jsonl", content: zeros, size: 900 * MiB }]), /_storage\/documents\.jsonl: Line 1: The document is too long/],
    ["a length that is too small", zipFile([{ name: TABLE, content: lines, size: 10 }]), /larger than its declared uncompressed size/],
    ["a length that is too large", zipFile([{ ...honest(TABLE, small), size: SIZE_MAX }]), /is inflated to more than \d+ bytes/],
    ["a thousand tables with one content", zipFile([{ name: "t0/documents.jsonl", content: deflated("\n", 64), size: 64 * MiB }, ...Array.from({ length: 1_000 }, (_, n) => ({ name: `t${n + 1}/documents.jsonl`, at: 0, size: 64 * MiB }))]), /is inflated to more than \d+ bytes|cannot be read/],
    ["a bomb within", zipFile([honest(TABLE, inner)]), /a\/documents\.jsonl: Line 1: /],
    ["noise", Buffer.concat([Buffer.from("PK\x03\x04"), randomBytes(MiB)]), /is not a ZIP file/],
  ];
}
