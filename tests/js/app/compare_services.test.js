// What functions do beside the database, on Fusion and on npm `convex-test`: scheduled functions, files, identities and
// HTTP routes, in random calls that are compared one by one. README.md beside this lists the known differences.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { outcome, same, shown, startApp, startModel } from "../support/app.js";
import { seeded } from "../support/random.js";
import { until } from "../support/wait.js";

const DAY = 24 * 3_600_000;

/** Both sides' outcome of one call, which must be the same. */
async function both({ fusion, model }, kind, reference, args, what) {
  return same(await outcome(fusion[kind](reference, args)), await outcome(model[kind](reference, args)), `${what}: ${shown(args)}`);
}

test("scheduled functions end the same on Fusion and on convex-test", async (t) => {
  const { client: fusion } = await startApp(t);
  const model = await startModel();
  const { below } = seeded(t);
  const pick = (list) => list[below(list.length)];
  const settled = ({ jobs }) => jobs.every(({ kind, args }) => kind !== "inProgress" && (kind !== "pending" || args[0].label.startsWith("day")));
  const compare = async (what) => {
    const state = async (target) => {
      const found = await target.query(api.jobs.state, {});
      return settled(found) && found;
    };
    const ours = await until(`${what}: everything due to have run on Fusion`, () => state(fusion));
    const theirs = await until(`${what}: everything due to have run on convex-test`, async () => {
      await model.finishInProgressScheduledFunctions();
      return await state(model);
    });
    // The crons of the app run here, and not on convex-test.
    ours.marks = ours.marks.filter(([label]) => !["every second", "in an action", "every other minute", "later"].includes(label));
    assert.deepEqual(ours, theirs, what);
    return ours;
  };
  // The model waits for what is due tomorrow with timers, which must not keep this process alive.
  const { setTimeout } = globalThis;
  t.after(() => (globalThis.setTimeout = setTimeout));
  globalThis.setTimeout = (run, ms, ...args) => {
    const timer = setTimeout(run, ms, ...args);
    return ms >= DAY / 2 ? timer.unref() : timer;
  };
  // It prints what scheduled functions throw.
  t.mock.method(console, "error", () => {});
  const labels = [];
  const endings = {};
  for (let number = 0; number < 60; number++) {
    const due = below(4) > 0;
    const label = `${due ? "now" : "day"} ${number}`;
    const work = {
      label,
      delay: due ? 0 : DAY,
      kind: pick(["mark", "mark", "markInAction", "markInAction", "countDown", "wrongArguments"]),
      ...(below(3) === 0 ? { then: pick(["throw", "data"]) } : {}),
      fail: below(5) === 0,
    };
    const name = pick(["begin", "beginInAction"]);
    await both({ fusion, model }, name === "begin" ? "mutation" : "action", api.jobs[name], work, `call ${number}: ${name}`);
    if (!due) labels.push(label);
    if (below(4) === 0 && labels.length) {
      await both({ fusion, model }, "mutation", api.jobs.cancel, { label: pick(labels) }, `call ${number}: cancel`);
    }
    if (below(10) === 0) await compare(`after call ${number}`);
  }
  for (const { kind } of (await compare("at the end")).jobs) endings[kind] = (endings[kind] ?? 0) + 1;
  t.diagnostic(JSON.stringify(endings));
  for (const kind of ["success", "failed", "canceled", "pending"]) assert.ok(endings[kind] > 0, `none was ${kind}`);
});

test("files are the same on Fusion and on convex-test", async (t) => {
  const { client: fusion } = await startApp(t);
  const model = await startModel();
  const { below } = seeded(t);
  const pick = (list) => list[below(list.length)];
  const targets = { fusion, model };
  const seen = {};
  for (let number = 0; number < 100; number++) {
    const name = pick(["a", "b", "c"]);
    const bytes = Uint8Array.from({ length: pick([0, 1, 10, 5_000]) }, () => below(256)).buffer;
    const [kind, call, args] = pick([
      () => ["action", "store", { name, bytes, type: pick([null, "text/plain", "image/png"]) }],
      () => ["action", "store", { name, bytes, type: "text/html; charset=utf-8" }],
      () => ["query", "about", { name }],
      () => ["action", "read", { name }],
      () => ["query", "all", {}],
      () => ["mutation", "remove", { name, fail: below(2) === 1 }],
      () => ["action", "gone", {}],
    ])();
    const ended = `${call} ${await both(targets, kind, api.files[call], args, `call ${number}: ${call}`)}`;
    seen[ended] = (seen[ended] ?? 0) + 1;
  }
  t.diagnostic(JSON.stringify(seen));
});

