const bytes = (...values) => new Uint8Array(values);
const decode = (label, data, options) => new TextDecoder(label, options).decode(data);

export const phase = "query";

export const checks = {
  "TextEncoder: text to bytes": (t) => ["", "a", "é", "€", "😀", "a\ud800b", "\udc00"].map((text) => t.bytes(new TextEncoder().encode(text))),
  "TextEncoder: what is no text": (t) => [t.bytes(new TextEncoder().encode()), t.bytes(new TextEncoder().encode(12)), t.bytes(new TextEncoder().encode(null))],
  "TextEncoder: encodeInto": (t) => {
    const into = (text, length) => {
      const target = new Uint8Array(length);
      return [new TextEncoder().encodeInto(text, target), t.bytes(target)];
    };
    return [into("abc", 5), into("abc", 2), into("a€", 3), into("a€b", 4), into("😀x", 5), into("😀", 3), into("", 0)];
  },
  "TextEncoder: encoding": () => [new TextEncoder().encoding, Object.prototype.toString.call(new TextEncoder())],
  "TextDecoder: labels": () => ["utf-8", "UTF8", " utf-8 ", "unicode-1-1-utf-8", "latin1", "ascii", "iso-8859-1", "windows-1252", "utf-16", "utf-16le", "utf-16be", "shift_jis", "sjis", "euc-kr", "gbk", "gb18030", "big5", "koi8-r", "iso-8859-2", "macintosh", "euc-jp"].map((label) => new TextDecoder(label).encoding),
  "TextDecoder: unknown labels": (t) => ["", "nope", "utf-7", "replacement"].map((label) => t.outcome(() => new TextDecoder(label).encoding)),
  "TextDecoder: options": () => [new TextDecoder("utf-8", { fatal: true, ignoreBOM: 1 })].map((d) => [d.fatal, d.ignoreBOM, d.encoding]),
  "TextDecoder: UTF-8": () => [bytes(), bytes(0x61), bytes(0xc3, 0xa9), bytes(0xe2, 0x82, 0xac), bytes(0xf0, 0x9f, 0x98, 0x80)].map((b) => decode("utf-8", b)),
  "TextDecoder: broken UTF-8": () => [bytes(0xff), bytes(0xc3), bytes(0xe2, 0x82), bytes(0xe2, 0x28, 0xa1), bytes(0xed, 0xa0, 0x80), bytes(0xf4, 0x90, 0x80, 0x80), bytes(0xc0, 0xaf), bytes(0x61, 0x80, 0x62)].map((b) => decode("utf-8", b)),
  "TextDecoder: fatal": (t) => [t.outcome(() => decode("utf-8", bytes(0xff), { fatal: true })), t.outcome(() => decode("utf-8", bytes(0xc3), { fatal: true })), t.outcome(() => decode("utf-8", bytes(0x61), { fatal: true }))],
  "TextDecoder: the fatal error": () => {
    try {
      decode("utf-8", bytes(0xff), { fatal: true });
    } catch (error) {
      return [error.name, error.code, error.message];
    }
  },
  "TextDecoder: byte order marks": () => [
    decode("utf-8", bytes(0xef, 0xbb, 0xbf, 0x61)),
    decode("utf-8", bytes(0xef, 0xbb, 0xbf, 0x61), { ignoreBOM: true }).length,
    decode("utf-16le", bytes(0xff, 0xfe, 0x61, 0)),
    decode("utf-8", bytes(0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf)).length,
  ],
  "TextDecoder: UTF-16": () => [decode("utf-16le", bytes(0x61, 0, 0x3d, 0xd8, 0, 0xde)), decode("utf-16be", bytes(0, 0x61)), decode("utf-16le", bytes(0x61)), decode("utf-16le", bytes(0, 0xd8, 0x61, 0))],
  "TextDecoder: latin1 is windows-1252": { why: "Node 20 decodes 0x80 as U+0080", expect: "€éÿ", run: () => decode("latin1", bytes(0x80, 0xe9, 0xff)) },
  "TextDecoder: single bytes": () => [decode("latin1", bytes(0xe9, 0xff)), decode("koi8-r", bytes(0xc1, 0xc2)), decode("iso-8859-2", bytes(0xb1, 0xe6)), decode("macintosh", bytes(0x80))],
  "TextDecoder: east Asian": () => [decode("shift_jis", bytes(0x93, 0xfa, 0x96, 0x7b)), decode("gbk", bytes(0xd6, 0xd0)), decode("big5", bytes(0xa4, 0xa4)), decode("euc-kr", bytes(0xb0, 0xa1)), decode("euc-jp", bytes(0xc6, 0xfc))],
  "TextDecoder: in pieces": () => {
    const decoder = new TextDecoder();
    return [decoder.decode(bytes(0xe2), { stream: true }), decoder.decode(bytes(0x82), { stream: true }), decoder.decode(bytes(0xac, 0x61), { stream: true }), decoder.decode(), decoder.decode(bytes(0x62))];
  },
  "TextDecoder: pieces that end early": () => {
    const decoder = new TextDecoder();
    return [decoder.decode(bytes(0x61, 0xe2), { stream: true }), decoder.decode(), decoder.decode(bytes(0x82))];
  },
  "TextDecoder: fatal in pieces starts anew": (t) => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    decoder.decode(bytes(0xe2), { stream: true });
    return [t.outcome(() => decoder.decode()), t.outcome(() => decoder.decode(bytes(0x61)))];
  },
  "TextDecoder: the mark once in pieces": () => {
    const decoder = new TextDecoder();
    return [decoder.decode(bytes(0xef, 0xbb), { stream: true }), decoder.decode(bytes(0xbf, 0x61), { stream: true }), decoder.decode()];
  },
  "TextDecoder: kinds of input": (t) => {
    const buffer = bytes(0x61, 0x62, 0x63, 0x64).buffer;
    return [decode("utf-8", buffer), decode("utf-8", new DataView(buffer, 1, 2)), decode("utf-8", new Uint16Array(buffer, 2, 1)), decode("utf-8"), t.outcome(() => decode("utf-8", "text")), t.outcome(() => decode("utf-8", null))];
  },
  "TextEncoderStream and TextDecoderStream": async () => {
    const source = new ReadableStream({
      start(controller) {
        for (const piece of ["a", "\ud83d", "\ude00b", "\ud800"]) controller.enqueue(piece);
        controller.close();
      },
    });
    let text = "";
    for await (const piece of source.pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())) text += piece;
    return [text, new TextEncoderStream().encoding, new TextDecoderStream("latin1").encoding];
  },
  "TextDecoderStream: fatal": async (t) => {
    const source = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes(0xff));
        controller.close();
      },
    });
    return t.later(() => source.pipeThrough(new TextDecoderStream("utf-8", { fatal: true })).getReader().read());
  },
  "btoa": () => ["", "a", "ab", "abc", "\xff\xfe", 12, null].map((text) => btoa(text)),
  "btoa: beyond Latin-1": (t) => t.outcome(() => btoa("€")),
  "atob": () => ["", "YQ==", "YQ", "YWI=", "YWJj", " Y W\tJ\nj ", "//4="].map((text) => atob(text)),
  "atob: what is no base64": (t) => ["Y", "YQ=", "Y===", "YQ==x", "Y-Q", "€"].map((text) => t.outcome(() => atob(text))),
};
