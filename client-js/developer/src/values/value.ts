// What a document or an argument can hold.

/** A value as JavaScript has it. */
export type Value = null | boolean | number | bigint | string | ArrayBuffer | Value[] | { [name: string]: Value };

/** A document of any table. */
export type Doc = { _id: string; _creationTime: number } & { [name: string]: Value };

/** Whether a value is bytes. */
export function isBytes(value: unknown): value is ArrayBuffer {
  return value instanceof ArrayBuffer;
}

/** Whether a value is an object with fields. */
export function isObject(value: unknown): value is { [name: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isBytes(value);
}

/** Bytes in base64. */
export function toBase64(bytes: ArrayBuffer): string {
  let text = "";
  const all = new Uint8Array(bytes);
  // In pieces: as many arguments as a call may have.
  for (let at = 0; at < all.length; at += 8192) text += String.fromCharCode(...all.subarray(at, at + 8192));
  return btoa(text);
}

/** The bytes that are meant by base64, if it is that. */
export function fromBase64(text: string): ArrayBuffer | undefined {
  try {
    return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer;
  } catch {
    return undefined;
  }
}

/** JSON in a text field of a system document, which may be bytes of UTF-8. */
export function jsonOfBytes(value: Value | undefined): unknown {
  try {
    return JSON.parse(isBytes(value) ? new TextDecoder().decode(value) : String(value));
  } catch {
    return undefined;
  }
}
