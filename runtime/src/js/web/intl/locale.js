// Locales and options as ECMA-402 reads them, for all of `Intl`, and `Intl.Locale`.
'use strict';

const DEFAULT_LOCALE = 'en-US';
const DEFAULT_ZONE = 'UTC';
const typed = (text) => String(text).toWellFormed();
const own = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

// --- locales ---

const canonical = (name) => ops.intl_locale(name);

function canonicalList(locales) {
  if (locales === undefined) return [];
  if (typeof locales === 'string' || isLocale(locales)) return [canonical(typed(locales))];
  if (locales === null) throw new TypeError('Cannot convert undefined or null to object');
  const source = Object(locales);
  const seen = new Map();
  for (let index = 0; index < source.length; index++) {
    if (!(index in source)) continue;
    const item = source[index];
    if (typeof item !== 'string' && (typeof item !== 'object' || item === null)) {
      throw new TypeError('Language ID should be string or object.');
    }
    const locale = canonical(typed(item));
    if (!seen.has(locale.name)) seen.set(locale.name, locale);
  }
  return [...seen.values()];
}

/** The first locale that there are data for, with those of its keywords that matter. */
function resolveLocale(locales, keys, options = {}) {
  const requested = canonicalList(locales);
  const found = requested.find((locale) => ops.intl_supported(locale.language));
  const locale = found ?? canonical(DEFAULT_LOCALE);
  const keywords = {};
  for (const key of keys) {
    const given = own(locale.keywords, key) ? locale.keywords[key] : undefined;
    const value = options[key] ?? (given === '' ? 'true' : given);
    if (value !== undefined) keywords[key] = value;
  }
  const shown = keys.filter((key) => own(locale.keywords, key) && (options[key] ?? keywords[key]) === keywords[key]);
  const named = (list) => {
    const extension = list.map((key) => (keywords[key] === 'true' ? `-${key}` : `-${key}-${keywords[key]}`)).join('');
    return extension === '' ? locale.baseName : `${locale.baseName}-u${extension}`;
  };
  return { name: named(shown.filter((key) => options[key] === undefined)), full: named(Object.keys(keywords).sort()), keywords };
}

function supportedLocalesOf(locales, options) {
  if (options !== undefined) option(optionsOf(options), 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
  return canonicalList(locales).filter((locale) => ops.intl_supported(locale.language)).map((locale) => locale.name);
}

// --- options ---

function optionsOf(options) {
  if (options === undefined) return Object.create(null);
  if (options === null) throw new TypeError('Cannot convert undefined or null to object');
  return Object(options);
}

function strictOptionsOf(options) {
  if (options === undefined) return Object.create(null);
  if (typeof options === 'object' && options !== null) return options;
  throw new TypeError(`Incorrect options provided`);
}

let service = '';
/** Names the service whose options are read from now on, for the texts of errors. */
const serving = (name) => {
  service = name;
};
function option(options, name, type, values, fallback) {
  let value = options[name];
  if (value === undefined) return fallback;
  value = type === 'boolean' ? Boolean(value) : typed(value);
  if (values && !values.includes(value)) {
    throw new RangeError(`Value ${value} out of range for Intl.${service} options property ${name}`);
  }
  return value;
}

function numberIn(value, min, max, fallback, name) {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!(number >= min && number <= max)) throw new RangeError(`${name} value is out of range.`);
  return Math.floor(number);
}

const numberOption = (options, name, min, max, fallback) => numberIn(options[name], min, max, fallback, name);

/** The digits of a number system, to tell which one a formatter uses. */
const SYSTEMS = {
  '0': 'latn', '٠': 'arab', '۰': 'arabext', '০': 'beng', '०': 'deva', '૦': 'gujr', '੦': 'guru', '០': 'khmr', '೦': 'knda',
  '໐': 'laoo', '൦': 'mlym', '၀': 'mymr', '୦': 'orya', '௦': 'tamldec', '౦': 'telu', '๐': 'thai', '༠': 'tibt', '〇': 'hanidec',
};
const PLAIN = { minimumIntegerDigits: 1, minimumFractionDigits: 0, maximumFractionDigits: 3 };
const systemOf = (locale) => {
  const spec = { locale, style: 'decimal', notation: 'standard', signDisplay: 'auto', useGrouping: 'false', ...PLAIN };
  return SYSTEMS[ops.intl_number(JSON.stringify(spec), '0')[1]] ?? 'latn';
};

function checkSystem(value) {
  if (value !== undefined && !/^[a-z0-9]{3,8}(-[a-z0-9]{3,8})*$/i.test(value)) {
    throw new RangeError(`Invalid numberingSystem : ${value}`);
  }
  return value?.toLowerCase();
}

