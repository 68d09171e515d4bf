// A small stand-in for the npm package `convex`: the same objects and system calls, without types and checks. Values are
// taken as JSON, which they are in these tests.

export class ConvexError extends Error {
  name = "ConvexError";
  [Symbol.for("ConvexError")] = true;
  constructor(data) {
    super(typeof data === "string" ? data : JSON.stringify(data));
    this.data = data;
  }
}

async function perform(op, args) {
  let text;
  try {
    text = await Convex.asyncSyscall(op, JSON.stringify(args));
  } catch (e) {
    if (e.data !== undefined) {
      const rethrown = new ConvexError(e.message);
      rethrown.data = e.data;
      throw rethrown;
    }
    throw new Error(e.message);
  }
  return JSON.parse(text);
}

const performSync = (op, args) => JSON.parse(Convex.syscall(op, JSON.stringify(args)));

function encode(value) {
  if (value instanceof Map) throw new Error("Map<> is not a supported Convex type.");
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, field]) => field !== undefined)
        .map(([name, field]) => [name, encode(field)]),
    );
  }
  return value;
}

const patchValue = (value) =>
  Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, field === undefined ? { $undefined: null } : encode(field)]),
  );

class Query {
  constructor(query) {
    this.query = query;
  }
  withIndex(name, range = []) {
    const source = { type: "IndexRange", indexName: `${this.query.source.tableName}.${name}`, range, order: null };
    return new Query({ ...this.query, source });
  }
  order(order) {
    return new Query({ ...this.query, source: { ...this.query.source, order } });
  }
  filter(filter) {
    return new Query({ ...this.query, operators: [...this.query.operators, { filter }] });
  }
  async take(limit) {
    const query = { ...this.query, operators: [...this.query.operators, { limit }] };
    return await new Query(query).collect();
  }
  async first() {
    return (await this.take(1))[0] ?? null;
  }
  async collect() {
    const { queryId } = performSync("1.0/queryStream", { query: this.query, version: "test" });
    const found = [];
    for (;;) {
      const { value, done } = await perform("1.0/queryStreamNext", { queryId });
      if (done) break;
      found.push(value);
    }
    performSync("1.0/queryCleanup", { queryId });
    return found;
  }
  async paginate({ cursor, numItems }) {
    return await perform("1.0/queryPage", { query: this.query, cursor, pageSize: numItems, version: "test" });
  }
}

const reader = (isSystem) => ({
  get: (...args) => {
    const [table, id] = args.length === 1 ? [undefined, args[0]] : args;
    return perform("1.0/get", { id, isSystem, version: "test", table });
  },
  query: (tableName) => new Query({ source: { type: "FullTableScan", tableName, order: null }, operators: [] }),
  normalizeId: (table, idString) => performSync("1.0/db/normalizeId", { table, idString }).id,
});

const writer = () => ({
  ...reader(false),
  system: reader(true),
  insert: async (table, value) => (await perform("1.0/insert", { table, value: encode(value) }))._id,
  patch: async (id, value) => void (await perform("1.0/shallowMerge", { id, value: patchValue(value) })),
  replace: async (id, value) => void (await perform("1.0/replace", { id, value: encode(value) })),
  delete: async (id) => void (await perform("1.0/remove", { id })),
});

const auth = { getUserIdentity: () => perform("1.0/getUserIdentity", { requestId: "" }) };

const run = (udfType) => (name, args = {}) => perform("1.0/runUdf", { udfType, name, args: encode(args) });

const storageReader = {
  getUrl: (storageId) => perform("1.0/storageGetUrl", { requestId: "", version: "test", storageId }),
  getMetadata: (storageId) => perform("1.0/storageGetMetadata", { requestId: "", version: "test", storageId }),
};

const storageWriter = {
  ...storageReader,
  generateUploadUrl: () => perform("1.0/storageGenerateUploadUrl", { requestId: "", version: "test" }),
  delete: (storageId) => perform("1.0/storageDelete", { requestId: "", version: "test", storageId }),
  store: async (blob, options) =>
    perform("1.0/storageStore", {
      requestId: "",
      version: "test",
      blob: new Uint8Array(await blob.arrayBuffer()).toBase64(),
      contentType: blob.type,
      sha256: options?.sha256,
    }),
  get: async (storageId) => {
    const found = await perform("1.0/storageGet", { requestId: "", version: "test", storageId });
    return found && new Blob([Uint8Array.fromBase64(found.blob)], { type: found.contentType ?? "" });
  },
};

