import type { QueryResult } from "./query_set.ts";

/** Ends a subscription; a function that is an object with functions as well. */
export interface Unsubscribe<T> {
  (): void;
  unsubscribe(): void;
  /** The last result, if there is one. Throws if the query fails. */
  getCurrentValue(): T | undefined;
}

/** A query whose result can be read and watched. */
export interface Watch<T> {
  /** Tells one query from others. */
  readonly token: string;
  /** How the query stands; the same object until it changes. */
  result(): QueryResult<T>;
  /** Subscribes: the query has a result only while somebody does. */
  subscribe(listener: () => void): () => void;
}
