// A data connector: keeps a copy of all documents with list_snapshot and document_deltas.

import assert from "node:assert/strict";

/** A page, or whatever the endpoint answers. Timestamps do not fit a double, so `snapshot` and the `cursor` of deltas are text. */
export async function page(server, path, parameters = {}, { method = "GET", key = server.adminKey } = {}) {
  const given = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));
  const query = method === "GET" ? `?${new URLSearchParams(given)}` : "";
  const response = await fetch(`${server.url}/api/${path}${query}`, {
    method,
    headers: key ? { Authorization: `Convex ${key}` } : {},
    body: method === "GET" ? undefined : JSON.stringify(given),
  });
  const text = await response.text();
  const body = JSON.parse(text);
  // They stand behind the documents.
  const digits = (name) => /^\d+/.exec(text.slice(text.lastIndexOf(`"${name}":`) + name.length + 3))?.[0];
  const cursor = path === "list_snapshot" ? body.cursor : digits("cursor");
  return { status: response.status, body, values: body?.values, snapshot: digits("snapshot"), cursor, hasMore: body?.hasMore };
}

export class Connector {
  constructor(server, selection = {}, options = {}) {
    this.server = server;
    this.selection = selection;
    this.options = options;
    this.copy = new Map();
    this.pages = 0;
    this.rows = 0;
  }

  /** Reads a page; whether there is more. */
  async read() {
    const { server, selection, options } = this;
    const isList = this.delta === undefined;
    const parameters = isList ? { snapshot: this.snapshot, cursor: this.cursor } : { cursor: this.delta };
    const found = await page(server, isList ? "list_snapshot" : "document_deltas", { ...parameters, ...selection }, options);
    assert.equal(found.status, 200, JSON.stringify(found.body));
    this.pages++;
    for (const { _component, _table, _ts, _deleted, ...document } of found.values) {
      this.rows++;
      assert.ok(_ts > 1e18);
      assert.equal(typeof _deleted, isList ? "undefined" : "boolean");
      const place = `${_component}/${_table}/${document._id}`;
      if (_deleted) {
        assert.deepEqual(Object.keys(document), ["_id"]);
        this.copy.delete(place);
      } else {
        this.copy.set(place, document);
      }
    }
    if (!isList) {
      assert.ok(BigInt(found.cursor) >= BigInt(this.delta));
      this.delta = found.cursor;
      return found.hasMore;
    }
    assert.ok(this.snapshot === undefined || this.snapshot === found.snapshot, "pages are of one snapshot");
    this.snapshot = found.snapshot;
    this.cursor = found.cursor ?? undefined;
    assert.equal(found.hasMore, this.cursor !== undefined);
    if (!found.hasMore) this.delta = found.snapshot;
    return true;
  }

  /** Reads to the end. */
  async follow() {
    while (await this.read());
    return this.copy;
  }

  /** The documents of a table, by id. */
  of(component, table) {
    const begin = `${component}/${table}/`;
    const found = [...this.copy].filter(([place]) => place.startsWith(begin) && !place.slice(begin.length).includes("/"));
    return Object.fromEntries(found.map(([place, document]) => [place.slice(begin.length), document]));
  }
}
