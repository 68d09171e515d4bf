// The services that Computer Guys talks to: embeddings, mail, and the people on duty.

import { createServer } from "node:http";
import { embedding } from "./embedding.js";

/**
 * Starts them; they stop with the test. `mails`, `notices` and `embeddings` are what came; `fail(path, n)` lets the next n requests of
 * a path fail, `hold(path)` gives a promise of the next request's `release`.
 */
export async function startOutsideServices(t) {
  const came = { "/mail": [], "/notice": [], "/v1/embeddings": [] };
  const failing = new Map();
  const held = new Map();
  const answers = {
    "/v1/embeddings": ({ input }) => ({ data: input.map((text, index) => ({ index, embedding: embedding(text) })), usage: { prompt_tokens: 1 } }),
  };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const body = JSON.parse(text);
    came[request.url].push({ ...body, authorization: request.headers.authorization });
    if (held.has(request.url)) {
      const arrived = held.get(request.url);
      held.delete(request.url);
      await new Promise((release) => arrived(release));
    }
    const left = failing.get(request.url) ?? 0;
    if (left > 0) failing.set(request.url, left - 1);
    response.writeHead(left > 0 ? 503 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(left > 0 ? {} : (answers[request.url]?.(body) ?? {})));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    mails: came["/mail"],
    notices: came["/notice"],
    embeddings: came["/v1/embeddings"],
    fail: (path, times) => failing.set(path, times),
    hold: (path) => new Promise((resolve) => held.set(path, resolve)),
  };
}
