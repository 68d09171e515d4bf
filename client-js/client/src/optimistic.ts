import { LOADING, parseToken, type QueryResult, type QuerySet, tokenOf } from "./query_set.ts";
import { type ArgsOf, type FunctionName, functionName, type OptionalArgs, type ReturnsOf } from "./reference.ts";
import { decode, encode, type Value } from "./value.ts";

/** The results of queries as an optimistic update sees and changes them. Values are to be replaced, never changed. */
export interface OptimisticLocalStore {
  /** The result of a query, or undefined if it is not subscribed to, still loading or failed. */
  getQuery<F extends FunctionName<"query">>(query: F, ...args: OptionalArgs<F>): ReturnsOf<F> | undefined;
  /** The results of all subscriptions to a query, whatever its arguments. */
  getAllQueries<F extends FunctionName<"query">>(query: F): { args: ArgsOf<F>; value: ReturnsOf<F> | undefined }[];
  /** Shows another result, or with `undefined` that the query is loading. */
  setQuery<F extends FunctionName<"query">>(query: F, args: ArgsOf<F>, value: ReturnsOf<F> | undefined): void;
}

/** Shows what a mutation is going to do before it is done. Must be able to run any number of times. */
export type OptimisticUpdate<Args> = (localStore: OptimisticLocalStore, args: Args) => void;

/** An optimistic update with its arguments. */
export type OptimisticChange = (localStore: OptimisticLocalStore) => void;

/** Runs optimistic updates one after the other and returns the results that they replace. */
export function applyOptimistic(queries: QuerySet, changes: readonly OptimisticChange[]): Map<string, QueryResult> {
  const overlay = new Map<string, QueryResult>();
  const valueOf = (token: string): Value | undefined => (overlay.get(token) ?? queries.stored(token)).value;
  const store: OptimisticLocalStore = {
    getQuery: <F extends FunctionName<"query">>(query: F, ...[args]: OptionalArgs<F>) =>
      valueOf(tokenOf(functionName(query), encode((args ?? {}) as Value))) as ReturnsOf<F> | undefined,
    getAllQueries: <F extends FunctionName<"query">>(query: F) => {
      const wanted = functionName(query);
      return [...queries.tokens()].flatMap((token) => {
        const { name, args } = parseToken(token);
        return name === wanted ? { args: decode(args) as ArgsOf<F>, value: valueOf(token) as ReturnsOf<F> | undefined } : [];
      });
    },
    setQuery: (query, args, value) => {
      overlay.set(tokenOf(functionName(query), encode(args as Value)), value === undefined ? LOADING : { status: "success", value });
    },
  };
  for (const change of changes) change(store);
  return overlay;
}
