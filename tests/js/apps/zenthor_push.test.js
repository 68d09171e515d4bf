// zenthor-assist: how it is pushed, by both command lines.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { fusion } from "../support/fusion.js";
import { callAsAdmin } from "../support/server.js";
import { people, startBare, zenthorProject } from "../support/zenthor.js";

const spec = (server) => callAsAdmin(server, "_system/cli/modules:apiSpec");
/** How long the compiler may take on a slow, crowded machine. */
const TYPECHECK_MS = 480_000;

test("the official command line and `fusion deploy` push the same, with its types checked strictly", async (t) => {
  const { server, app, issuer } = await startBare(t);
  const { strict } = JSON.parse(app.read("convex/tsconfig.json").replaceAll(/^\s*\/\/.*$/gm, "")).compilerOptions;
  assert.equal(strict, true);
  const { code, output } = await app.run(server, ["deploy", "--typecheck", "enable"], { limitMs: TYPECHECK_MS });
  assert.equal(code, 0, output);
  assert.deepEqual(app.triedToReach(), []);
  const official = await spec(server);
  assert.ok(official.length > 100, String(official.length));
  assert.equal(await people(t, server, issuer).anybody.query(api.healthCheck.get, {}), "OK");

  const other = await startBare(t);
  const ours = zenthorProject(t);
  const pushed = await fusion(ours.folder, "deploy", "--url", other.server.url, "--admin-key", other.server.adminKey, "--typecheck", "disable");
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.deepEqual(await spec(other.server), official);
  assert.equal(await people(t, other.server, other.issuer).anybody.query(api.healthCheck.get, {}), "OK");
  // What lies in the repository is what the command writes.
  const { folder } = zenthorProject(t);
  for (const file of ["api.d.ts", "api.js", "dataModel.d.ts", "server.d.ts", "server.js"]) {
    const kept = readFileSync(path.join(folder, "convex/_generated", file), "utf8");
    assert.equal(ours.read(`convex/_generated/${file}`), kept, file);
  }
});
