// Pieces of bytes, for bodies, blobs and forms.

const { Uint8Array, ArrayBuffer } = internals.primordials;
const { isView } = internals.primordials;

internals.bytes = {
  /** All pieces in one: the piece itself if it is the only one. */
  concat: (pieces) => {
    if (pieces.length === 1) return pieces[0];
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const all = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  },
  /** A copy of the bytes in a view or a buffer; `null` for anything else. */
  copyOf: (value) => {
    if (isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
    return value instanceof ArrayBuffer ? new Uint8Array(value.slice(0)) : null;
  },
};
