import { errorOf } from "./error.ts";
import { type Logger, printLines } from "./log.ts";
import type { OptimisticChange } from "./optimistic.ts";
import { calledFunction, type CallResponse, type ClientMessage, timestamp } from "./protocol.ts";
import { decode, type Json, type Value } from "./value.ts";

/** A call that is under way. */
interface Request {
  readonly id: number;
  readonly type: "Mutation" | "Action";
  readonly name: string;
  readonly args: Json;
  readonly change: OptimisticChange | undefined;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
  readonly since: Date;
  isSent: boolean;
  /** Whether it is sent for the second time. */
  isReplayed: boolean;
  /** The answer, which waits for the queries to show its effect. */
  committed: { readonly ts: bigint; readonly value: Value } | undefined;
}

/** More than this would be refused by the server. */
const MAX_SENT = 500;

/**
 * Mutations and actions that have no answer yet. A mutation is sent again, under the same number, on every connection
 * until its answer is there, and the server runs it once; an action is not, because it may have happened.
 */
export class Requests {
  private readonly all = new Map<number, Request>();
  private nextId = 0;

  constructor(
    private readonly logger: Logger,
    private readonly componentPath?: string | undefined,
  ) {}

  /** Adds a call, which `messages` will bring. */
  add(type: "Mutation" | "Action", name: string, args: Json, change?: OptimisticChange): Promise<Value> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.all.set(id, {
        id, type, name, args, change, resolve, reject, since: new Date(), isSent: false, isReplayed: false, committed: undefined,
      });
    });
  }

  /** What is to be sent now, in the order of the calls. */
  *messages(): Iterable<ClientMessage> {
    let sent = 0;
    for (const request of this.all.values()) {
      if (request.isSent && request.committed === undefined) sent += 1;
    }
    for (const request of this.all.values()) {
      if (sent >= MAX_SENT) return;
      if (request.isSent) continue;
      request.isSent = true;
      sent += 1;
      yield { type: request.type, requestId: request.id, ...calledFunction(request.name, request.args, this.componentPath) };
    }
  }

  /** The connection is lost: mutations will be sent again, actions have failed. */
  connectionLost(): void {
    for (const request of this.all.values()) {
      if (!request.isSent) continue;
      if (request.type === "Action") {
        this.all.delete(request.id);
        request.reject(new Error(`[A(${request.name})] Connection lost while action was in flight`));
      } else {
        request.isSent = false;
        request.isReplayed = true;
      }
    }
  }

  /** Takes an answer. Returns whether optimistic updates have to be computed again: one has failed. */
  answered(response: CallResponse): boolean {
    const request = this.all.get(response.requestId);
    if (request === undefined) return false;
    const kind = request.type === "Mutation" ? "M" : "A";
    if (request.committed === undefined) printLines(this.logger, kind, request.name, response.logLines);
    if (!response.success) {
      this.all.delete(request.id);
      request.reject(errorOf(kind, request.name, { message: response.result, errorData: response.errorData }));
      return request.change !== undefined;
    }
    const value = decode(response.result);
    if (response.type === "MutationResponse" && response.ts !== undefined) {
      request.committed = { ts: timestamp(response.ts), value };
    } else {
      this.all.delete(request.id);
      request.resolve(value);
    }
    return false;
  }

  /** Takes out the mutations that queries at a timestamp show. They are resolved by what is returned. */
  reflected(ts: bigint): (() => void)[] {
    const done: (() => void)[] = [];
    for (const { id, committed, resolve } of this.all.values()) {
      if (committed === undefined || committed.ts > ts) continue;
      this.all.delete(id);
      done.push(() => resolve(committed.value));
    }
    return done;
  }

  /** The optimistic updates in force, in their order. */
  changes(): OptimisticChange[] {
    return [...this.all.values()].flatMap(({ change }) => change ?? []);
  }

  /** Whether something that was lost with the last connection has no answer yet. */
  get isReplaying(): boolean {
    return [...this.all.values()].some(({ isReplayed, committed }) => isReplayed && committed === undefined);
  }

  /** Nothing will be answered any more. */
  rejectAll(error: Error): void {
    for (const { reject } of this.all.values()) reject(error);
    this.all.clear();
  }

  /** How many there are, and since when. */
  summary(): { inflightMutations: number; inflightActions: number; timeOfOldestInflightRequest: Date | null } {
    let inflightMutations = 0;
    for (const { type } of this.all.values()) if (type === "Mutation") inflightMutations += 1;
    const [oldest] = this.all.values();
    return {
      inflightMutations,
      inflightActions: this.all.size - inflightMutations,
      timeOfOldestInflightRequest: oldest?.since ?? null,
    };
  }
}
