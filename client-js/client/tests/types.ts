// Compiled, never run: what the types of calls allow, and what they refuse, with the generated `api` of Fusion Chat.

import { anyApi, type ArgsOf, FusionClient, type GenericId, makeFunctionReference, type OptimisticLocalStore, type ReturnsOf } from "fusion-client";
import * as preact from "fusion-client/preact";
import * as react from "fusion-client/react";
import { api } from "../../api/api.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if it is true. */
const holds = <_Condition extends true>(): void => undefined;

const { getMany } = api.public.messages;
type Message = ReturnsOf<typeof getMany>["page"][number];
declare const contactSessionId: GenericId<"contactSessions">;
declare const conversationId: GenericId<"conversations">;
const client = new FusionClient("http://127.0.0.1:3210");
const first = { numItems: 10, cursor: null };

async function calls(): Promise<void> {
  const created = await client.mutation(api.public.conversations.create, { contactSessionId, organizationId: "org" });
  holds<Equal<typeof created, GenericId<"conversations">>>();
  const page = await client.query(getMany, { contactSessionId, threadId: "thread", paginationOpts: first });
  holds<Equal<(typeof page)["page"], Message[]>>();
  const validation = await client.action(api.public.organizations.validate, { organizationId: "org" });
  if (!validation.valid) holds<Equal<typeof validation.reason, string>>();
  // Where there is nothing to give, nothing has to be given.
  const users = await client.query(api.users.getMany);
  holds<Equal<(typeof users)[number]["name"], string>>();

  // @ts-expect-error: an argument is missing.
  await client.query(getMany, { contactSessionId, paginationOpts: first });
  // @ts-expect-error: there is no such argument.
  await client.mutation(api.users.add, { name: "Ann", nickname: "A" });
  // @ts-expect-error: an id of another table.
  await client.query(api.public.conversations.getOne, { contactSessionId: conversationId, conversationId });
  // @ts-expect-error: it is a mutation.
  await client.query(api.users.add, { name: "Ann" });
  // @ts-expect-error: arguments are needed.
  await client.mutation(api.users.add);
}

function subscriptions(): void {
  const unsubscribe = client.onUpdate(api.users.getMany, {}, (users) => holds<Equal<(typeof users)[number]["name"], string>>());
  holds<Equal<ReturnType<typeof unsubscribe.getCurrentValue>, ReturnsOf<typeof api.users.getMany> | undefined>>();
  client.onPaginatedUpdate(getMany, { contactSessionId, threadId: "thread" }, { initialNumItems: 10 }, ({ results }) => {
    holds<Equal<typeof results, Message[]>>();
  });
}

function optimistic(store: OptimisticLocalStore): void {
  const users = store.getQuery(api.users.getMany);
  if (users !== undefined) store.setQuery(api.users.getMany, {}, users.slice(1));
  // @ts-expect-error: another type than the query returns.
  store.setQuery(api.users.getMany, {}, [1]);
  for (const { args, value } of store.getAllQueries(getMany)) {
    holds<Equal<typeof args, ArgsOf<typeof getMany>>>();
    holds<Equal<typeof value, ReturnsOf<typeof getMany> | undefined>>();
  }
}

async function untyped(): Promise<void> {
  const rows: string[] = await client.query("folder/module:list", { limit: 10 });
  const counted = makeFunctionReference<"query", { name: string }, number>("counters:get");
  const count = await client.query(counted, { name: rows[0] ?? "" });
  holds<Equal<typeof count, number>>();
  await client.mutation(anyApi["counters"]!["add"]!, { anything: 1n });
  // @ts-expect-error: the wrong kind of argument.
  await client.query(counted, { name: 1 });
}

// The hooks of both libraries have the same types.
function Component(hooks: typeof preact | typeof react) {
  const users = hooks.useQuery(api.users.getMany);
  holds<Equal<typeof users, ReturnsOf<typeof api.users.getMany> | undefined>>();
  const skipped = hooks.useQueryResult(api.users.getMany, "skip");
  if (skipped.status === "success") holds<Equal<(typeof skipped.value)[number]["name"], string>>();
  const { results, loadMore } = hooks.usePaginatedQuery(getMany, { contactSessionId, threadId: "thread" }, { initialNumItems: 10 });
  holds<Equal<typeof results, Message[]>>();
  const add = hooks.useMutation(api.users.add).withOptimisticUpdate((store, { name }) => {
    holds<Equal<typeof name, string>>();
    optimistic(store);
  });
  // @ts-expect-error: no argument of this name.
  const refused = () => add({ nickname: "A" });
  return { results, refused, more: () => loadMore(10), validate: hooks.useAction(api.public.organizations.validate) };
}

/** Uses them all. */
export const examples = [calls, subscriptions, optimistic, untyped, Component];