// --- parts ---

const partsOf = (flat, make = (type, value) => ({ type, value })) => {
  const parts = [];
  for (let index = 0; index < flat.length; index += 2) parts.push(make(flat[index], flat[index + 1]));
  return parts;
};
const textOf = (flat) => {
  let text = '';
  for (let index = 1; index < flat.length; index += 2) text += flat[index];
  return text;
};

// --- numbers ---

const numeric = (value) => {
  if (typeof value === 'object' && value !== null) value = value[Symbol.toPrimitive] ? value[Symbol.toPrimitive]('number') : toPrimitive(value);
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'string') return stringNumber(value);
  return numberText(Number(value));
};
const toPrimitive = (value) => {
  const primitive = value.valueOf();
  return typeof primitive === 'object' ? `${value}` : primitive;
};
const numberText = (value) => (Object.is(value, -0) ? '-0' : `${value}`.replace('e+', 'e'));
/** A number in a string keeps all its digits. */
const stringNumber = (value) => {
  const text = value.trim();
  const decimal = /^([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d{1,3}))?$/i.exec(text);
  if (!decimal) return numberText(Number(text));
  let digits = decimal[2];
  if (digits.startsWith('.')) digits = `0${digits}`;
  if (digits.endsWith('.')) digits = digits.slice(0, -1);
  const exponent = decimal[3] === undefined ? '' : `e${Number(decimal[3])}`;
  return `${decimal[1] === '-' ? '-' : ''}${digits}${exponent}`;
};

// --- locales as objects ---

const INSIDE = Symbol('inside');
let isLocale;
const KEYWORDS = { calendar: 'ca', collation: 'co', hourCycle: 'hc', caseFirst: 'kf', numeric: 'kn', numberingSystem: 'nu' };

class Locale {
  #locale;

  constructor(tag, options = undefined) {
    serving('Locale');
    if (typeof tag !== 'string' && (typeof tag !== 'object' || tag === null)) {
      throw new TypeError('First argument to Intl.Locale constructor can\'t be empty or missing');
    }
    const read = optionsOf(options);
    const base = canonical(isLocale(tag) ? tag.toString() : typed(tag));
    const language = option(read, 'language', 'string', undefined, base.language);
    const script = option(read, 'script', 'string', undefined, base.script);
    const region = option(read, 'region', 'string', undefined, base.region);
    const rest = base.baseName.split('-').slice(1).filter((part) => part !== base.script && part !== base.region);
    const keywords = { ...base.keywords };
    for (const [name, key] of Object.entries(KEYWORDS)) {
      const values = { hourCycle: ['h11', 'h12', 'h23', 'h24'], caseFirst: ['upper', 'lower', 'false'] }[name];
      const value = option(read, name, name === 'numeric' ? 'boolean' : 'string', values, undefined);
      if (value !== undefined) keywords[key] = value === true ? '' : `${value}`;
    }
    const extension = Object.keys(keywords).sort().map((key) => (keywords[key] === '' || keywords[key] === 'true' ? `-${key}` : `-${key}-${keywords[key]}`)).join('');
    const name = [language, script, region, ...rest].filter((part) => part !== undefined).join('-');
    this.#locale = canonical(extension === '' ? name : `${name}-u${extension}`);
  }

  static {
    isLocale = (value) => typeof value === 'object' && value !== null && #locale in value;
  }

  get baseName() {
    return this.#locale.baseName;
  }
  get language() {
    return this.#locale.language;
  }
  get script() {
    return this.#locale.script;
  }
  get region() {
    return this.#locale.region;
  }
  get calendar() {
    return this.#locale.keywords.ca;
  }
  get collation() {
    return this.#locale.keywords.co;
  }
  get hourCycle() {
    return this.#locale.keywords.hc;
  }
  get caseFirst() {
    return this.#locale.keywords.kf;
  }
  get numeric() {
    return this.#locale.keywords.kn !== undefined && this.#locale.keywords.kn !== 'false';
  }
  get numberingSystem() {
    return this.#locale.keywords.nu;
  }
  maximize() {
    return new Locale(ops.intl_likely(this.#locale.name, true).name);
  }
  minimize() {
    return new Locale(ops.intl_likely(this.#locale.name, false).name);
  }
  toString() {
    return this.#locale.name;
  }
}

internals.intl_locale = {
  canonical, canonicalList, checkSystem, DEFAULT_ZONE, INSIDE, Locale, numberIn, numberOption, numberText, numeric,
  option, optionsOf, own, partsOf, resolveLocale, serving, strictOptionsOf, supportedLocalesOf, systemOf, SYSTEMS,
  textOf, typed,
};
