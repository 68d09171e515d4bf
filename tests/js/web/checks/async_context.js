const storage = new AsyncLocalStorage();
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

export const checks = {
  "AsyncLocalStorage: run and getStore": () => [storage.getStore() ?? null, storage.run({ a: 1 }, () => storage.getStore()), storage.getStore() ?? null, storage.run(1, (x, y) => [x, y, storage.getStore()], "x", "y")],
  "AsyncLocalStorage: nested": () => storage.run("outer", () => [storage.getStore(), storage.run("inner", () => storage.getStore()), storage.getStore()]),
  "AsyncLocalStorage: errors end it": (t) => [t.outcome(() => storage.run(1, () => { throw new RangeError("x"); })), storage.getStore() ?? null],
  "AsyncLocalStorage: over then, catch and finally": async () => storage.run("s", () => Promise.resolve().then(() => storage.getStore()).then((a) => Promise.reject([a, storage.getStore()])).catch((list) => [...list, storage.getStore()]).finally(() => storage.getStore()).then((list) => [...list, storage.getStore()])),
  "AsyncLocalStorage: over await of promises": async () => storage.run("s", async () => {
    const seen = [storage.getStore()];
    await Promise.resolve();
    seen.push(storage.getStore());
    await tick();
    seen.push(storage.getStore());
    await Promise.all([tick(), Promise.resolve(1)]);
    seen.push(storage.getStore());
    try {
      await Promise.reject(new Error("x"));
    } catch {
      seen.push(storage.getStore());
    }
    return seen;
  }),
  "AsyncLocalStorage: over nested async functions": async () => {
    const inner = async (wait) => {
      await tick();
      if (wait) await inner(false);
      return storage.getStore();
    };
    const outer = async () => [await inner(true), storage.getStore()];
    return [await storage.run("s", outer), storage.getStore() ?? null];
  },
  "AsyncLocalStorage: calls side by side": async () => {
    const work = async (name) => {
      const seen = [];
      for (let i = 0; i < 3; i++) {
        await tick();
        seen.push(storage.getStore() === name);
      }
      return seen;
    };
    const all = await Promise.all(["a", "b", "c"].map((name) => storage.run(name, () => work(name))));
    return [all, storage.getStore() ?? null];
  },
  "AsyncLocalStorage: over timers and microtasks": async () => storage.run("s", () => Promise.all([
    new Promise((resolve) => setTimeout(() => resolve(storage.getStore()), 1)),
    new Promise((resolve) => queueMicrotask(() => resolve(storage.getStore()))),
  ])),
  "AsyncLocalStorage: two of them": async () => {
    const other = new AsyncLocalStorage();
    return storage.run(1, () => other.run(2, async () => {
      await tick();
      return [storage.getStore(), other.getStore()];
    }));
  },
  "AsyncLocalStorage: exit": () => storage.run("s", () => [storage.exit(() => storage.getStore() ?? null), storage.getStore()]),
  "AsyncLocalStorage: bind and snapshot": () => {
    const bound = storage.run("bound", () => AsyncLocalStorage.bind(() => storage.getStore()));
    const snapshot = storage.run("snapshot", () => AsyncLocalStorage.snapshot());
    return [bound(), snapshot((x) => [x, storage.getStore()], 1), storage.run("now", bound)];
  },
  "AsyncLocalStorage: values that settle elsewhere": async () => {
    let settle;
    const promise = new Promise((resolve) => (settle = resolve));
    const waiting = storage.run("waiter", async () => [await promise, storage.getStore()]);
    storage.run("settler", () => settle("value"));
    return waiting;
  },
  "AsyncLocalStorage: over async iteration": async () => storage.run("s", async () => {
    const seen = [];
    for await (const value of (async function* () { await tick(); yield storage.getStore(); await tick(); yield storage.getStore(); })()) seen.push(value, storage.getStore());
    return seen;
  }),
  "promises look the same while it runs": async () => storage.run("s", async () => {
    const promise = Promise.resolve(1);
    return [Promise.resolve(promise) === promise, promise instanceof Promise, Object.prototype.toString.call(promise), await promise.then((x) => x + 1), await Promise.race([promise]), await (class extends Promise {}).resolve(3)];
  }),
  "AsyncContext": { why: "Node has none", expect: ["default", "v", "v", "v", "n"], run: async () => {
    const variable = new AsyncContext.Variable({ name: "n", defaultValue: "default" });
    const seen = [variable.get()];
    let snapshot;
    await variable.run("v", async () => {
      seen.push(variable.get());
      await tick();
      seen.push(variable.get());
      snapshot = new AsyncContext.Snapshot();
    });
    seen.push(snapshot.run(() => variable.get()), variable.name);
    return seen;
  } },
};
