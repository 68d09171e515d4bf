// What modules export: their functions, as a push asks for them.

import { readFile } from "node:fs/promises";

const KINDS = [
  ["isQuery", "query"],
  ["isMutation", "mutation"],
  ["isAction", "action"],
];

/** Where code of a function stands in a text, counted from 1. */
function placeIn(source, code) {
  const at = source.indexOf(code);
  if (at < 0) return null;
  const before = source.slice(0, at).split("\n");
  return { line: before.length, column: before.at(-1).length + 1 };
}

/** Finds functions by their text, which is a piece of the module that has them. */
class Sources {
  #texts = new Map();

  constructor(root) {
    this.root = root;
  }

  async #text(path) {
    if (!this.#texts.has(path)) this.#texts.set(path, await readFile(new URL(path, this.root), "utf8"));
    return this.#texts.get(path);
  }

  /** The place of a function in one of these modules. */
  async place(paths, handler) {
    if (typeof handler !== "function") return null;
    const code = Function.prototype.toString.call(handler);
    for (const path of paths) {
      const place = placeIn(await this.#text(path), code);
      if (place !== null) return { path, ...place };
    }
    return null;
  }
}

function read(name, value) {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  const kinds = isObject ? KINDS.filter(([property]) => property in value) : [];
  if (kinds.length !== 1) return null;
  const isPublic = "isPublic" in value;
  const isInternal = "isInternal" in value;
  if (isPublic && isInternal) return null;
  const text = (exporter) => (typeof value[exporter] === "function" ? value[exporter]() : null);
  return {
    name,
    kind: kinds[0][1],
    visibility: isPublic ? "public" : isInternal ? "internal" : null,
    args: text("exportArgs"),
    returns: text("exportReturns"),
  };
}

/** What a module exports, as the server reads it. `shared` are the paths of the chunks that modules share. */
export async function analyze(module, root, path, shared) {
  const sources = new Sources(root);
  const functions = [];
  for (const name of Object.keys(module)) {
    const found = read(name, module[name]);
    if (found === null) continue;
    const handler = module[name]._handler ?? module[name];
    functions.push({ ...found, position: await sources.place([path, ...shared], handler) });
  }
  return { functions, httpRoutes: null, crons: null };
}
