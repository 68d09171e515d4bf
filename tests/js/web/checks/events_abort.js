export const checks = {
  "Event: defaults": () => {
    const event = new Event("x");
    return [event.type, event.bubbles, event.cancelable, event.composed, event.target, event.currentTarget, event.eventPhase, event.defaultPrevented, event.returnValue, event.cancelBubble, event.isTrusted, event.composedPath(), typeof event.timeStamp];
  },
  "Event: options": () => {
    const event = new Event("x", { bubbles: true, cancelable: true, composed: 1 });
    event.preventDefault();
    return [event.bubbles, event.cancelable, event.composed, event.defaultPrevented, event.returnValue];
  },
  "Event: constants and class": (t) => [Event.NONE, Event.AT_TARGET, Object.prototype.toString.call(new Event("x")), t.outcome(() => new Event())],
  "CustomEvent": () => [new CustomEvent("x").detail, new CustomEvent("x", { detail: { a: 1 } }).detail, new CustomEvent("x") instanceof Event],
  "ErrorEvent and MessageEvent": { why: "Node 20 has no ErrorEvent", expect: ["m", 7, true, { d: 1 }], run: () => [new ErrorEvent("error", { message: "m" }).message, new ErrorEvent("error", { error: 7 }).error, new ErrorEvent("error") instanceof Event, new MessageEvent("message", { data: { d: 1 } }).data] },
  "EventTarget: listeners in order": () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("x", (e) => seen.push(["first", e.target === target, e.currentTarget === target, e.eventPhase]));
    target.addEventListener("x", { handleEvent(e) { seen.push(["object", e.type, this.constructor.name]); } });
    target.addEventListener("y", () => seen.push("wrong"));
    const event = new Event("x");
    const result = target.dispatchEvent(event);
    return [result, seen, event.currentTarget, event.target === target, event.eventPhase];
  },
  "EventTarget: this is the target": () => {
    const target = new EventTarget();
    let same;
    target.addEventListener("x", function () { same = this === target; });
    target.dispatchEvent(new Event("x"));
    return same;
  },
  "EventTarget: the same listener once": () => {
    const target = new EventTarget();
    let count = 0;
    const listener = () => count++;
    target.addEventListener("x", listener);
    target.addEventListener("x", listener);
    target.addEventListener("x", listener, true);
    target.dispatchEvent(new Event("x"));
    return count;
  },
  "EventTarget: once, remove, signal": () => {
    const target = new EventTarget();
    const seen = [];
    const controller = new AbortController();
    const removed = () => seen.push("removed");
    target.addEventListener("x", () => seen.push("once"), { once: true });
    target.addEventListener("x", removed);
    target.addEventListener("x", () => seen.push("signal"), { signal: controller.signal });
    target.dispatchEvent(new Event("x"));
    target.removeEventListener("x", removed);
    controller.abort();
    target.dispatchEvent(new Event("x"));
    return seen;
  },
  "EventTarget: removed during dispatch": () => {
    const target = new EventTarget();
    const seen = [];
    const second = () => seen.push("second");
    target.addEventListener("x", () => { seen.push("first"); target.removeEventListener("x", second); target.addEventListener("x", () => seen.push("added")); });
    target.addEventListener("x", second);
    target.dispatchEvent(new Event("x"));
    return seen;
  },
  "EventTarget: preventDefault": () => {
    const target = new EventTarget();
    target.addEventListener("x", (e) => e.preventDefault());
    return [target.dispatchEvent(new Event("x", { cancelable: true })), target.dispatchEvent(new Event("x"))];
  },
  "EventTarget: passive listeners cannot prevent": { why: "Node lets them", expect: true, run: () => {
    const target = new EventTarget();
    target.addEventListener("x", (e) => e.preventDefault(), { passive: true });
    return target.dispatchEvent(new Event("x", { cancelable: true }));
  } },
  "EventTarget: stopImmediatePropagation": () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("x", (e) => { seen.push(1); e.stopImmediatePropagation(); });
    target.addEventListener("x", () => seen.push(2));
    target.dispatchEvent(new Event("x"));
    return seen;
  },
  "EventTarget: wrong arguments": (t) => {
    const target = new EventTarget();
    const event = new Event("x");
    let inner;
    target.addEventListener("x", () => (inner = t.outcome(() => target.dispatchEvent(event)).thrown !== undefined));
    target.dispatchEvent(event);
    return [t.outcome(() => target.addEventListener("x")), t.outcome(() => target.dispatchEvent({ type: "x" })), t.outcome(() => target.addEventListener("x", null)), inner];
  },
  "EventTarget: subclass": () => {
    class Mine extends EventTarget {}
    let seen = 0;
    const mine = new Mine();
    mine.addEventListener("x", () => seen++);
    mine.dispatchEvent(new CustomEvent("x"));
    return seen;
  },
  "AbortController": () => {
    const controller = new AbortController();
    const { signal } = controller;
    const seen = [];
    signal.addEventListener("abort", (e) => seen.push([e.type, e.target === signal]));
    signal.onabort = () => seen.push("on");
    const before = [signal.aborted, signal.reason ?? null];
    controller.abort();
    controller.abort("again");
    return [before, signal.aborted, signal.reason.name, signal.reason.message, signal.reason.code, signal.reason instanceof DOMException, seen];
  },
  "AbortController: a reason": () => {
    const controller = new AbortController();
    controller.abort({ why: 1 });
    return controller.signal.reason;
  },
  "AbortSignal: throwIfAborted": (t) => [t.outcome(() => AbortSignal.abort().throwIfAborted()), t.outcome(() => AbortSignal.abort("text").throwIfAborted()), t.outcome(() => new AbortController().signal.throwIfAborted() ?? null)],
  "AbortSignal.abort": () => [AbortSignal.abort().aborted, AbortSignal.abort(5).reason],
  "AbortSignal.timeout": async () => {
    const signal = AbortSignal.timeout(5);
    const before = signal.aborted;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return [before, signal.aborted, signal.reason.name, signal.reason.message];
  },
  "AbortSignal.any": () => {
    const one = new AbortController();
    const two = new AbortController();
    const any = AbortSignal.any([one.signal, two.signal]);
    let heard = 0;
    any.addEventListener("abort", () => heard++);
    two.abort("two");
    one.abort("one");
    return [any.aborted, any.reason, heard, AbortSignal.any([AbortSignal.abort("x")]).reason, AbortSignal.any([]).aborted];
  },
  "AbortSignal: no constructor": (t) => [t.outcome(() => new AbortSignal()), Object.prototype.toString.call(new AbortController().signal), Object.prototype.toString.call(new AbortController())],
  "DOMException": () => {
    const e = new DOMException("m", "AbortError");
    return [e.name, e.message, e.code, e instanceof Error, Object.prototype.toString.call(e), String(e), typeof e.stack, new DOMException().name, new DOMException("a", "Other").code, DOMException.ABORT_ERR, e.DATA_CLONE_ERR];
  },
};
