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

/** Serves packages, some of them in several versions, the newest last; gives `{environment, asked}`: what leads npm there, and the paths that were asked for. */
export async function startRegistry(t, packages) {
  const asked = [];
  const known = new Map();
  for (const files of packages) {
    const manifest = JSON.parse(files["package.json"]);
    known.set(manifest.name, [...(known.get(manifest.name) ?? []), { manifest, tarball: pack(files) }]);
  }
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url.slice(1));
    asked.push(name);
    const [packageName, wanted] = name.split("/-/");
    const found = known.get(packageName);
    if (found === undefined) return response.writeHead(404).end("{}");
    if (wanted !== undefined) return response.end(found.find(({ manifest }) => wanted === `${manifest.version}.tgz`).tarball);
    const versions = found.map(({ manifest, tarball }) => {
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const address = `http://127.0.0.1:${server.address().port}/${packageName}/-/${manifest.version}.tgz`;
      return [manifest.version, { ...manifest, dist: { tarball: address, integrity } }];
    });
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ name: packageName, "dist-tags": { latest: versions.at(-1)[0] }, versions: Object.fromEntries(versions) }));
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
