import { LOADING, type QueryResult } from "./query_set.ts";
import type { Value } from "./value.ts";

/** How far a list is loaded. */
export type PaginationStatus = "LoadingFirstPage" | "CanLoadMore" | "LoadingMore" | "Exhausted";

/** What is loaded of a list. */
export interface PaginatedResult<T> {
  readonly results: T[];
  readonly status: PaginationStatus;
  readonly isLoading: boolean;
  /** Why a page could not be loaded. */
  readonly error?: Error;
  /** Loads that many more; does nothing unless the status is `CanLoadMore`. */
  readonly loadMore: (numItems: number) => void;
}

/** What a query that takes `paginationOpts` returns. */
export interface PaginationResult<T> {
  readonly page: T[];
  readonly isDone: boolean;
  readonly continueCursor: string;
  readonly splitCursor?: string | null;
  readonly pageStatus?: "SplitRecommended" | "SplitRequired" | null;
}

/** Which page of a list a query is to return. */
export interface PaginationOptions {
  readonly numItems: number;
  readonly cursor: string | null;
  readonly endCursor?: string | null;
  readonly id?: number;
  readonly maximumRowsRead?: number;
  readonly maximumBytesRead?: number;
}

/** What pages need of a client. */
export interface Watcher {
  watch(query: string, args: Record<string, Value | undefined>): {
    result(): QueryResult<unknown>;
    subscribe(listener: () => void): () => void;
  };
}

/** A page, and the two that take its place while it is split. */
interface Page {
  readonly options: { readonly cursor: string | null; readonly endCursor?: string };
  readonly result: () => QueryResult<unknown>;
  readonly unsubscribe: () => void;
  halves: Page[];
}

let lists = 0;

/**
 * A list that is loaded page by page. Every page is a subscription of its own whose end stays where it was when it was
 * loaded, so pages grow and shrink where they are; one that has grown too long is split into two.
 */
export class PaginatedQuery<T> {
  private pages: Page[] = [];
  private readonly listeners = new Set<() => void>();
  private current: PaginatedResult<T>;
  /** Told to the server with every page, so that no other list shares pages with this one. */
  private id = 0;

  constructor(
    private readonly client: Watcher,
    private readonly name: string,
    private readonly args: Record<string, Value | undefined>,
    private readonly initialNumItems: number,
  ) {
    this.current = this.loading();
  }

  /** What is loaded; the same object until it changes. */
  result(): PaginatedResult<T> {
    return this.current;
  }

  /** Loads the first page, if this is the first subscription. With the last one all pages are given up. */
  subscribe(listener: () => void): () => void {
    const own = () => listener();
    this.listeners.add(own);
    if (this.listeners.size === 1) this.start();
    return () => {
      if (this.listeners.delete(own) && this.listeners.size === 0) this.stop();
    };
  }

  private start(): void {
    this.id = ++lists;
    this.pages = [this.page({ cursor: null }, this.initialNumItems)];
  }

  private stop(): void {
    for (const { unsubscribe, halves } of this.pages) [{ unsubscribe }, ...halves].forEach((page) => page.unsubscribe());
    this.pages = [];
    this.current = this.loading();
  }

  private loading(): PaginatedResult<T> {
    return { results: [], status: "LoadingFirstPage", isLoading: true, loadMore: () => undefined };
  }

  private page(options: Page["options"], numItems = this.initialNumItems): Page {
    const watch = this.client.watch(this.name, { ...this.args, paginationOpts: { numItems, ...options, id: this.id } });
    return { options, result: () => watch.result(), unsubscribe: watch.subscribe(() => this.update()), halves: [] };
  }

  /** Splits what has grown, and computes what is loaded from the pages. */
  private update(): void {
    if (this.listeners.size === 0) return;
    this.pages = this.pages.flatMap((page) => this.split(page));
    const next = this.read();
    if (sameResult(this.current, next)) return;
    this.current = next;
    for (const listener of [...this.listeners]) listener();
  }

  private split(page: Page): Page[] {
    if (page.halves.length > 0) {
      if (page.halves.some((half) => half.result().status === "loading")) return [page];
      page.unsubscribe();
      return page.halves.flatMap((half) => this.split(half));
    }
    const { value } = page.result() as QueryResult<PaginationResult<T>>;
    const { cursor } = page.options;
    if (value?.splitCursor && (value.pageStatus || value.page.length > 2 * this.initialNumItems)) {
      page.halves = [
        this.page({ cursor, endCursor: value.splitCursor }),
        this.page({ cursor: value.splitCursor, endCursor: value.continueCursor }),
      ];
    }
    return [page];
  }

  private read(): PaginatedResult<T> {
    const results: T[] = [];
    let last: PaginationResult<T> | undefined;
    for (const page of this.pages) {
      const { value, error } = page.result() as QueryResult<PaginationResult<T>>;
      if (error !== undefined) {
        if (page.options.cursor !== null && isInvalidCursor(error)) return this.restart();
        return { results, status: results.length === 0 ? "LoadingFirstPage" : "Exhausted", isLoading: false, error, loadMore: () => undefined };
      }
      // A page that must be split is not whole.
      if (value === undefined || value.pageStatus === "SplitRequired") {
        const status = page === this.pages[0] && value === undefined ? "LoadingFirstPage" : "LoadingMore";
        return { results, status, isLoading: true, loadMore: () => undefined };
      }
      results.push(...value.page);
      last = value;
    }
    const isDone = last?.isDone ?? false;
    return { results, status: isDone ? "Exhausted" : "CanLoadMore", isLoading: false, loadMore: (numItems) => this.loadMore(numItems) };
  }

  private loadMore(numItems: number): void {
    const { value } = (this.pages.at(-1)?.result() ?? LOADING) as QueryResult<PaginationResult<T>>;
    if (this.current.status !== "CanLoadMore" || value === undefined) return;
    this.pages.push(this.page({ cursor: value.continueCursor }, numItems));
    this.update();
  }

  /** A cursor is of a former version of the query: the list begins again. */
  private restart(): PaginatedResult<T> {
    this.stop();
    this.start();
    return this.current;
  }
}

function isInvalidCursor(error: Error & { data?: unknown }): boolean {
  const { data } = error;
  const isNamed = typeof data === "object" && data !== null && "paginationError" in data && data.paginationError === "InvalidCursor";
  return isNamed || error.message.includes("InvalidCursor");
}

function sameResult<T>(one: PaginatedResult<T>, other: PaginatedResult<T>): boolean {
  return (
    one.status === other.status &&
    one.error === other.error &&
    one.results.length === other.results.length &&
    one.results.every((item, i) => Object.is(item, other.results[i]))
  );
}
