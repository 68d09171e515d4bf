// The functions by which the host drives an isolate, and the global `Convex` by which the npm package `convex`
// reaches the host.

const { parse } = JSON;
const { getOwnPropertyDescriptor, defineProperty } = Object;
const { apply } = Reflect;
const { then } = Promise.prototype;
const { isArray } = Array;

// ---- system calls

// The last call that failed: its message, and the stack of its caller, which the engine has forgotten by then.
let failed = null;

const fail = ({ message, data }, caller) => {
  const error = new Error(message);
  if (data !== undefined) error.data = parse(data);
  if (caller !== undefined) failed = { message, stack: caller.stack };
  throw error;
};

const nameOf = (line) => line.trimStart().split(" ", 2)[1];

/** Runs a call; an error that is thrown on after a failed system call tells where that was made, too. */
const withCallers = async (call) => {
  try {
    return await call();
  } catch (error) {
    if (failed !== null && typeof error === "object" && error?.message === failed.message) {
      const own = `${error.stack ?? ""}`.split("\n").filter((line) => line !== "");
      const callers = failed.stack.split("\n").filter((line) => line !== "" && !line.includes("(fusion:"));
      if (own.length > 0 && callers.length > 0 && nameOf(own.at(-1)) === nameOf(callers[0])) callers.shift();
      const asynchronous = callers.map((line) => line.replace("    at ", "    at async "));
      try {
        defineProperty(error, "stack", { configurable: true, value: [...own, ...asynchronous, ""].join("\n") });
      } catch {
        // A frozen error stays as it is.
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
    syscall: (op, args) => ops.syscall(op, args),
    asyncSyscall: (op, args) => {
      // What is called for every document hardly ever fails, and noting the caller costs as much as the call.
      if (op === "1.0/queryStreamNext") return apply(then, ops.asyncSyscall(op, args), [settle]);
      const caller = new Error();
      const settleFor = (answer) => (typeof answer === "string" ? answer : fail(answer, caller));
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

for (const name of ["evaluate", "exportDefault", "authProviders", "analyze"]) {
  internals[name] = (path) => internals.need("analysis")[name](path);
}
