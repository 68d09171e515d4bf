// The calls that are under way: which one some code belongs to, and what each waits for.

import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

const current = new AsyncLocalStorage();
const byToken = new Map();

/** A call of a function. What it gives to the npm package as the id of its request is a token that nobody can guess. */
export class Call {
  token = randomBytes(16).toString("hex");
  hasEnded = false;
  /** Calls to the server that were not answered yet, by number. */
  pending = new Map();
  /** Set by the one who runs it: ends the call with what was thrown beside it. */
  fail = () => {};
  #next = 0;

  constructor(id) {
    this.id = id;
    byToken.set(this.token, this);
  }

  /** Runs code that belongs to this call, with all that comes of it. */
  run(body) {
    return current.run(this, body);
  }

  /** Notes that an answer is awaited; gives its number. */
  expect(op, settle) {
    const number = this.#next++;
    this.pending.set(number, { op, settle });
    return number;
  }

  /** Takes an answer. */
  answer(number, header, body) {
    const waiting = this.pending.get(number);
    this.pending.delete(number);
    waiting?.settle(header, body);
  }

  end() {
    this.hasEnded = true;
    byToken.delete(this.token);
  }
}

/** The call that the running code belongs to, as far as Node.js can tell. */
export const currentCall = () => current.getStore();

const TOKEN = /"requestId":"([0-9a-f]{32})"/;

/** The call that a system call is made for. Its token tells better than the context, which callbacks can lose. */
export function callOf(args) {
  const found = TOKEN.exec(args);
  return (found === null ? undefined : byToken.get(found[1])) ?? currentCall();
}
