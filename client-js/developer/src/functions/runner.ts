// Running a function as an administrator, as a user, or as nobody.

import { FusionClient } from "fusion-client";
import type { Api } from "../api.ts";
import type { CallableFunction } from "./spec.ts";
import type { Value } from "../values/value.ts";
import { valueToWire, wireToValue } from "../values/wire.ts";

/** Who calls. */
export type Caller = { readonly kind: "admin" | "nobody" } | { readonly kind: "user"; readonly identity: Value };

/** How a run ended. */
export interface Run {
  readonly result: { readonly value: Value } | { readonly error: string; readonly data?: Value };
  readonly logLines: readonly string[];
  /** How long it took, with the way there and back. */
  readonly milliseconds: number;
}

interface Answer {
  readonly status: "success" | "error";
  readonly value?: unknown;
  readonly errorMessage?: string;
  readonly errorData?: unknown;
  readonly logLines?: string[];
}

/** Base64 of the JSON of an identity, which may have any characters. */
function identityText(identity: Value): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(valueToWire(identity)))));
}

/** Runs it once, in the component at a path. */
export async function run(api: Api, called: CallableFunction, componentPath: string, args: Value, caller: Caller): Promise<Run> {
  const path = caller.kind === "nobody" ? `/api/${called.kind.toLowerCase()}` : "/api/function";
  const headers: Record<string, string> = {
    ...(caller.kind === "nobody" ? {} : api.headers(caller.kind === "user" ? identityText(caller.identity) : undefined)),
    "Content-Type": "application/json",
  };
  const body = JSON.stringify({ path: called.id, componentPath, args: valueToWire(args), format: "convex_encoded_json" });
  const start = performance.now();
  const response = await fetch(api.url + path, { method: "POST", headers, body });
  const text = await response.text();
  const milliseconds = performance.now() - start;
  const answer = JSON.parse(text) as Answer & { message?: string };
  const logLines = answer.logLines ?? [];
  if (answer.status === "success") return { result: { value: wireToValue(answer.value) }, logLines, milliseconds };
  const data = answer.errorData === undefined ? {} : { data: wireToValue(answer.errorData) };
  return { result: { error: answer.errorMessage ?? answer.message ?? text, ...data }, logLines, milliseconds };
}

/** Follows a query's results until it is stopped. */
export function follow(
  api: Api,
  called: CallableFunction,
  componentPath: string,
  args: Value,
  caller: Caller,
  onResult: (result: Run["result"]) => void,
): () => void {
  // A client of its own: it may be somebody else, and its end ends everything.
  const client = new FusionClient(api.url, { logger: false, componentPath });
  if (caller.kind === "admin") client.setAdminAuth(api.key);
  else if (caller.kind === "user") client.setAdminAuth(api.key, caller.identity as Record<string, Value>);
  const stop = client.onUpdate(
    called.id,
    args as Record<string, Value>,
    (value: Value) => onResult({ value }),
    (error: Error) => onResult({ error: error.message, ...("data" in error ? { data: error.data as Value } : {}) }),
  );
  return () => {
    stop();
    void client.close();
  };
}
