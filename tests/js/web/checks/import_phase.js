const message = async (f) => {
  try {
    await f();
    return "nothing thrown";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const why = "nothing of the outside exists while modules are loaded";

export const phase = "import";

export const checks = {
  "import: fetch, timers and random values are refused": {
    why,
    expect: [
      "Error: Can't use fetch() at import time. Call it inside of an action instead.",
      "Error: Can't use setTimeout at import time. Call it inside of an action instead.",
      "Error: Can't use cryptographic randomness at import time. Call it inside of a function instead.",
    ],
    run: async () => [await message(() => fetch("http://h")), await message(() => setTimeout(() => {}, 1)), await message(() => crypto.randomUUID())],
  },
  "import: time and Math.random are fixed": { why, expect: [1700000000000, true], run: () => [Date.now(), Math.random() < 1] },
  "import: classes of the web APIs are there": () => [new URL("http://h").href, new Headers({ a: "b" }).get("a"), new TextEncoder().encode("a").length],
};