test("identities are the same on Fusion and on convex-test", async (t) => {
  const { server, oidc, jwt } = await startApp(t);
  const model = await startModel();
  const claims = {
    name: "Amy",
    given_name: "A",
    email: "amy@example.org",
    email_verified: true,
    phone_number: "+49",
    birthdate: "2000-01-01",
    updated_at: 1_700_000_000,
    orgId: "org_1",
    roles: ["a", "b"],
    nested: { deep: 1 },
  };
  const person = (issuer, subject, more = {}) => ({ issuer, subject, tokenIdentifier: `${issuer}|${subject}`, ...more });
  const people = [
    [null, null],
    [oidc.token("amy"), person(oidc.url, "amy")],
    [
      oidc.token("ada", { claims }),
      person(oidc.url, "ada", {
        name: "Amy",
        givenName: "A",
        email: "amy@example.org",
        emailVerified: true,
        phoneNumber: "+49",
        birthday: "2000-01-01",
        updatedAt: "2023-11-14T22:13:20+00:00",
        orgId: "org_1",
        roles: ["a", "b"],
        nested: { deep: 1 },
      }),
    ],
    [jwt.token("bob"), person(jwt.url, "bob")],
    [
      jwt.token("bea", { claims: { name: "Bea", given_name: "B", roles: ["c"], address: { city: "X" } } }),
      person(jwt.url, "bea", { name: "Bea", given_name: "B", roles: ["c"], "address.city": "X" }),
    ],
  ];
  const sides = people.map(([token, identity]) => {
    const fusion = new ConvexHttpClient(server.url, { logger: false });
    if (token) fusion.setAuth(token);
    return { who: identity?.tokenIdentifier ?? "nobody", fusion, model: identity ? model.withIdentity(identity) : model };
  });
  const { below } = seeded(t);
  for (let number = 0; number < 60; number++) {
    const side = sides[below(sides.length)];
    const calls = [
      ["query", "whoami", {}],
      ["mutation", "inMutation", {}],
      ["action", "inAction", {}],
      ["mutation", "write", { text: `note ${number}` }],
      ["query", "mine", {}],
    ];
    const [kind, call, args] = calls[below(calls.length)];
    await both(side, kind, api.people[call], args, `call ${number}: ${call} as ${side.who}`);
  }
});

test("HTTP routes answer the same on Fusion and on convex-test", async (t) => {
  const { server } = await startApp(t);
  const model = await startModel();
  const form = () => {
    const form = new FormData();
    form.append("name", "Zoë");
    form.append("tag", "one");
    form.append("tag", "two");
    form.append("file", new Blob(["inside"], { type: "text/csv" }), "a.csv");
    return form;
  };
  const requests = [
    ["/routes/"],
    ["/routes/a"],
    ["/routes/deep"],
    ["/routes/deep/"],
    ["/routes/deep/leaf"],
    ["/routes/deep/leaf?x=1"],
    ["/routes/deep/leaf/"],
    ["/routes/deep/er/x"],
    ["/routes/deep/erx"],
    ["/routes/deep/x", () => ({ method: "POST" })],
    ...["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].map((method) => ["/method", () => ({ method })]),
    ["/request?a=%20b&c=%C3%A4", () => ({ method: "POST", body: "ä", headers: { "content-type": "text/x", "x-twice": "1, 2", authorization: "" } })],
    ["/json", () => ({ method: "POST", body: '{"text":"abc"}' })],
    ["/bytes", () => ({ method: "POST", body: new Uint8Array([1, 2, 0, 255]) })],
    ["/form", () => ({ method: "POST", body: form() })],
    ["/empty"],
    ["/moved", () => ({ redirect: "manual" })],
    ["/cookies"],
    ["/upper", () => ({ method: "POST", body: "grüße" })],
    ["/count", () => ({ method: "POST", body: new Uint8Array(300_000) })],
    ["/large"],
    ["/whoami"],
  ];
  const names = ["content-type", "x-method", "x-one", "x-empty", "location"];
  const answer = async (response) => ({
    status: response.status,
    headers: names.map((name) => response.headers.get(name)),
    cookies: response.headers.getSetCookie(),
    body: Buffer.from(await response.arrayBuffer()).toString("latin1"),
  });
  for (const [path, init] of requests) {
    const ours = await answer(await fetch(`${server.siteUrl}${path}`, init?.()));
    const theirs = await answer(await model.fetch(path, init?.()));
    assert.deepEqual(ours, theirs, `${init?.().method ?? "GET"} ${path}`);
  }
  // Nobody answers these; the words differ.
  for (const [path, init] of [["/Routes/a"], ["/routes"], ["/nowhere"], ["/"], ["/routes/a", { method: "POST" }], ["/json", { method: "GET" }]]) {
    assert.equal((await fetch(`${server.siteUrl}${path}`, init)).status, 404, path);
    assert.equal((await model.fetch(path, init)).status, 404, path);
  }
});
