export const phase = "query";

export const checks = {
  "Blob: parts": async (t) => {
    const blob = new Blob(["a€", new Uint8Array([1, 2]), new Uint8Array([3, 4]).buffer, new Blob(["b"]), new DataView(new ArrayBuffer(1)), 5, "\ud800"]);
    return [blob.size, t.bytes(await blob.arrayBuffer())];
  },
  "Blob: none": async () => [new Blob().size, new Blob([]).type, await new Blob().text()],
  "Blob: wrong parts": (t) => ["text", 5, null, {}].map((parts) => t.outcome(() => new Blob(parts).size)),
  "Blob: any iterable": async () => new Blob(new Set(["a", "b"])).text(),
  "Blob: types": () => ["text/plain", "Text/HTML", "a\u007fb", "é", undefined, "x y"].map((type) => new Blob([], { type }).type),
  "Blob: line endings": async () => [await new Blob(["a\r\nb\nc\n"], { endings: "native" }).text(), await new Blob(["a\r\n"], { endings: "transparent" }).text()],
  "Blob: slice": async () => {
    const blob = new Blob(["0123456789"], { type: "a/b" });
    const cut = async (...args) => {
      const piece = blob.slice(...args);
      return [await piece.text(), piece.type, piece.size];
    };
    return Promise.all([cut(), cut(2), cut(2, 4), cut(-3), cut(-5, -2), cut(4, 2), cut(0, 99, "C/D")]);
  },
  "Blob: text replaces what is broken": async () => new Blob([new Uint8Array([0x61, 0xff])]).text(),
  "Blob: later changes do not reach it": async () => {
    const bytes = new Uint8Array([97]);
    const blob = new Blob([bytes]);
    bytes[0] = 98;
    const buffer = await blob.arrayBuffer();
    new Uint8Array(buffer)[0] = 99;
    return blob.text();
  },
  "Blob: stream": async () => {
    const stream = new Blob(["ab", "cd"]).stream();
    let text = "";
    for await (const piece of stream) text += new TextDecoder().decode(piece);
    return [stream instanceof ReadableStream, text];
  },
  "Blob: stream of nothing": async () => (await new Blob().stream().getReader().read()).done,
  "Blob: a class": () => [Object.prototype.toString.call(new Blob()), Object.keys(new Blob())],
  "Blob: printed": () => console.log(new Blob(["abc"], { type: "text/plain" })),
  "File: name, type and time": async () => {
    const file = new File(["ab"], "n.txt", { type: "Text/X", lastModified: 5 });
    return [file.name, file.type, file.lastModified, file.size, await file.text(), file instanceof Blob, Object.prototype.toString.call(file)];
  },
  "File: missing arguments": (t) => [t.outcome(() => new File()), t.outcome(() => new File(["a"]))],
  "File: lastModified without one": () => typeof new File([], "a").lastModified,
  "FormData: append, get, getAll, has": () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("b", 2);
    form.append("a", "3");
    return [form.get("a"), form.getAll("a"), form.get("b"), form.get("z"), form.has("a"), form.has("z"), [...form]];
  },
  "FormData: set and delete": () => {
    const form = new FormData();
    for (const [name, value] of [["a", "1"], ["b", "2"], ["a", "3"], ["c", "4"]]) form.append(name, value);
    form.set("a", "9");
    const set = [...form];
    form.delete("b");
    form.delete("none");
    return [set, [...form]];
  },
  "FormData: files": async () => {
    const form = new FormData();
    form.append("blob", new Blob(["x"], { type: "a/b" }));
    form.append("named", new Blob(["y"]), "n.txt");
    form.append("file", new File(["z"], "f.txt", { lastModified: 7 }));
    form.append("renamed", new File(["z"], "f.txt", { lastModified: 7 }), "g.txt");
    return [...form].map(([name, file]) => [name, file.constructor.name, file.name, file.type, file.size, name === "file" ? file.lastModified : 0]);
  },
  "FormData: a file name without a file": (t) => t.outcome(() => new FormData().append("a", "b", "c")),
  "FormData: iteration": () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("b", "2");
    const seen = [];
    form.forEach((value, name) => seen.push([name, value]));
    return [[...form.keys()], [...form.values()], [...form.entries()], seen];
  },
  "FormData: missing arguments": (t) => [t.outcome(() => new FormData().append("a")), t.outcome(() => new FormData().get()), t.outcome(() => new FormData({}))],
  "FormData: lone surrogates": () => {
    const form = new FormData();
    form.append("a\ud800", "b\udc00");
    return [...form];
  },
};
