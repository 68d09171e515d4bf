// Fusion Chat on a server of its own: the functions in Rust, or those of tests/apps/fusion-chat-ts pushed over them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { project } from "./cli.js";
import { startModel } from "./model.js";
import { startServer } from "./server.js";

const apps = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../apps");

/** A server with Fusion Chat in Rust, without any outside service. */
export function startChat(t) {
  return startServer(t, { program: "fusion", args: ["dev", "--app", "fusion-chat"] });
}

/** Answers of AWS Secrets Manager, to `name` with `body`. */
function secretsManager(secrets, name, { Name, SecretId, SecretString }) {
  const id = Name ?? SecretId;
  const refused = (type) => [400, { __type: type, Message: id }];
  if (name === "CreateSecret") return secrets.has(id) ? refused("ResourceExistsException") : [200, { Name: id }, secrets.set(id, SecretString)];
  if (!secrets.has(id)) return refused("ResourceNotFoundException");
  if (name === "PutSecretValue") return [200, { Name: id }, secrets.set(id, SecretString)];
  if (name === "DeleteSecret") return [200, { Name: id }, secrets.delete(id)];
  return [200, { Name: id, SecretString: secrets.get(id) }];
}

const model = { provider: "openai", model: "gpt-4o" };
const vapi = {
  "/assistant": [{ id: "a1", name: "Voice", firstMessage: "Hello", model }],
  "/phone-number": [{ id: "p1", name: "Main", number: "+1", phoneNumber: "+1", status: "active" }],
};

/** Clerk, Vapi and AWS's secret store at one address. */
async function startServices(t) {
  const secrets = new Map();
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const target = request.headers["x-amz-target"];
    const organization = request.url.match(/^\/v1\/organizations\/(.+)$/)?.[1];
    let answer = [404, { errors: [{ code: "resource_not_found", message: "not found" }] }];
    if (target) answer = secretsManager(secrets, target.split(".")[1], JSON.parse(text));
    else if (vapi[request.url]) answer = [200, vapi[request.url]];
    else if (organization === "org_demo") answer = [200, { object: "organization", id: organization, name: "Demo", slug: "demo" }];
    const [status, body] = answer;
    response.writeHead(status, { "Content-Type": target ? "application/x-amz-json-1.1" : "application/json", "x-amzn-errortype": body.__type ?? "" });
    response.end(JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

/** Pushes the functions in TypeScript over those in Rust; what they need of outside services is on this machine. */
export async function pushChatInTypeScript(t, server) {
  const services = await startServices(t);
  const { url } = await startModel(t, ({ messages }) => ({ text: `An answer to ${messages.length} messages.` }));
  const app = project(t, "fusion-chat-ts", { from: apps, packages: true });
  const env = {
    CLERK_JWT_ISSUER_DOMAIN: `${server.url}/_dev/issuer`,
    OPENAI_BASE_URL: url,
    OPENAI_API_KEY: "key",
    CLERK_SECRET_KEY: "sk_test_key",
    CLERK_API_URL: services,
    VAPI_BASE_URL: services,
    AWS_ENDPOINT_URL: services,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
  };
  app.write(".env.deployment", Object.entries(env).map(([name, value]) => `${name}=${value}\n`).join(""));
  for (const args of [["env", "set", "--from-file", ".env.deployment", "--force"], ["deploy", "--typecheck", "disable"]]) {
    const { code, output } = await app.run(server, args);
    assert.equal(code, 0, output);
  }
  return app;
}

/** A server with Fusion Chat in TypeScript. */
export async function startChatInTypeScript(t) {
  const server = await startChat(t);
  await pushChatInTypeScript(t, server);
  return server;
}
