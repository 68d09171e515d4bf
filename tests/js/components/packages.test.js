// Components from npm, each used for what it is for: pushed by the official command line, their sources untouched.

import assert from "node:assert/strict";
import path from "node:path";
import { before, after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { seeded } from "../support/random.js";
import { startServer } from "../support/server.js";
import { until } from "../support/wait.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const GAMES = ["chess", "go", "tag"];

let server;
let client;
const stops = [];

before(async () => {
  const t = { after: (stop) => stops.unshift(stop) };
  server = await startServer(t, { program: "fusion", args: ["serve"] });
  const { run } = project(t, "packages", { packages: true, from: here });
  const pushed = await run(server, ["deploy", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.output);
  for (const name of ["actionCache", "byGame", "byScore", "geospatial", "migrations", "persistentTextStreaming", "rateLimiter", "shardedCounter"]) {
    assert.ok(pushed.output.includes(`Installed component ${name}.`), `${name}\n${pushed.output}`);
  }
  client = new ConvexHttpClient(server.url, { logger: false });
});

after(async () => {
  for (const stop of stops) await stop();
});

test("rate-limiter: a limit holds under 50 parallel callers", async () => {
  const clients = Array.from({ length: 50 }, () => new ConvexHttpClient(server.url, { logger: false }));
  const allowed = await Promise.all(clients.map((one) => one.mutation(api.limits.send, { key: "amy" })));
  assert.equal(allowed.filter(Boolean).length, 10);
  assert.equal(await client.query(api.limits.left, { key: "amy" }), false);
  assert.equal(await client.query(api.limits.left, { key: "bob" }), true);
  await client.mutation(api.limits.reset, { key: "amy" });
  assert.equal(await client.mutation(api.limits.send, { key: "amy" }), true);
});

test("rate-limiter: an exceeded limit takes back what its caller did", async () => {
  for (let n = 0; n < 3; n++) await client.mutation(api.limits.signUp, {});
  await assert.rejects(client.mutation(api.limits.signUp, {}), (error) => {
    assert.equal(error.data?.kind, "RateLimited");
    assert.equal(error.data?.name, "signUp");
    return true;
  });
  assert.equal(await client.query(api.limits.clicks, {}), 3);
});

test("aggregate: equal to a recount under random writes, also for whoever watches", async (t) => {
  const { unit, below } = seeded(t);
  const watcher = new ConvexClient(server.url);
  t.after(() => watcher.close());
  const args = { games: GAMES, from: 50 };
  let shown;
  watcher.onUpdate(api.scores.aggregated, args, (value) => (shown = value));
  const pick = (list) => list[below(list.length)];
  const ids = [];
  for (let round = 0; round < 60; round++) {
    const kind = unit();
    const score = below(100);
    if (ids.length === 0 || kind < 0.6) {
      ids.push(await client.mutation(api.scores.add, { game: pick(GAMES), player: `p${round}`, score }));
    } else if (kind < 0.8) {
      await client.mutation(api.scores.change, { id: pick(ids), score });
    } else {
      const [id] = ids.splice(below(ids.length), 1);
      await client.mutation(api.scores.remove, { id });
    }
    if (round % 10 === 9) {
      assert.deepEqual(await client.query(api.scores.aggregated, args), await client.query(api.scores.recounted, args));
    }
  }
  const last = await client.query(api.scores.recounted, args);
  await until("the watcher to see the last state", () => JSON.stringify(shown) === JSON.stringify(last) || undefined);
  for (const id of ids) await client.mutation(api.scores.remove, { id });
});

test("migrations: every document is migrated, in batches, once", async () => {
  await client.mutation(api.migrations.seed, { count: 35 });
  await client.mutation(api.migrations.start, {});
  const status = await until("the migration to end", async () => {
    const status = await client.query(api.migrations.status, {});
    return status.isDone ? status : undefined;
  });
  assert.equal(status.processed, 35);
  const levels = await client.query(api.migrations.levels, {});
  assert.equal(levels.length, 35);
  assert.ok(levels.every((level) => level === "low"), levels.join());
});

test("sharded-counter: nobody's count is lost, and that of who failed is", async () => {
  const clients = Array.from({ length: 30 }, () => new ConvexHttpClient(server.url, { logger: false }));
  await Promise.all(clients.map((one) => one.mutation(api.counters.add, { n: 2 })));
  await assert.rejects(client.mutation(api.counters.addAndFail, { n: 5 }), /after counting/);
  assert.equal(await client.query(api.counters.count, {}), 60);
});

test("persistent-text-streaming: the text arrives as it is made and is kept", async () => {
  const stream = await client.mutation(api.chats.create, { prompt: "When do you open?" });
  assert.deepEqual(await client.query(api.chats.body, { stream }), { text: "", status: "pending" });
  const response = await fetch(`${server.siteUrl}/chat-stream`, { method: "POST", body: JSON.stringify({ stream }) });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "Opening hours are nine to five.");
  const kept = await until("the text to be kept", async () => {
    const body = await client.query(api.chats.body, { stream });
    return body.status === "done" ? body : undefined;
  });
  assert.equal(kept.text, "Opening hours are nine to five.");
});

test("geospatial: points are found where they are, as a recount finds them", async (t) => {
  const { unit, below } = seeded(t);
  const made = Array.from({ length: 120 }, (_, n) => ({
    key: `place ${n}`,
    kind: ["cafe", "museum"][below(2)],
    price: below(50),
    latitude: 48 + unit(),
    longitude: 11 + unit(),
  }));
  for (let from = 0; from < made.length; from += 30) await client.mutation(api.places.add, { places: made.slice(from, from + 30) });
  for (const { key } of made.splice(0, 20)) await client.mutation(api.places.remove, { key });

  for (let round = 0; round < 5; round++) {
    const [west, south] = [11 + unit() / 2, 48 + unit() / 2];
    const area = { west, south, east: west + 0.4, north: south + 0.4 };
    const inside = ({ kind, latitude, longitude }) =>
      kind === "cafe" && latitude >= area.south && latitude <= area.north && longitude >= area.west && longitude <= area.east;
    const found = await client.query(api.places.within, { ...area, kind: "cafe" });
    assert.deepEqual(found.toSorted(), made.filter(inside).map(({ key }) => key).toSorted());
  }

  const here = { latitude: 48.5, longitude: 11.5 };
  const radians = (degrees) => (degrees * Math.PI) / 180;
  /** The angle between two points, seen from the Earth's centre. */
  const angle = ({ latitude, longitude }) =>
    Math.acos(
      Math.sin(radians(latitude)) * Math.sin(radians(here.latitude)) +
        Math.cos(radians(latitude)) * Math.cos(radians(here.latitude)) * Math.cos(radians(longitude - here.longitude)),
    );
  const nearest = await client.query(api.places.nearest, { ...here, count: 8 });
  const wanted = made.toSorted((a, b) => angle(a) - angle(b)).slice(0, 8);
  assert.deepEqual(nearest.map(({ key }) => key), wanted.map(({ key }) => key));
  for (const [place, { distance }] of nearest.entries()) {
    const metres = angle(wanted[place]) * 6_371_010;
    assert.ok(Math.abs(distance - metres) < 1, `${distance} m instead of ${metres} m`);
  }
});

test("action-cache: what was computed once is not computed again until it is forgotten", async () => {
  const before = await client.query(api.cached.computed, {});
  assert.deepEqual(await client.action(api.cached.squares, { numbers: [3, 4, 3] }), [9, 16, 9]);
  assert.deepEqual(await client.action(api.cached.squares, { numbers: [4, 3] }), [16, 9]);
  assert.equal((await client.query(api.cached.computed, {})) - before, 2);
  await client.action(api.cached.forget, {});
  await until("the values to be forgotten", async () => {
    await client.action(api.cached.squares, { numbers: [3] });
    return (await client.query(api.cached.computed, {})) - before === 3 || undefined;
  });
});
