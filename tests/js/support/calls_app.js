// The app of tests/js/app/calls: the runtime calls that newer versions of the npm package make.

import path from "node:path";
import { fileURLToPath } from "node:url";
import { project } from "./cli.js";
import { startIssuer } from "./issuer.js";
import { http, push, serve } from "./push.js";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../app");

/** `{server, client, issuer, restart}`; `restart` starts the server again with its data and other arguments. */
export async function startCallsApp(t) {
  const [server, issuer] = [await serve(t), await startIssuer(t)];
  const app = project(t, "calls", { from: folder });
  await push(app, server, ["env", "set", "ISSUER", issuer.url]);
  await push(app, server, ["deploy", "--typecheck", "disable"]);
  const restart = async (...args) => {
    await server.stop();
    return await serve(t, { args: ["serve", ...args], data: server.data });
  };
  return { server, client: http(server), issuer, restart };
}
