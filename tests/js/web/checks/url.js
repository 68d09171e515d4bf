const parts = (url) => [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash];
const set = (href, name, value) => {
  const url = new URL(href);
  url[name] = value;
  return parts(url);
};

export const phase = "query";

export const checks = {
  "URL: relative resolution": () => [
    new URL("../b?x=1#y", "http://h/a/c/d").href,
    new URL("//other/x", "https://h/a").href,
    new URL("?q", "http://h/a?b#c").href,
    new URL("#f", "http://h/a?b").href,
    new URL("", "http://h/a?b#c").href,
    new URL("/abs", new URL("http://h/a")).href,
  ],
  "URL: parts": () => parts(new URL("https://user:pa%20ss@Example.COM:8080/a/b/../c?q=1&r=ä#frag ment")),
  "URL: default ports vanish": () => ["http://h:80/", "https://h:443/", "ftp://h:21/", "http://h:443/", "ws://h:80"].map((u) => new URL(u).href),
  "URL: international names": () => [new URL("http://münchen.de/ä").href, new URL("http://日本語.jp").host, new URL("http://EXAMPLE.com").host],
  "URL: IPv4 forms": () => ["http://192.168.0.1", "http://0x7f.1", "http://2130706433", "http://127.1"].map((u) => new URL(u).host),
  "URL: IPv6": () => [new URL("http://[::1]:3000/").host, new URL("http://[2001:DB8::0:1]/").hostname],
  "URL: other schemes": () => ["mailto:a@b.c", "data:text/plain,hi there", "javascript:alert(1)", "file:///C:/x", "blob:https://h/1"].map((u) => parts(new URL(u))),
  "URL: spaces and tabs": () => new URL("  http://h/a\tb\n c  ").href,
  "URL: percent encoding": () => new URL("http://h/a b\"<>`{}^|?a b\"<>'#a b\"<>`").href,
  "URL: dots": () => ["http://h/a/./b/../c", "http://h/%2e%2E/x", "http://h/.."].map((u) => new URL(u).href),
  "URL: invalid input": (t) => ["", "nope", "http://", "http://a b", "http://h:99999", "http://[::1", "//x", "http://%zz"].map((u) => t.outcome(() => new URL(u).href)),
  "URL: the error tells the input": () => {
    try {
      new URL("nope");
    } catch (error) {
      return [error.name, error.message, error.code, error.input];
    }
  },
  "URL: needs an argument, and new": (t) => [t.outcome(() => new URL()), t.outcome(() => URL("http://h"))],
  "URL: canParse": () => [URL.canParse("http://h"), URL.canParse("x"), URL.canParse("x", "http://h"), URL.canParse("http://h:x")],
  "URL: parse": { why: "Node 20 has no URL.parse", expect: ["http://h/x", null], run: () => [URL.parse("x", "http://h").href, URL.parse("x")] },
  "URL: toString and toJSON": () => [String(new URL("http://h")), JSON.stringify({ u: new URL("http://h/a") }), `${new URL("http://h")}`],
  "URL: set href": (t) => [set("http://h", "href", "https://x/y"), t.outcome(() => set("http://h", "href", "no"))],
  "URL: set protocol": () => [set("http://h:8080/", "protocol", "https"), set("http://h", "protocol", "mailto"), set("http://h:443/", "protocol", "https:")],
  "URL: set user": () => [set("http://h", "username", "me@x"), set("http://h", "password", "a:b"), set("mailto:a", "username", "x")],
  "URL: set host": () => [set("http://h:1/", "host", "g:2"), set("http://h:1/", "hostname", "g:2"), set("http://h/", "host", ""), set("http://h/", "hostname", "[::2]")],
  "URL: set port": () => ["8080", "", "80", "abc", "90x", "99999", 3000].map((port) => set("http://h:1/", "port", port)),
  "URL: set path": () => [set("http://h/a", "pathname", "b c"), set("http://h/a", "pathname", "../x?y"), set("http://h/a", "pathname", "")],
  "URL: set search and hash": () => [set("http://h/a?b", "search", "c=d e"), set("http://h/a?b", "search", "?"), set("http://h/a#b", "hash", "c d"), set("http://h/a#b", "hash", "")],
  "URL: searchParams follow and lead": () => {
    const url = new URL("http://h/?a=1");
    const params = url.searchParams;
    params.append("b", "ü &");
    const first = url.href;
    url.search = "?c=3";
    return [first, [...params], url.searchParams === params];
  },
  "URL: searchParams emptied": () => {
    const url = new URL("http://h/?a=1#x");
    url.searchParams.delete("a");
    return url.href;
  },
  "URL: lone surrogates": () => new URL("http://h/\ud800?\udfff").href,
  "URL: a class with accessors": () => [
    Object.prototype.toString.call(new URL("http://h")),
    Object.keys(URL.prototype).includes("href"),
    typeof Object.getOwnPropertyDescriptor(URL.prototype, "href").get,
    URL.name,
    Object.keys(new URL("http://h")),
  ],
  "URL: subclass": () => {
    class Mine extends URL {
      twice() {
        return this.href + this.href;
      }
    }
    return [new Mine("http://h").twice(), new Mine("http://h") instanceof URL];
  },
  "URL: accessors want a URL": (t) => t.outcome(() => Object.getOwnPropertyDescriptor(URL.prototype, "href").get.call({})),
  "URL: printed": () => {
    console.log(new URL("http://user@h:1/p?q=1#f"));
    console.log({ nested: { url: new URL("http://h/") } }, [new URLSearchParams("a=1&b=2")], new URLSearchParams());
  },
  "URLSearchParams: from text": () => ["?a=1&b=2", "a=1&a=2", "a", "=b", "a=b=c", "&&a=1&", "a+b=c%20d", "%zz=%41", "ü=%C3%BC", ""].map((q) => [...new URLSearchParams(q)]),
  "URLSearchParams: from pairs, records and others": () => [
    [...new URLSearchParams([["a", 1], ["b", "x y"]])],
    [...new URLSearchParams({ a: 1, b: null, c: undefined })],
    [...new URLSearchParams(new URLSearchParams("x=1&y=2"))],
    [...new URLSearchParams(new Map([["m", "1"]]))],
    [...new URLSearchParams(undefined)],
  ],
  "URLSearchParams: wrong pairs": (t) => [[["a"]], [["a", "b", "c"]], ["ab", 1], [null]].map((init) => t.outcome(() => new URLSearchParams(init).toString())),
  "URLSearchParams: toString": () => new URLSearchParams([["a b", "c+d"], ["é", "~!*()'-._"], ["", ""], ["x", "\ud800"]]).toString(),
  "URLSearchParams: get, getAll, has": () => {
    const params = new URLSearchParams("a=1&b=2&a=3");
    return [params.get("a"), params.get("z"), params.getAll("a"), params.getAll("z"), params.has("a"), params.has("a", "3"), params.has("a", "4"), params.size];
  },
  "URLSearchParams: append, set, delete": () => {
    const params = new URLSearchParams("a=1&b=2&a=3&c=4");
    params.append("b", "5");
    params.set("a", "9");
    params.set("n", "new");
    const set = params.toString();
    params.delete("b", "2");
    const one = params.toString();
    params.delete("b");
    return [set, one, params.toString()];
  },
  "URLSearchParams: sort is stable": () => {
    const params = new URLSearchParams("z=1&a=2&z=0&ﬃ=3&🌈=4");
    params.sort();
    return [...params];
  },
  "URLSearchParams: iteration": () => {
    const params = new URLSearchParams("a=1&b=2");
    const seen = [];
    params.forEach(function (value, name, all) {
      seen.push([value, name, all === params, this.x]);
    }, { x: 1 });
    return [[...params.keys()], [...params.values()], [...params.entries()], seen];
  },
  "URLSearchParams: iteration sees changes": () => {
    const params = new URLSearchParams("a=1&b=2&c=3");
    const seen = [];
    for (const [name] of params) {
      seen.push(name);
      if (name === "a") params.delete("b");
    }
    return seen;
  },
  "URLSearchParams: iterators": () => {
    const iterator = new URLSearchParams("a=1").keys();
    return [Object.prototype.toString.call(iterator), iterator.next(), iterator.next(), typeof iterator[Symbol.iterator]];
  },
  "URLSearchParams: missing arguments": (t) => [t.outcome(() => new URLSearchParams().get()), t.outcome(() => new URLSearchParams().append("a"))],
};
