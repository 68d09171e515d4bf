// Stand-ins on loopback for the services that packages talk to; what they were asked is kept in `requests`.

import { createServer } from "node:http";

const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
const head = { id: "chatcmpl-1", created: 1_700_000_000, model: "stub" };

/** What the model says: the prompt backwards, a JSON object, a tool call, or what the tool said. */
function message({ messages, response_format: format }) {
  const last = messages.at(-1);
  if (last.role === "tool") return { role: "assistant", content: `It is ${last.content}.` };
  if (format) return { role: "assistant", content: '{"city":"Ulm","people":126000}' };
  const prompt = typeof last.content === "string" ? last.content : last.content.map(({ text }) => text).join("");
  if (prompt !== "use the tool") return { role: "assistant", content: [...prompt].reverse().join("") };
  const call = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Ulm"}' } };
  return { role: "assistant", content: null, tool_calls: [call] };
}

function chat(body, response) {
  const said = message(body);
  const finish_reason = said.tool_calls ? "tool_calls" : "stop";
  if (!body.stream) {
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify({ ...head, object: "chat.completion", usage, choices: [{ index: 0, message: said, finish_reason }] }));
  }
  response.setHeader("Content-Type", "text/event-stream");
  const send = (choice, more = {}) =>
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, ...choice }], ...more })}\n\n`);
  for (const content of said.content.match(/.{1,4}/gsu)) send({ delta: { content }, finish_reason: null });
  send({ delta: {}, finish_reason }, { usage });
  return response.end("data: [DONE]\n\n");
}

function secret({ SecretId }, response) {
  response.setHeader("Content-Type", "application/x-amz-json-1.1");
  if (SecretId === "password") return response.end(JSON.stringify({ Name: SecretId, SecretString: "hunter2", VersionId: "1" }));
  response.statusCode = 400;
  return response.end(JSON.stringify({ __type: "ResourceNotFoundException", Message: "no such secret" }));
}

function user(id, response) {
  response.setHeader("Content-Type", "application/json");
  const lists = { email_addresses: [], phone_numbers: [], web3_wallets: [], external_accounts: [], enterprise_accounts: [] };
  return response.end(JSON.stringify({ object: "user", id, first_name: "Ada", last_name: "Lovelace", created_at: 1_700_000_000_000, ...lists }));
}

/** Starts all of them at one address; they stop with the test. */
export async function startServices(t) {
  const requests = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    requests.push({ method: request.method, url: request.url, headers: request.headers, text });
    const body = text ? JSON.parse(text) : {};
    if (request.headers["x-amz-target"]) return secret(body, response);
    if (request.url === "/v1/chat/completions") return chat(body, response);
    if (request.url.startsWith("/v1/users/")) return user(request.url.split("/").at(-1), response);
    response.writeHead(401, { "Content-Type": "application/json" });
    return response.end('{"error":{"message":"wrong key","type":"invalid_request_error","code":"invalid_api_key"}}');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}
