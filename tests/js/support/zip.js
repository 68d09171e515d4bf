// What is in a snapshot.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The entries of a ZIP file by name; where a file lies inside of its deployment does not matter. */
export function unzipped(file) {
  const script = "import json,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(json.dumps({n: z.read(n).decode() for n in z.namelist()}))";
  const entries = JSON.parse(execFileSync("python3", ["-c", script, file], { encoding: "utf8", maxBuffer: 1 << 28 }));
  const files = "_storage/documents.jsonl";
  if (entries[files]) entries[files] = entries[files].replace(/"internalId":"[^"]*"/g, "");
  assert.ok(readFileSync(file).length > 0 && Object.keys(entries).length > 5);
  return entries;
}
