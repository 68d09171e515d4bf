// The generated `api` types the calls of both clients, whichever command line wrote it.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { project } from "./support/cli.js";
import { fusion, run } from "./support/fusion.js";
import { startServer, temporaryFolder } from "./support/server.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const client = path.resolve(here, "../../client-js");
const chat = { program: "fusion", args: ["dev", "--app", "fusion-chat"] };

/** Lets a folder's TypeScript find both packages. */
function linkPackages(folder) {
  mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  symlinkSync(path.join(client, "client"), path.join(folder, "node_modules/fusion-client"));
}

/** Compiles a file with everything that `--strict` checks; what it says is empty if all is well. */
async function check(folder, text) {
  writeFileSync(path.join(folder, "use.ts"), text);
  const flags = ["--strict", "--noEmit", "--allowImportingTsExtensions", "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022"];
  const compiler = path.join(here, "node_modules/typescript/bin/tsc");
  const { stdout, stderr } = await run(process.execPath, folder, [compiler, ...flags, "--skipLibCheck", "use.ts"]);
  return stdout + stderr;
}

const BOTH = `
import { ConvexClient } from "convex/browser";
import { FusionClient } from "fusion-client";
declare const convex: ConvexClient;
declare const fusion: FusionClient;
`;

test("the types that the pages use are those of the functions", async (t) => {
  const server = await startServer(t, chat);
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const { code, stderr } = await fusion(folder, "codegen", "--url", server.url, "--admin-key", server.adminKey, "--out", "api", "--package", "fusion-client");
  assert.equal(code, 0, stderr);
  for (const name of ["api.d.ts", "api.js"]) {
    const [current, expected] = [path.join(client, "api", name), path.join(folder, "api", name)].map((file) => readFileSync(file, "utf8"));
    assert.ok(current === expected, `client-js/api/${name} is old: run \`fusion codegen --out client-js/api --package fusion-client\` against \`fusion dev\``);
  }
});

for (const name of ["convex", "fusion-client"]) {
  test(`references of ${name}, written from a deployment, type the calls of both clients`, async (t) => {
    const server = await startServer(t, chat);
    const folder = temporaryFolder();
    linkPackages(folder);
    symlinkSync(path.join(here, "node_modules/convex"), path.join(folder, "node_modules/convex"));
    const { code, stderr } = await fusion(folder, "codegen", "--url", server.url, "--admin-key", server.adminKey, "--out", "api", "--package", name);
    assert.equal(code, 0, stderr);
    const calls = (client) => `
      export async function ${client}Calls() {
        const id: string = await ${client}.mutation(api.users.add, { name: "Ann" });
        const names: string[] = (await ${client}.query(api.users.getMany, {})).map(({ name }) => name);
        ${client}.onUpdate(api.users.getMany, {}, (users) => names.push(...users.map(({ name }) => name)));
        const { valid } = await ${client}.action(api.public.organizations.validate, { organizationId: id });
        const isValid: boolean = valid;
        // @ts-expect-error: another type of argument.
        await ${client}.mutation(api.users.add, { name: 1 });
        // @ts-expect-error: a missing argument.
        await ${client}.action(api.public.organizations.validate, {});
        // @ts-expect-error: another type of result.
        const wrong: number = await ${client}.mutation(api.users.add, { name: "Ann" });
        // @ts-expect-error: another kind of function.
        await ${client}.query(api.users.add, { name: "Ann" });
        return { names, isValid, wrong };
      }`;
    assert.equal(await check(folder, `${BOTH} import { api } from "./api/api.js"; ${calls("convex")} ${calls("fusion")}`), "");
    assert.match(await check(folder, `${BOTH} import { api } from "./api/api.js"; fusion.mutation(api.users.add, { nobody: 1 });`), /TS\d+/);
  });
}

test("references that the official command line writes type the calls of both clients", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const app = project(t, "notes", { typescript: true });
  const { code, output } = await app.run(server, ["codegen", "--typecheck", "disable"]);
  assert.equal(code, 0, output);
  linkPackages(app.folder);
  const calls = (client) => `
    export async function ${client}Calls() {
      const notes: string[] = await ${client}.query(api.notes.list, {});
      const hello: string = await ${client}.query(api.notes.hello, { name: "Ann" });
      const id: Id<"notes"> = await ${client}.mutation(api.notes.add, { author: "Ann", text: hello });
      // @ts-expect-error: a missing argument.
      await ${client}.mutation(api.notes.add, { author: "Ann" });
      // @ts-expect-error: clients do not call it.
      api.notes.clear;
      return { notes, id };
    }`;
  const imports = 'import { api } from "./convex/_generated/api"; import type { Id } from "./convex/_generated/dataModel";';
  assert.equal(await check(app.folder, `${BOTH} ${imports} ${calls("convex")} ${calls("fusion")}`), "");
});
