// The functions and endpoints of dashboards, as the official client calls them with an admin key over its socket.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compareValues, convexToJson } from "convex/values";
import { makeFunctionReference } from "convex/server";
import { seeded } from "./support/random.js";
import { connectClient, startServer } from "./support/server.js";
import { until } from "./support/wait.js";

const reference = (name) => makeFunctionReference(`_system/frontend/${name}`);
const firstPage = { numItems: 100, cursor: null };
const encoded = (filters) => Buffer.from(JSON.stringify(filters)).toString("base64");

/** A client that may do everything, and short ways to ask, to change and to watch. */
function administrator(t, server) {
  const client = connectClient(t, server);
  client.client.setAdminAuth(server.adminKey);
  return {
    query: (name, args = {}) => client.query(reference(name), args),
    mutation: (name, args = {}) => client.mutation(reference(name), args),
    watch: (name, args = {}) => {
      const seen = [];
      client.onUpdate(reference(name), args, (value) => seen.push(value), (error) => seen.push(error));
      return seen;
    },
  };
}

/** What an administrator is answered over HTTP. */
async function endpoint(server, path, body) {
  const response = await fetch(`${server.url}/api/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { Authorization: `Convex ${server.adminKey}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, value: text === "" ? undefined : JSON.parse(text) };
}

/** Checks a value against a description: a type's name, a list of one element's, an object's fields, a function. */
function matches(value, shape, where) {
  if (typeof shape === "function") assert.ok(shape(value), `${where}: ${String(value)}`);
  else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), where);
    value.forEach((item, index) => matches(item, shape[0], `${where}[${index}]`));
  } else if (typeof shape === "object") {
    for (const [field, inner] of Object.entries(shape)) matches(value?.[field], inner, `${where}.${field}`);
  } else assert.equal(value === null ? "null" : typeof value, shape, where);
}

const orNull = (kind) => (value) => value === null || typeof value === kind;
const isArray = { page: Array.isArray, isDone: "boolean", continueCursor: "string" };
const bytes = (value) => value instanceof ArrayBuffer;
const text = (buffer) => new TextDecoder().decode(buffer);

