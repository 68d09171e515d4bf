// What is too large, broken or made to harm: each ends in its clear error, the next call is served, and memory stays
// bounded. FUSION_FULL_SIZE=1 (`make test-full-size`) sends it all at the size at which it hurts.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createWriteStream, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import WebSocket from "ws";
import { startApp } from "../support/app.js";
import { bombs } from "../support/bombs.js";
import { fusion } from "../support/fusion.js";
import { peakOf } from "../support/peak.js";
import { callAsAdmin, startServer, temporaryFolder } from "../support/server.js";

const MiB = 1 << 20;
const IS_FULL = process.env.FUSION_FULL_SIZE === "1";
const BODY = (IS_FULL ? 200 : 64) * MiB;
const FILE = (IS_FULL ? 1024 : 24) * MiB;

/** Runs one case and reports its time and memory, which must stay below `most` bytes. */
async function measured(t, server, what, most, run) {
  const peak = peakOf(server.pid);
  const began = performance.now();
  const result = await run();
  const took = (performance.now() - began) / 1000;
  const bytes = peak.bytes();
  t.diagnostic(`${what}: ${took.toFixed(1)} s, ${bytes === undefined ? "?" : (bytes / MiB).toFixed(0)} MB more`);
  if (bytes !== undefined) assert.ok(bytes < most, `${what} took ${bytes} bytes of memory`);
  return result;
}

/** Sends a body piece by piece, as one of known length or not, and gives the answer, however early it comes. */
function send(url, { length, isChunked = false, piece = Buffer.alloc(MiB, 120), method = "POST", headers = {} }) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...headers, ...(isChunked ? {} : { "content-length": length }) } });
    let answered = false;
    // A server that has answered may hang up in the middle of what nobody wants to read.
    outgoing.on("error", (error) => answered || setTimeout(() => answered || reject(error), 1_000));
    outgoing.on("response", (response) => {
      answered = true;
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (data) => (text += data));
      response.on("error", reject);
      response.on("end", () => {
        outgoing.destroy();
        resolve({ status: response.statusCode, text, code: /"code":"(\w+)"/.exec(text)?.[1] });
      });
    });
    let left = length;
    const write = () => {
      while (left > 0 && !answered && !outgoing.destroyed) {
        const part = left < piece.length ? piece.subarray(0, left) : piece;
        left -= part.length;
        if (!outgoing.write(part)) return void outgoing.once("drain", write);
      }
      if (!outgoing.destroyed) outgoing.end();
    };
    write();
  });
}

