// A proxy that breaks connections, in the middle of whatever is on its way.

import { connect, createServer } from "node:net";

/** Starts a proxy to a server: `{url, cut}`, where `cut()` breaks all connections and says how many there were. */
export async function startProxy(t, server) {
  const { hostname, port } = new URL(server.url);
  const pairs = new Set();
  const proxy = createServer((inner) => {
    const outer = connect(Number(port), hostname);
    const pair = [inner, outer];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [outer, inner]]) {
      from.on("data", (data) => to.write(data));
      from.on("close", end);
      from.on("error", end);
    }
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    const count = pairs.size;
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    return count;
  };
  t.after(() => {
    proxy.close();
    cut();
  });
  return { url: `http://127.0.0.1:${proxy.address().port}`, cut };
}
