// Proves that programs ask nobody outside of this machine: a proxy that refuses everything and notes who asked for whom.

import { createServer } from "node:http";

/** `{env, asked}`: the environment that sends a program's requests there, and the hosts it was asked for. */
export async function refusingProxy(t) {
  const asked = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(502).end();
  });
  proxy.on("connect", (request, socket) => {
    asked.push(request.url);
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  const url = `http://127.0.0.1:${proxy.address().port}`;
  const env = { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url, ALL_PROXY: url, NO_PROXY: "127.0.0.1,localhost" };
  return { env, asked };
}
