// Loaded before a command: nothing but this machine can be reached, by name or by address, and whatever is tried is noted.

import dns from "node:dns";
import { appendFileSync } from "node:fs";
import net from "node:net";

const local = new Set(["localhost", "127.0.0.1", "::1", "0.0.0.0"]);
const note = (host) => {
  if (process.env.FUSION_OUTSIDE_LOG) appendFileSync(process.env.FUSION_OUTSIDE_LOG, `${host}\n`);
};
const refusal = (hostname) =>
  Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND", errno: -3008, syscall: "getaddrinfo", hostname });

const lookup = dns.lookup;
dns.lookup = (hostname, options, callback) => {
  const done = callback ?? options;
  if (local.has(hostname)) return lookup(hostname, options, callback);
  note(hostname);
  process.nextTick(() => done(refusal(hostname)));
};
for (const name of ["resolve", "resolve4", "resolve6"]) {
  for (const resolver of [dns, dns.promises]) {
    resolver[name] = (hostname, ...rest) => {
      note(hostname);
      const done = rest.at(-1);
      if (typeof done !== "function") return Promise.reject(refusal(hostname));
      process.nextTick(() => done(refusal(hostname)));
    };
  }
}
const promised = dns.promises.lookup;
dns.promises.lookup = async (hostname, ...rest) => {
  if (local.has(hostname)) return await promised(hostname, ...rest);
  note(hostname);
  throw refusal(hostname);
};

// Addresses need no name service.
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  const host = typeof options === "object" ? options.host : typeof args[1] === "string" ? args[1] : undefined;
  if (host !== undefined && net.isIP(host) && !local.has(host)) {
    note(host);
    process.nextTick(() => this.destroy(Object.assign(new Error(`connect ENETUNREACH ${host}`), { code: "ENETUNREACH" })));
    return this;
  }
  return connect.apply(this, args);
};
