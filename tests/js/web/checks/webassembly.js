import { modules } from "../material/wasm.js";

const only = (why, expect, run) => ({ why, expect, run });
const bytes = (name) => Uint8Array.from(atob(modules[name]), (char) => char.charCodeAt(0));
const make = (name, imports) => new WebAssembly.Instance(new WebAssembly.Module(bytes(name)), imports).exports;
const message = (f) => {
  try {
    return ["gave", f()];
  } catch (error) {
    return [error.constructor.name, error.name, error.message, error instanceof Error];
  }
};
/** The class of what is thrown, and the beginning of its text. */
const thrown = (f, length = 1000) => {
  const [type, , text] = message(f);
  return `${type}: ${`${text}`.slice(0, length)}`;
};
const later = async (f, length = 1000) => {
  try {
    return await f();
  } catch (error) {
    return `${error.constructor.name}: ${error.message.slice(0, length)}`;
  }
};
const show = (value) => (typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : typeof value === "number" ? String(value) : value);

/** What `imports.wat` wants, with what it logged. */
const environment = (changes = {}) => {
  const logged = [];
  const env = {
    log: (value) => void logged.push(value),
    big: (a, b) => a * 2n + BigInt(b * 4),
    pair: () => [7, 1.5],
    memory: new WebAssembly.Memory({ initial: 1 }),
    table: new WebAssembly.Table({ initial: 2, element: "anyfunc" }),
    base: 100,
    counter: new WebAssembly.Global({ value: "i64", mutable: true }, 40n),
    ...changes,
  };
  return { logged, env };
};

