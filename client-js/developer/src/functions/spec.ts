// The functions there are, as the server lists them.

import { makeFunctionReference } from "fusion-client";
import type { Validator } from "../values/validator.ts";

/** A function, or a route. */
export interface FunctionSpec {
  /** Like `messages.js:list`; of routes there is none. */
  readonly identifier?: string;
  readonly functionType: "Query" | "Mutation" | "Action" | "HttpAction";
  readonly visibility?: { readonly kind: "public" | "internal" };
  readonly args?: Validator;
  readonly returns?: Validator;
  readonly method?: string;
  readonly path?: string;
}

/** The list of them. */
export const apiSpec = makeFunctionReference<"query", object, FunctionSpec[]>("_system/cli/modules:apiSpec");

/** A function as it is called: `messages:list`. */
export interface CallableFunction {
  /** The whole name. */
  readonly id: string;
  /** The path of its module. */
  readonly module: string;
  /** Its name in there. */
  readonly name: string;
  readonly kind: FunctionSpec["functionType"];
  readonly isPublic: boolean;
  readonly args: Validator | undefined;
  readonly returns: Validator | undefined;
}

function callable(spec: FunctionSpec): CallableFunction {
  const { functionType: kind, args, returns } = spec;
  if (spec.identifier === undefined) {
    const name = `${spec.method ?? ""} ${spec.path ?? ""}`;
    return { id: name, module: "http", name, kind, isPublic: true, args: undefined, returns: undefined };
  }
  const [path = "", name = "default"] = spec.identifier.split(":");
  const module = path.replace(/\.js$/, "");
  return { id: `${module}:${name}`, module, name, kind, isPublic: spec.visibility?.kind !== "internal", args, returns };
}

/** All functions by their modules, both in order. */
export function byModule(list: readonly FunctionSpec[]): Map<string, CallableFunction[]> {
  const modules = new Map<string, CallableFunction[]>();
  const isRoute = (one: CallableFunction) => Number(one.kind === "HttpAction");
  for (const one of list.map(callable).sort((a, b) => isRoute(a) - isRoute(b) || a.module.localeCompare(b.module) || a.name.localeCompare(b.name))) {
    const found = modules.get(one.module);
    if (found) found.push(one);
    else modules.set(one.module, [one]);
  }
  return modules;
}
