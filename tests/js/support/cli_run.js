// `run` of the official command line, on functions in Rust.

import assert from "node:assert/strict";
import { test } from "node:test";
import { versions } from "./cli.js";
import { plainProject as project } from "./plain_project.js";
import { callAsAdmin, startServer } from "./server.js";
import { until } from "./wait.js";

/** Registers the test for a version. */
export function testRun(version) {
  const packageName = versions[version];
  test(`${version}: run`, async (t) => {
    const server = await startServer(t);
    const { convex, done, start } = project(t, server, packageName);
    assert.equal(await done("run", "secret:answer"), "42\n");
    assert.equal(await done("run", "counters:add", '{"name":"a","by":2}'), "2\n");
    assert.equal(await done("run", "values:actionEcho", '{"value":[1,"x",null]}'), '[\n  1,\n  "x",\n  null\n]\n');
    const identity = '{"subject":"amy","name":"Amy"}';
    assert.match(await done("run", "notes:whoami", "--identity", identity), /amy/);
    const failed = await convex("run", "values:fail", '{"text":"plainly"}');
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /plainly/);
    const missing = await convex("run", "nowhere:nothing");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /Could not find function for 'nowhere:nothing'/);
    assert.equal(await done("run", "--component", "", "counters:get", '{"name":"a"}'), "2\n");
    const component = await convex("run", "counters:get", '{"name":"a"}', "--component", "other");
    assert.equal(component.code, 1);
    const watching = start("run", "--watch", "counters:get", '{"name":"a"}');
    await until("the first value", () => /\b2\b/.test(watching.output.stdout));
    await callAsAdmin(server, "counters:add", { name: "a", by: 40 });
    await until("the next value", () => /\b42\b/.test(watching.output.stdout));
  });
}
