/** Bytes as text, in the alphabet the protocol uses. */
export function bytesToBase64(bytes: Uint8Array): string {
  let text = "";
  // A call takes only so many arguments.
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}

/** The bytes of a text in base64. */
export function base64ToBytes(text: string): Uint8Array<ArrayBuffer> {
  // `atob` does without the padding.
  if (text.length % 4 !== 0) throw new Error(`${text} is no base64`);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Eight bytes, little endian, written by `write`. */
export function wordToBase64(write: (view: DataView) => void): string {
  const view = new DataView(new ArrayBuffer(8));
  write(view);
  return bytesToBase64(new Uint8Array(view.buffer));
}

/** A view of the eight bytes of a text in base64. */
export function base64ToWord(text: string): DataView {
  const { buffer, length } = base64ToBytes(text);
  if (length !== 8) throw new Error(`${text} has ${length} bytes instead of 8`);
  return new DataView(buffer);
}
