export const phase = "query";

export const checks = {
  "structuredClone: primitives": () => [1, "a", true, null, 1.5].map((v) => structuredClone(v)),
  "structuredClone: undefined, bigint, NaN, -0": () => [structuredClone(undefined) === undefined, structuredClone(5n) === 5n, Number.isNaN(structuredClone(NaN)), Object.is(structuredClone(-0), -0)],
  "structuredClone: plain data": () => {
    const value = { a: [1, { b: 2 }], c: "x" };
    const copy = structuredClone(value);
    return [copy, copy !== value, copy.a !== value.a, copy.a[1] !== value.a[1]];
  },
  "structuredClone: cycles and shared references": () => {
    const value = { list: [] };
    value.self = value;
    value.list.push(value.list);
    const shared = {};
    value.x = shared;
    value.y = shared;
    const copy = structuredClone(value);
    return [copy.self === copy, copy.list[0] === copy.list, copy.x === copy.y, copy.x !== shared];
  },
  "structuredClone: dates and expressions": () => {
    const date = structuredClone(new Date(5));
    const expression = structuredClone(/a+b/gi);
    return [date instanceof Date, date.getTime(), expression.source, expression.flags, expression.lastIndex, Number.isNaN(structuredClone(new Date(NaN)).getTime())];
  },
  "structuredClone: maps and sets": () => {
    const map = structuredClone(new Map([[{ k: 1 }, new Set([1, [2]])]]));
    return [map instanceof Map, [...map].map(([k, v]) => [k, [...v]])];
  },
  "structuredClone: buffers and views": (t) => {
    const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
    const copy = structuredClone({ a: new Uint8Array(buffer, 1, 2), b: new DataView(buffer, 2), c: buffer });
    return [t.bytes(copy.a), copy.a.byteOffset, copy.b.byteLength, copy.a.buffer === copy.c, copy.b.buffer === copy.c, copy.c !== buffer];
  },
  "structuredClone: every kind of typed array": () => [Int8Array, Uint8ClampedArray, Int16Array, Uint32Array, Float32Array, Float64Array, BigInt64Array].map((type) => {
    const copy = structuredClone(new type(2));
    return [copy.constructor.name, copy.length];
  }),
  "structuredClone: boxed values": () => [new Number(3), new String("ab"), new Boolean(false)].map((v) => [typeof structuredClone(v), structuredClone(v).valueOf()]),
  "structuredClone: errors": () => [new Error("a"), new TypeError("b"), new RangeError("c", { cause: { x: 1 } })].map((e) => {
    const copy = structuredClone(e);
    return [copy instanceof Error, copy.constructor.name, copy.name, copy.message, copy.cause ?? null];
  }),
  "structuredClone: an error with a name of its own": () => {
    class Mine extends Error {
      name = "Mine";
      extra = 1;
    }
    const copy = structuredClone(new Mine("m"));
    return [copy.name, copy.constructor.name, copy.message, copy.extra ?? null];
  },
  "structuredClone: holes and extra properties": () => {
    const list = [1, , 3];
    list.extra = "e";
    const copy = structuredClone(list);
    return [copy.length, 1 in copy, copy.extra];
  },
  "structuredClone: own enumerable properties only": () => {
    class Point {
      constructor() {
        this.x = 1;
      }
      get y() {
        return 2;
      }
    }
    const value = Object.assign(Object.create({ inherited: 1 }), { own: 1, get computed() { return 7; } });
    Object.defineProperty(value, "hidden", { value: 1, enumerable: false });
    const point = structuredClone(new Point());
    return [structuredClone(value), point, point instanceof Point, Object.getPrototypeOf(point) === Object.prototype];
  },
  "structuredClone: symbols as keys are left out": () => Object.getOwnPropertySymbols(structuredClone({ [Symbol("s")]: 1 })).length,
  "structuredClone: what cannot be cloned": (t) => [() => 1, Symbol("s"), { f() {} }, [class {}], new WeakMap(), Promise.resolve(), new Map([[1, () => 1]])].map((v) => t.outcome(() => structuredClone(v))),
  "structuredClone: the error": () => {
    try {
      structuredClone({ f: function named() {} });
    } catch (error) {
      return [error.name, error.code, error instanceof DOMException, error.constructor === DOMException];
    }
  },
  "structuredClone: getters that throw": (t) => t.outcome(() => structuredClone({ get a() { throw new RangeError("no"); } })),
  "structuredClone: transfer": () => {
    const buffer = new ArrayBuffer(4);
    const view = new Uint8Array(buffer);
    view[0] = 7;
    const copy = structuredClone({ view }, { transfer: [buffer] });
    return [buffer.byteLength, view.length, copy.view[0], copy.view.buffer.byteLength];
  },
  "structuredClone: wrong transfers": (t) => {
    const buffer = new ArrayBuffer(1);
    return [t.outcome(() => structuredClone(1, { transfer: [{}] })), t.outcome(() => structuredClone(1, { transfer: [buffer, buffer] })), buffer.byteLength];
  },
  "structuredClone: __proto__ as a key": () => {
    const copy = structuredClone(JSON.parse('{"__proto__": {"x": 1}, "a": 2}'));
    return [Object.keys(copy), copy.x ?? null, Object.getPrototypeOf(copy) === Object.prototype];
  },
  "structuredClone: no argument": (t) => t.outcome(() => structuredClone()),
};