export const checks = {
  "WebAssembly: the namespace": () => [
    Object.prototype.toString.call(WebAssembly), typeof WebAssembly, Object.keys(WebAssembly).filter((name) => name !== "promising").sort(),
    ["Module", "Instance", "Memory", "Table", "Global", "CompileError", "LinkError", "RuntimeError"].map((name) => [
      name, typeof WebAssembly[name], WebAssembly[name].name, WebAssembly[name].length,
      Object.getOwnPropertyDescriptor(WebAssembly, name).enumerable, Object.prototype.toString.call(WebAssembly[name].prototype),
    ]),
  ],
  "WebAssembly: members of its classes": () =>
    ["Module", "Instance", "Memory", "Table", "Global"].map((name) => [
      Object.keys(Object.getOwnPropertyDescriptors(WebAssembly[name].prototype)).filter((key) => key !== "type").sort(),
      Object.keys(WebAssembly[name]).sort(),
    ]),
  "WebAssembly: validate": (t) => [
    WebAssembly.validate(bytes("math")), WebAssembly.validate(bytes("math").buffer), WebAssembly.validate(bytes("math").slice(0, 20)), WebAssembly.validate(new Uint8Array(8)),
    WebAssembly.validate(bytes("memory")), WebAssembly.validate(new Uint16Array(bytes("memory").buffer.slice(0, 8))), t.outcome(() => WebAssembly.validate("no")), t.outcome(() => WebAssembly.validate()),
  ],
  "WebAssembly: numbers in and out": () => {
    const { add, add64, half, root, same, swap, nothing } = make("math");
    return [
      add(1, 2), add(2147483647, 1), add(4294967295, 1), add("3", true), add(1.9, -1.9), add(), add(NaN, Infinity), add(1, 2, 3), add({ valueOf: () => 4 }, null),
      add64(1n, 2n), add64(9223372036854775807n, 1n), add64(18446744073709551616n, 5n), half(0.1), half("8"), root(2), root(-1), same(-0), same(1e308), same(undefined),
      swap(1, 2n).map(show), nothing(), nothing(1),
    ].map(show);
  },
  "WebAssembly: what cannot be a number": (t) => {
    const { add, add64 } = make("math");
    return [() => add(1n, 2), () => add64(1, 2), () => add64("x", 1n), () => add(Symbol(), 1), () => add64("12", true)].map((f) => t.outcome(() => String(f())));
  },
  "WebAssembly: traps": () => {
    const { unreachable, divide, truncate, deep, add } = make("math");
    return [
      message(unreachable), message(() => divide(1, 0)), message(() => divide(-2147483648, -1)), message(() => truncate(NaN)), message(() => truncate(1e10))[0],
      message(() => deep(1)), add(1, 1), divide(7, -2), truncate(-1.9),
    ];
  },
  "WebAssembly: exports": () => {
    const exports = make("math");
    return [
      Object.keys(exports), Object.getPrototypeOf(exports), Object.isFrozen(exports), exports.add.length, typeof exports.add, exports.__proto__(),
      make("memory").memory instanceof WebAssembly.Memory, exports.add === exports.add, Object.prototype.toString.call(make("references").functions),
      thrown(() => new exports.add(1)).slice(0, 10), exports.add.call(5, 1, 2),
    ];
  },
  "WebAssembly: much work": () => make("math").fib(22),
  "WebAssembly: modules": () => {
    const module = new WebAssembly.Module(bytes("imports"));
    return [
      WebAssembly.Module.imports(module), WebAssembly.Module.exports(module), WebAssembly.Module.exports(new WebAssembly.Module(bytes("memory"))),
      WebAssembly.Module.imports(new WebAssembly.Module(bytes("memory"))), module instanceof WebAssembly.Module, Object.prototype.toString.call(module),
      WebAssembly.Module.customSections(module, "none"),
    ];
  },
  "WebAssembly: custom sections": () => {
    // Two sections called `x`, with one and two bytes.
    const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 0, 3, 1, 120, 9, 0, 4, 1, 120, 8, 7]));
    return WebAssembly.Module.customSections(module, "x").map((section) => [section instanceof ArrayBuffer, ...new Uint8Array(section)]);
  },
  "WebAssembly: compile and instantiate": async () => {
    const { module, instance } = await WebAssembly.instantiate(bytes("math"));
    const again = await WebAssembly.instantiate(module);
    const compiled = await WebAssembly.compile(bytes("math").buffer);
    return [
      module instanceof WebAssembly.Module, instance instanceof WebAssembly.Instance, again instanceof WebAssembly.Instance, compiled instanceof WebAssembly.Module,
      instance.exports.add(1, 1), again.exports.add(2, 2), new WebAssembly.Instance(compiled).exports.add(3, 3), instance.exports.add === again.exports.add, Object.keys(instance),
    ];
  },
  "WebAssembly: what is no module": async (t) => [
    thrown(() => new WebAssembly.Module(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])), 21), thrown(() => new WebAssembly.Module(bytes("math").slice(0, 40)), 21), thrown(() => new WebAssembly.Module(new Uint8Array())),
    thrown(() => new WebAssembly.Module()), thrown(() => new WebAssembly.Module("text")), thrown(() => WebAssembly.Module(bytes("math"))), await later(() => WebAssembly.compile(new Uint8Array([0])), 22),
    await later(() => WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109])), 26), await later(() => WebAssembly.compile(5)), t.outcome(() => new WebAssembly.Instance({})).thrown, thrown(() => WebAssembly.Instance()),
  ],
  "WebAssembly: a memory of its own": () => {
    const { memory, started, load, store, size } = make("memory");
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, 8, 6));
    store(100, 0x01020304);
    new Uint32Array(memory.buffer)[26] = 77;
    return [text, started(), memory.buffer.byteLength, [...new Uint8Array(memory.buffer, 100, 4)], load(104), memory.buffer === memory.buffer, size(), memory.buffer instanceof ArrayBuffer];
  },
  "WebAssembly: memories grow": () => {
    const { memory, grow, size, load, store } = make("memory");
    store(4, 9);
    const [first, view] = [memory.buffer, new Uint8Array(memory.buffer)];
    const steps = [memory.grow(1), first.byteLength, view.length, memory.buffer.byteLength, first === memory.buffer, load(4)];
    const second = memory.buffer;
    steps.push(grow(1), second.byteLength, memory.buffer.byteLength, size(), grow(1), message(() => memory.grow(1)), memory.grow(0), load(4), load(3 * 65536 - 4));
    return [...steps, message(() => load(3 * 65536 - 3)), message(() => store(-1, 1))];
  },
  "WebAssembly: growing by nothing is growing": () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { buffer } = memory;
    return [memory.grow(0), buffer.byteLength, memory.buffer.byteLength, buffer === memory.buffer];
  },
  "WebAssembly: bulk memory": () => {
    const { memory, fill } = make("memory");
    fill(0, 255, 3);
    return [[...new Uint8Array(memory.buffer, 0, 5)], message(() => fill(65530, 0, 10))];
  },
  "WebAssembly: memories of the script": () => [
    new WebAssembly.Memory({ initial: 0 }).buffer.byteLength, new WebAssembly.Memory({ initial: 2, maximum: 3 }).buffer.byteLength, new WebAssembly.Memory({ initial: "1" }).grow(1),
    thrown(() => new WebAssembly.Memory()), thrown(() => new WebAssembly.Memory({})), thrown(() => new WebAssembly.Memory({ initial: -1 }), 0), thrown(() => new WebAssembly.Memory({ initial: 70000 }), 0), thrown(() => new WebAssembly.Memory({ initial: 1e10 }), 0),
    thrown(() => new WebAssembly.Memory({ initial: 2, maximum: 1 })), thrown(() => WebAssembly.Memory({ initial: 1 })), thrown(() => new WebAssembly.Memory({ initial: 1, maximum: 1 }).grow(1)),
  ],
  "WebAssembly: imports": () => {
    const { logged, env } = environment();
    const exports = make("imports", { env });
    exports.log(5);
    exports.count();
    exports.count();
    return [
      logged, show(exports.big(3n)), exports.pair().map(show), show(env.counter.value), new Uint32Array(env.memory.buffer)[0], exports.through(1, 21), message(() => exports.through(0, 1)),
      env.table.get(1)(4), env.table.get(0), env.table.get(1) === env.table.get(1),
    ];
  },
  "WebAssembly: functions of the script that throw": () => {
    const own = new RangeError("mine");
    const { env } = environment({ log: (value) => { if (value > 0) throw own; }, big: () => 1, pair: () => [1] });
    const exports = make("imports", { env });
    const caught = (f) => {
      try {
        return f();
      } catch (error) {
        return error === own ? "the very same" : `${error.constructor.name}: ${error.message}`;
      }
    };
    return [caught(() => exports.log(1)), caught(() => exports.big(1n)).slice(0, 9), caught(() => exports.pair()), caught(() => exports.through(1, 2))];
  },
  "WebAssembly: functions of modules as imports": () => {
    const math = make("references");
    const table = new WebAssembly.Table({ initial: 3, element: "anyfunc" });
    table.set(0, math.one);
    const { env } = environment({ table });
    const exports = make("imports", { env });
    return [table.get(0) === math.one, table.get(0)(), exports.through(1, 8), message(() => exports.through(0, 8)), table.length];
  },
  "WebAssembly: scripts and modules by turns": () => {
    let exports;
    const { env } = environment({ log: (value) => (value > 100 ? exports.log(value - 102) : undefined), big: (a) => (a > 0n ? exports.big(a - 1n) + 1n : 0n) });
    exports = make("imports", { env });
    exports.log(160);
    return show(exports.big(30n));
  },
  "WebAssembly: what is missing": () => {
    const attempt = (imports) => message(() => make("imports", imports))[0];
    const without = (name, value) => attempt({ env: { ...environment().env, [name]: value } });
    return [attempt(), attempt({}), attempt({ env: 1 }), without("log"), without("memory", {}), without("table"), without("base", 5n), without("counter", 1n), without("base", "5"), message(() => make("math", 5)).slice(0, 3)];
  },
  "WebAssembly: what does not fit": () => {
    const without = (name, value) => message(() => make("imports", { env: { ...environment().env, [name]: value } }))[0];
    return [
      without("memory", new WebAssembly.Memory({ initial: 0 })), without("table", new WebAssembly.Table({ initial: 1, element: "anyfunc" })), without("counter", new WebAssembly.Global({ value: "i64" }, 1n)),
      without("base", new WebAssembly.Global({ value: "f32" }, 1)), without("log", make("math").add64),
    ];
  },
  "WebAssembly: references to functions": () => {
    const exports = make("references");
    const { one, call, get, put, functions, grow } = exports;
    const found = [call(0), call(1), message(() => call(2)), message(() => call(3)), get(0) === one, get(1)(), functions.get(1) === get(1)];
    put(1, one);
    put(2, null);
    return [...found, call(1), get(2), message(() => call(2)), message(() => put(0, () => 1))[0], grow(2), call(4), functions.length, message(() => get(20)), grow(100)];
  },
  "WebAssembly: tables": () => {
    const { functions, one } = make("references");
    const table = new WebAssembly.Table({ initial: 1, maximum: 3, element: "anyfunc" }, one);
    const values = new WebAssembly.Table({ initial: 2, element: "externref" }, "x");
    values.set(1, { a: 1 });
    values.grow(1);
    values.grow(1, null);
    return [
      table.get(0) === one, table.grow(1), table.get(1), table.length, thrown(() => table.grow(2)), thrown(() => table.get(5), 25), thrown(() => table.set(5, null), 25), thrown(() => table.set(0, () => 1), 50),
      table.set(0), table.get(0), values.get(0), values.get(1), values.get(2) === undefined, values.get(3), functions.length, thrown(() => new WebAssembly.Table({ initial: 1, element: "i32" })),
      thrown(() => new WebAssembly.Table({ element: "anyfunc" })), thrown(() => new WebAssembly.Table({ initial: 2, maximum: 1, element: "anyfunc" })), thrown(() => table.get("x")),
    ];
  },
  "WebAssembly: values of the script": () => {
    const { echo, isNull, keep, values, held } = make("references");
    const object = { a: 1 };
    keep(0, object);
    held.value = "text";
    return [
      echo(object) === object, echo(undefined) === undefined, echo(null), echo(5), echo("s"), show(echo(7n)), typeof echo(Symbol()), isNull(null), isNull(undefined), isNull(0), values.get(0) === object, values.get(1),
      held.value, echo(echo) === echo, echo() === undefined,
    ];
  },
  "WebAssembly: globals": (t) => {
    const { limit, wide } = make("references");
    wide.value = 5n;
    const own = new WebAssembly.Global({ value: "i32", mutable: true }, 3.7);
    own.value = "9";
    return [
      limit.value, show(wide.value), own.value, own.valueOf(), `${new WebAssembly.Global({ value: "f64" }, 0.5)}`.slice(0, 20), new WebAssembly.Global({ value: "f32" }, 0.1).value, show(new WebAssembly.Global({ value: "i64" }).value),
      new WebAssembly.Global({ value: "externref" }, "v").value, new WebAssembly.Global({ value: "anyfunc" }).value, new WebAssembly.Global({ value: "i32" }).value,
      thrown(() => { limit.value = 1; }), t.outcome(() => { wide.value = 1; }).thrown, thrown(() => new WebAssembly.Global({ value: "string" })), thrown(() => new WebAssembly.Global()), limit.value + 1,
    ];
  },
  "WebAssembly: streaming": async () => {
    const response = (type, status = 200) => new Response(bytes("math"), { status, headers: { "content-type": type } });
    const { instance } = await WebAssembly.instantiateStreaming(Promise.resolve(response("application/wasm")));
    return [
      instance.exports.add(2, 3), (await WebAssembly.compileStreaming(response("application/wasm"))) instanceof WebAssembly.Module, (await later(() => WebAssembly.compileStreaming(response("text/plain")))).slice(0, 10),
      (await later(() => WebAssembly.compileStreaming(response("application/wasm", 404)))).slice(0, 10), (await later(() => WebAssembly.compileStreaming(5))).slice(0, 10),
    ];
  },
  "WebAssembly: errors are errors": () => [
    new WebAssembly.RuntimeError("m", { cause: 1 }).cause, String(new WebAssembly.LinkError("m")), new WebAssembly.CompileError("m") instanceof Error, Object.keys(new WebAssembly.RuntimeError("m")), WebAssembly.LinkError.prototype.name,
    Object.prototype.toString.call(new WebAssembly.LinkError()),
  ],
  "WebAssembly: tags and exceptions": only("modules with exceptions are not read", ["undefined", "undefined"], () => [typeof WebAssembly.Tag, typeof WebAssembly.Exception]),
  "WebAssembly: shared memories": only("there are no threads", "TypeError: WebAssembly.Memory(): memories that are shared are not available in this runtime", () =>
    thrown(() => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }))),
};
