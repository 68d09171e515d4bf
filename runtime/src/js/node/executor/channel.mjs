// The channel to the server: frames of a JSON header and a body over the socket that the process has for its standard
// input. Each part comes after its length, four bytes, big-endian.

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { Socket } from "node:net";

const LENGTHS = 8;

export class Channel {
  #socket = new Socket({ fd: 0 });
  #chunks = [];
  #size = 0;
  #wanted = LENGTHS;
  #receive;

  /** `receive(header, body)` gets every frame. Without a server there is nothing to do: the process ends. */
  constructor(receive) {
    this.#receive = receive;
    this.#socket.on("data", (chunk) => this.#take(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => process.reallyExit(0));
  }

  /** Sends a frame; the body is a text, bytes, or nothing. */
  send(header, body = "") {
    const head = Buffer.from(JSON.stringify(header));
    const tail = typeof body === "string" ? Buffer.from(body) : body;
    const lengths = Buffer.allocUnsafe(LENGTHS);
    lengths.writeUInt32BE(head.length, 0);
    lengths.writeUInt32BE(tail.length, 4);
    if (tail.length < 65_536) {
      this.#socket.write(Buffer.concat([lengths, head, tail]));
      return;
    }
    this.#socket.cork();
    this.#socket.write(lengths);
    this.#socket.write(head);
    this.#socket.write(tail);
    this.#socket.uncork();
  }

  /** Sends a frame and waits until the system has it, whatever becomes of this process. */
  async sendNow(header) {
    this.send(header);
    if (this.#socket.writableLength > 0) await once(this.#socket, "drain");
  }

  #take(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= this.#wanted) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.#size);
      this.#chunks = [bytes];
      const body = LENGTHS + bytes.readUInt32BE(0);
      const end = body + bytes.readUInt32BE(4);
      if (this.#size < end) {
        // Joined once more only when all of it is there.
        this.#wanted = end;
        return;
      }
      const header = JSON.parse(bytes.toString("utf8", LENGTHS, body));
      const rest = bytes.subarray(end);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#size = rest.length;
      this.#wanted = LENGTHS;
      this.#receive(header, bytes.subarray(body, end));
    }
  }
}
