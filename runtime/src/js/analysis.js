// What a push asks of modules: their functions, routes and crons, schemas, definitions and authentication.

const { stringify, parse } = JSON;
const { keys } = Object;
const { apply } = Reflect;
const { importModule, positionOf } = internals;
const analysis = { __proto__: null };
internals.analysis = analysis;

/** The JSON text of a module's default export, awaited; `undefined` becomes "undefined". */
analysis.evaluate = async (path) => {
  const module = await importModule(path);
  return stringify(await module.default) ?? "undefined";
};

/** What the `export()` of a module's default export gives: JSON text. */
analysis.exportDefault = async (path) => {
  const { default: exported } = await importModule(path);
  if (exported === undefined || exported === null) {
    throw new Error(`${path} has no default export.`);
  }
  if (typeof exported.export !== "function") {
    throw new Error(`The default export of ${path} cannot be exported: it has no \`export()\`.`);
  }
  // Schemas export JSON text, definitions of apps what the text would be of.
  const text = exported.export();
  return typeof text === "string" ? text : JSON.stringify(text);
};

/** The JSON text of the definition that is the only export of a module. */
analysis.exportDefinition = async (path) => {
  const others = keys(await importModule(path)).filter((name) => name !== "default");
  if (others.length > 0) {
    throw new Error(`A definition exports nothing but itself, as default. Move ${others.join(", ")} to another file.`);
  }
  return analysis.exportDefault(path);
};

/** The JSON text of the providers in the default export of auth.config.js. */
analysis.authProviders = async (path) => {
  const { default: config } = await importModule(path);
  return stringify(config?.providers ?? null) ?? "null";
};

const position = (definition) => {
  const handler = definition._handler ?? definition;
  if (typeof handler !== "function" || positionOf.includes(undefined)) return null;
  const [path, line, column] = positionOf.map((getter) => apply(getter, handler, []));
  return typeof path === "string" ? { path, line, column } : null;
};

const { getPrototypeOf, hasOwn, prototype: objectPrototype } = Object;
const { prototype: functionPrototype } = Function;

/** Whether a value has a property of its own or of its class; what modules add to all objects does not count. */
const has = (value, name) => {
  for (let at = value; at !== null && at !== objectPrototype && at !== functionPrototype; at = getPrototypeOf(at)) {
    if (hasOwn(at, name)) return true;
  }
  return false;
};

const kinds = [["isQuery", "query"], ["isMutation", "mutation"], ["isAction", "action"]];

const analyzeFunction = (name, value) => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return null;
  let kind = null;
  for (const [property, named] of kinds) {
    if (!has(value, property)) continue;
    if (kind !== null) return null;
    kind = named;
  }
  if (kind === null) return null;
  const isPublic = has(value, "isPublic");
  const isInternal = has(value, "isInternal");
  if (isPublic && isInternal) return null;
  const text = (exporter) => (typeof value[exporter] === "function" ? value[exporter]() : null);
  return {
    name,
    kind,
    visibility: isPublic ? "public" : isInternal ? "internal" : null,
    args: text("exportArgs"),
    returns: text("exportReturns"),
    position: position(value),
  };
};

const UNLISTED = "/a path that no route names";

const analyzeRoutes = (router) => {
  if (typeof router?.getRoutes !== "function") {
    throw new Error("The default export of http.js is not a router. Export the result of `httpRouter()`.");
  }
  const routes = router.getRoutes().map(([path, method, handler]) => ({ path, method, position: position(handler) }));
  // A router that answers what it does not list (Hono's has patterns of its own) is to see every path.
  for (const method of ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]) {
    const takesAll = routes.some((route) => route.path === "/*" && route.method === method);
    if (!takesAll && router.lookup?.(UNLISTED, method)) routes.push({ path: "/*", method, position: null });
  }
  return routes;
};

/** The JSON text of what a module exports. */
analysis.analyze = async (path) => {
  const module = await importModule(path);
  const functions = [];
  // In the order of their names.
  for (const name of keys(module)) {
    const found = analyzeFunction(name, module[name]);
    if (found !== null) functions.push(found);
  }
  const exported = module.default;
  const isRouter = path === "http.js" && exported?.isRouter === true;
  const isCrons = path === "crons.js" && exported?.isCrons === true;
  if (path === "http.js" && exported !== undefined && !isRouter) analyzeRoutes(exported);
  return stringify({
    functions,
    httpRoutes: isRouter ? analyzeRoutes(exported) : null,
    crons: isCrons ? parse(exported.export()) : null,
  });
};
