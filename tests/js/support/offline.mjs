// Loaded before a command: nothing but this machine can be reached, and whatever is tried is noted.

import dns from "node:dns";
import { appendFileSync } from "node:fs";

const local = new Set(["localhost", "127.0.0.1", "::1", "0.0.0.0"]);
const lookup = dns.lookup;
dns.lookup = (hostname, options, callback) => {
  const done = callback ?? options;
  if (local.has(hostname)) return lookup(hostname, options, callback);
  if (process.env.FUSION_OUTSIDE_LOG) appendFileSync(process.env.FUSION_OUTSIDE_LOG, `${hostname}\n`);
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), {
    code: "ENOTFOUND",
    errno: -3008,
    syscall: "getaddrinfo",
    hostname,
  });
  process.nextTick(() => done(error));
};
