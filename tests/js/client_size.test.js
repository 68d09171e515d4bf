// What the clients weigh, each built into one module in the same way.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const { build } = createRequire(new URL("../../client-js/package.json", import.meta.url))("esbuild");

/** The bytes of a module for browsers, gzipped. */
async function weigh(folder, contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(folder, import.meta.url)) },
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022"],
    legalComments: "none",
    external: ["react", "react-dom"],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

test("the client weighs less than half of the official one", async (t) => {
  const official = ['export { ConvexClient } from "convex/browser"; export { anyApi } from "convex/server"; export { ConvexError } from "convex/values";', 'export * from "convex/react";'];
  const own = ['export * from "fusion-client";', 'export * from "fusion-client/react";'];
  for (const [i, what] of ["client", "hooks"].entries()) {
    const lines = (all) => all.slice(0, i + 1).join("\n");
    const [theirs, ours] = [await weigh(".", lines(official)), await weigh("../../client-js", lines(own))];
    t.diagnostic(`${what === "client" ? "client" : "client with hooks for React"}: ${ours} bytes, the official one ${theirs}`);
    assert.ok(ours * 2 < theirs, `${ours} and ${theirs} bytes`);
  }
});
