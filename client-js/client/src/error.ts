import { decode, type Json, type Value } from "./value.ts";

/** An error that a function threw on purpose for its caller, with the data it gave (a `ConvexError` on the server). */
export class FusionError<Data extends Value = Value> extends Error {
  /** What the function wants to say. */
  readonly data: Data;
  constructor(data: Data, message = typeof data === "string" ? data : JSON.stringify(data)) {
    super(message);
    this.name = "FusionError";
    this.data = data;
    // By this the `convex` package tells such an error from others.
    Object.defineProperty(this, Symbol.for("ConvexError"), { value: true });
  }
}

/** What the server says of a call that failed. */
export interface Failure {
  readonly message: string;
  readonly errorData?: Json | undefined;
}

/** The error for a failed call of `kind` to the function `name`. */
export function errorOf(kind: "Q" | "M" | "A", name: string, { message, errorData }: Failure): Error {
  const text = `[${kind}(${name})] ${message}`;
  return errorData === undefined ? new Error(text) : new FusionError(decode(errorData), text);
}
