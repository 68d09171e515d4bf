// Todoist's HTTP API. Its addresses can be set, so that a stand-in can serve them.

import { ConvexError, v } from "convex/values";

const API_URL = "https://api.todoist.com/api/v1";
const AUTHORIZE_URL = "https://todoist.com/oauth/authorize";
const TOKEN_URL = "https://todoist.com/oauth/access_token";
const DEFAULT_SCOPE = "data:read_write";
/** How much of a refusal is repeated. */
const DETAIL_LENGTH = 200;

export const todoistTask = v.object({
  id: v.string(),
  content: v.string(),
  description: v.optional(v.string()),
  dueDate: v.optional(v.string()),
  priority: v.optional(v.number()),
});

export interface TodoistTask {
  id: string;
  content: string;
  description?: string;
  dueDate?: string;
  priority?: number;
}

/** A task as Todoist writes it. */
interface WireTask {
  id: string;
  content: string;
  description?: string;
  due?: { date: string } | null;
  priority?: number;
}

export interface NewTask {
  content: string;
  description?: string;
  dueString?: string;
  priority?: number;
}

export interface Token {
  accessToken: string;
  tokenType?: string;
  scope?: string;
}

interface Client {
  clientId: string;
  clientSecret: string;
  redirectUri: string;
  scope: string;
}

/** What the application is at Todoist; fails with the names of what is not set. */
export function oauthClient(): Client {
  const { TODOIST_CLIENT_ID, TODOIST_CLIENT_SECRET, TODOIST_OAUTH_REDIRECT_URI } = process.env;
  const needed = { TODOIST_CLIENT_ID, TODOIST_CLIENT_SECRET, TODOIST_OAUTH_REDIRECT_URI };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  if (!TODOIST_CLIENT_ID || !TODOIST_CLIENT_SECRET || !TODOIST_OAUTH_REDIRECT_URI) {
    throw new ConvexError(`Todoist is not set up: ${missing.join(", ")} not set`);
  }
  return {
    clientId: TODOIST_CLIENT_ID,
    clientSecret: TODOIST_CLIENT_SECRET,
    redirectUri: TODOIST_OAUTH_REDIRECT_URI,
    scope: process.env.TODOIST_OAUTH_SCOPE || DEFAULT_SCOPE,
  };
}

/** Where a user grants access. */
export function authorizationUrl(state: string): string {
  const { clientId, redirectUri, scope } = oauthClient();
  const url = new URL(process.env.TODOIST_OAUTH_AUTHORIZE_URL || AUTHORIZE_URL);
  for (const [name, value] of Object.entries({ client_id: clientId, scope, state, redirect_uri: redirectUri })) {
    url.searchParams.set(name, value);
  }
  return url.href;
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Gives the code of a grant for a token. */
export async function exchangeCode(code: string): Promise<Token> {
  const { clientId, clientSecret, redirectUri } = oauthClient();
  const response = await fetch(process.env.TODOIST_OAUTH_TOKEN_URL || TOKEN_URL, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, code, redirect_uri: redirectUri }),
  });
  if (!response.ok) {
    const detail = (await response.text()).slice(0, DETAIL_LENGTH);
    throw new ConvexError(`Failed to exchange Todoist OAuth code: ${response.status} ${detail}`.trim());
  }
  const answer = (await response.json()) as Record<string, unknown>;
  const accessToken = textOf(answer.access_token);
  if (!accessToken) throw new ConvexError("Todoist OAuth did not return an access token.");
  return { accessToken, tokenType: textOf(answer.token_type), scope: textOf(answer.scope) };
}

/** A request of a user's; `undefined` for what Todoist does not know. */
async function request(accessToken: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${process.env.TODOIST_API_BASE_URL || API_URL}${path}`, {
    method,
    headers: { Authorization: `Bearer ${accessToken}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  if (response.status === 404) return undefined;
  const text = await response.text();
  if (!response.ok) {
    throw new ConvexError(`Todoist refused ${method} ${path}: ${response.status} ${text.slice(0, DETAIL_LENGTH)}`.trim());
  }
  return text ? JSON.parse(text) : null;
}

const fromWire = ({ id, content, description, due, priority }: WireTask): TodoistTask => ({
  id,
  content,
  ...(description && { description }),
  ...(due && { dueDate: due.date }),
  ...(priority !== undefined && { priority }),
});

/** Whose token it is; nothing if Todoist does not say, for access works without it. */
export async function accountOf(accessToken: string): Promise<{ accountEmail?: string; accountName?: string }> {
  try {
    const user = ((await request(accessToken, "GET", "/user")) ?? {}) as Record<string, unknown>;
    return { accountEmail: textOf(user.email), accountName: textOf(user.full_name) };
  } catch (error) {
    console.warn("Todoist does not say whose account it is", error);
    return {};
  }
}

export async function createTask(accessToken: string, task: NewTask): Promise<TodoistTask> {
  const { content, description, dueString, priority } = task;
  const body = { content, description, due_string: dueString, priority };
  return fromWire((await request(accessToken, "POST", "/tasks", body)) as WireTask);
}

export async function listTasks(accessToken: string, filter: string | undefined, limit: number): Promise<TodoistTask[]> {
  const query = new URLSearchParams({ ...(filter && { query: filter }), limit: String(limit) });
  const path = `${filter ? "/tasks/filter" : "/tasks"}?${query}`;
  const { results } = (await request(accessToken, "GET", path)) as { results: WireTask[] };
  return results.slice(0, limit).map(fromWire);
}

/** Whether there is such a task, which is done now. */
export const completeTask = async (accessToken: string, taskId: string): Promise<boolean> =>
  (await request(accessToken, "POST", `/tasks/${encodeURIComponent(taskId)}/close`)) !== undefined;

/** Whether there is such a task, which is due then now. */
export const rescheduleTask = async (accessToken: string, taskId: string, dueString: string): Promise<boolean> =>
  (await request(accessToken, "POST", `/tasks/${encodeURIComponent(taskId)}`, { due_string: dueString })) !== undefined;
