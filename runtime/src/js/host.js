// The functions by which the host drives an isolate, and the global `Convex` by which the npm package `convex`
// reaches the host.

const { parse } = JSON;
const { getOwnPropertyDescriptor, defineProperty } = Object;
const { apply } = Reflect;
const { then } = Promise.prototype;
const { isArray } = Array;

// ---- system calls

// The engine forgets who waits for a function: what it throws after its first `await` tells the function's own place
// only. So the stacks of the latest system calls are kept, which were made when the callers were still there.
const CALLERS_MAX = 32;
const callers = [];
let calls = 0;

const note = () => {
  const stack = internals.framesOf(new Error());
  callers[calls++ % CALLERS_MAX] = stack;
  return stack;
};

// The last call that failed: its message, and the stack of its caller.
let failed = null;

const fail = ({ message, data }, stack) => {
  const error = new Error(message);
  if (data !== undefined) error.data = parse(data);
  if (stack !== undefined) failed = { message, stack };
  throw error;
};

const linesOf = (stack) => stack.split("\n").filter((line) => line !== "" && !line.includes("(<null>:"));

/** Function and module of a line `    at name (module:line:column)`; undefined if the function has no name. */
const functionOf = (line) => {
  const found = /^ *at (?!<)([^ ]+) \((.*):\d+:\d+\)$/.exec(line);
  return found === null ? undefined : `${found[1]} ${found[2]}`;
};

/** Those who wait for the function in a line, as far as the latest calls tell. */
const waitingFor = (line) => {
  const wanted = functionOf(line);
  if (wanted === undefined) return [];
  for (let back = 1; back <= CALLERS_MAX && back <= calls; back++) {
    const lines = linesOf(callers[(calls - back) % CALLERS_MAX]);
    const place = lines.findIndex((other) => functionOf(other) === wanted);
    if (place >= 0 && place + 1 < lines.length) return lines.slice(place + 1);
  }
  return [];
};

const DEPTH_MAX = 10;
const asynchronous = (line) => line.replace("    at ", "    at async ");

/** Runs a call; an error that is thrown tells also where the functions stand that wait for the one that threw it. */
const withCallers = async (call) => {
  try {
    return await call();
  } catch (error) {
    const isError = typeof error === "object" && error !== null;
    const frames = isError ? getOwnPropertyDescriptor(error, "stack")?.value ?? internals.framesOf(error) : undefined;
    if (typeof frames === "string") {
      const lines = frames.split("\n").filter((line) => line.startsWith("    at "));
      const own = lines.length;
      if (failed !== null && error.message === failed.message) {
        const found = linesOf(failed.stack);
        if (own > 0 && found.length > 0 && functionOf(lines.at(-1)) === functionOf(found[0])) found.shift();
        lines.push(...found.map(asynchronous));
      }
      for (let depth = 0; depth < DEPTH_MAX && lines.length > 0; depth++) {
        const last = lines.at(-1).replace("    at async ", "    at ");
        const found = waitingFor(last).filter((line) => !lines.includes(asynchronous(line)));
        if (found.length === 0) break;
        lines.push(...found.map(asynchronous));
      }
      if (lines.length > own) {
        try {
          defineProperty(error, "stack", { configurable: true, value: internals.stackOf(error, lines.join("\n")) });
        } catch {
          // A frozen error stays as it is.
        }
      }
    }
    throw error;
  }
};

/** The host answers with JSON text, or with a record that says what went wrong. */
const settle = (answer) => (typeof answer === "string" ? answer : fail(answer));

const jsSyscalls = {
  __proto__: null,
  "storage/storeBlob": async ({ blob, options }) => {
    const { isBlob, bytesOf } = internals.need("blob");
    if (!isBlob(blob)) {
      throw new Error(
        "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
      );
    }
    return parse(settle(await ops.storeBlob(bytesOf(blob), blob.type, options?.sha256 ?? undefined)));
  },
  "storage/getBlob": async ({ storageId }) => {
    const answer = await ops.getBlob(`${storageId}`);
    if (answer === null) return null;
    if (!isArray(answer)) fail(answer);
    return internals.need("blob").ofBytes(answer[0], answer[1]);
  },
};

defineProperty(globalThis, "Convex", {
  configurable: true,
  enumerable: false,
  writable: true,
  value: {
    syscall: (op, args) => {
      // A query is read by many calls that are not noted.
      if (op === "1.0/queryStream") note();
      return ops.syscall(op, args);
    },
    asyncSyscall: (op, args) => {
      // What is called for every document hardly ever fails, and noting the caller costs as much as the call.
      if (op === "1.0/queryStreamNext") return apply(then, ops.asyncSyscall(op, args), [settle]);
      const stack = note();
      const settleFor = (answer) => (typeof answer === "string" ? answer : fail(answer, stack));
      return apply(then, ops.asyncSyscall(op, args), [settleFor]);
    },
    jsSyscall: (op, args) => {
      const call = jsSyscalls[op];
      if (call === undefined) throw new Error(`Unknown operation ${op}`);
      return call(args);
    },
  },
});

// ---- modules

const { importModule } = internals;

internals.importModules = async (paths) => {
  for (const path of paths) await importModule(path);
};

// ---- calls

const registered = async (path, name) => {
  const module = await importModule(path);
  const found = module[name];
  if (found === undefined) throw new Error(`Couldn't find the export ${name} in ${path}.`);
  return found;
};

const checkText = (path, name, text) => {
  if (typeof text !== "string") {
    throw new Error(`The function ${name} in ${path} did not give JSON text.`);
  }
  return text.toWellFormed();
};

internals.invokeQuery = async (path, name, args) => {
  const found = await registered(path, name);
  return checkText(path, name, await withCallers(() => found.invokeQuery(args)));
};

internals.invokeMutation = async (path, name, args) => {
  const found = await registered(path, name);
  return checkText(path, name, await withCallers(() => found.invokeMutation(args)));
};

/** Answers a request for `target`, given as JSON, with the handler that the router finds; gives the response as JSON. */
internals.invokeHttpAction = async (path, target, method, requestJson) => {
  const { requestFromConvexJson, convexJsonFromResponse } = internals.need("http_action");
  const { default: router } = await importModule(path);
  const found = router.lookup(target, method);
  if (!found) throw new Error(`No HttpAction routed for ${target}`);
  const request = requestFromConvexJson({ convexJson: requestJson });
  return await convexJsonFromResponse({
    response: await withCallers(() => found[0].invokeHttpAction(request)),
  });
};

/** Settles when the body of the response has been handed over. */
internals.httpBodySent = async () => {
  await internals.need("http_action").sent();
};

internals.invokeAction = async (path, name, args, requestId) => {
  const found = await registered(path, name);
  return checkText(path, name, await withCallers(() => found.invokeAction(requestId, args)));
};

// ---- analysis: what pushes ask, which calls need not load

// Not part of the language: modules do not see them.
internals.positionOf = ["fileName", "lineNumber", "columnNumber"].map((name) => {
  const getter = getOwnPropertyDescriptor(Function.prototype, name)?.get;
  delete Function.prototype[name];
  return getter;
});

for (const name of ["evaluate", "exportDefault", "exportDefinition", "authProviders", "analyze"]) {
  internals[name] = (path) => internals.need("analysis")[name](path);
}
