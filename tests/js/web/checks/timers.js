export const checks = {
  "setTimeout: order": async (t) => {
    const seen = [];
    setTimeout(() => seen.push("20"), 20);
    setTimeout(() => seen.push("5"), 5);
    setTimeout(() => seen.push("0a"), 0);
    setTimeout(() => seen.push("0b"));
    queueMicrotask(() => seen.push("microtask"));
    Promise.resolve().then(() => seen.push("promise"));
    seen.push("sync");
    await t.sleep(40);
    return seen;
  },
  "setTimeout: arguments": async () => new Promise((resolve) => setTimeout((...args) => resolve(args), 1, "a", 2)),
  "setTimeout: microtasks run between timers": async (t) => {
    const seen = [];
    setTimeout(() => { seen.push(1); queueMicrotask(() => seen.push("micro")); }, 1);
    setTimeout(() => seen.push(2), 1);
    await t.sleep(20);
    return seen;
  },
  "setTimeout: waits about as long as it says": async () => {
    const began = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const took = Date.now() - began;
    return took >= 48 && took < 1000;
  },
  "setTimeout: odd delays": async (t) => {
    const seen = [];
    for (const delay of [undefined, null, -5, NaN, "2", 1e12, "x"]) setTimeout(() => seen.push(String(delay)), delay);
    await t.sleep(30);
    return seen.sort();
  },
  "setTimeout: what is no function": (t) => [t.outcome(() => setTimeout("code", 1)), t.outcome(() => setTimeout())],
  "clearTimeout": async (t) => {
    const seen = [];
    const one = setTimeout(() => seen.push("one"), 5);
    setTimeout(() => seen.push("two"), 5);
    clearTimeout(one);
    clearTimeout(one);
    clearTimeout(undefined);
    clearTimeout(null);
    clearTimeout(123456);
    await t.sleep(20);
    return seen;
  },
  "clearTimeout: in another timer": async (t) => {
    const seen = [];
    let second;
    setTimeout(() => { seen.push(1); clearTimeout(second); }, 5);
    second = setTimeout(() => seen.push(2), 5);
    await t.sleep(20);
    return seen;
  },
  "setInterval": async () => {
    let count = 0;
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        if (++count === 3) {
          clearInterval(timer);
          resolve();
        }
      }, 2);
    });
    const at = count;
    await new Promise((resolve) => setTimeout(resolve, 15));
    return [at, count];
  },
  "setImmediate": async (t) => {
    const seen = [];
    setImmediate((x) => seen.push(x), "now");
    const cleared = setImmediate(() => seen.push("no"));
    clearImmediate(cleared);
    await t.sleep(10);
    return seen;
  },
  "setTimeout: nested": async () => {
    const seen = [];
    await new Promise((resolve) => setTimeout(() => { seen.push(1); setTimeout(() => { seen.push(2); resolve(); }, 1); }, 1));
    return seen;
  },
  "queueMicrotask": async (t) => {
    const seen = [];
    queueMicrotask(() => seen.push(1));
    await null;
    return [seen, t.outcome(() => queueMicrotask("x")).thrown];
  },
  "many timers at once": async () => {
    const seen = [];
    await Promise.all(Array.from({ length: 200 }, (_, i) => new Promise((resolve) => setTimeout(() => { seen.push(i); resolve(); }, 3))));
    return seen.every((value, index) => value === index);
  },
  "performance": async (t) => {
    const before = performance.now();
    await t.sleep(15);
    const after = performance.now();
    return [after - before >= 13, typeof performance.timeOrigin, Math.abs(performance.timeOrigin + after - Date.now()) < 1000, Object.prototype.toString.call(performance)];
  },
  "performance: marks and measures": () => {
    const mark = performance.mark("a", { startTime: 1, detail: { d: 1 } });
    performance.mark("b", { startTime: 5 });
    const measure = performance.measure("m", "a", "b");
    const shown = [mark.name, mark.entryType, mark.startTime, mark.duration, mark.detail, measure.duration, measure.startTime, measure.entryType, performance.getEntriesByName("m").length, performance.getEntriesByType("mark").map((m) => m.name)];
    performance.clearMarks("a");
    return [shown, performance.getEntriesByType("mark").map((m) => m.name)];
  },
  "performance: unknown marks": (t) => t.outcome(() => performance.measure("m", "nope")),
};
