import {
  type ArgsOf,
  type AuthTokenFetcher,
  type ConnectionState,
  encode,
  type FusionClient,
  type FunctionName,
  functionName,
  type ItemOf,
  LOADING,
  type OptimisticUpdate,
  type OptionalArgs,
  type PageArgsOf,
  PaginatedQuery,
  type PaginatedResult,
  type QueryResult,
  type ReturnsOf,
  type Value,
} from "./index.ts";

/** Something whose state a component shows: a new object for every new state. */
export interface Source<T> {
  result(): T;
  subscribe(listener: () => void): () => void;
}

/** What the hooks are made of; Preact and React give it in their own ways. */
export interface Library {
  /** The client of the provider around a component. */
  useClient(): FusionClient | undefined;
  useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
  useState<T>(initial: T): readonly [T, (next: T) => void];
  useLayoutEffect(effect: () => void | (() => void), inputs: readonly unknown[]): void;
  /** Shows the state of a source, and renders again when there is another one. */
  useSource<T>(source: Source<T>): T;
}

/** Whether somebody is signed in; while it is loading nobody knows. */
export interface AuthState {
  readonly isLoading: boolean;
  readonly isAuthenticated: boolean;
}

/** What a provider of identities says: who signs in with it, and by which tokens. */
export interface AuthProvider extends AuthState {
  /** Another function stands for another sign-in. */
  readonly fetchAccessToken: AuthTokenFetcher;
}

/** The arguments of a query in a component: `"skip"` does not run it. */
export type QueryArgs<F> = {} extends ArgsOf<F> ? [args?: ArgsOf<F> | "skip"] : [args: ArgsOf<F> | "skip"];

/** Calls a mutation. */
export interface MutationCall<F> {
  (...args: OptionalArgs<F>): Promise<ReturnsOf<F>>;
  /** The same with an optimistic update. */
  withOptimisticUpdate(update: OptimisticUpdate<ArgsOf<F>>): MutationCall<F>;
}

/** What never changes. */
function constant<T>(state: T): Source<T> {
  return { result: () => state, subscribe: () => () => undefined };
}

const SKIPPED_QUERY = constant<QueryResult<never>>(LOADING);
const SKIPPED_LIST = constant<PaginatedResult<never>>({
  results: [],
  status: "LoadingFirstPage",
  isLoading: true,
  loadMore: () => undefined,
});

/** Several sources as one. */
function combined<T>(sources: Readonly<Record<string, Source<T>>>): Source<Readonly<Record<string, T>>> {
  const read = () => Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, source.result()]));
  let current = read();
  return {
    result: () => {
      const next = read();
      if (Object.keys(next).some((name) => next[name] !== current[name])) current = next;
      return current;
    },
    subscribe: (listener) => {
      const ends = Object.values(sources).map((source) => source.subscribe(listener));
      return () => ends.forEach((end) => end());
    },
  };
}

function mutationCall<F extends FunctionName<"mutation">>(client: FusionClient, mutation: F, optimisticUpdate?: OptimisticUpdate<ArgsOf<F>>): MutationCall<F> {
  const call = (...[args]: OptionalArgs<F>) => client.mutation(mutation, ...([args ?? {}, { optimisticUpdate }] as unknown as OptionalArgs<F>));
  return Object.assign(call, { withOptimisticUpdate: (update: OptimisticUpdate<ArgsOf<F>>) => mutationCall(client, mutation, update) });
}

