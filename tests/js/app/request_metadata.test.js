// Where a request came from, as mutations and actions see it: over HTTP, over a socket, from HTTP actions; through nested
// calls and behind proxies. Queries and what is scheduled do not see it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import WebSocket from "ws";
import { startCallsApp } from "../support/calls_app.js";
import { http } from "../support/push.js";
import { callAsAdmin, connectClient } from "../support/server.js";
import { until } from "../support/wait.js";

/** Calls a function over plain HTTP, as an agent that sends these headers. */
async function call(server, kind, path, headers = {}) {
  const response = await fetch(`${server.url}/api/${kind}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "User-Agent": "agent/1", ...headers },
    body: JSON.stringify({ path, args: {}, format: "json" }),
  });
  const answer = await response.json();
  assert.equal(answer.status, "success", JSON.stringify(answer));
  return answer.value;
}

/** A `WebSocket` that says so, with more headers. */
const socketFrom = (headers) =>
  class extends WebSocket {
    constructor(url) {
      super(url, { headers: { "User-Agent": "socket/1", ...headers } });
    }
  };

const origin = ({ requestId, ...rest }) => {
  assert.match(requestId, /^[0-9a-f]{16}$/);
  return rest;
};

test("requests are known by their address, their agent and their token", async (t) => {
  const { server, issuer, restart } = await startCallsApp(t);
  const token = issuer.token("amy");
  const anonymous = { ip: "127.0.0.1", userAgent: "agent/1", scheduledFunctionId: null, authToken: null };
  const amy = { ...anonymous, authToken: token };

  await t.test("over HTTP", async () => {
    assert.deepEqual(origin(await call(server, "mutation", "requests:inMutation")), anonymous);
    assert.deepEqual(origin(await call(server, "action", "requests:inAction")), anonymous);
    assert.deepEqual(origin(await call(server, "run/requests/inAction", "")), anonymous);
    assert.deepEqual(origin(await call(server, "mutation", "requests:inMutation", { Authorization: `Bearer ${token}` })), amy);
    const admin = { Authorization: `Convex ${server.adminKey}` };
    assert.deepEqual(origin(await call(server, "mutation", "requests:inMutation", admin)), anonymous);
    const forged = { "X-Forwarded-For": "6.6.6.6", Forwarded: "for=6.6.6.6" };
    assert.deepEqual(origin(await call(server, "mutation", "requests:inMutation", forged)), anonymous);
    const ids = new Set();
    for (let i = 0; i < 3; i++) ids.add((await call(server, "mutation", "requests:inMutation")).requestId);
    assert.equal(ids.size, 3, "every request has an id of its own");
  });

  await t.test("through nested calls", async () => {
    const headers = { Authorization: `Bearer ${token}` };
    const action = await call(server, "action", "requests:fromAction", headers);
    // Who the user is stays inside the app; where the request came from does not.
    for (const name of ["own", "mutation", "action", "node"]) assert.deepEqual(origin(action[name]), amy, name);
    assert.deepEqual(origin(action.child), anonymous);
    const mutation = await call(server, "mutation", "requests:fromMutation", headers);
    for (const name of ["own", "mutation", "child"]) assert.deepEqual(origin(mutation[name]), amy, name);
    for (const calls of [action, mutation]) assert.equal(new Set(Object.values(calls).map(({ requestId }) => requestId)).size, 1);
  });

  await t.test("over a socket, with the token of the moment", async () => {
    const client = connectClient(t, server, { webSocketConstructor: socketFrom({}) });
    const socket = { ...anonymous, userAgent: "socket/1" };
    assert.deepEqual(origin(await client.mutation(api.requests.inMutation, {})), socket);
    let isIn;
    const signedIn = new Promise((resolve) => (isIn = resolve));
    client.setAuth(async () => token, isIn);
    assert.equal(await signedIn, true);
    assert.deepEqual(origin(await client.mutation(api.requests.inMutation, {})), { ...socket, authToken: token });
    assert.deepEqual(origin((await client.action(api.requests.fromAction, {})).mutation), { ...socket, authToken: token });
  });

  await t.test("from HTTP actions", async () => {
    const ask = async (headers = {}) => await (await fetch(`${server.siteUrl}/request`, { headers: { "User-Agent": "agent/1", ...headers } })).json();
    const { own, mutation } = await ask();
    assert.deepEqual([origin(own), origin(mutation)], [anonymous, anonymous]);
    const known = await ask({ Authorization: `Bearer ${token}` });
    assert.deepEqual([origin(known.own), origin(known.mutation)], [amy, amy]);
    assert.equal(origin((await ask({ Authorization: "Bearer no.token.here" })).own).authToken, null);
  });

  await t.test("but not in queries, which everybody shares", async () => {
    const client = http(server);
    await assert.rejects(client.query(api.requests.inQuery, {}), /Unknown async operation 1\.0\/getRequestMetadata/);
    await assert.rejects(client.mutation(api.requests.queryInMutation, {}), /Unknown async operation 1\.0\/getRequestMetadata/);
  });

  await t.test("nor in what is scheduled", async () => {
    const [mutation, action] = await call(server, "mutation", "requests:schedule", { Authorization: `Bearer ${token}` });
    const seen = await until("both jobs to run", async () => {
      const rows = await http(server).query(api.requests.seen, {});
      return rows.length === 2 ? Object.fromEntries(rows.map(({ name, request }) => [name, request])) : undefined;
    });
    const nowhere = { ip: null, userAgent: null, authToken: null };
    assert.deepEqual(origin(seen.mutation), { ...nowhere, scheduledFunctionId: mutation });
    assert.deepEqual(origin(seen.action), { ...nowhere, scheduledFunctionId: action });
    assert.notEqual(seen.mutation.requestId, seen.action.requestId);
  });

  await t.test("behind a proxy that is trusted", async (t) => {
    const server = await restart("--trusted-proxies", "127.0.0.0/8, 10.0.0.1");
    const from = async (headers) => (await call(server, "mutation", "requests:inMutation", headers)).ip;
    assert.equal(await from({}), "127.0.0.1");
    assert.equal(await from({ "X-Forwarded-For": "6.6.6.6, 1.2.3.4" }), "1.2.3.4");
    assert.equal(await from({ "X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.1" }), "1.2.3.4");
    assert.equal(await from({ Forwarded: 'for=6.6.6.6, for="[2001:db8::7]:81"' }), "2001:db8::7");
    const response = await fetch(`${server.siteUrl}/request`, { headers: { "X-Forwarded-For": "1.2.3.4" } });
    assert.equal((await response.json()).mutation.ip, "1.2.3.4");
    const client = connectClient(t, server, { webSocketConstructor: socketFrom({ "X-Forwarded-For": "1.2.3.5" }) });
    assert.equal((await client.mutation(api.requests.inMutation, {})).ip, "1.2.3.5");
    assert.equal((await callAsAdmin(server, "requests:inMutation")).ip, "127.0.0.1");
    const official = new ConvexHttpClient(server.url, { logger: false });
    assert.equal((await official.action(api.requests.inAction, {})).ip, "127.0.0.1");
  });
});
