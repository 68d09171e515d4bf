// Waiting for what becomes true, with a limit and a name for the failure.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `condition` returns something else than undefined or false, and returns that. */
export async function until(what, condition, timeoutMs = 30_000) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(5);
  }
}
