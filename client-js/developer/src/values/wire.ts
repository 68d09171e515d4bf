// Values as JSON, for the endpoints and filters that take them so; the client has the rules.

import { decode, encode } from "fusion-client";
import type { Json } from "fusion-client";
import type { Value } from "./value.ts";

/** A value as JSON. */
export function valueToWire(value: Value): Json {
  return encode(value);
}

/** The value that JSON stands for. */
export function wireToValue(json: unknown): Value {
  return decode(json as Json) as Value;
}
