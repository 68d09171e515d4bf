// Waiting for what becomes true, with a limit and a name for the failure.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How much of the limit one look can use up: a machine that stands still for a minute must not end the wait by it. */
const LOOK_MAX_MS = 5_000;

/** Polls until `condition` returns something else than undefined or false, and returns that. */
export async function until(what, condition, timeoutMs = 30_000) {
  let waited = 0;
  for (let looked = performance.now(); ; ) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (waited > timeoutMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(5);
    const now = performance.now();
    waited += Math.min(now - looked, LOOK_MAX_MS);
    looked = now;
  }
}
