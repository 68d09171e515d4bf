import { errorOf } from "./error.ts";
import { type Logger, printLines } from "./log.ts";
import { calledFunction, type QuerySetModification, type StateModification } from "./protocol.ts";
import { share } from "./share.ts";
import { decode, type Json, type Value } from "./value.ts";

/** How a query stands. A new object whenever it changes. */
export type QueryResult<T = Value> =
  | { readonly status: "loading"; readonly value?: undefined; readonly error?: undefined }
  | { readonly status: "success"; readonly value: T; readonly error?: undefined }
  | { readonly status: "error"; readonly value?: undefined; readonly error: Error };

/** The result of a query that has none yet. */
export const LOADING: QueryResult<never> = { status: "loading" };

/** A query that somebody subscribes to. */
interface Query {
  readonly id: number;
  readonly token: string;
  readonly name: string;
  readonly args: Json;
  /** By what the server finds the same page again. */
  journal: string | null;
  /** What the server says. */
  stored: QueryResult;
  /** What is shown: with optimistic updates. */
  shown: QueryResult;
  readonly listeners: Set<() => void>;
  /** Whether the server of this connection knows of it. */
  isSent: boolean;
}

/** What two subscriptions have in common if they are to the same query. */
export function tokenOf(name: string, args: Json): string {
  return JSON.stringify([name, args]);
}

/** The name and the arguments of a query. */
export function parseToken(token: string): { name: string; args: Json } {
  const [name, args] = JSON.parse(token) as [string, Json];
  return { name, args };
}

/** The queries that are subscribed to, what the server knows of them, and their results. */
export class QuerySet {
  /** The version that the server was last told. */
  version = 0;
  private readonly byToken = new Map<string, Query>();
  private readonly byId = new Map<number, Query>();
  /** What the next message to the server may be about. */
  private readonly touched = new Set<Query>();
  private nextId = 0;
  private overlay: ReadonlyMap<string, QueryResult> = new Map();

  constructor(
    private readonly logger: Logger,
    private readonly componentPath?: string | undefined,
  ) {}

  /** Subscribes to a query; `listener` is called when its result is another one. */
  subscribe(token: string, listener: () => void): () => void {
    const query = this.byToken.get(token) ?? this.add(token);
    // One of its own, so that the same function can be given twice.
    const own = () => listener();
    query.listeners.add(own);
    return () => {
      if (query.listeners.delete(own) && query.listeners.size === 0) this.touched.add(query);
    };
  }

  private add(token: string): Query {
    const query: Query = {
      id: this.nextId++,
      token,
      ...parseToken(token),
      journal: null,
      stored: LOADING,
      shown: this.overlay.get(token) ?? LOADING,
      listeners: new Set(),
      isSent: false,
    };
    this.byToken.set(token, query);
    this.byId.set(query.id, query);
    this.touched.add(query);
    return query;
  }

  /** The result of a query, with optimistic updates. */
  result(token: string): QueryResult {
    return this.byToken.get(token)?.shown ?? this.overlay.get(token) ?? LOADING;
  }

  /** The tokens of all queries. */
  tokens(): Iterable<string> {
    return this.byToken.keys();
  }

  /** What the server says of a query, without optimistic updates. */
  stored(token: string): QueryResult {
    return this.byToken.get(token)?.stored ?? LOADING;
  }

  /** A new connection: the server knows nothing. */
  forget(): void {
    this.version = 0;
    for (const query of this.byToken.values()) {
      query.isSent = false;
      this.touched.add(query);
    }
  }

  /** What the server has to be told. Subscriptions that came and went in between are no part of it. */
  modifications(): QuerySetModification[] {
    const modifications: QuerySetModification[] = [];
    for (const query of this.touched) {
      const { id: queryId, name, args, journal } = query;
      if (query.listeners.size === 0) {
        if (query.isSent) modifications.push({ type: "Remove", queryId });
        this.byId.delete(queryId);
        this.byToken.delete(query.token);
      } else if (!query.isSent) {
        query.isSent = true;
        modifications.push({ type: "Add", queryId, ...calledFunction(name, args, this.componentPath), ...(journal === null ? {} : { journal }) });
      }
    }
    this.touched.clear();
    return modifications;
  }

  /** Takes over what the server says, and returns the queries that it is about. */
  apply(modifications: readonly StateModification[]): Set<string> {
    const updated = new Set<string>();
    for (const modification of modifications) {
      const query = this.byId.get(modification.queryId);
      if (query === undefined || modification.type === "QueryRemoved") continue;
      printLines(this.logger, "Q", query.name, modification.logLines);
      query.journal = modification.journal;
      query.stored =
        modification.type === "QueryUpdated"
          ? { status: "success", value: decode(modification.value) }
          : { status: "error", error: errorOf("Q", query.name, { message: modification.errorMessage, errorData: modification.errorData }) };
      updated.add(query.token);
    }
    return updated;
  }

  /** Shows results: the server's of `updated`, with new optimistic ones over all. Returns the listeners to be called. */
  show(updated: Iterable<string>, overlay: ReadonlyMap<string, QueryResult> = this.overlay): (() => void)[] {
    const candidates = new Set([...updated, ...this.overlay.keys(), ...overlay.keys()]);
    this.overlay = overlay;
    const listeners: (() => void)[] = [];
    for (const token of candidates) {
      const query = this.byToken.get(token);
      if (query === undefined) continue;
      const shown = shareResult(query.shown, overlay.get(token) ?? query.stored);
      if (shown === query.shown) continue;
      query.shown = shown;
      listeners.push(...query.listeners);
    }
    return listeners;
  }
}

function shareResult(former: QueryResult, next: QueryResult): QueryResult {
  if (former.status !== "success" || next.status !== "success") return next;
  const value = share(former.value, next.value);
  if (Object.is(value, former.value)) return former;
  return { status: "success", value };
}
