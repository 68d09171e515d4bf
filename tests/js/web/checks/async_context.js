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
  "AsyncLocalStorage: over await of values": async () => storage.run("s", async () => {
    const seen = [];
    for (const value of [1, undefined, null, "x", {}, [], () => 1]) {
      await value;
      seen.push(storage.getStore());
    }
    return seen;
  }),
  "AsyncLocalStorage: over await in functions called under run": async () => {
    const value = async () => { await 1; return storage.getStore(); };
    const nested = async () => [await value(), storage.getStore()];
    const all = await Promise.all(["a", "b"].map((name) => storage.run(name, nested)));
    return [all, await value() ?? null, storage.getStore() ?? null];
  },
  "AsyncLocalStorage: over thenables": async () => {
    const seen = [];
    const now = { then(resolve) { seen.push(storage.getStore()); resolve(1); } };
    const later = { then(resolve) { Promise.resolve().then(() => { seen.push(storage.getStore()); resolve(2); }); } };
    const timer = { then(resolve) { setTimeout(() => { seen.push(storage.getStore()); resolve(3); }, 1); } };
    const outside = new Promise((resolve) => setTimeout(resolve, 1));
    const wrapped = { then(resolve, reject) { return outside.then(resolve, reject); } };
    await storage.run("s", async () => {
      for (const thenable of [now, later, timer, wrapped]) {
        await thenable;
        seen.push(storage.getStore());
      }
    });
    return seen;
  },
  "AsyncLocalStorage: over thenables that reject": async () => {
    const seen = [];
    const now = { then(_resolve, reject) { reject(new Error("1")); } };
    const throws = { then() { throw new Error("2"); } };
    const wrapped = { then(resolve, reject) { return tick().then(() => { throw new Error("3"); }).then(resolve, reject); } };
    await storage.run("s", async () => {
      for (const thenable of [now, throws, wrapped]) {
        try {
          await thenable;
        } catch (error) {
          seen.push(error.message, storage.getStore());
        }
        await 0;
        seen.push(storage.getStore());
      }
    });
    return seen;
  },
  "AsyncLocalStorage: over promises of a class of one's own": async () => {
    class Own extends Promise {}
    return storage.run("s", async () => {
      const seen = [await Own.resolve(1), storage.getStore()];
      seen.push(await new Own((resolve) => setTimeout(() => resolve(2), 1)), storage.getStore());
      try {
        await Own.reject(new Error("x"));
      } catch (error) {
        seen.push(error.message, storage.getStore());
      }
      return seen;
    });
  },
  "AsyncLocalStorage: over what async functions give": async () => {
    const inner = async () => tick();
    const throws = async () => { await tick(); throw new Error("x"); };
    return storage.run("s", async () => {
      const seen = [];
      await (async () => inner())();
      seen.push(storage.getStore());
      await (async () => { await inner(); return Promise.resolve(1); })();
      seen.push(storage.getStore());
      await throws().catch(() => seen.push(storage.getStore()));
      seen.push(storage.getStore());
      await (async () => { try { return await throws(); } finally { seen.push(storage.getStore()); } })().catch(() => {});
      seen.push(storage.getStore());
      return seen;
    });
  },
  "AsyncLocalStorage: over all, allSettled, race and any": async () => {
    const one = async (name) => storage.run(name, async () => { await tick(); await 0; return storage.getStore(); });
    return storage.run("s", async () => {
      const seen = [];
      seen.push(await Promise.all([one("a"), 1, tick()]), storage.getStore());
      seen.push((await Promise.allSettled([one("b"), Promise.reject(1)])).length, storage.getStore());
      seen.push(await Promise.race([one("c"), new Promise(() => {})]), storage.getStore());
      seen.push(await Promise.any([Promise.reject(1), one("d")]), storage.getStore());
      seen.push(await Promise.any([Promise.reject(1)]).catch((error) => [error.name, storage.getStore()]), storage.getStore());
      return seen;
    });
  },
  "AsyncLocalStorage: one promise, many who wait": async () => {
    let settle;
    const promise = new Promise((resolve) => (settle = resolve));
    const wait = async () => [await promise, storage.getStore() ?? null];
    const waiting = [storage.run("a", wait), wait(), storage.run("b", wait), promise.then(() => storage.getStore() ?? null)];
    storage.run("c", () => { Promise.resolve(1); settle("v"); });
    return Promise.all(waiting);
  },
  "AsyncLocalStorage: none where there was none": async () => {
    let settle;
    let fail;
    const settled = new Promise((resolve) => (settle = resolve));
    const failed = new Promise((_, reject) => (fail = reject));
    const waits = (async () => { await settled; return storage.getStore() ?? null; })();
    const catches = (async () => { try { await failed; } catch { return storage.getStore() ?? null; } })();
    const values = (async () => { await 1; return storage.getStore() ?? null; })();
    storage.run("s", () => { Promise.resolve(1); settle(); fail(new Error("x")); new Promise((resolve) => resolve(2)); });
    return Promise.all([waits, catches, values]);
  },
  "AsyncLocalStorage: over async generators": async () => {
    const steps = async function* () {
      yield storage.getStore() ?? null;
      await 1;
      yield storage.getStore() ?? null;
      await tick();
      yield storage.getStore() ?? null;
      try { yield "last"; } finally { await 0; yield storage.getStore() ?? null; }
    };
    return storage.run("s", async () => {
      const seen = [];
      for await (const value of steps()) seen.push(value, storage.getStore());
      for await (const value of [1, Promise.resolve(2), tick()]) seen.push(value ?? null, storage.getStore());
      const generator = steps();
      const all = await Promise.all([generator.next(), generator.next(), generator.next()]);
      seen.push(all.map(({ value }) => value), storage.getStore());
      return seen;
    });
  },
  "AsyncLocalStorage: exit and what follows": async () => storage.run("s", async () => {
    const out = await storage.exit(async () => { await 1; const seen = [storage.getStore() ?? null]; await tick(); return [...seen, storage.getStore() ?? null]; });
    return [out, storage.getStore()];
  }),
  "AsyncLocalStorage: nested run over awaits": async () => storage.run("outer", async () => {
    const seen = [];
    await 0;
    const inner = storage.run("inner", async () => { await 0; seen.push(storage.getStore()); await tick(); seen.push(storage.getStore()); });
    seen.push(storage.getStore());
    await inner;
    seen.push(storage.getStore());
    return seen;
  }),
  "AsyncLocalStorage: enterWith": async () => {
    const seen = [];
    const work = async () => {
      await 0;
      storage.enterWith("entered");
      await 1;
      seen.push(storage.getStore());
      await tick();
      seen.push(storage.getStore());
    };
    await work();
    await storage.run("s", async () => { await work(); });
    return seen;
  },
  "AsyncLocalStorage: bind and snapshot over awaits": async () => {
    const bound = storage.run("bound", () => AsyncLocalStorage.bind(async () => { await 1; return storage.getStore(); }));
    const snapshot = storage.run("snapshot", () => AsyncLocalStorage.snapshot());
    return [await bound(), await snapshot(async () => { await 1; await tick(); return storage.getStore(); }), storage.getStore() ?? null];
  },
  "AsyncLocalStorage: intervals and nested timers": async () => storage.run("s", () => new Promise((resolve) => {
    const seen = [];
    const interval = setInterval(() => {
      seen.push(storage.getStore());
      if (seen.length < 2) return;
      clearInterval(interval);
      setTimeout(async () => { await 0; queueMicrotask(() => resolve([...seen, storage.getStore()])); }, 1);
    }, 1);
  })),
  "AsyncLocalStorage: takes no turn": async () => {
    const order = [];
    const steps = (name, make) => async () => { for (let i = 0; i < 4; i++) { await make(); order.push(name + i); } };
    await Promise.all([
      storage.run("a", steps("a", () => 1)),
      storage.run("b", steps("b", () => Promise.resolve())),
      steps("c", () => Promise.resolve())(),
      storage.run("d", () => { let promise = Promise.resolve(); for (let i = 0; i < 4; i++) promise = promise.then(() => order.push("d" + i)); return promise; }),
      storage.run("e", steps("e", async () => {})),
      storage.run("f", steps("f", async () => Promise.resolve())),
      storage.run("g", steps("g", () => ({ then(resolve) { resolve(); } }))),
    ]);
    return order;
  },
  "AsyncLocalStorage: promises are what they were": async () => storage.run("s", async () => {
    const { prototype } = Promise;
    const unhandled = Promise.reject(new Error("x"));
    unhandled.catch(() => {});
    return [prototype.constructor === Promise, Promise.resolve(1).constructor === Promise, prototype.then.name, prototype.then.length, Object.keys(prototype), Object.create(prototype).constructor === Promise, prototype.then === Promise.resolve(1).then];
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
