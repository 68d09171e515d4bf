// A list of any length, of which only what is looked at is subscribed to and kept: of all other pages only where they
// begin and how long they are.

import type { FusionClient } from "fusion-client";
import type { Page, PaginatedQuery } from "../system.ts";
import type { Value } from "../values/value.ts";

/** Pages beside those that are looked at that are kept, too. */
const MARGIN = 1;

interface Part<T> {
  readonly start: string | null;
  /** Where it ends, once that is known. */
  end: string | undefined;
  count: number;
  isLast: boolean;
  rows: readonly T[] | undefined;
  stop: (() => void) | undefined;
}

/** A window on a list. */
export class PageWindow<T> {
  /** Why a part could not be read. */
  error: unknown = undefined;
  private parts: Part<T>[] = [];
  /** Where each part begins, by number of rows. */
  private offsets: number[] = [];
  private readonly subscribed = new Set<Part<T>>();
  private readonly listeners = new Set<() => void>();
  private isClosed = false;
  private view: readonly [first: number, last: number] = [0, 0];

  constructor(
    private readonly client: FusionClient,
    private readonly query: PaginatedQuery<T>,
    private readonly args: Record<string, Value>,
    private readonly size = 100,
  ) {
    this.open(this.add(null));
  }

  /** Is told when something changed. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Ends it all. */
  close(): void {
    this.isClosed = true;
    for (const part of [...this.subscribed]) this.drop(part);
    this.listeners.clear();
  }

  /** How many rows are known. */
  get count(): number {
    const last = this.parts.length - 1;
    return (this.offsets[last] ?? 0) + (this.parts[last]?.count ?? 0);
  }

  /** Whether there are no others. */
  get isDone(): boolean {
    return this.parts.at(-1)?.isLast === true;
  }

  /** Whether nothing has come yet. */
  get isLoading(): boolean {
    return this.parts.length === 1 && this.parts[0]?.rows === undefined && this.parts[0]?.end === undefined;
  }

  /** A row, if it is there right now. */
  row(at: number): T | undefined {
    const part = this.partAt(at);
    return this.parts[part]?.rows?.[at - (this.offsets[part] ?? 0)];
  }

  /** All rows that are there right now. */
  present(): T[] {
    return this.parts.flatMap((part) => part.rows ?? []);
  }

  /** How many parts are kept in memory. */
  get kept(): number {
    return this.subscribed.size;
  }

  /** Says which rows are looked at; more is asked for when the end comes near. */
  look(first: number, last: number): void {
    this.view = [first, last];
    const from = this.partAt(first) - MARGIN;
    const to = this.partAt(last) + MARGIN;
    for (const part of [...this.subscribed]) {
      const at = this.parts.indexOf(part);
      // A part whose end is not known yet cannot be found again.
      if ((at < from || at > to) && part.end !== undefined) this.drop(part);
    }
    for (let at = Math.max(from, 0); at <= Math.min(to, this.parts.length - 1); at += 1) {
      const part = this.parts[at];
      if (part && !this.subscribed.has(part)) this.open(part);
    }
    const end = this.parts.at(-1);
    if (end?.end !== undefined && !end.isLast && last >= this.count - this.size) this.open(this.add(end.end));
  }

  private partAt(row: number): number {
    let [low, high] = [0, this.offsets.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.offsets[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private add(start: string | null): Part<T> {
    const part: Part<T> = { start, end: undefined, count: 0, isLast: false, rows: undefined, stop: undefined };
    this.offsets.push(this.count);
    this.parts.push(part);
    return part;
  }

  private open(part: Part<T>): void {
    this.subscribed.add(part);
    const bounds = part.end === undefined || part.isLast ? {} : { endCursor: part.end };
    const paginationOpts = { numItems: this.size, cursor: part.start, ...bounds };
    part.stop = this.client.onUpdate(
      this.query,
      { ...this.args, paginationOpts },
      (page: Page<T>) => this.take(part, page),
      (error: unknown) => {
        this.error = error;
        this.tell();
      },
    );
  }

  private take(part: Part<T>, page: Page<T>): void {
    if (this.isClosed || !this.subscribed.has(part)) return;
    const isOther = part.count !== page.page.length;
    part.rows = page.page;
    part.count = page.page.length;
    part.isLast = page.isDone && part === this.parts.at(-1);
    part.end = page.continueCursor;
    this.error = undefined;
    if (isOther) this.measure();
    this.look(...this.view);
    this.tell();
  }

  private measure(): void {
    let offset = 0;
    this.offsets = this.parts.map(({ count }) => {
      offset += count;
      return offset - count;
    });
  }

  private drop(part: Part<T>): void {
    this.subscribed.delete(part);
    part.stop?.();
    part.stop = undefined;
    part.rows = undefined;
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
