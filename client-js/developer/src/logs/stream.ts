// The log of the deployment, as it grows.

import type { Api } from "../api.ts";
import { ApiError } from "../api.ts";

/** A line that a function printed. */
export interface LogLine {
  readonly messages: readonly string[];
  readonly isTruncated?: boolean;
  readonly timestamp: number;
  readonly level: string;
}

/** An entry as it is sent. */
export interface LogEntry {
  readonly kind: "Completion" | "Progress";
  readonly udfType: string;
  readonly identifier: string;
  /** The component that the function is in, if it is not the app. */
  readonly componentPath?: string | null;
  readonly logLines: readonly (LogLine | string)[];
  /** In seconds. */
  readonly timestamp: number;
  readonly requestId: string;
  readonly executionId: string;
  readonly parentExecutionId?: string | null;
  readonly cachedResult?: boolean;
  readonly executionTime?: number;
  readonly success?: { readonly status: string } | null;
  readonly error?: string | null;
  readonly caller?: string;
  readonly identityType?: string;
  readonly returnBytes?: number | null;
  readonly occInfo?: unknown;
  readonly usageStats?: { readonly databaseReadDocuments?: number; readonly databaseReadBytes?: number; readonly databaseWriteBytes?: number };
}

/** What is shown on a line: the end of a run, or something it printed. */
export interface LogRow {
  readonly id: number;
  readonly at: number;
  readonly entry: LogEntry;
  readonly level: string;
  readonly text: string;
  readonly isEnd: boolean;
}

/** The most lines kept. */
const ROWS_MAX = 20_000;
const RETRY_MS = 2_000;
/** A log in which there is nothing yet answers only when there is: after so long it is shown as empty. */
const PATIENCE_MS = 1_000;

/** The text of a line. */
export function lineText(line: LogLine | string): string {
  return typeof line === "string" ? line : line.messages.join(" ");
}

/** Follows the log until it is stopped. */
export class LogStream {
  rows: LogRow[] = [];
  /** Whether the first entries have come, or there are none. */
  isLoaded = false;
  error: unknown = undefined;
  private nextId = 0;
  private readonly controller = new AbortController();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly api: Api,
    private readonly onRefused: () => void,
  ) {
    void this.follow();
    setTimeout(() => {
      this.isLoaded = true;
      this.tell();
    }, PATIENCE_MS);
  }

  /** Is told of new rows. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Forgets what there was so far. */
  clear(): void {
    this.rows = [];
    this.tell();
  }

  /** No more. */
  stop(): void {
    this.controller.abort();
  }

  private async follow(): Promise<void> {
    const { signal } = this.controller;
    let cursor = 0;
    while (!signal.aborted) {
      try {
        const answer = await this.api.get<{ entries: LogEntry[]; newCursor: number }>("/api/app_metrics/stream_function_logs", { cursor: String(cursor) }, signal);
        cursor = answer.newCursor;
        this.isLoaded = true;
        this.error = undefined;
        this.take(answer.entries);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.isKeyRefused) {
          this.onRefused();
          return;
        }
        this.error = error;
        this.tell();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private take(entries: readonly LogEntry[]): void {
    const added = entries.flatMap((entry) => this.rowsOf(entry));
    // A new list each time: who has paused keeps the former one.
    this.rows = [...this.rows, ...added].slice(-ROWS_MAX);
    this.tell();
  }

  private rowsOf(entry: LogEntry): LogRow[] {
    const at = entry.timestamp * 1000;
    const lines = entry.logLines.map((line) => ({
      id: this.nextId++,
      at: typeof line === "string" ? at : line.timestamp,
      entry,
      level: typeof line === "string" ? "LOG" : line.level,
      text: lineText(line),
      isEnd: false,
    }));
    if (entry.kind === "Progress") return lines;
    const text = entry.error ?? (entry.cachedResult ? "answered from the cache" : (entry.success?.status ?? ""));
    return [...lines, { id: this.nextId++, at, entry, level: entry.error ? "ERROR" : "END", text, isEnd: true }];
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