describe("system functions", () => {
  let server;
  const stops = [];
  before(async () => {
    server = await startServer({ after: (stop) => stops.push(stop) });
  });
  after(() => Promise.all(stops.map((stop) => stop())));

  test("every query answers in its shape, with and without a component", async (t) => {
    const admin = administrator(t, server);
    await admin.mutation("addDocument", { table: "shapes", documents: [{ n: 1 }] });
    const [{ _id: id }] = await admin.query("listTableScan", { table: "shapes", limit: 1 });
    const queries = [
      ["components:list", {}, (list) => list.length === 1 && list[0].path === "" && list[0].state === "active" && list[0].httpPrefix === null],
      ["getTableMapping", {}, (mapping) => ["shapes", "_scheduled_jobs", "_file_storage"].every((name) => Object.values(mapping).includes(name))],
      ["getVersion", {}, orNull("string")],
      ["getSchemas", {}, { active: "string" }],
      ["getSchemas:schemaValidationProgress", {}, "null"],
      ["convexCloudUrl", {}, (url) => url.startsWith("http")],
      ["convexSiteUrl", {}, (url) => url.startsWith("http")],
      ["deploymentState:deploymentState", {}, { state: (state) => state === "running" }],
      ["backendState:backendState", {}, { system: "string", usage_limit: "string", user: "string" }],
      ["tableSize", { tableName: "shapes" }, (size) => size === 1],
      ["tableSize", { tableName: "_storage" }, "number"],
      ["tableSize:sizeOfAllTables", {}, (size) => size >= 1],
      ["getById", { id }, { _id: "string", n: "number" }],
      ["listById", { ids: [{ id, tableName: "shapes" }, { id: "none", tableName: "shapes" }] }, (list) => list[0]._id === id && list[1] === null],
      ["paginatedTableDocuments", { paginationOpts: firstPage, table: "shapes", filters: null }, { ...isArray, page: [{ n: "number" }] }],
      ["listTableScan", { table: "shapes", limit: 10 }, [{ n: "number" }]],
      ["modules:list", {}, (list) => list.some(([path, module]) => path === "messages.js" && module.functions.some(({ name, udfType, visibility, argsValidator }) => name === "list" && udfType === "Query" && visibility.kind === "public" && JSON.parse(argsValidator).type === "object"))],
      ["modules:argsValidator", { function: "messages:list" }, (json) => JSON.parse(json).type === "object"],
      ["fileStorageV2:numFiles", {}, "number"],
      ["fileStorageV2:fileMetadata", { paginationOpts: firstPage, filters: { minCreationTime: 0, order: "asc" } }, isArray],
      ["fileStorageV2:getFile", { storageId: "none" }, "null"],
      ["paginatedScheduledJobs", { paginationOpts: firstPage }, isArray],
      ["scheduler:getArgs", { argsId: "none" }, "null"],
      ["listCronJobs", {}, Array.isArray],
      ["listCronJobRuns", {}, Array.isArray],
      ["snapshotImport:list", {}, Array.isArray],
      ["latestExport", {}, orNull("object")],
      ["latestExport:latestCloudExport", {}, "null"],
      ["latestExport:canExportFileStorage", {}, "boolean"],
      ["indexes", { tableName: "messages", tableNamespace: null }, [{ table: "string", name: "string", fields: Array.isArray, backfill: { state: "string" }, staged: "boolean" }]],
      ["deploymentEvents:lastPushEvent", {}, orNull("object")],
      ["paginatedDeploymentEvents", { paginationOpts: firstPage, filters: { minDate: 0 } }, isArray],
      ["listDeploymentEventsFromTime", { fromTimestamp: 0 }, Array.isArray],
      ["listAuthProviders", {}, Array.isArray],
      ["listEnvironmentVariables", {}, Array.isArray],
      ["listConfiguredSinks", {}, Array.isArray],
      ["node:version", {}, "null"],
    ];
    for (const [name, args, shape] of queries) {
      matches(await admin.query(name, args), shape, name);
      matches(await admin.query(name, { ...args, componentId: null }), shape, `${name} of the root`);
      await assert.rejects(admin.query(name, { ...args, componentId: "other" }), /There is no component "other" here/, name);
    }
    matches(await admin.query("modules:listForAllComponents"), (list) => list[0][0] === null && list[0][1].length > 0, "modules");
  });

  test("edits are seen by whoever watches", async (t) => {
    const admin = administrator(t, server);
    const rows = admin.watch("paginatedTableDocuments", { paginationOpts: { ...firstPage, id: 1 }, table: "watched", filters: null });
    const size = admin.watch("tableSize", { tableName: "watched", componentId: null });
    const mapping = admin.watch("getTableMapping");
    await until("the first results", () => rows.length > 0 && size.length > 0 && mapping.length > 0);
    assert.deepEqual([rows[0].page, size[0]], [[], 0]);

    assert.equal(await admin.mutation("createTable", { table: "watched" }), null);
    await until("the table", () => Object.values(mapping.at(-1)).includes("watched"));
    assert.deepEqual(await admin.mutation("addDocument", { table: "watched", documents: [{ n: 1 }, { n: 2n }] }), { success: true });
    await until("the documents", () => size.at(-1) === 2);
    assert.deepEqual(rows.at(-1).page.map(({ n }) => n), [2n, 1]);
    const [two, one] = rows.at(-1).page.map(({ _id }) => _id);
    await admin.mutation("replaceDocument", { id: one, document: { text: "<b>one</b>" } });
    await until("the replacement", () => rows.at(-1).page[1].text === "<b>one</b>" && rows.at(-1).page[1].n === undefined);
    const fields = { n: "__CONVEX_PLACEHOLDER_undefined_never_a_value", all: true };
    assert.deepEqual(await admin.mutation("patchDocumentsFields", { table: "watched", fields, ids: [two] }), { success: true });
    await until("the change", () => rows.at(-1).page[0].all === true && rows.at(-1).page[0].n === undefined);
    await admin.mutation("deleteDocuments", { toDelete: [{ id: two, tableName: "watched" }] });
    await until("the deletion", () => size.at(-1) === 1);
    const cleared = await admin.mutation("clearTablePage", { tableName: "watched", cursor: null });
    matches(cleared, { deleted: (count) => count === 1, hasMore: (more) => more === false, continueCursor: "string" }, "cleared");
    await until("nothing", () => size.at(-1) === 0);

    const refused = await admin.mutation("addDocument", { table: "watched", documents: [{ n: 1 }, { _id: "x" }] });
    matches(refused, { success: (success) => success === false, error: "string" }, "refused");
    assert.equal(size.at(-1), 0);
    // What the schema does not allow is an error whose data is the text.
    await assert.rejects(admin.mutation("addDocument", { table: "messages", documents: [{ other: 1 }] }), ({ data }) => /does not match the schema/i.test(data));

    assert.equal((await endpoint(server, "delete_tables", { tableNames: ["watched"], componentId: null })).status, 200);
    await until("the table to go", () => !Object.values(mapping.at(-1)).includes("watched"));
    const refusal = await endpoint(server, "delete_tables", { tableNames: ["messages"], componentId: null });
    assert.deepEqual([refusal.status, refusal.value.code], [400, "TableInSchema"]);
  });

  test("files, jobs and settings are seen by whoever watches", async (t) => {
    const admin = administrator(t, server);
    const files = admin.watch("fileStorageV2:fileMetadata", { paginationOpts: { ...firstPage, id: 2 } });
    const jobs = admin.watch("paginatedScheduledJobs", { paginationOpts: { ...firstPage, id: 3 } });
    const variables = admin.watch("listEnvironmentVariables");
    const events = admin.watch("paginatedDeploymentEvents", { paginationOpts: { ...firstPage, id: 4 }, filters: { minDate: 0 } });
    await until("the first results", () => [files, jobs, variables, events].every((seen) => seen.length > 0));

    const url = await admin.mutation("fileStorageV2:generateUploadUrl");
    const upload = await fetch(url, { method: "POST", headers: { "Content-Type": "text/plain" }, body: "content" });
    const { storageId } = await upload.json();
    const [file] = await until("the file", () => files.at(-1).page.length > 0 && files.at(-1).page);
    matches(file, { _id: (id) => id === storageId, size: (size) => size === 7, contentType: "string", sha256: "string", url: "string" }, "file");
    assert.equal(await (await fetch(file.url)).text(), "content");
    assert.equal((await admin.query("fileStorageV2:getFile", { storageId })).url, file.url);
    assert.equal(await admin.mutation("fileStorageV2:deleteFile", { storageId }), null);
    await until("no file", () => files.at(-1).page.length === 0);
    assert.equal(await admin.mutation("fileStorageV2:deleteFiles", { storageIds: [] }), null);

    const client = connectClient(t, server);
    await client.mutation(makeFunctionReference("counters:addLater"), { name: "later", by: 1, delayMs: 3_600_000 });
    const [job] = await until("the job", () => jobs.at(-1).page.length > 0 && jobs.at(-1).page);
    matches(job, { nextTs: "bigint", udfPath: (path) => path === "counters.js:add", state: { type: (type) => type === "pending" }, udfArgs: bytes, argsId: "null" }, "job");
    assert.deepEqual(JSON.parse(text(job.udfArgs)), [{ by: 1, name: "later" }]);
    assert.deepEqual(JSON.parse(text((await admin.query("scheduler:getArgs", { argsId: job._id })).args)), [{ by: 1, name: "later" }]);
    assert.equal((await endpoint(server, "cancel_job", { id: job._id, componentId: null })).status, 200);
    await until("no job", () => jobs.at(-1).page.length === 0);

    await endpoint(server, "update_environment_variables", { changes: [{ name: "COLOUR", value: "green" }] });
    await until("the variable", () => variables.at(-1).some(({ name, value }) => name === "COLOUR" && value === "green"));
    await until("the event", () => events.at(-1).page.some(({ action, metadata }) => action === "create_environment_variable" && metadata.variable_name === "COLOUR"));
  });

  test("filters are what their words say, page by page", async (t) => {
    const admin = administrator(t, server);
    const random = seeded(t);
    const pick = (list) => list[random.below(list.length)];
    const values = [undefined, null, true, false, -1, 0, 1, 2.5, 1n, -2n, "", "a", "ab", [1], ["a"], { x: 1 }, new ArrayBuffer(2)];
    const document = (n) => Object.fromEntries(Object.entries({ n, a: pick(values), b: pick(values) }).filter(([, value]) => value !== undefined));
    const documents = Array.from({ length: 60 }, (_, n) => document(n));
    await admin.mutation("addDocument", { table: "filtered", documents });
    const json = (value) => (value === undefined ? { $undefined: null } : convexToJson(value));
    const kind = (value) => (value === undefined ? "unset" : value === null ? "null" : Array.isArray(value) ? "array" : value instanceof ArrayBuffer ? "bytes" : typeof value);
    const operators = {
      eq: (found, value) => compareValues(found, value) === 0,
      neq: (found, value) => compareValues(found, value) !== 0,
      gt: (found, value) => compareValues(found, value) > 0,
      gte: (found, value) => compareValues(found, value) >= 0,
      lt: (found, value) => compareValues(found, value) < 0,
      lte: (found, value) => compareValues(found, value) <= 0,
    };
    const clause = () => {
      const field = pick(["a", "b"]);
      const op = pick([...Object.keys(operators), "anyOf", "noneOf", "type", "notype"]);
      if (op === "anyOf" || op === "noneOf") {
        const list = [pick(values), pick(values), pick(values)];
        const holds = (found) => list.some((value) => compareValues(found, value) === 0) === (op === "anyOf");
        return { field, op, value: list.map(json), holds };
      }
      if (op === "type" || op === "notype") {
        const value = pick(["string", "boolean", "number", "bigint", "null", "array", "object", "bytes", "unset"]);
        return { field, op, value, holds: (found) => (kind(found) === value) === (op === "type") };
      }
      const value = pick(values);
      return { field, op, value: json(value), holds: (found) => operators[op](found, value) };
    };
    for (let round = 0; round < 40; round += 1) {
      const clauses = Array.from({ length: random.below(3) }, clause);
      const order = pick(["asc", "desc"]);
      const expected = documents.filter((row) => clauses.every(({ field, holds }) => holds(row[field]))).map(({ n }) => n);
      if (order === "desc") expected.reverse();
      const filters = { clauses: clauses.map(({ field, op, value }, id) => ({ id: String(id), field, op, value, enabled: true })), order };
      const found = [];
      for (let cursor = null, isDone = false; !isDone; ) {
        const args = { paginationOpts: { numItems: 7, cursor }, table: "filtered", filters: encoded(filters) };
        const page = await admin.query("paginatedTableDocuments", args);
        found.push(...page.page.map(({ n }) => n));
        ({ isDone, continueCursor: cursor } = page);
      }
      assert.deepEqual(found, expected, JSON.stringify(filters));
    }
    const broken = { clauses: [{ field: "a", op: "eq", value: 1 }, { field: "a", op: "like", value: 1 }] };
    const page = await admin.query("paginatedTableDocuments", { paginationOpts: firstPage, table: "filtered", filters: encoded(broken) });
    assert.deepEqual({ ...page, page: page.page.map(({ filter }) => filter) }, { page: [1], isDone: true, continueCursor: "" });
  });

  test("an index narrows what is shown", async (t) => {
    const admin = administrator(t, server);
    const documents = [3, 1, 2].flatMap((rank) => ["x", "y"].map((channel) => ({ channel, rank, body: `${channel}${rank}` })));
    await admin.mutation("addDocument", { table: "messages", documents });
    const filters = {
      order: "asc",
      index: {
        name: "by_rank",
        clauses: [
          { type: "indexEq", enabled: true, value: "x" },
          { type: "indexRange", enabled: true, lowerOp: "gte", lowerValue: 2 },
        ],
      },
    };
    const page = await admin.query("paginatedTableDocuments", { paginationOpts: firstPage, table: "messages", filters: encoded(filters) });
    assert.deepEqual(page.page.map(({ body }) => body), ["x2", "x3"]);
  });

  test("nobody else may ask", async (t) => {
    const client = connectClient(t, server);
    await assert.rejects(client.query(reference("getTableMapping"), {}), /Could not find public function/);
    await assert.rejects(client.mutation(reference("createTable"), { table: "mine" }), /Could not find public function/);
  });

  test("charts and descriptions answer", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const time = (secs) => ({ secs_since_epoch: secs, nanos_since_epoch: 0 });
    const window = encodeURIComponent(JSON.stringify({ start: time(now - 3_540), end: time(now + 60), num_buckets: 60 }));
    const isSeries = (series) => series.length === 60 && series.every(([at, value]) => typeof at.secs_since_epoch === "number" && orNull("number")(value));
    const { value: calls } = await endpoint(server, `app_metrics/function_call_count_top_k?k=25&window=${window}`);
    assert.ok(calls.every(([name, series]) => typeof name === "string" && !name.startsWith("_system") && isSeries(series)));
    const { value: rate } = await endpoint(server, `app_metrics/table_rate?name=messages&metric=rowsWritten&window=${window}`);
    assert.ok(isSeries(rate) && rate.some(([, value]) => value !== null));
    const { value: shapes } = await endpoint(server, "shapes2?component=");
    assert.equal(typeof shapes.messages.type, "string");
    const { value: indexes } = await endpoint(server, "get_indexes");
    assert.ok(indexes.indexes.some(({ table, name }) => table === "messages" && name === "by_rank"));
    const { value: allowed } = await endpoint(server, "check_admin_key");
    assert.deepEqual(allowed, { success: true, allowedOps: [], isReadOnly: false });
  });
});
