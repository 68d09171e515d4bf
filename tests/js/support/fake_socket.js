// Sockets without a network: a test opens them, sees what is sent, answers and breaks them.

/** A constructor of sockets and the list of those it made. */
export function fakeSockets() {
  const sockets = [];
  class FakeSocket {
    readyState = 0;
    sent = [];
    constructor(url) {
      this.url = url;
      sockets.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.readyState = 3;
    }
    /** The server has taken the connection. */
    open() {
      this.readyState = 1;
      this.onopen?.({});
    }
    receive(message) {
      this.onmessage?.({ data: JSON.stringify(message) });
    }
    /** The connection is lost. */
    lose(code = 1006, reason = "") {
      this.readyState = 3;
      this.onclose?.({ code, reason });
    }
    /** What was sent since the last call. */
    take() {
      return this.sent.splice(0);
    }
  }
  return { FakeSocket, sockets };
}

/** A timestamp as it travels. */
export function ts(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes.toString("base64");
}

/** The version of a state. */
export const version = (querySet, identity, number) => ({ querySet, identity, ts: ts(number) });

/** A step from one version to another. */
export const transition = (startVersion, endVersion, modifications = []) => ({
  type: "Transition",
  startVersion,
  endVersion,
  modifications,
  clientClockSkew: null,
  serverTs: null,
});

/** The new result of a query. */
export const updated = (queryId, value, journal = null) => ({ type: "QueryUpdated", queryId, value, logLines: [], journal });

/** The answer to a mutation that was committed. */
export const committed = (requestId, result, number) => ({
  type: "MutationResponse",
  requestId,
  success: true,
  result,
  ts: ts(number),
  logLines: [],
});
