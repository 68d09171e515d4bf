export const phase = "query";

export const checks = {
  "process.env: values": () => [process.env.GREETING, process.env.EMPTY, process.env.MISSING ?? null, process.env["GREETING"]],
  "process.env: has": () => ["GREETING" in process.env, "MISSING" in process.env, Object.hasOwn(process.env, "EMPTY")],
  "process.env: keys": () => [Object.keys(process.env).sort(), Object.entries({ ...process.env }).length],
  "process.env: destructuring": () => {
    const { GREETING, MISSING = "default" } = process.env;
    return [GREETING, MISSING];
  },
  "process.env: assignments become text": () => {
    process.env.NUMBER = 5;
    process.env.GREETING = undefined;
    const set = [process.env.NUMBER, typeof process.env.NUMBER, process.env.GREETING];
    delete process.env.NUMBER;
    process.env.GREETING = "hello";
    return [set, process.env.NUMBER ?? null];
  },
  "process.env: JSON": () => JSON.parse(JSON.stringify(process.env)).GREETING,
  "process.env: not its prototype's": () => [typeof process.env.toString, Object.keys(process.env).includes("toString")],
  "globalThis, global and self": () => [globalThis === global, self === globalThis, typeof window],
};
