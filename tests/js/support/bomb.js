// ZIP files that are not what they seem, made without ever holding what they unpack to.

import { deflateRawSync, constants } from "node:zlib";

const MiB = 1 << 20;

/** A deflated stream of `mebibytes` times a mebibyte of one character. */
export function deflated(character, mebibytes) {
  // A flushed block stands for itself wherever it comes; the last one is empty and says that it is the last.
  const block = deflateRawSync(Buffer.alloc(MiB, character), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([...Array(mebibytes).fill(block), Buffer.from([0x03, 0x00])]);
}

/** The checksum of ZIP files. */
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** An entry that is what it says. */
export const honest = (name, plain) => ({ name, content: deflateRawSync(plain), size: plain.length, crc: crc32(plain) });

/**
 * A ZIP file of `entries`: `{name, content, size, crc, at}`. `content` is deflated already, `size` and `crc` are what the file says of it;
 * an entry with `at`, the number of another one, has that one's content.
 */
export function zipFile(entries) {
  const local = [];
  const central = [];
  const offsets = [];
  let offset = 0;
  for (const { name, content, size, crc = 0, at } of entries) {
    const bytes = Buffer.from(name);
    const packed = content ?? entries[at].content;
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(crc);
    sizes.writeUInt32LE(packed.length, 4);
    sizes.writeUInt32LE(size, 8);
    const shared = Buffer.concat([Buffer.from([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]), sizes]);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(bytes.length);
    if (content) {
      offsets.push(offset);
      local.push(Buffer.from("PK\x03\x04"), shared, lengths, bytes, content);
      offset += 30 + bytes.length + content.length;
    } else {
      offsets.push(offsets[at]);
    }
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offsets.at(-1), 10);
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), shared, lengths, place, bytes);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from("PK\x05\x06"), end]);
}
