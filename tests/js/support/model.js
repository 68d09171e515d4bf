// A language model on loopback that speaks OpenAI's protocol. What it says is up to the test; its embeddings are of the words.

import { createServer } from "node:http";
import { embedding } from "./embedding.js";

const head = { id: "chatcmpl-1", created: 1_700_000_000, model: "stub" };
const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

async function complete(body, said, response) {
  const { text = "", calls = [] } = said;
  const tool_calls = calls.map(([name, args], index) => ({
    index,
    id: `call_${index}`,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
  }));
  const finish_reason = calls.length > 0 ? "tool_calls" : "stop";
  if (!body.stream) {
    const message = { role: "assistant", content: text, ...(calls.length > 0 ? { tool_calls } : {}) };
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ ...head, object: "chat.completion", usage, choices: [{ index: 0, message, finish_reason }] }));
    return;
  }
  response.setHeader("Content-Type", "text/event-stream");
  const send = (choice, more = {}) =>
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, ...choice }], ...more })}\n\n`);
  const parts = text.match(/\S+\s*/g) ?? [];
  for (const [at, content] of parts.entries()) {
    // Half is said; the rest waits for whoever wants to look at that.
    if (at === Math.floor(parts.length / 2)) await said.half?.();
    send({ delta: { content }, finish_reason: null });
  }
  if (calls.length > 0) send({ delta: { tool_calls }, finish_reason: null });
  send({ delta: {}, finish_reason }, { usage });
  response.end("data: [DONE]\n\n");
}

/**
 * Starts it; it stops with the test. `answer(body)` gives `{text, calls: [[tool, args]]}`, or `{status}` for a failure; in a stream
 * `half` may hold the second half of the text back. `requests` are the bodies that came.
 */
export async function startModel(t, answer) {
  const requests = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const body = JSON.parse(text);
    if (request.url.endsWith("/embeddings")) {
      const data = [body.input].flat().map((input, index) => ({ object: "embedding", index, embedding: embedding(input) }));
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ object: "list", model: "stub", data, usage: { prompt_tokens: 1, total_tokens: 1 } }));
      return;
    }
    requests.push(body);
    const said = answer(body);
    if (said.status) {
      response.writeHead(said.status, { "Content-Type": "application/json" });
      response.end('{"error":{"message":"refused by the stub","type":"invalid_request_error"}}');
      return;
    }
    await complete(body, said, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/v1`, requests };
}
