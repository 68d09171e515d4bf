// A model that needs no network: it repeats what it was told, or does what a message of the form "/word" wants of it.

import { ModelError } from "./retries.js";

const COMMANDS = {
  /** `/fail rate_limit`: fails for that reason. */
  fail: (reason) => {
    throw new ModelError(reason, `The model failed: ${reason}`);
  },
};

/** The answer to the newest message of a user, in growing pieces. */
export async function* answer({ messages }) {
  const asked = messages.findLast(({ role }) => role !== "assistant")?.content ?? "";
  const [, command, argument] = /^\/(\w+) ?(.*)$/.exec(asked) ?? [];
  COMMANDS[command]?.(argument);
  const words = `You said: ${asked}`.split(" ");
  for (let count = 1; count <= words.length; count += 1) yield words.slice(0, count).join(" ");
}

/** A model that never answers. */
export async function* silence() {
  await new Promise(() => {});
}
