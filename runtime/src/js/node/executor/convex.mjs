// The global `Convex`, by which the npm package `convex` reaches the server.

import { callOf } from "./calls.mjs";

const unavailable = (call, op) =>
  new Error(
    call === undefined
      ? `Can't use the database or other functions of the server at import time (\`${op}\`). Call it inside of an action.`
      : `The action has ended already, so \`${op}\` cannot be called any more. Await every call before the action returns.`,
  );

/** Asks the server; `read` makes a value of its answer. */
function ask(channel, call, op, header, body, read) {
  // Made here, where those who wait for it are still known.
  const error = new Error();
  if (call === undefined || call.hasEnded) {
    error.message = unavailable(call, op).message;
    return Promise.reject(error);
  }
  return new Promise((resolve, reject) => {
    const number = call.expect(op, (answer, content) => {
      if (answer.error === undefined) {
        resolve(read(answer, content));
        return;
      }
      error.message = answer.error.message;
      // Its head was written when there was no message yet; all places are of those who wait.
      const places = error.stack.slice("Error".length).replaceAll(/^ {4}at (?!async )/gm, "    at async ");
      error.stack = `Error: ${error.message}${places}`;
      if (answer.error.data !== undefined) error.data = JSON.parse(answer.error.data);
      reject(error);
    });
    channel.send({ ...header, call: call.id, number }, body);
  });
}

const text = (_, content) => content.toString("utf8");

/** Defines the global. */
export function defineConvex(channel) {
  const jsSyscalls = {
    __proto__: null,
    "storage/storeBlob": async ({ requestId, blob, options }) => {
      if (!(blob instanceof Blob)) {
        throw new Error(
          "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
        );
      }
      const header = { type: "storeBlob", contentType: blob.type, sha256: options?.sha256 ?? null };
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const read = (_, content) => JSON.parse(content.toString("utf8"));
      return ask(channel, callOf(`"requestId":"${requestId}"`), "storageStore", header, bytes, read);
    },
    "storage/getBlob": async ({ requestId, storageId }) => {
      const header = { type: "getBlob", storageId: `${storageId}` };
      const read = ({ contentType }, content) => {
        if (contentType === undefined) return null;
        return new Blob([content], { type: contentType });
      };
      return ask(channel, callOf(`"requestId":"${requestId}"`), "storageGet", header, "", read);
    },
  };
  Object.defineProperty(globalThis, "Convex", {
    configurable: true,
    enumerable: false,
    writable: true,
    value: {
      syscall(op) {
        if (op === "1.0/componentArgument") return "{}";
        throw new Error(`Unknown operation ${op}`);
      },
      asyncSyscall: (op, args) => ask(channel, callOf(args), op, { type: "syscall", op }, args, text),
      jsSyscall(op, args) {
        const call = jsSyscalls[op];
        if (call === undefined) throw new Error(`Unknown operation ${op}`);
        return call(args);
      },
    },
  });
}
