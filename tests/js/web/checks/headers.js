export const phase = "query";

export const checks = {
  "Headers: from pairs, records, headers": () => [
    [...new Headers([["B", "2"], ["a", "1"], ["b", "3"]])],
    [...new Headers({ "X-One": 1, "x-two": " spaced\t" })],
    [...new Headers(new Headers({ a: "1" }))],
    [...new Headers(new Map([["m", "1"]]))],
    [...new Headers(undefined)],
  ],
  "Headers: wrong input": (t) => [null, [["a"]], [["a", "b", "c"]], "text", 5, [1]].map((init) => t.outcome(() => [...new Headers(init)])),
  "Headers: names do not depend on case": () => {
    const headers = new Headers({ "Content-Type": "text/plain" });
    return [headers.get("CONTENT-TYPE"), headers.has("content-type"), [...headers.keys()]];
  },
  "Headers: wrong names": (t) => ["", "a b", "a:b", "ä", "a\n", "a,b", "(x)"].map((name) => [t.outcome(() => new Headers({ [name]: "1" })), t.outcome(() => new Headers().get(name))]),
  "Headers: wrong values": (t) => ["a\nb", "a\r", "a\0b", "€"].map((value) => t.outcome(() => new Headers({ a: value }).get("a"))),
  "Headers: values are trimmed": () => ["", " ", "\t a b \r\n", "caf\u00e9", 12, null, undefined].map((value) => new Headers([["a", value]]).get("a")),
  "Headers: append combines": () => {
    const headers = new Headers({ a: "1" });
    headers.append("A", "2");
    headers.append("b", "3");
    return [headers.get("a"), [...headers]];
  },
  "Headers: set replaces": () => {
    const headers = new Headers([["a", "1"], ["b", "2"], ["a", "3"]]);
    headers.set("A", "9");
    headers.set("c", "new");
    return [...headers];
  },
  "Headers: delete": () => {
    const headers = new Headers([["a", "1"], ["b", "2"], ["a", "3"]]);
    headers.delete("A");
    headers.delete("none");
    return [[...headers], headers.get("a"), headers.has("a")];
  },
  "Headers: set-cookie stays apart": () => {
    const headers = new Headers([["set-cookie", "a=1"], ["x", "y"], ["Set-Cookie", "b=2"]]);
    return [headers.getSetCookie(), headers.get("set-cookie"), [...headers], new Headers().getSetCookie()];
  },
  "Headers: iteration is sorted": () => [...new Headers([["c", "1"], ["a", "2"], ["b", "3"]]).entries()],
  "Headers: forEach, keys, values": () => {
    const headers = new Headers({ b: "2", a: "1" });
    const seen = [];
    headers.forEach((value, name, all) => seen.push([value, name, all === headers]));
    return [seen, [...headers.keys()], [...headers.values()]];
  },
  "Headers: missing arguments": (t) => [t.outcome(() => new Headers().get()), t.outcome(() => new Headers().append("a")), t.outcome(() => new Headers().set())],
  "Headers: a class": () => [Object.prototype.toString.call(new Headers()), Headers.name, Object.keys(new Headers({ a: "1" })), typeof new Headers()[Symbol.iterator]],
  "Headers: printed": { why: "Node prints its internals", expect: null, lines: [["LOG", "Headers { a: '1', b: '2' }"]], run: () => console.log(new Headers({ b: "2", a: "1" })) },
};
