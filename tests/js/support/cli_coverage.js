// What the tests of a version of the official command line must have used: all that its own help lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import { versions } from "./cli.js";
import { unused } from "./coverage.js";

/** Flags that no test uses, and why. */
const WITHOUT = {
  "--help": "lists the others",
  "--version": "asks no server",
  "--configure": "chooses a project of the cloud",
  "--deployment": "names a deployment of the cloud",
  "--deployment-name": "names a deployment of the cloud",
  "--preview-create": "makes a deployment in the cloud",
  "--preview-name": "names a deployment of the cloud",
  "--preview-run": "runs in a deployment of the cloud",
  "--prod": "names a deployment of the cloud",
};

/** Registers the check of some commands; it comes after their tests, in the same file. */
export function testCoverage(version, commands) {
  test(`${version}: every flag was used of ${commands.join(", ")}`, () => {
    assert.deepEqual(unused(versions[version], commands, WITHOUT), []);
  });
}
