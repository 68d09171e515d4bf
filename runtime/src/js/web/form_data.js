// `FormData`, and its form on the wire.

const { TypeError, Symbol, String } = internals.primordials;
const { text } = internals.primordials;
const { iterable } = internals.need("iterators");
const { Blob, File, isBlob, bytesOf, fileOfBytes } = internals.need("blob");
const inspect = Symbol.for("nodejs.util.inspect.custom");

let listOf;

const entry = (name, value, filename) => {
  name = text(name);
  if (!isBlob(value)) {
    if (filename !== undefined) throw new TypeError("parameter 2 is not of type 'Blob'");
    return [name, text(value)];
  }
  if (value instanceof File && filename === undefined) return [name, value];
  const lastModified = value instanceof File ? value.lastModified : undefined;
  return [name, fileOfBytes(bytesOf(value), value.type, filename === undefined ? "blob" : text(filename), lastModified)];
};

class FormData {
  #list = [];

  static {
    listOf = (form) => form.#list;
  }

  constructor(form = undefined) {
    if (form !== undefined) {
      throw new TypeError("FormData constructor: Argument 1 could not be converted to: undefined.");
    }
  }
  append(name, value, filename = undefined) {
    needs(arguments, 2, "append");
    this.#list.push(entry(name, value, filename));
  }
  delete(name) {
    needs(arguments, 1, "delete");
    name = text(name);
    this.#list = this.#list.filter((pair) => pair[0] !== name);
  }
  get(name) {
    needs(arguments, 1, "get");
    name = text(name);
    return this.#list.find((pair) => pair[0] === name)?.[1] ?? null;
  }
  getAll(name) {
    needs(arguments, 1, "getAll");
    name = text(name);
    return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }
  has(name) {
    needs(arguments, 1, "has");
    name = text(name);
    return this.#list.some((pair) => pair[0] === name);
  }
  set(name, value, filename = undefined) {
    needs(arguments, 2, "set");
    const made = entry(name, value, filename);
    const at = this.#list.findIndex((pair) => pair[0] === made[0]);
    if (at < 0) {
      this.#list.push(made);
    } else {
      this.#list = this.#list.filter((pair, index) => index <= at || pair[0] !== made[0]);
      this.#list[at] = made;
    }
  }
  [inspect](depth, options, show) {
    if (typeof depth === "number" && depth < 0) return "[FormData]";
    const shown = { __proto__: null };
    for (const [name, value] of this.#list) {
      if (shown[name] === undefined) shown[name] = value;
      else if (globalThis.Array.isArray(shown[name])) shown[name].push(value);
      else shown[name] = [shown[name], value];
    }
    return `FormData ${show(shown, options).replace("[Object: null prototype] ", "")}`;
  }
}
iterable(FormData, "FormData", (form) => listOf(form));
internals.interface(FormData, "FormData");

const needs = (args, count, name) => {
  if (args.length < count) {
    throw new TypeError(
      `FormData.${name}: ${count} argument${count === 1 ? "" : "s"} required, but ${args.length === 0 ? "none" : `only ${args.length}`} present.`,
    );
  }
};

const isFormData = (value) => {
  try {
    listOf(value);
    return true;
  } catch {
    return false;
  }
};

const quote = (name) => name.replace(/\r\n?|\n/g, "\r\n").replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22");

/** The form as `multipart/form-data`, with the boundary it was written with. */
const encode = (form) => {
  let digits = "";
  for (let index = 0; index < 3; index++) digits += String(ops.random()).slice(2, 14);
  const boundary = `----formdata-fusion-${digits}`;
  const pieces = [];
  for (const [name, value] of listOf(form)) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"`;
    if (typeof value === "string") {
      pieces.push(ops.utf8_encode(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, "\r\n")}\r\n`));
    } else {
      const type = value.type === "" ? "application/octet-stream" : value.type;
      pieces.push(ops.utf8_encode(`${head}; filename="${quote(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`));
      pieces.push(bytesOf(value));
      pieces.push(ops.utf8_encode("\r\n"));
    }
  }
  pieces.push(ops.utf8_encode(`--${boundary}--\r\n`));
  return { bytes: internals.need("bytes").concat(pieces), boundary };
};

/** The form in a body of that content type. */
const decode = (bytes, contentType) => {
  const type = contentType === null ? null : ops.content_type(text(contentType));
  const form = new FormData();
  if (type !== null && type.essence === "application/x-www-form-urlencoded") {
    for (const [name, value] of ops.form_parse(ops.decode("utf-8", bytes, false, false))) form.append(name, value);
    return form;
  }
  if (type === null || type.essence !== "multipart/form-data") {
    throw new TypeError('Content-Type was not one of "multipart/form-data" or "application/x-www-form-urlencoded".');
  }
  const parts = type.boundary === undefined ? null : ops.multipart_parse(bytes, type.boundary);
  if (parts === null) throw new TypeError("Failed to parse body as FormData.");
  for (const { name, filename, type, bytes } of parts) {
    if (filename === undefined) form.append(name, ops.decode("utf-8", bytes, false, false));
    else form.append(name, fileOfBytes(bytes, type ?? "text/plain", filename));
  }
  return form;
};

internals.form_data = { FormData, isFormData, encode, decode };
internals.expose({ FormData });
