// A package registry of this machine alone, as npm asks it, with packages that are written here.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { temporaryFolder } from "./server.js";

/** Packs files (`{path: text}`, with a `package.json`) as npm does. */
function pack(files) {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries(files)) {
    const target = path.join(folder, "package", file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  execFileSync("tar", ["-czf", "package.tgz", "package"], { cwd: folder });
  return readFileSync(path.join(folder, "package.tgz"));
}

/** Serves packages; gives `{environment, asked}`: what leads npm there, and the paths that were asked for. */
export async function startRegistry(t, packages) {
  const asked = [];
  const known = new Map(
    packages.map((files) => {
      const manifest = JSON.parse(files["package.json"]);
      return [manifest.name, { manifest, tarball: pack(files) }];
    }),
  );
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url.slice(1));
    asked.push(name);
    const found = known.get(name.replace(/\.tgz$/, ""));
    if (found === undefined) return response.writeHead(404).end("{}");
    if (name.endsWith(".tgz")) return response.end(found.tarball);
    const { manifest, tarball } = found;
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const dist = { tarball: `http://127.0.0.1:${server.address().port}/${manifest.name}.tgz`, integrity };
    const version = { ...manifest, dist };
    response.setHeader("Content-Type", "application/json");
    response.end(
      JSON.stringify({ name: manifest.name, "dist-tags": { latest: manifest.version }, versions: { [manifest.version]: version } }),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const environment = {
    npm_config_registry: `http://127.0.0.1:${server.address().port}/`,
    npm_config_cache: temporaryFolder(),
    // A package that is not there is not there at the third attempt either.
    npm_config_fetch_retries: "0",
  };
  return { environment, asked };
}
