// The app of tests/apps/zenthor-assist on a server of its own, and those who use it.

import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { Webhook } from "svix";
import { project } from "./cli.js";
import { startIssuer } from "./issuer.js";
import { callAsAdmin, connectClient, startServer } from "./server.js";
import { advanceClock } from "./test_clock.js";
import { until } from "./wait.js";
import { startZenthorServices } from "./zenthor_services.js";

const apps = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../apps");
const YEAR_S = 366 * 24 * 3600;

export const AGENT_SECRET = "the agents' secret";
export const WEBHOOK_SECRET = `whsec_${Buffer.from("0123456789abcdef01234567").toString("base64")}`;
export const ADMIN_EMAIL = "root@example.org";

/** A copy of the project, with the packages it depends on. */
export const zenthorProject = (t) => project(t, "zenthor-assist", { from: apps, packages: true });

/** Runs a command of the official command line, which must work, and gives what it said. */
export async function done(app, server, ...args) {
  const { code, output } = await app.run(server, args);
  assert.equal(code, 0, output);
  return output;
}

/** Starts a server with the environment the app needs, nothing pushed yet. */
export async function startBare(t) {
  const server = await startServer(t, { program: "fusion", args: ["serve", "--test-clock"] });
  const issuer = await startIssuer(t);
  const services = await startZenthorServices(t);
  const app = zenthorProject(t);
  const environment = {
    CLERK_JWT_ISSUER_DOMAIN: issuer.url,
    CLERK_WEBHOOK_SECRET: WEBHOOK_SECRET,
    CLERK_SECRET_KEY: "sk_test_example",
    CLERK_API_URL: services.url,
    AGENT_SECRET,
    ADMIN_EMAIL_ALLOWLIST: `someone@example.org, ${ADMIN_EMAIL.toUpperCase()} `,
    TODOIST_CLIENT_ID: "todoist-client",
    TODOIST_CLIENT_SECRET: "todoist-secret",
    TODOIST_OAUTH_REDIRECT_URI: "https://app.example/todoist",
    TODOIST_API_BASE_URL: `${services.url}/todoist`,
    TODOIST_OAUTH_AUTHORIZE_URL: `${services.url}/oauth/authorize`,
    TODOIST_OAUTH_TOKEN_URL: `${services.url}/oauth/access_token`,
  };
  await setEnvironment(server, environment);
  return { server, app, issuer, services };
}

