// Builds everything that the binary serves into `dist/`: `npm run build`, or `npm run watch` while working on it.
//
// Each page is a folder of `dist/` whose files carry a hash of their content in their names, but for `index.html`. What a
// browser has to load before a page can be used has a limit, over which the build fails.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { context } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const KILOBYTE = 1024;

/** Pages: where they are served, where their sources are, and the most they may weigh, gzipped. */
const PAGES = [
  { path: "widget", source: "widget", limit: 60 * KILOBYTE },
  { path: "chat", source: "dashboard", limit: 120 * KILOBYTE },
  { path: "_dashboard", source: "developer", limit: 150 * KILOBYTE },
  { path: "demo", source: "demo", limit: 10 * KILOBYTE },
];

/** Scripts with a name of their own, for pages of others. */
const SCRIPTS = [
  { file: "embed.js", source: "embed/src/index.ts", format: "iife", limit: 4 * KILOBYTE },
  { file: "client.js", source: "client/src/index.ts", format: "esm", limit: 12 * KILOBYTE },
  { file: "client-preact.js", source: "client/src/preact.ts", format: "esm", limit: 3 * KILOBYTE, external: ["preact", "preact/hooks"] },
  { file: "client-react.js", source: "client/src/react.ts", format: "esm", limit: 3 * KILOBYTE, external: ["react"] },
];

/** The hooks use the client that lies beside them instead of a copy. */
const besideClient = {
  name: "beside-client",
  setup: (build) => build.onResolve({ filter: /^\.\/index\.ts$/ }, () => ({ path: "./client.js", external: true })),
};

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  sourcemap: false,
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  loader: { ".svg": "text" },
};

/** What must be loaded at once: an output and everything it imports in the beginning. */
function initial(outputs, name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const { path, kind } of outputs[name].imports) if (kind === "import-statement") initial(outputs, path, found);
  if (outputs[name].cssBundle) found.add(outputs[name].cssBundle);
  return found;
}

const weights = new Map();

/** Adds up what files weigh when they are compressed, and fails if it is more than the limit. */
async function weigh(title, files, limit) {
  let bytes = 0;
  for (const file of files) bytes += gzipSync(await readFile(file), { level: 9 }).length;
  weights.set(title, `${(bytes / KILOBYTE).toFixed(1)} of ${limit / KILOBYTE} KB`);
  if (bytes > limit) throw new Error(`${title} weighs ${bytes} bytes, gzipped; at most ${limit} are allowed`);
}

/** Writes a page's `index.html`, which names the files of this build. */
async function writePage(page, outputs) {
  const entry = Object.keys(outputs).find((name) => outputs[name].entryPoint);
  const files = [...initial(outputs, entry)].map((name) => join(here, name));
  const href = (name) => `/${relative(dist, join(here, name)).replaceAll("\\", "/")}`;
  const style = outputs[entry].cssBundle;
  const preloads = [...initial(outputs, entry)].filter((name) => name !== entry && name.endsWith(".js"));
  const head = [
    ...(style ? [`<link rel="stylesheet" href="${href(style)}">`] : []),
    ...preloads.map((name) => `<link rel="modulepreload" href="${href(name)}">`),
    `<script type="module" src="${href(entry)}"></script>`,
  ].join("\n    ");
  const template = await readFile(join(here, page.source, "index.html"), "utf8");
  if (!template.includes("<!-- head -->")) throw new Error(`${page.source}/index.html has no place for <!-- head -->`);
  const index = join(dist, page.path, "index.html");
  await writeFile(index, template.replace("<!-- head -->", head));
  await weigh(`/${page.path}`, [index, ...files], page.limit);
}

/** Leaves a compressed copy beside each text, so that the server need not compress. */
async function compress(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.(js|css|html|svg)$/.test(path)) {
      await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
    }
  }
}

/** Removes what is no output of the last build of a folder: files of older builds have other names. */
async function clean(folder, outputs) {
  const kept = new Set(Object.keys(outputs).map((name) => join(here, name)));
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !kept.has(path) && !path.endsWith("index.html")) await rm(path);
  }
}

/** What to do with the outputs of a build, as a plugin so that it happens again when a file changes. */
const afterwards = (work) => ({
  name: "afterwards",
  setup: (build) => build.onEnd(async ({ errors, metafile }) => {
    if (errors.length > 0) return undefined;
    try {
      await work(metafile.outputs);
      return undefined;
    } catch (error) {
      return { errors: [{ text: error.message }] };
    }
  }),
});

const isWatching = process.argv.includes("--watch");
await mkdir(dist, { recursive: true });
const contexts = [];
for (const page of PAGES) {
  const folder = join(dist, page.path);
  await mkdir(folder, { recursive: true });
  contexts.push(await context({
    ...shared,
    entryPoints: { main: join(here, page.source, existsSync(join(here, page.source, "src/main.tsx")) ? "src/main.tsx" : "src/main.ts") },
    outdir: folder,
    format: "esm",
    splitting: true,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    plugins: [afterwards(async (outputs) => {
      await clean(folder, outputs);
      await writePage(page, outputs);
      await compress(folder);
    })],
  }));
}
for (const script of SCRIPTS) {
  const outfile = join(dist, script.file);
  contexts.push(await context({
    ...shared,
    entryPoints: [join(here, script.source)],
    outfile,
    format: script.format,
    external: script.external ?? [],
    plugins: [besideClient, afterwards(async () => {
      await weigh(`/${script.file}`, [outfile], script.limit);
      await writeFile(`${outfile}.gz`, gzipSync(await readFile(outfile), { level: 9 }));
    })],
  }));
}
if (isWatching) {
  for (const one of contexts) await one.watch();
} else {
  try {
    for (const one of contexts) await one.rebuild();
    // Changes whenever a file does: by it the binary knows that it has to take them in again.
    const names = (await readdir(dist, { recursive: true })).sort();
    await writeFile(join(dist, ".built"), createHash("sha256").update(names.join("\n")).digest("hex"));
    for (const [title, weight] of weights) console.log(`${title.padEnd(14)} ${weight}`);
  } catch {
    // esbuild has said what is wrong.
    process.exitCode = 1;
  } finally {
    for (const one of contexts) await one.dispose();
  }
}
