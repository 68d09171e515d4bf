// `performance`: the clock that actions have, and marks and measures.

const { TypeError, Symbol, Object, Number } = internals.primordials;
const { text } = internals.primordials;
const { EventTarget } = internals.need("events");
const { DOMException } = internals;

// When the code that now runs began. An isolate is made ready before the call that it serves.
let origin = ops.now();
let phase = ops.phase();
const timeOrigin = () => {
  const current = ops.phase();
  if (current !== phase) {
    phase = current;
    origin = ops.now();
  }
  return origin;
};
const now = () => {
  const began = timeOrigin();
  return ops.now() - began;
};

const INSIDE = Symbol("inside");
const entries = [];

class PerformanceEntry {
  #entry;
  constructor(token, entry) {
    if (token !== INSIDE) throw new TypeError("Illegal constructor");
    this.#entry = entry;
  }
  get name() {
    return this.#entry.name;
  }
  get entryType() {
    return this.#entry.entryType;
  }
  get startTime() {
    return this.#entry.startTime;
  }
  get duration() {
    return this.#entry.duration;
  }
  toJSON() {
    return { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration };
  }
}
internals.interface(PerformanceEntry, "PerformanceEntry");

class PerformanceMark extends PerformanceEntry {
  #detail;
  constructor(name, options = undefined) {
    const startTime = options?.startTime === undefined ? now() : Number(options.startTime);
    super(INSIDE, { name: text(name), entryType: "mark", startTime, duration: 0 });
    this.#detail = options?.detail ?? null;
  }
  get detail() {
    return this.#detail;
  }
  toJSON() {
    return { ...super.toJSON(), detail: this.#detail };
  }
}
internals.interface(PerformanceMark, "PerformanceMark");

class PerformanceMeasure extends PerformanceEntry {
  #detail;
  constructor(token, entry) {
    super(token, entry);
    this.#detail = entry.detail;
  }
  get detail() {
    return this.#detail;
  }
  toJSON() {
    return { ...super.toJSON(), detail: this.#detail };
  }
}
internals.interface(PerformanceMeasure, "PerformanceMeasure");

const moment = (mark) => {
  if (typeof mark === "number") return mark;
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index];
    if (entry.entryType === "mark" && entry.name === `${mark}`) return entry.startTime;
  }
  throw new DOMException(`The "${mark}" performance mark has not been set`, "SyntaxError");
};

class Performance extends EventTarget {
  constructor(token) {
    if (token !== INSIDE) throw new TypeError("Illegal constructor");
    super();
  }
  get timeOrigin() {
    return timeOrigin();
  }
  now() {
    return now();
  }
  mark(name, options = undefined) {
    const mark = new PerformanceMark(name, options);
    entries.push(mark);
    return mark;
  }
  measure(name, startOrOptions = undefined, endMark = undefined) {
    let start = 0, end, detail = null;
    if (typeof startOrOptions === "object" && startOrOptions !== null) {
      const options = startOrOptions;
      detail = options.detail ?? null;
      if (options.end !== undefined) end = moment(options.end);
      if (options.start !== undefined) start = moment(options.start);
      else if (options.duration !== undefined && end !== undefined) start = end - options.duration;
      if (end === undefined) end = options.duration !== undefined ? start + options.duration : now();
    } else {
      if (startOrOptions !== undefined) start = moment(startOrOptions);
      end = endMark === undefined ? now() : moment(endMark);
    }
    const entry = { name: text(name), entryType: "measure", startTime: start, duration: end - start, detail };
    const measure = new PerformanceMeasure(INSIDE, entry);
    entries.push(measure);
    return measure;
  }
  clearMarks(name = undefined) {
    clear("mark", name);
  }
  clearMeasures(name = undefined) {
    clear("measure", name);
  }
  getEntries() {
    return [...entries].sort((a, b) => a.startTime - b.startTime);
  }
  getEntriesByType(type) {
    return this.getEntries().filter((entry) => entry.entryType === `${type}`);
  }
  getEntriesByName(name, type = undefined) {
    return this.getEntries().filter(
      (entry) => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`),
    );
  }
  toJSON() {
    return { timeOrigin: this.timeOrigin };
  }
}
internals.interface(Performance, "Performance");

const clear = (type, name) => {
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index];
    if (entry.entryType === type && (name === undefined || entry.name === `${name}`)) entries.splice(index, 1);
  }
};

const performance = new Performance(INSIDE);
internals.performance = { performance };
internals.expose({ performance, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure });
