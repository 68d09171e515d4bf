import { define } from "./value.ts";

/**
 * `next`, but with the parts of `former` that are the same: what shows a part of a result need not look at it again when
 * only another part has changed. It is `former` itself if nothing has.
 */
export function share<T>(former: unknown, next: T): T;
export function share(former: unknown, next: unknown): unknown {
  if (Object.is(former, next)) return former;
  if (typeof former !== "object" || typeof next !== "object" || former === null || next === null) return next;
  if (former instanceof ArrayBuffer || next instanceof ArrayBuffer) {
    const isSame = former instanceof ArrayBuffer && next instanceof ArrayBuffer && sameBytes(former, next);
    return isSame ? former : next;
  }
  if (Array.isArray(former) !== Array.isArray(next)) return next;
  return Array.isArray(next) ? shareItems(former as unknown[], next) : shareFields(former as Fields, next as Fields);
}

type Fields = { [field: string]: unknown };

function shareItems(former: unknown[], next: unknown[]): unknown[] {
  // Most lists change at one end: what is the same item is found from there.
  const shift = former.length > 0 && next.length > former.length && sameId(former.at(-1), next.at(-1)) ? next.length - former.length : 0;
  const items = next.map((item, i) => share(former[i - shift], item));
  return items.length === former.length && items.every((item, i) => Object.is(item, former[i])) ? former : items;
}

/** Whether both are the same document. */
function sameId(one: unknown, other: unknown): boolean {
  const id = (value: unknown) => (typeof value === "object" && value !== null ? (value as Fields)["_id"] : undefined);
  return id(one) !== undefined && id(one) === id(other);
}

function shareFields(former: Fields, next: Fields): Fields {
  const names = Object.keys(next);
  let isSame = names.length === Object.keys(former).length;
  const fields: Fields = {};
  for (const name of names) {
    const shared = share(Object.hasOwn(former, name) ? former[name] : undefined, next[name]);
    isSame &&= Object.hasOwn(former, name) && Object.is(shared, former[name]);
    define(fields, name, shared);
  }
  return isSame ? former : fields;
}

function sameBytes(one: ArrayBuffer, other: ArrayBuffer): boolean {
  if (one.byteLength !== other.byteLength) return false;
  const [left, right] = [new Uint8Array(one), new Uint8Array(other)];
  return left.every((byte, i) => byte === right[i]);
}
