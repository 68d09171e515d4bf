// Makes the local time of `Date` UTC on a machine with another time zone, as functions see it everywhere else.

const { Date: NativeDate, Number, String, defineProperty, apply } = internals.primordials;
const prototype = NativeDate.prototype;
const { toUTCString, getTime } = prototype;

const put = (name, value) =>
  defineProperty(prototype, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });

const units = ["FullYear", "Month", "Date", "Hours", "Minutes", "Seconds", "Milliseconds"];
for (const unit of units) {
  for (const name of [`get${unit}`, `set${unit}`]) {
    const universal = prototype[name.replace(/^(get|set)/, "$1UTC")];
    put(name, { [name](...args) { return apply(universal, this, args); } }[name]);
  }
}
const { getUTCDay } = prototype;
put("getDay", { getDay() { return apply(getUTCDay, this, []); } }.getDay);
put("getTimezoneOffset", { getTimezoneOffset() { return apply(getTime, this, []) * 0; } }.getTimezoneOffset);

// "Tue, 14 Nov 2023 22:13:20 GMT" in other orders.
const parts = (date) => apply(toUTCString, date, []).match(/^(\w+), (\d+) (\w+) (-?\d+) ([\d:]+) GMT$/);
const day = ([, weekday, date, month, year]) => `${weekday} ${month} ${date} ${year}`;
const time = ([, , , , , clock]) => `${clock} GMT+0000 (Coordinated Universal Time)`;
const text = (name, show) =>
  put(name, {
    [name]() {
      const found = parts(this);
      return found === null ? "Invalid Date" : show(found);
    },
  }[name]);
text("toString", (found) => `${day(found)} ${time(found)}`);
text("toDateString", day);
text("toTimeString", time);

// Dates and times that say no zone of their own.
const isLocal = (input) => !/(Z|GMT|UTC|[+-]\d{1,2}:?\d{2}|[ECMP][SD]T)\s*(\(.*\))?$/i.test(input) && !/^[+-]?\d{4,6}(-\d\d){0,2}$/.test(input);
const parse = (input) => {
  if (!isLocal(input)) return NativeDate.parse(input);
  const isStandard = /^[+-]?\d{4,6}-\d\d-\d\dT[\d:.,]+$/.test(input);
  return NativeDate.parse(isStandard ? `${input}Z` : `${input} GMT`);
};
internals.dateParse = { parse: (input) => parse(String(input)) }.parse;
internals.dateArguments = (args) => {
  if (args.length > 1) {
    const numbers = args.slice(0, 7).map(Number);
    return [NativeDate.UTC(...numbers)];
  }
  const [value] = args;
  if (typeof value === "string") return [parse(value)];
  if (typeof value === "object" && value !== null) {
    try {
      return [apply(getTime, value, [])];
    } catch {
      const primitive = value[Symbol.toPrimitive]?.("default") ?? value.valueOf();
      return [typeof primitive === "string" ? parse(primitive) : typeof primitive === "object" ? parse(String(value)) : primitive];
    }
  }
  return args;
};
internals.utc_date = true;
