import type { Value } from "./value.ts";

/** What a function may do. */
export type FunctionKind = "query" | "mutation" | "action";

/**
 * A typed name of a function. There is nothing in it but the name; the fields are only types. The references that
 * `convex codegen` and `fusion codegen` write are of this shape, whichever package they import it from.
 */
export interface FunctionReference<
  Kind extends FunctionKind = FunctionKind,
  Visibility extends "public" | "internal" = "public" | "internal",
  // `any`: a reference without types stands for any function.
  Args = any,
  Returns = any,
> {
  readonly _type: Kind;
  readonly _visibility: Visibility;
  readonly _args: Args;
  readonly _returnType: Returns;
  readonly _componentPath: string | undefined;
}

/** What names a function in a call: a reference or text like `"folder/module:name"`. */
export type FunctionName<Kind extends FunctionKind> = FunctionReference<Kind> | string;

/** What a function takes. */
export type ArgsOf<F> = F extends FunctionReference<FunctionKind, "public" | "internal", infer Args> ? Args : Record<string, Value | undefined>;

/** What a function returns; nothing is known of one that only has a name. */
export type ReturnsOf<F> = F extends FunctionReference<FunctionKind, "public" | "internal", any, infer Returns> ? Returns : any;

/** Arguments after the function: they may be left out where there is none to give. */
export type OptionalArgs<F> = {} extends ArgsOf<F> ? [args?: ArgsOf<F>] : [args: ArgsOf<F>];

/** What a paginated query takes besides `paginationOpts`. */
export type PageArgsOf<F> = Omit<ArgsOf<F>, "paginationOpts">;

/** What is in the list that a paginated query returns pages of. */
export type ItemOf<F> = ReturnsOf<F> extends { page: (infer Item)[] } ? Item : never;

/** The `_id` of a document. */
export type GenericId<Table extends string> = string & { readonly __tableName: Table };

// The same as in the references of the `convex` package, so that either client takes the references of both.
const NAME = Symbol.for("functionName");

/** A reference to the function of a name like `"folder/module:name"`, with types that the caller knows. */
export function makeFunctionReference<Kind extends FunctionKind, Args = Record<string, Value | undefined>, Returns = unknown>(
  name: string,
): FunctionReference<Kind, "public", Args, Returns> {
  return { [NAME]: name } as unknown as FunctionReference<Kind, "public", Args, Returns>;
}

/** The name of a function in the form the server uses. */
export function functionName(reference: FunctionName<FunctionKind>): string {
  const name: unknown = typeof reference === "string" ? reference : (reference as unknown as Record<symbol, unknown>)[NAME];
  if (typeof name !== "string" || name === "") throw new Error("this is no reference to a function");
  const [path = "", exported = "default"] = name.split(":");
  return `${path.replace(/\.js$/, "")}:${exported}`;
}

/** The type of `anyApi`: everything in it may be a folder, a module or a function. */
export type AnyApi = { readonly [name: string]: AnyApi } & FunctionReference<any>;

function pathTo(parts: readonly string[]): unknown {
  return new Proxy(
    {},
    {
      get(_, part) {
        if (typeof part === "string") return pathTo([...parts, part]);
        if (part !== NAME) return undefined;
        const path = parts.slice(0, -1).join("/");
        const exported = parts.at(-1);
        if (parts.length < 2) throw new Error(`api.${parts.join(".")} is no function: it takes a module and a function's name`);
        return exported === "default" ? path : `${path}:${exported}`;
      },
    },
  );
}

/** References to functions by their path: `anyApi.folder.module.name`. Generated code gives it types. */
export const anyApi = pathTo([]) as AnyApi;