/** Sets variables; those that are undefined go away. */
export async function setEnvironment(server, variables) {
  const changes = Object.entries(variables).map(([name, value]) => ({ name, value: value ?? null }));
  const response = await fetch(`${server.url}/api/v1/update_environment_variables`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Convex ${server.adminKey}` },
    body: JSON.stringify({ changes }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** The app, pushed by the official command line, and its users. */
export async function startZenthor(t) {
  const { server, app, issuer, services } = await startBare(t);
  await done(app, server, "deploy", "--typecheck", "disable");
  const all = people(t, server, issuer);
  return {
    app,
    services,
    ...all,
    /** Runs a function with the official command line and gives what it prints. */
    run: (name, args = {}) => done(app, server, "run", name, JSON.stringify(args)),
    /** Brings documents into a table with the official command line. */
    importRows: (table, rows) => {
      app.write(`${table}.jsonl`, rows.map((row) => JSON.stringify(row)).join("\n"));
      return done(app, server, "import", "--append", "--table", table, `${table}.jsonl`);
    },
  };
}

/** Those who call the app. */
export function people(t, server, issuer) {
  const anybody = new ConvexHttpClient(server.url, { logger: false });
  const withKey = (args) => ({ serviceKey: AGENT_SECRET, ...args });
  const token = (subject, claims = {}) => issuer.token(subject, { seconds: 10 * YEAR_S, claims });

  const developer = new ConvexHttpClient(server.url, { logger: false });
  developer.setAdminAuth(server.adminKey);
  /** The crons, as the dashboard of developers lists them. */
  const crons = () => developer.query("_system/frontend/listCronJobs", {});

  /** A signed-in user's HTTP client; `known` makes them known to the app first. */
  const user = async (subject, { known = true, email = `${subject}@example.org`, name = subject } = {}) => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    client.setAuth(token(subject, { email, email_verified: true }));
    const id = known ? await client.mutation(api.users.getOrCreateFromClerk, { name }) : undefined;
    return Object.assign(client, { id });
  };

  return {
    server,
    issuer,
    token,
    anybody,
    user,
    admin: () => user("root", { email: ADMIN_EMAIL }),
    /** What services call: `query`, `mutation` and `action` with the key. */
    service: {
      query: (reference, args) => anybody.query(reference, withKey(args)),
      // Side by side: the client runs mutations one after another otherwise.
      mutation: (reference, args) => anybody.mutation(reference, withKey(args), { skipQueue: true }),
      action: (reference, args) => anybody.action(reference, withKey(args)),
    },
    /** A live query's results, all of them; `subject` is who watches, nobody in particular if it is left out. */
    watch: (reference, args, subject) => {
      const client = connectClient(t, server);
      if (subject) client.setAuth(async () => token(subject));
      const seen = [];
      client.onUpdate(reference, args, (value) => seen.push(value), (error) => seen.push(error));
      return seen;
    },
    /** All documents of a table, as the command line reads them. */
    table: async (table) => {
      const documents = [];
      for (let cursor = null; ; ) {
        const paginationOpts = { numItems: 1000, cursor };
        const { page, isDone, continueCursor } = await callAsAdmin(server, "_system/cli/tableData", { table, order: "asc", paginationOpts });
        documents.push(...page);
        if (isDone) return documents;
        cursor = continueCursor;
      }
    },
    crons,
    /** Waits until a cron has run, if it had to, at the time to which the clock was set. */
    reached: async (name) => {
      const now = await advanceClock(server, 0);
      const due = ({ nextRun }) => Number(nextRun.nextTs / 1_000_000n) <= now;
      await until(`the cron ${name}`, async () => !due((await crons()).find((cron) => cron.name === name)));
    },
    advance: (ms) => advanceClock(server, ms),
    /** Sends what Clerk would send; `change` may spoil the headers. */
    webhook: async (event, change = (headers) => headers) => {
      const [body, id] = [JSON.stringify(event), "msg_1"];
      // The clock of the server may be ahead of this machine's.
      const at = new Date(await advanceClock(server, 0));
      const headers = {
        "svix-id": id,
        "svix-timestamp": String(Math.floor(at.getTime() / 1000)),
        "svix-signature": new Webhook(WEBHOOK_SECRET).sign(id, at, body),
      };
      const response = await fetch(`${server.siteUrl.replace(/\/$/, "")}/clerk/webhook`, { method: "POST", headers: change(headers), body });
      return [response.status, await response.text()];
    },
  };
}

/** Asserts that a call is refused with a `ConvexError` of this text. */
export const refused = (promise, data) => assert.rejects(promise, (error) => (assert.equal(error.data ?? error.message, data), true));

/** A value that a validator, as a function's specification writes it, takes; `ids` has one of each table. */
export function sample(type, ids) {
  switch (type.type) {
    case "object":
      return Object.fromEntries(
        Object.entries(type.value).flatMap(([name, { fieldType, optional }]) => (optional ? [] : [[name, sample(fieldType, ids)]])),
      );
    case "id":
      assert.ok(ids[type.tableName], `there is no document of ${type.tableName}`);
      return ids[type.tableName];
    case "union":
      return sample(type.value[0], ids);
    case "literal":
      return type.value;
    case "array":
      return [];
    case "string":
      return "text";
    case "number":
      return 1;
    case "boolean":
      return true;
    case "null":
    case "any":
      return null;
    default:
      throw new Error(`no sample of ${JSON.stringify(type)}`);
  }
}
