import type { Value } from "./value.ts";

/** The order of values of different kinds. */
function rank(value: Value | undefined): number {
  if (value === undefined) return 0;
  if (value === null) return 1;
  if (value instanceof ArrayBuffer) return 6;
  if (Array.isArray(value)) return 7;
  return { bigint: 2, number: 3, boolean: 4, string: 5, object: 8 }[typeof value as string] ?? 9;
}

/** Numbers that are neither less nor greater, zeros and those that are none, are ordered by their bits. */
function compareNumbers(one: number, other: number): number {
  if (one < other) return -1;
  if (one > other) return 1;
  const [left, right] = [bits(one), bits(other)];
  return left < right ? -1 : Number(left > right);
}

function bits(number: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  const word = view.getBigInt64(0);
  return word < 0n ? -(word & 0x7fff_ffff_ffff_ffffn) - 1n : word;
}

/** Strings are ordered by their code points, not by their UTF-16 units. */
function compareStrings(one: string, other: string): number {
  if (one === other) return 0;
  return compareLists([...one], [...other], (left, right) => (left.codePointAt(0) ?? 0) - (right.codePointAt(0) ?? 0));
}

function compareLists<T>(one: readonly T[], other: readonly T[], compare: (left: T, right: T) => number): number {
  for (const [i, left] of one.entries()) {
    const right = other[i];
    if (i >= other.length) return 1;
    const order = compare(left, right as T);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** Negative if `one` comes first in the order of indexes, positive if `other` does. */
export function compareValues(one: Value | undefined, other: Value | undefined): number {
  const order = rank(one) - rank(other);
  if (order !== 0) return order;
  switch (typeof one) {
    case "number":
      return compareNumbers(one, other as number);
    case "string":
      return compareStrings(one, other as string);
    case "bigint":
    case "boolean":
      return one === other ? 0 : one < (other as typeof one) ? -1 : 1;
  }
  if (one === null || one === undefined) return 0;
  if (one instanceof ArrayBuffer) {
    return compareLists([...new Uint8Array(one)], [...new Uint8Array(other as ArrayBuffer)], compareNumbers);
  }
  if (Array.isArray(one)) return compareLists(one, other as Value[], compareValues);
  const entries = (value: object) => Object.entries(value as { [field: string]: Value }).sort(([left], [right]) => (left < right ? -1 : 1)).flat();
  return compareLists(entries(one as object), entries(other as object), compareValues);
}