const scheduler = (prefix) => ({
  runAfter: (ms, name, args = {}) =>
    perform(`1.0/${prefix}schedule`, { name, ts: (Date.now() + ms) / 1000, args: encode(args), version: "test" }),
  cancel: (id) => perform(`1.0/${prefix}cancel_job`, { id }),
});

const meta = {
  metadata: () => perform("1.0/getFunctionMetadata", {}),
  metrics: () => perform("1.0/getTransactionMetrics", {}),
  handle: (name) => perform("1.0/createFunctionHandle", { name, version: "test" }),
  perform,
  performSync,
};

const queryCtx = () => ({
  db: { ...reader(false), system: reader(true) },
  auth,
  storage: storageReader,
  meta,
  runQuery: run("query"),
});

const mutationCtx = () => ({
  db: writer(),
  auth,
  storage: storageWriter,
  scheduler: scheduler(""),
  meta,
  runQuery: run("query"),
  runStaleQuery: run("snapshotQuery"),
  runMutation: run("mutation"),
});

const actionCtx = (requestId) => {
  const call = (kind) => (name, args = {}) =>
    perform(`1.0/actions/${kind}`, { name, args: encode(args), version: "test", requestId });
  return {
    runQuery: call("query"),
    runMutation: call("mutation"),
    runAction: call("action"),
    auth,
    scheduler: scheduler("actions/"),
    storage: {
      ...storageWriter,
      store: (blob, options) => Convex.jsSyscall("storage/storeBlob", { requestId, version: "test", blob, options }),
      get: (storageId) => Convex.jsSyscall("storage/getBlob", { requestId, version: "test", storageId }),
    },
    meta,
    requestId,
  };
};

async function invoke(handler, ctx, args) {
  let result;
  try {
    result = await handler(ctx, ...args);
  } catch (thrown) {
    if (typeof thrown === "object" && thrown !== null && Symbol.for("ConvexError") in thrown) {
      thrown.data = JSON.stringify(encode(thrown.data ?? null));
      thrown.ConvexErrorSymbol = Symbol.for("ConvexError");
    }
    throw thrown;
  }
  return JSON.stringify(encode(result ?? null));
}

const define = (kind, visibility, invokeName, invoker) => (definition) => {
  const handler = typeof definition === "function" ? definition : definition.handler;
  const func = (ctx, args) => handler(ctx, args);
  func[kind] = true;
  if (visibility) func[visibility] = true;
  func[invokeName] = invoker(handler);
  func.exportArgs = () => JSON.stringify(definition.args ?? { type: "any" });
  func.exportReturns = () => JSON.stringify(definition.returns ?? null);
  func._handler = handler;
  return func;
};

const invokeQuery = (handler) => (args) => invoke(handler, queryCtx(), JSON.parse(args));
const invokeMutation = (handler) => (args) => invoke(handler, mutationCtx(), JSON.parse(args));
const invokeAction = (handler) => (requestId, args) => invoke(handler, actionCtx(requestId), JSON.parse(args));

export const query = define("isQuery", "isPublic", "invokeQuery", invokeQuery);
export const internalQuery = define("isQuery", "isInternal", "invokeQuery", invokeQuery);
export const mutation = define("isMutation", "isPublic", "invokeMutation", invokeMutation);
export const internalMutation = define("isMutation", "isInternal", "invokeMutation", invokeMutation);
export const action = define("isAction", "isPublic", "invokeAction", invokeAction);
export const internalAction = define("isAction", "isInternal", "invokeAction", invokeAction);
export const strangeQuery = define("isQuery", null, "invokeQuery", invokeQuery);

export const httpAction = (handler) => {
  const func = (ctx, request) => handler(ctx, request);
  func.isHttp = true;
  func.invokeHttpAction = async (request) => {
    try {
      return await handler(actionCtx(""), request);
    } catch (thrown) {
      if (typeof thrown === "object" && thrown !== null && Symbol.for("ConvexError") in thrown) {
        thrown.data = JSON.stringify(encode(thrown.data ?? null));
        thrown.ConvexErrorSymbol = Symbol.for("ConvexError");
      }
      throw thrown;
    }
  };
  func._handler = handler;
  return func;
};

export const router = (routes) => ({
  isRouter: true,
  getRoutes: () => routes,
  lookup: (path, method) => {
    const wanted = method === "HEAD" ? "GET" : method;
    const matches = ([route, its]) =>
      its === wanted && (route.endsWith("*") ? path.startsWith(route.slice(0, -1)) : route === path);
    const found = routes.filter(matches).sort(([a], [b]) => a.endsWith("*") - b.endsWith("*") || b.length - a.length);
    return found.length === 0 ? null : [found[0][2], wanted, found[0][0]];
  },
});
