// Stand-ins on loopback for Todoist and for Clerk's API; what they were asked is kept in `requests`.

import { createServer } from "node:http";

/** Starts them at one address; they stop with the test. `answers[path]` overrides what is said: `{status, body}`. */
export async function startZenthorServices(t) {
  const requests = [];
  const answers = {};
  const tasks = new Map();
  const clerkUsers = [];

  const task = (body) => {
    const { content, description = "", priority = 1, due_string } = body;
    const created = { id: String(tasks.size + 1), content, description, priority, due: due_string ? { date: due_string } : null };
    tasks.set(created.id, created);
    return created;
  };
  /** What Todoist says to a user's request; undefined is that there is no such thing. */
  const todoist = (method, path, query, body) => {
    if (path === "/user") return { email: "ada@todoist.example", full_name: "Ada at Todoist" };
    if (method === "POST" && path === "/tasks") return task(body);
    if (method === "GET" && path === "/tasks") return { results: [...tasks.values()], next_cursor: null };
    if (path === "/tasks/filter") return { results: [...tasks.values()].filter(({ content }) => content.includes(query.get("query"))), next_cursor: null };
    const [, id, close] = /^\/tasks\/([^/]+)(\/close)?$/.exec(path) ?? [];
    const known = tasks.get(id);
    if (!known) return undefined;
    if (close) return tasks.delete(id) && null;
    return Object.assign(known, { due: { date: body.due_string } });
  };

  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    requests.push({ method: request.method, path: pathname, query: searchParams, headers: request.headers, text });
    const say = (status, body) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body));
    };
    const override = answers[pathname];
    if (override) return say(override.status ?? 200, override.body ?? null);
    if (pathname === "/oauth/access_token") {
      const scope = "data:read_write";
      return say(200, { access_token: `token-for-${new URLSearchParams(text).get("code")}`, token_type: "Bearer", scope });
    }
    if (pathname.startsWith("/todoist/")) {
      const said = todoist(request.method, pathname.slice("/todoist".length), searchParams, text && JSON.parse(text));
      return said === undefined ? say(404, "not found") : say(said === null ? 204 : 200, said);
    }
    if (pathname === "/v1/users") {
      const [offset, limit] = ["offset", "limit"].map((name) => Number(searchParams.get(name)));
      return say(200, clerkUsers.slice(offset, offset + limit));
    }
    if (pathname === "/v1/users/count") return say(200, { object: "total_count", total_count: clerkUsers.length });
    return say(404, { errors: [{ code: "not_found", message: pathname }] });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, requests, answers, tasks, clerkUsers };
}

/** A user as Clerk's API and webhooks write them. */
export function clerkUser(id, { first = "Ada", last = "Lovelace", email = `${id}@example.org`, verified = true } = {}) {
  return {
    object: "user",
    id,
    first_name: first,
    last_name: last,
    image_url: `https://img.example/${id}`,
    primary_email_address_id: `${id}_2`,
    email_addresses: [
      { id: `${id}_1`, email_address: "old@example.org", verification: null, linked_to: [] },
      { id: `${id}_2`, email_address: email, verification: { status: verified ? "verified" : "unverified" }, linked_to: [] },
    ],
    phone_numbers: [],
    web3_wallets: [],
    external_accounts: [],
    enterprise_accounts: [],
    created_at: 1_700_000_000_000,
  };
}