/** Makes the hooks for a library of components. */
export function createHooks({ useClient, useMemo, useState, useLayoutEffect, useSource }: Library) {
  /** The client of the `FusionProvider` around this component. */
  function useFusion(): FusionClient {
    const client = useClient();
    if (client === undefined) throw new Error("There is no FusionProvider around this component");
    return client;
  }

  /** How a query stands: for components that show errors themselves. */
  function useQueryResult<F extends FunctionName<"query">>(query: F, ...[args]: QueryArgs<F>): QueryResult<ReturnsOf<F>> {
    const client = useFusion();
    const name = functionName(query);
    const key = args === "skip" ? args : JSON.stringify(encode((args ?? {}) as Value));
    const source = useMemo<Source<QueryResult<ReturnsOf<F>>>>(
      () => (args === "skip" ? SKIPPED_QUERY : client.watch(query, ...([args] as OptionalArgs<F>))),
      [client, name, key],
    );
    return useSource(source);
  }

  /** The result of a query, undefined while it loads. Its error is thrown, for an error boundary. */
  function useQuery<F extends FunctionName<"query">>(query: F, ...args: QueryArgs<F>): ReturnsOf<F> | undefined {
    const { value, error } = useQueryResult(query, ...args);
    if (error !== undefined) throw error;
    return value;
  }

  /** The results of any number of queries by name, as of one moment. */
  function useQueries(
    queries: Readonly<Record<string, { readonly query: FunctionName<"query">; readonly args: Record<string, Value | undefined> }>>,
  ): Readonly<Record<string, QueryResult>> {
    const client = useFusion();
    const key = JSON.stringify(Object.entries(queries).map(([name, { query, args }]) => [name, functionName(query), encode(args)]));
    const source = useMemo(
      () => combined(Object.fromEntries(Object.entries(queries).map(([name, { query, args }]) => [name, client.watch(query, args)]))),
      [client, key],
    );
    return useSource(source);
  }

  /** A list that is loaded page by page and stays whole while documents come and go. */
  function usePaginatedQuery<F extends FunctionName<"query">>(
    query: F,
    args: PageArgsOf<F> | "skip",
    { initialNumItems }: { readonly initialNumItems: number },
  ): PaginatedResult<ItemOf<F>> {
    const client = useFusion();
    const name = functionName(query);
    const key = args === "skip" ? args : JSON.stringify(encode(args as Value));
    const source = useMemo<Source<PaginatedResult<ItemOf<F>>>>(
      () => (args === "skip" ? SKIPPED_LIST : new PaginatedQuery<ItemOf<F>>(client, name, args as Record<string, Value>, initialNumItems)),
      [client, name, key, initialNumItems],
    );
    return useSource(source);
  }

  /** A function that calls a mutation: the same one in every render. */
  function useMutation<F extends FunctionName<"mutation">>(mutation: F): MutationCall<F> {
    const client = useFusion();
    return useMemo(() => mutationCall(client, mutation), [client, functionName(mutation)]);
  }

  /** A function that calls an action: the same one in every render. */
  function useAction<F extends FunctionName<"action">>(action: F): (...args: OptionalArgs<F>) => Promise<ReturnsOf<F>> {
    const client = useFusion();
    return useMemo(() => (...args: OptionalArgs<F>) => client.action(action, ...args), [client, functionName(action)]);
  }

  /** How the client stands to its server. */
  function useConnectionState(): ConnectionState {
    const client = useFusion();
    return useSource(
      useMemo(
        () => ({ result: () => client.connectionState(), subscribe: (listener) => client.subscribeToConnectionState(listener) }),
        [client],
      ),
    );
  }

  /** Signs the client in with what a provider of identities says. Nobody is signed in until the server agrees. */
  function useClientAuth(client: FusionClient, { isLoading, isAuthenticated, fetchAccessToken }: AuthProvider): AuthState {
    const [confirmed, setConfirmed] = useState<boolean | undefined>(undefined);
    const isWanted = !isLoading && isAuthenticated;
    // Before anything is sent, so that no query of this moment is run for nobody.
    useLayoutEffect(() => {
      if (isWanted) client.setAuth(fetchAccessToken, setConfirmed);
    }, [client, isWanted, fetchAccessToken]);
    useLayoutEffect(() => {
      if (!isWanted) return undefined;
      return () => {
        client.clearAuth();
        setConfirmed(undefined);
      };
    }, [client, isWanted]);
    return useMemo(
      () => ({ isLoading: isLoading || (isAuthenticated && confirmed === undefined), isAuthenticated: isWanted && confirmed === true }),
      [isLoading, isAuthenticated, confirmed],
    );
  }

  return { useClientAuth, useFusion, useQuery, useQueryResult, useQueries, usePaginatedQuery, useMutation, useAction, useConnectionState };
}
