class Point {
  constructor() {
    this.x = 1;
    this.y = 2;
  }
}
class Named extends Point {}
class Empty {}
const bare = (error) => {
  Object.defineProperty(error, "stack", { value: "", configurable: true });
  return error;
};

export const phase = "query";

export const checks = {
  "levels": () => {
    console.log("log");
    console.info("info");
    console.warn("warn");
    console.error("error");
    console.debug("debug");
  },
  "primitives": () => console.log("text", 1, -0, 1.5, NaN, Infinity, true, null, undefined, 12n, Symbol("s"), Symbol()),
  "no arguments": () => console.log(),
  "strings are quoted": () => console.log("it's", 'say "hi"', `both ' and "`, "all ' \" `", "new\nline", "tab\t", "back\\slash", "\x00\x1b\x7f", "\ud83d\ude00", "\ud800", ""),
  "no format specifiers": () => console.log("%s and %d", "a", 1),
  "plain objects": () => console.log({}, { a: 1 }, { a: { b: { c: {} } } }, { a: { b: { c: { d: 1 } } } }),
  "keys": () => console.log({ a: 1, "b-c": 2, 3: 3, "ü": 4, [Symbol("s")]: 5, "it's": 6, $d: 7, __proto__: null }),
  "long objects break": () => console.log({ first: "a long text to fill the line", second: "another text that is long", third: [1, 2, 3], fourth: { x: 1 } }),
  "four levels break": () => console.log({ a: { b: [{ c: 1 }] } }, { a: [[[1]]] }),
  "arrays": () => console.log([], [1, 2, 3], ["a", ["b", ["c", ["d"]]]], [undefined, null], new Array(3), [1, , 3], [, "x"], Object.assign([1], { k: 2 })),
  "long arrays": () => console.log(Array.from({ length: 120 }, (_, i) => i)),
  "arrays of numbers in columns": () => console.log([1, 22, 333, 4444, 55555, 666666, 7777777, 8, 9, 10], Array.from({ length: 30 }, (_, i) => i * 100)),
  "arrays of strings in columns": () => console.log(["apple", "banana", "cherry", "date", "elderberry", "fig", "grape"], Array.from({ length: 27 }, (_, i) => "item" + i)),
  "arrays of objects": () => console.log([{ a: 1 }, { a: 2, b: [1, 2] }], Array.from({ length: 8 }, (_, i) => ({ i }))),
  "nested in columns": () => console.log({ list: Array.from({ length: 12 }, (_, i) => i), more: { list: ["aa", "b", "c", "d", "e", "f", "g"] } }),
  "classes": () => console.log(new Point(), new Named(), new Empty(), [new Point()]),
  "class objects": () => console.log(Point, Named, class {}, [Empty]),
  "functions": () => {
    function named() {}
    const withProperty = Object.assign(() => {}, { a: 1 });
    console.log(named, () => {}, async () => {}, function* gen() {}, async function* ag() {}, withProperty, Math.max, Map, [named]);
  },
  "null prototypes": () => console.log(Object.create(null), Object.assign(Object.create(null), { a: 1 })),
  "toStringTag": () => console.log({ [Symbol.toStringTag]: "Tagged", a: 1 }, new (class Foo { get [Symbol.toStringTag]() { return "bar"; } })()),
  "dates": () => console.log(new Date(0), new Date(NaN), { d: new Date(1e12) }),
  "expressions": () => console.log(/a+b/gi, [/x/], Object.assign(/y/, { k: 1 })),
  "maps and sets": () => console.log(new Map(), new Map([["a", 1], [{ k: 1 }, [2]]]), new Set(), new Set([1, "a", { b: 2 }]), { m: new Map([[1, new Map([[2, 3]])]]) }),
  "map and set iterators": { why: "their items are not shown", expect: null, lines: [["LOG", "[Map Iterator] {} [Set Iterator] {}"]], run: () => console.log(new Map([[1, 2]]).keys(), new Set([1]).values()) },
  "weak collections": () => console.log(new WeakMap(), new WeakSet()),
  "typed arrays and buffers": () => console.log(new Uint8Array([1, 2, 3]), new Uint8Array(), new Float64Array([1.5]), new BigInt64Array(1), new Uint8Array([1, 255]).buffer, new ArrayBuffer(0)),
  "DataView": () => console.log(new DataView(new ArrayBuffer(2), 1)),
  "boxed values": () => console.log(new Number(1), new String("ab"), new Boolean(false), Object(1n), Object(Symbol("s"))),
  "getters and setters": () => console.log({ get a() { return 1; }, set b(v) {}, get c() { return 1; }, set c(v) {} }),
  "circles": () => {
    const one = { name: "one" };
    one.self = one;
    const list = [1];
    list.push({ list });
    const map = new Map();
    map.set("map", map);
    console.log(one, list, map);
  },
  "circles of two": () => {
    const a = {}, b = { a };
    a.b = b;
    console.log({ a, b });
  },
  "shared is no circle": () => {
    const shared = { s: 1 };
    console.log({ a: shared, b: shared });
  },
  "errors without frames": () => console.log(bare(new Error("plain")), bare(new TypeError("typed")), bare(new Error("")), [bare(new RangeError("in"))], { e: bare(new Error("nested")) }),
  "errors with properties": () => console.log(bare(Object.assign(new Error("with code"), { code: "E1", details: { a: 1 } }))),
  "errors with a cause": () => console.log(bare(new Error("outer", { cause: bare(new Error("inner")) }))),
  "errors of classes of their own": () => {
    class ValidationError extends Error {}
    class Odd extends Error {}
    class Own extends Error {
      get name() {
        return "OwnName";
      }
    }
    console.log(bare(new ValidationError("v")), bare(new Odd("o")), bare(new Own("x")));
  },
  "errors of many": () => console.log(bare(new AggregateError([bare(new Error("a")), 5], "many"))),
  "errors with a name of their own": () => console.log(bare(Object.assign(new Error("m"), { name: "Custom" }))),
  "promises": { why: "Node's promises of rejection are printed with a stack", expect: null, lines: [["LOG", "Promise { 1 } Promise { <pending> } Promise { { a: [ 1 ] } }"]], run: () => console.log(Promise.resolve(1), new Promise(() => {}), Promise.resolve({ a: [1] })) },
  "symbols in objects": () => console.log({ s: Symbol("a"), [Symbol.iterator]: 1 }),
  "arguments": () => (function () { console.log(arguments); })(1, "a"),
  "generators": () => console.log((function* () {})()),
  "globals": () => console.log(Math, JSON, Reflect === undefined),
  "deep things end": () => console.log({ a: { b: { c: { d: {} }, e: [1, [2]], f: new Map([[1, 2]]), g: new Point() } } }),
  "long strings in objects": () => console.log({ text: "word ".repeat(30), lines: "first line of the text\nsecond line of the text\nthird line of the text\nfourth line here" }),
  "strings over ten thousand characters": () => console.log("x".repeat(10005)),
  "wide characters": () => console.log(["日本", "中国", "한국", "a", "b", "c", "d"], { "é": "ü" }),
  "custom inspection": () => console.log({ [Symbol.for("nodejs.util.inspect.custom")]: () => "custom!" }, { a: { [Symbol.for("nodejs.util.inspect.custom")]: () => ({ shown: 1 }) } }),
  "console.dir": () => console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 }),
  "console.assert": { why: "arguments are shown as everywhere", expect: null, lines: [["WARN", "Assertion failed"], ["WARN", "Assertion failed: 'text' { a: 1 }"]], run: () => { console.assert(true, "no"); console.assert(false); console.assert(0, "text", { a: 1 }); } },
  "console.count": () => {
    console.count();
    console.count();
    console.count("x");
    console.countReset();
    console.count();
  },
  "console.table": () => {
    console.table([{ a: 1, b: "x" }, { a: 2, c: true }]);
    console.table([1, "two", { three: 3 }]);
    console.table({ r1: { c: 1 }, r2: { c: 2 } });
    console.table([{ a: 1, b: 2 }], ["b"]);
  },
  "console.table of maps and sets": () => {
    console.table(new Map([["k", 1], ["l", { a: 2 }]]));
    console.table(new Set([1, "b"]));
  },
  "console.table of what is no table": { why: "it is printed as everywhere", expect: null, lines: [["LOG", "5"], ["LOG", "'text'"]], run: () => { console.table(5); console.table("text"); } },
  "console.group": { why: "a line break stands in for the indentation of each line", expect: null, lines: [["LOG", "'outer'"], ["LOG", "  'one'"], ["LOG", "  'inner'"], ["LOG", "    { a: 1 }"], ["LOG", "  'two'"], ["LOG", "'end'"]], run: () => { console.group("outer"); console.log("one"); console.group("inner"); console.log({ a: 1 }); console.groupEnd(); console.log("two"); console.groupEnd(); console.groupEnd(); console.log("end"); } },
  "console.time": { why: "time stands still in queries", expect: null, lines: [["LOG", "t: 0ms 'x'"], ["LOG", "t: 0ms"], ["WARN", "Warning: No such label 't' for console.time()"]], run: () => { console.time("t"); console.timeLog("t", "x"); console.timeEnd("t"); console.timeEnd("t"); } },
  "methods work alone": () => {
    const { log } = console;
    log("alone");
    [1, 2].forEach(console.log.bind(null, "item"));
  },
  "what a getter throws does not matter": { why: "Node shows the proxy's target", expect: "printed", lines: [["LOG", "[Object: cannot be shown: no]"]], run: () => { console.log(new Proxy({}, { getPrototypeOf() { throw new Error("no"); } })); return "printed"; } },
};
