// @convex-dev/agent: threads with tool calls and streaming, against a model on loopback.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { startComponentApp } from "../support/component_app.js";
import { startModel } from "../support/model.js";
import { connectClient } from "../support/server.js";
import { until } from "../support/wait.js";

const all = { numItems: 50, cursor: null };

/** The last text of a conversation's user, and what the tools said after it. */
function heard({ messages }) {
  const at = messages.findLastIndex(({ role }) => role === "user");
  const { content } = messages[at];
  const prompt = typeof content === "string" ? content : content.map(({ text }) => text).join("");
  const tools = messages.slice(at + 1).filter(({ role }) => role === "tool");
  return { prompt, tools: tools.map((message) => message.content) };
}

/** A model that asks for the weather it is asked for, and says what the tool said. */
function weatherman(body) {
  const { prompt, tools } = heard(body);
  const [, city, weather] = prompt.match(/^(?:weather|report) (\w+) ?(.*)$/) ?? [];
  if (city === undefined) return prompt === "fail" ? { status: 400 } : { text: `You said: ${prompt}` };
  if (tools.length > 0) return { text: `The tool says ${tools.at(-1)}.` };
  return { calls: [prompt.startsWith("report") ? ["report", { city, weather }] : ["weather", { city }]] };
}

test("a thread with tool calls lasts, is searched and forgotten", async (t) => {
  const model = await startModel(t, weatherman);
  const { client, start, server } = await startComponentApp(t, "agent", { env: { MODEL_URL: model.url } });
  const threadId = await client.mutation(api.chat.begin, { userId: "ada" });
  await assert.rejects(client.mutation(api.chat.begin, { userId: "ada", fail: true }), /nothing of this happened/);
  const threads = async () => (await client.query(api.chat.threads, { userId: "ada", paginationOpts: all })).page;
  assert.deepEqual((await threads()).map(({ _id, title }) => [_id, title]), [[threadId, "The weather"]]);

  const live = [];
  connectClient(t, server).onUpdate(api.chat.messages, { threadId, paginationOpts: all }, ({ page }) => live.push(page));
  const ask = (prompt) => client.action(api.chat.ask, { threadId, prompt });
  assert.equal(await ask("weather Ulm"), "The tool says nothing is known of Ulm.");
  assert.equal(await ask("report Ulm rain"), "The tool says noted.");
  assert.equal(await ask("weather Ulm"), "The tool says rain.");
  assert.match(await ask("report Ulm unheard of"), /no such weather/);
  // The model is told what was said before, and what it can call.
  const { messages, tools } = model.requests.at(-1);
  assert.equal(messages[0].content, "You know the weather.");
  assert.deepEqual(messages.filter(({ role }) => role === "user").length, 4);
  assert.deepEqual(tools.map(({ function: { name } }) => name).sort(), ["report", "weather"]);

  await until("all messages", () => live.at(-1)?.filter(({ role }) => role === "user").length === 4 && live.at(-1).every(({ status }) => status === "success"));
  const part = live.at(-1).flatMap(({ parts }) => parts).find(({ type, output }) => type === "tool-weather" && output === "rain");
  assert.deepEqual([part.input, part.state], [{ city: "Ulm" }, "output-available"]);

  // A model that refuses: the prompt is marked, and what comes after it goes on.
  await assert.rejects(ask("fail"), /refused by the stub/);
  await until("the failure", () => live.at(-1).some(({ status }) => status === "failed"));
  assert.equal(await ask("go on"), "You said: go on");

  assert.deepEqual(await client.query(api.chat.search, { userId: "ada", text: "unheard" }), ["report Ulm unheard of"]);
  const texts = async (of) => (await of.query(api.chat.messages, { threadId, paginationOpts: all })).page.map(({ text }) => text);
  const before = await texts(client);
  assert.equal(before.at(-1), "You said: go on");
  await server.kill();
  const again = await start();
  const after = new ConvexHttpClient(again.url, { logger: false });
  assert.deepEqual(await texts(after), before);
  await after.action(api.chat.forget, { threadId });
  assert.deepEqual((await after.query(api.chat.threads, { userId: "ada", paginationOpts: all })).page, []);
});

test("an answer is seen while it is said", async (t) => {
  let say;
  const half = new Promise((resolve) => (say = resolve));
  const model = await startModel(t, (body) => ({ text: `one two three four ${heard(body).prompt}`, half: () => half }));
  const { client, server } = await startComponentApp(t, "agent", { by: "fusion", env: { MODEL_URL: model.url } });
  const threadId = await client.mutation(api.chat.begin, { userId: "ada" });
  const watcher = connectClient(t, server);
  const lists = [];
  const page = { threadId, paginationOpts: all };
  watcher.onUpdate(api.chat.messages, { ...page, streamArgs: { kind: "list" } }, ({ streams }) => lists.push(streams.messages));
  const answer = client.action(api.chat.stream, { threadId, prompt: "five six" });
  const [{ streamId }] = await until("the stream", () => (lists.at(-1)?.length === 1 ? lists.at(-1) : undefined));
  const deltas = [];
  const cursors = [{ streamId, cursor: 0 }];
  watcher.onUpdate(api.chat.messages, { ...page, streamArgs: { kind: "deltas", cursors } }, ({ streams }) => deltas.push(streams.deltas));
  const text = () => deltas.at(-1).flatMap(({ parts }) => parts).filter(({ type }) => type === "text-delta").map(({ delta }) => delta).join("");
  await until("the first half", () => deltas.length > 0 && text().startsWith("one two"));
  assert.ok(!text().includes("six"), text());
  say();
  assert.equal(await answer, "one two three four five six");
  await until("no stream any more", () => lists.at(-1).length === 0);
  const { page: messages } = await client.query(api.chat.messages, { ...page });
  assert.deepEqual(messages.map(({ text, status }) => [text, status]), [
    ["Hello!", "success"],
    ["five six", "success"],
    ["one two three four five six", "success"],
  ]);
});