test("a body that is too large for its endpoint", async (t) => {
  const { server, client } = await startApp(t);
  const admin = { authorization: `Convex ${server.adminKey}` };
  const served = async () => assert.equal(await client.query(api.people.whoami, {}), null);
  const refused = { status: 413, code: "RequestTooLarge" };
  const json = { "content-type": "application/json" };
  const begin = (path) => `${server.url}/api/${path}`;
  const cases = [
    ...["query", "mutation", "action", "query_at_ts", "query_batch"].map((name) => [begin(name), json, refused]),
    [begin("function"), { ...json, ...admin }, refused],
    [begin("update_environment_variables"), { ...json, ...admin }, refused],
    [begin("import/finish_upload"), { ...json, ...admin }, refused],
    [begin("perform_import"), { ...json, ...admin }, refused],
    [`${server.siteUrl}/count`, {}, refused],
    [`${server.url}/http/count`, {}, refused],
    // Pushes may be long, but this is none; nobody else's is read at all.
    [begin("deploy2/start_push"), { ...json, ...admin }, { status: 400, code: "BadJsonBody" }],
    [begin("deploy2/start_push"), json, { status: 403, code: "BadDeployKey" }],
    [begin("import/upload_part?uploadToken=x&partNumber=1"), admin, { status: 400, code: "InvalidUploadToken" }],
    [begin("storage/upload?token=x"), {}, { status: 401, code: "StorageTokenInvalid" }],
    [begin("nowhere"), {}, { status: 404, code: "NoSuchRoute" }],
  ];
  for (const [url, headers, expected] of cases) {
    for (const isChunked of [false, true]) {
      const what = `${new URL(url).pathname}, ${isChunked ? "in pieces" : "of known length"}`;
      const most = url.includes("deploy2") ? 4 * BODY : 120 * MiB;
      const { status, code, text } = await measured(t, server, what, most, () => send(url, { length: BODY, isChunked, headers }));
      if (isChunked && url.includes("/count")) {
        // The action has begun to read by then: what it is told is its own affair.
        assert.equal(status, 500, text);
      } else {
        assert.deepEqual({ status, code }, expected, `${what}: ${text}`);
      }
    }
    await served();
  }

  // What is stored may be of any length, and memory does not know it.
  const url = await client.mutation(api.files.uploadUrl, {});
  const stored = await measured(t, server, "a stored file", 120 * MiB, () => send(url, { length: BODY, isChunked: true }));
  assert.equal(stored.status, 200, stored.text);
  await served();

  // A message of a WebSocket ends it with words for the developer; other sockets do not notice.
  const said = await measured(t, server, "a WebSocket message", 120 * MiB, () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/1.48.0/sync`);
    const messages = [];
    return new Promise((resolve) => {
      socket.on("open", () => socket.send(Buffer.alloc(BODY, 120).toString("latin1"), () => {}));
      socket.on("message", (message) => messages.push(JSON.parse(message)));
      socket.on("error", () => {});
      socket.on("close", () => resolve(messages));
    });
  });
  assert.deepEqual(said.map(({ type }) => type), ["FatalError"]);
  assert.match(said[0].error, /^MessageTooLarge: /);
  await served();
});

test("a push that is packed wrongly", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const push = (body, encoding) =>
    fetch(`${server.url}/api/deploy2/start_push`, {
      method: "POST",
      headers: { authorization: `Convex ${server.adminKey}`, "content-type": "application/json", "content-encoding": encoding },
      body,
    }).then(async (response) => [response.status, (await response.json()).code]);
  const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  const whole = brotliCompressSync(Buffer.alloc(BODY, randomBytes(MiB)), quick);
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1] ^= 0x55;
  for (const [what, body, encoding, expected] of [
    ["noise", randomBytes(8 * MiB), "br", /^400 CorruptBody$/],
    ["a stream that ends early", whole.subarray(0, whole.length - 1_000), "br", /^400 CorruptBody$/],
    // What the rest then means may also be longer than a body can be.
    ["a stream with a wrong byte in its middle", flipped, "br", /^400 (CorruptBody|BadJsonBody)$|^413 RequestTooLarge$/],
    ["a bomb of brotli", brotliCompressSync(Buffer.alloc(1024 * MiB), quick), "br", /^413 RequestTooLarge$/],
    ["an unknown packing", Buffer.from("{}"), "lzma", /^400 UnsupportedContentEncoding$/],
  ]) {
    const [status, code] = await measured(t, server, `${what} (${(body.length / MiB).toFixed(1)} MB)`, 1_500 * MiB, () => push(body, encoding));
    assert.match(`${status} ${code}`, expected, what);
    assert.equal((await fetch(`${server.url}/version`)).status, 200);
  }
});

/** The tables that there are. */
const tables = async (server) => (await callAsAdmin(server, "_system/cli/tables", { paginationOpts: { cursor: null, numItems: 100 } })).page.map(({ name }) => name);

test("ZIP files that are bombs", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const folder = temporaryFolder();
  for (const [what, file, expected] of bombs(IS_FULL ? 8 : 2)) {
    const place = path.join(folder, "bomb.zip");
    writeFileSync(place, file);
    const run = () => fusion(folder, "import", "--yes", "bomb.zip", "--url", server.url, "--admin-key", server.adminKey);
    const { code, stderr } = await measured(t, server, `${what} (${(file.length / 1024).toFixed(0)} kB)`, 250 * MiB, run);
    assert.equal(code, 1, `${what}: ${stderr}`);
    assert.match(stderr, expected, what);
    assert.match(stderr, /error: bomb\.zip: /, what);
    assert.deepEqual(await tables(server), []);
  }
});

/** Writes a file of about `FILE` bytes line by line, with a broken line in its middle; gives its number. */
async function brokenInTheMiddle(file, { head = "", line, broken, tail = "" }) {
  const out = createWriteStream(file);
  const write = async (text) => out.write(text) || (await new Promise((resolve) => out.once("drain", resolve)));
  let number = head === "" ? 0 : 1;
  let isBroken = false;
  let brokenLine;
  await write(head);
  for (let written = 0; written < FILE; ) {
    const lines = [];
    for (let count = 0; count < 2_000; count++) lines.push(line(++number));
    if (!isBroken && written > FILE / 2) {
      isBroken = true;
      brokenLine = number - 1_000;
      lines[lines.length - 1_001] = broken;
    }
    const text = lines.join("");
    written += text.length;
    await write(text);
  }
  await write(tail);
  await new Promise((resolve) => out.end(resolve));
  return brokenLine;
}

test("a large file with one broken line in its middle", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const folder = temporaryFolder();
  const long = "x".repeat(150);
  const forms = [
    [
      "big.csv",
      { head: "name,value,text\n", line: (n) => `name ${n},${n},"${long}"\n`, broken: `short,1\n` },
      (line) => `big.csv: Line ${line}: The row has 2 cells, but the first row has 3: nothing is in column 3 ("text").`,
    ],
    [
      "quote.csv",
      { head: "name,value,text\n", line: (n) => `name ${n},${n},${long}\n`, broken: `open,1,"${long}\n` },
      (line) => `quote.csv: Line ${line}: The row does not end`,
    ],
    [
      "big.jsonl",
      { line: (n) => `{"name":"name ${n}","value":${n},"text":"${long}"}\n`, broken: `{"name":"x","value":1,"text":}\n` },
      (line) => `big.jsonl: Line ${line}: expected value at column 30`,
    ],
    [
      "big.json",
      { head: "[\n", line: (n) => `{"name":"name ${n}","value":${n},"text":"${long}"},\n`, broken: `{"name":"x","value":1 "text":2},\n`, tail: "{}]\n" },
      (line) => `big.json: Line ${line}: expected \`,\` or \`}\` at column 23`,
    ],
  ];
  for (const [name, content, expected] of forms) {
    const line = await brokenInTheMiddle(path.join(folder, name), content);
    const run = () => fusion(folder, "import", "--table", "big", name, "--url", server.url, "--admin-key", server.adminKey);
    const { code, stderr } = await measured(t, server, name, 250 * MiB, run);
    assert.equal(code, 1, stderr);
    assert.ok(stderr.includes(expected(line)), `${stderr}\nexpected ${expected(line)}`);
    assert.deepEqual(await tables(server), [], "nothing of it is imported");
    rmSync(path.join(folder, name));
  }
  // The next one is imported.
  writeFileSync(path.join(folder, "small.csv"), "name,value\na,1\n");
  const next = await fusion(folder, "import", "--table", "big", "small.csv", "--url", server.url, "--admin-key", server.adminKey);
  assert.equal(next.code, 0, next.stderr);
  const client = new ConvexHttpClient(server.url, { logger: false });
  client.setAdminAuth(server.adminKey);
  assert.equal((await client.query("_system/cli/tableData", { table: "big", order: "asc", paginationOpts: { cursor: null, numItems: 9 } })).page.length, 1);
});
