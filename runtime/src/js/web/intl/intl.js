// `Intl` over the ops of intl/mod.rs: options are read here as ECMA-402 asks, ICU4X formats.
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

const NO_CENTS = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ');
const MILLS = 'BHD IQD JOD KWD LYD OMR TND'.split(' ');
const currencyDigits = (code) => (NO_CENTS.includes(code) ? 0 : MILLS.includes(code) ? 3 : code === 'CLF' || code === 'UYW' ? 4 : 2);
const UNITS = (
  'acre bit byte celsius centimeter day degree fahrenheit fluid-ounce foot gallon gigabit gigabyte gram hectare hour inch kilobit ' +
  'kilobyte kilogram kilometer liter megabit megabyte meter microsecond mile mile-scandinavian milliliter millimeter millisecond ' +
  'minute month nanosecond ounce percent petabyte pound second stone terabit terabyte week yard year'
).split(' ');
const isUnit = (unit) => UNITS.includes(unit) || (unit.split('-per-').length === 2 && unit.split('-per-').every((part) => UNITS.includes(part)));

const ROUNDING_MODES = ['ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfExpand', 'halfTrunc', 'halfEven'];

function digitOptions(options, minDefault, maxDefault, notation) {
  const minimumIntegerDigits = numberOption(options, 'minimumIntegerDigits', 1, 21, 1);
  let minFraction = options.minimumFractionDigits;
  let maxFraction = options.maximumFractionDigits;
  let minSignificant = options.minimumSignificantDigits;
  let maxSignificant = options.maximumSignificantDigits;
  const roundingPriority = option(options, 'roundingPriority', 'string', ['auto', 'morePrecision', 'lessPrecision'], 'auto');
  const roundingIncrement = numberOption(options, 'roundingIncrement', 1, 5000, 1);
  if (roundingIncrement !== 1) throw new RangeError('Intl does not carry a roundingIncrement other than 1 here');
  const roundingMode = option(options, 'roundingMode', 'string', ROUNDING_MODES, 'halfExpand');
  const trailingZeroDisplay = option(options, 'trailingZeroDisplay', 'string', ['auto', 'stripIfInteger'], 'auto');
  const result = { minimumIntegerDigits };
  const hasSignificant = minSignificant !== undefined || maxSignificant !== undefined;
  const hasFraction = minFraction !== undefined || maxFraction !== undefined;
  let needSignificant = true;
  let needFraction = true;
  if (roundingPriority === 'auto') {
    needSignificant = hasSignificant;
    if (needSignificant || (!hasFraction && notation === 'compact')) needFraction = false;
  }
  if (needFraction) {
    if (hasFraction) {
      minFraction = numberIn(minFraction, 0, 100, undefined, 'minimumFractionDigits');
      maxFraction = numberIn(maxFraction, 0, 100, undefined, 'maximumFractionDigits');
      if (minFraction === undefined) minFraction = Math.min(minDefault, maxFraction);
      else if (maxFraction === undefined) maxFraction = Math.max(maxDefault, minFraction);
      else if (minFraction > maxFraction) throw new RangeError('maximumFractionDigits value is out of range.');
    } else {
      [minFraction, maxFraction] = [minDefault, maxDefault];
    }
    Object.assign(result, { minimumFractionDigits: minFraction, maximumFractionDigits: maxFraction });
  }
  if (needSignificant) {
    minSignificant = numberIn(minSignificant, 1, 21, 1, 'minimumSignificantDigits');
    maxSignificant = numberIn(maxSignificant, minSignificant, 21, 21, 'maximumSignificantDigits');
    Object.assign(result, { minimumSignificantDigits: minSignificant, maximumSignificantDigits: maxSignificant });
  }
  return { digits: result, rounding: { roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay }, compactDigits: !needFraction && !needSignificant };
}

class NumberFormat {
  #spec;
  #resolved;
  #bound;

  constructor(locales = undefined, options = undefined) {
    service = 'NumberFormat';
    const read = optionsOf(options);
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const system = checkSystem(option(read, 'numberingSystem', 'string', undefined, undefined));
    const locale = resolveLocale(locales, ['nu'], { nu: system });
    const style = option(read, 'style', 'string', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
    const currency = option(read, 'currency', 'string', undefined, undefined);
    if (currency === undefined && style === 'currency') throw new TypeError('Currency code is required with currency style.');
    if (currency !== undefined && !/^[a-z]{3}$/i.test(currency)) throw new RangeError(`Invalid currency code : ${currency}`);
    const currencyDisplay = option(read, 'currencyDisplay', 'string', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol');
    const currencySign = option(read, 'currencySign', 'string', ['standard', 'accounting'], 'standard');
    const unit = option(read, 'unit', 'string', undefined, undefined);
    if (unit === undefined && style === 'unit') throw new TypeError("Invalid unit argument for Intl.NumberFormat() ''");
    if (unit !== undefined && !isUnit(unit)) throw new RangeError(`Invalid unit argument for Intl.NumberFormat() '${unit}'`);
    const unitDisplay = option(read, 'unitDisplay', 'string', ['short', 'narrow', 'long'], 'short');
    const notation = option(read, 'notation', 'string', ['standard', 'scientific', 'engineering', 'compact'], 'standard');
    const code = currency?.toUpperCase();
    const cents = style === 'currency' && notation === 'standard' ? currencyDigits(code) : 0;
    const maxDefault = style === 'currency' ? cents : style === 'percent' ? 0 : 3;
    const { digits, rounding, compactDigits } = digitOptions(read, cents, maxDefault, notation);
    const compactDisplay = option(read, 'compactDisplay', 'string', ['short', 'long'], 'short');
    let useGrouping = read.useGrouping;
    const groupingDefault = notation === 'compact' ? 'min2' : 'auto';
    if (useGrouping === undefined) useGrouping = groupingDefault;
    else if (useGrouping === true) useGrouping = 'always';
    else if (useGrouping === false || useGrouping === null || useGrouping === 0 || useGrouping === '') useGrouping = false;
    else {
      useGrouping = typed(useGrouping);
      if (useGrouping === 'true' || useGrouping === 'false') useGrouping = groupingDefault;
      if (!['min2', 'auto', 'always'].includes(useGrouping)) {
        throw new RangeError(`Value ${useGrouping} out of range for Intl.NumberFormat options property useGrouping`);
      }
    }
    const signDisplay = option(read, 'signDisplay', 'string', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto');

    const money = style === 'currency' ? { currency: code, currencyDisplay, currencySign } : {};
    const measure = style === 'unit' ? { unit, unitDisplay } : {};
    // What compact notation does without digits of its own shows as these.
    const shownDigits = compactDigits
      ? { ...digits, minimumFractionDigits: 0, maximumFractionDigits: 0, minimumSignificantDigits: 1, maximumSignificantDigits: 2 }
      : digits;
    if (compactDigits) rounding.roundingPriority = 'morePrecision';
    this.#spec = JSON.stringify({
      locale: locale.full, style, ...money, ...measure, ...digits, useGrouping: `${useGrouping}`, notation, compactDisplay,
      signDisplay, ...rounding, ...(compactDigits ? { roundingPriority: 'auto' } : {}),
    });
    this.#resolved = {
      locale: locale.name,
      numberingSystem: undefined,
      style, ...money, ...measure, ...shownDigits, useGrouping, notation,
      ...(notation === 'compact' ? { compactDisplay } : {}),
      signDisplay, ...rounding, full: locale.full,
    };
    // What cannot be formatted should fail here rather than later.
    ops.intl_number(this.#spec, '1');
  }

  get format() {
    this.#bound ??= (value) => textOf(ops.intl_number(this.#spec, numeric(value)));
    return this.#bound;
  }

  formatToParts(value) {
    return partsOf(ops.intl_number(this.#spec, numeric(value)));
  }

  formatRange(start, end) {
    const [first, second] = rangeEnds(start, end).map((value) => textOf(ops.intl_number(this.#spec, value)));
    if (first === second) return approximate(this.#spec, numeric(start));
    throw new RangeError('Intl does not carry ranges of numbers here');
  }

  resolvedOptions() {
    const { full, ...resolved } = this.#resolved;
    resolved.numberingSystem = systemOf(full);
    return resolved;
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

function rangeEnds(start, end) {
  if (start === undefined || end === undefined) throw new TypeError('start or end is undefined');
  return [numeric(start), numeric(end)];
}
const approximate = (spec, value) => `~${textOf(ops.intl_number(spec, value))}`;

// --- plurals ---

class PluralRules {
  #spec;
  #resolved;

  constructor(locales = undefined, options = undefined) {
    service = 'PluralRules';
    const read = optionsOf(options);
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const locale = resolveLocale(locales, []);
    const type = option(read, 'type', 'string', ['cardinal', 'ordinal'], 'cardinal');
    const { digits, rounding } = digitOptions(read, 0, 3, 'standard');
    this.#spec = JSON.stringify({ locale: locale.full, ordinal: type === 'ordinal', digits: { ...digits, ...rounding } });
    this.#resolved = { locale: locale.name, type, ...digits };
  }

  select(value) {
    return ops.intl_plural(this.#spec, numberText(Number(value)));
  }

  selectRange() {
    throw new RangeError('Intl does not carry plurals of ranges here');
  }

  resolvedOptions() {
    const resolved = this.#resolved;
    const order = ['few', 'many', 'one', 'two', 'zero', 'other'];
    const categories = ops.intl_plural_categories(this.#spec);
    return { ...resolved, pluralCategories: order.filter((name) => categories.includes(name)) };
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

// --- lists ---

function stringList(items) {
  if (items === undefined) return [];
  const texts = [];
  for (const item of items) {
    if (typeof item !== 'string') throw new TypeError(`Iterable yielded ${String(item)} which is not a string`);
    texts.push(typed(item));
  }
  return texts;
}

class ListFormat {
  #spec;
  #resolved;

  constructor(locales = undefined, options = undefined) {
    service = 'ListFormat';
    const locale = resolveLocale(locales, []);
    const read = strictOptionsOf(options);
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const type = option(read, 'type', 'string', ['conjunction', 'disjunction', 'unit'], 'conjunction');
    const style = option(read, 'style', 'string', ['long', 'short', 'narrow'], 'long');
    this.#spec = JSON.stringify({ locale: locale.full, kind: type, style });
    this.#resolved = { locale: locale.name, type, style };
  }

  format(list) {
    return textOf(ops.intl_list(this.#spec, stringList(list)));
  }

  formatToParts(list) {
    return partsOf(ops.intl_list(this.#spec, stringList(list)));
  }

  resolvedOptions() {
    return { ...this.#resolved };
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

// --- relative times ---

const RELATIVE_UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];

class RelativeTimeFormat {
  #resolved;
  #full;

  constructor(locales = undefined, options = undefined) {
    service = 'RelativeTimeFormat';
    const read = optionsOf(options);
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const system = checkSystem(option(read, 'numberingSystem', 'string', undefined, undefined));
    const locale = resolveLocale(locales, ['nu'], { nu: system });
    const style = option(read, 'style', 'string', ['long', 'short', 'narrow'], 'long');
    const when = option(read, 'numeric', 'string', ['always', 'auto'], 'always');
    this.#full = locale.full;
    this.#resolved = { locale: locale.name, style, numeric: when };
  }

  #format(value, unit) {
    const number = Number(value);
    const text = typed(unit);
    const singular = text.endsWith('s') ? text.slice(0, -1) : text;
    if (!RELATIVE_UNITS.includes(singular)) {
      throw new RangeError(`Invalid unit argument for Intl.RelativeTimeFormat.prototype.format() '${text}'`);
    }
    if (!Number.isFinite(number)) {
      throw new RangeError('Value need to be finite number for Intl.RelativeTimeFormat.prototype.format()');
    }
    const { style, numeric: when } = this.#resolved;
    const spec = JSON.stringify({ locale: this.#full, style, unit: singular, auto: when === 'auto' });
    return [ops.intl_relative(spec, numberText(number)), singular];
  }

  format(value, unit) {
    return textOf(this.#format(value, unit)[0]);
  }

  formatToParts(value, unit) {
    const [flat, singular] = this.#format(value, unit);
    return partsOf(flat, (type, part) => (type === 'literal' ? { type, value: part } : { type, value: part, unit: singular }));
  }

  resolvedOptions() {
    return { ...this.#resolved, numberingSystem: systemOf(this.#full) };
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

// --- collation ---

class Collator {
  #spec;
  #resolved;
  #bound;

  constructor(locales = undefined, options = undefined) {
    service = 'Collator';
    const read = optionsOf(options);
    const usage = option(read, 'usage', 'string', ['sort', 'search'], 'sort');
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const numericOption = option(read, 'numeric', 'boolean', undefined, undefined);
    const caseFirstOption = option(read, 'caseFirst', 'string', ['upper', 'lower', 'false'], undefined);
    const locale = resolveLocale(locales, ['co', 'kf', 'kn']);
    const numeric = numericOption ?? (locale.keywords.kn !== undefined && locale.keywords.kn !== 'false');
    const caseFirst = caseFirstOption ?? locale.keywords.kf ?? 'false';
    const sensitivity = option(read, 'sensitivity', 'string', ['base', 'accent', 'case', 'variant'], 'variant');
    const ignorePunctuation = option(read, 'ignorePunctuation', 'boolean', undefined, canonical(locale.full).language === 'th');
    this.#spec = JSON.stringify({ locale: locale.full, sensitivity, ignorePunctuation, numeric, caseFirst });
    this.#resolved = {
      locale: locale.name, usage, sensitivity, ignorePunctuation, collation: locale.keywords.co ?? 'default', numeric, caseFirst,
    };
  }

  get compare() {
    this.#bound ??= (left, right) => ops.intl_compare(this.#spec, typed(left), typed(right));
    return this.#bound;
  }

  resolvedOptions() {
    return { ...this.#resolved };
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

// --- segments ---

class Segments {
  #text;
  #granularity;
  #ends;

  constructor(token, text, granularity) {
    if (token !== INSIDE) throw new TypeError('Illegal constructor');
    this.#text = text;
    this.#granularity = granularity;
  }

  #boundaries() {
    this.#ends ??= ops.intl_segments(this.#granularity, typed(this.#text));
    return this.#ends;
  }

  #segment(at) {
    const ends = this.#boundaries();
    const start = at === 0 ? 0 : ends[at - 2];
    const segment = { segment: this.#text.slice(start, ends[at]), index: start, input: this.#text };
    if (this.#granularity === 'word') segment.isWordLike = ends[at + 1];
    return segment;
  }

  containing(index = 0) {
    const position = Math.trunc(Number(index)) || 0;
    if (position < 0 || position >= this.#text.length) return undefined;
    const ends = this.#boundaries();
    let at = 0;
    while (ends[at] <= position) at += 2;
    return this.#segment(at);
  }

  *[Symbol.iterator]() {
    for (let at = 0; at < this.#boundaries().length; at += 2) yield this.#segment(at);
  }
}

class Segmenter {
  #resolved;

  constructor(locales = undefined, options = undefined) {
    service = 'Segmenter';
    const read = strictOptionsOf(options);
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const locale = resolveLocale(locales, []);
    const granularity = option(read, 'granularity', 'string', ['grapheme', 'word', 'sentence'], 'grapheme');
    this.#resolved = { locale: locale.name, granularity };
  }

  segment(text) {
    return new Segments(INSIDE, String(text), this.#resolved.granularity);
  }

  resolvedOptions() {
    return { ...this.#resolved };
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

// --- locales as objects ---

const INSIDE = Symbol('inside');
let isLocale;
const KEYWORDS = { calendar: 'ca', collation: 'co', hourCycle: 'hc', caseFirst: 'kf', numeric: 'kn', numberingSystem: 'nu' };

class Locale {
  #locale;

  constructor(tag, options = undefined) {
    service = 'Locale';
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

// --- names ---

class DisplayNames {
  #full;
  #resolved;

  constructor(locales, options) {
    service = 'DisplayNames';
    const locale = resolveLocale(locales, []);
    if (typeof options !== 'object' || options === null) throw new TypeError('Cannot convert undefined or null to object');
    option(options, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const style = option(options, 'style', 'string', ['narrow', 'short', 'long'], 'long');
    const type = option(options, 'type', 'string', ['language', 'region', 'script', 'currency', 'calendar', 'dateTimeField'], undefined);
    if (type === undefined) throw new TypeError('Required option "type" must not be undefined');
    const fallback = option(options, 'fallback', 'string', ['code', 'none'], 'code');
    if (!['language', 'region', 'script'].includes(type)) {
      throw new RangeError(`Intl does not carry names of the type ${type} here`);
    }
    const languageDisplay = option(options, 'languageDisplay', 'string', ['dialect', 'standard'], 'dialect');
    this.#full = locale.full;
    this.#resolved = { locale: locale.name, style, type, fallback, ...(type === 'language' ? { languageDisplay } : {}) };
  }

  of(code) {
    const text = typed(code);
    const { type, fallback } = this.#resolved;
    const wanted = type === 'language' ? canonical(text).name : type === 'region' ? text.toUpperCase() : text;
    const [name] = ops.intl_display_name(this.#full, type, wanted);
    return name ?? (fallback === 'code' ? wanted : undefined);
  }

  resolvedOptions() {
    return { ...this.#resolved };
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

// --- dates ---

const TEXT_WIDTHS = ['narrow', 'short', 'long'];
const DIGIT_WIDTHS = ['2-digit', 'numeric'];
const COMPONENTS = {
  weekday: TEXT_WIDTHS,
  era: TEXT_WIDTHS,
  year: DIGIT_WIDTHS,
  month: ['2-digit', 'numeric', ...TEXT_WIDTHS],
  day: DIGIT_WIDTHS,
  dayPeriod: TEXT_WIDTHS,
  hour: DIGIT_WIDTHS,
  minute: DIGIT_WIDTHS,
  second: DIGIT_WIDTHS,
};
const ZONE_NAMES = ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'];
const STYLES = ['full', 'long', 'medium', 'short'];
const HOUR_CYCLES = { h: 'h12', H: 'h23', K: 'h11', k: 'h24' };

class DateTimeFormat {
  #spec;
  #resolved;
  #bound;

  constructor(locales = undefined, options = undefined, required = 'any', defaults = 'date') {
    service = 'DateTimeFormat';
    const inside = this instanceof InsideDateTimeFormat;
    if (!inside) [required, defaults] = ['any', 'date'];
    const read = optionsOf(options);
    option(read, 'localeMatcher', 'string', ['lookup', 'best fit'], 'best fit');
    const calendar = option(read, 'calendar', 'string', undefined, undefined);
    const system = checkSystem(option(read, 'numberingSystem', 'string', undefined, undefined));
    const hour12 = option(read, 'hour12', 'boolean', undefined, undefined);
    const hourCycle = option(read, 'hourCycle', 'string', ['h11', 'h12', 'h23', 'h24'], undefined);
    const locale = resolveLocale(locales, ['ca', 'hc', 'nu'], { nu: system });
    const wantedCalendar = (calendar ?? locale.keywords.ca ?? 'gregory').toLowerCase();
    if (wantedCalendar !== 'gregory' && wantedCalendar !== 'gregorian') {
      throw new RangeError(`Intl does not carry the calendar ${wantedCalendar} here`);
    }
    const timeZone = read.timeZone === undefined ? DEFAULT_ZONE : ops.intl_zone(typed(read.timeZone));
    const components = {};
    for (const [name, widths] of Object.entries(COMPONENTS)) {
      const value = option(read, name, 'string', widths, undefined);
      if (value !== undefined) components[name] = value;
      if (name === 'second') {
        const digits = numberOption(read, 'fractionalSecondDigits', 1, 3, undefined);
        if (digits !== undefined) components.fractionalSecondDigits = digits;
        const zoneName = option(read, 'timeZoneName', 'string', ZONE_NAMES, undefined);
        if (zoneName !== undefined) components.timeZoneName = zoneName;
      }
    }
    option(read, 'formatMatcher', 'string', ['basic', 'best fit'], 'best fit');
    const dateStyle = option(read, 'dateStyle', 'string', STYLES, undefined);
    const timeStyle = option(read, 'timeStyle', 'string', STYLES, undefined);
    if (dateStyle !== undefined || timeStyle !== undefined) {
      const [explicit] = Object.keys(components);
      if (explicit !== undefined) {
        throw new TypeError(`Can't set option ${explicit} when ${dateStyle !== undefined ? 'dateStyle' : 'timeStyle'} is used`);
      }
      if (required === 'date' && timeStyle !== undefined) throw new TypeError('Invalid option : timeStyle');
      if (required === 'time' && dateStyle !== undefined) throw new TypeError('Invalid option : dateStyle');
    } else {
      const has = (names) => names.some((name) => components[name] !== undefined);
      const hasDate = (required === 'date' || required === 'any') && has(['weekday', 'year', 'month', 'day']);
      const hasTime = (required === 'time' || required === 'any') && has(['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits']);
      if (!hasDate && !hasTime) {
        if (defaults === 'date' || defaults === 'all') for (const name of ['year', 'month', 'day']) components[name] = 'numeric';
        if (defaults === 'time' || defaults === 'all') for (const name of ['hour', 'minute', 'second']) components[name] = 'numeric';
      }
    }
    if (components.dayPeriod !== undefined) throw new RangeError('Intl does not carry the component dayPeriod here');

    const cycle = hour12 !== undefined ? (hour12 ? (canonical(locale.full).language === 'ja' ? 'h11' : 'h12') : 'h23') : (hourCycle ?? locale.keywords.hc);
    const full = resolveLocale(locales, ['nu'], { nu: system }).full;
    this.#spec = JSON.stringify({
      locale: full, timeZone, dateStyle, timeStyle, ...components,
      ...(cycle !== undefined && (timeStyle !== undefined || components.hour !== undefined) ? { hourCycle: cycle } : {}),
    });
    this.#resolved = { locale: locale.name, calendar: 'gregory', full, timeZone, components, dateStyle, timeStyle };
    // What cannot be formatted should fail here rather than later.
    ops.intl_date_pattern(this.#spec);
  }

  get format() {
    // V8 writes a plain space before "PM" here, because programs read these texts back; not so in parts.
    this.#bound ??= (date) => textOf(ops.intl_date(this.#spec, millisecondsOf(date))).replaceAll('\u202f', ' ');
    return this.#bound;
  }

  formatToParts(date) {
    return partsOf(ops.intl_date(this.#spec, millisecondsOf(date)));
  }

  formatRange(start, end) {
    return this.#range(start, end).map((part) => part.value).join('');
  }

  formatRangeToParts(start, end) {
    return this.#range(start, end);
  }

  #range(start, end) {
    if (start === undefined || end === undefined) throw new TypeError('startDate or endDate cannot be undefined');
    const [first, second] = [start, end].map((date) => ops.intl_date(this.#spec, millisecondsOf(date)));
    const part = (source) => (type, value) => ({ type, value, source });
    if (textOf(first) === textOf(second)) return partsOf(first, part('shared'));
    return rangeParts(partsOf(first), partsOf(second));
  }

  resolvedOptions() {
    const { full, locale, calendar, timeZone, components, dateStyle, timeStyle } = this.#resolved;
    const result = { locale, calendar, numberingSystem: systemOf(full), timeZone };
    const pattern = ops.intl_date_pattern(this.#spec).replaceAll(/'[^']*'/g, '');
    const hour = /[hHKk]+/.exec(pattern)?.[0];
    if (hour !== undefined) {
      result.hourCycle = HOUR_CYCLES[hour[0]];
      result.hour12 = hour[0] === 'h' || hour[0] === 'K';
    }
    for (const name of ['weekday', 'era', 'year', 'month', 'day', 'dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits', 'timeZoneName']) {
      if (components[name] !== undefined) result[name] = components[name];
    }
    const width = (letters) => ((new RegExp(`[${letters}]+`).exec(pattern)?.[0].length ?? 1) === 2 ? '2-digit' : 'numeric');
    if (result.day !== undefined) result.day = width('d');
    if (result.month !== undefined && DIGIT_WIDTHS.includes(result.month)) result.month = width('ML');
    if (result.hour !== undefined) result.hour = width('hHKk');
    if (result.minute !== undefined) result.minute = width('m');
    if (result.second !== undefined) result.second = width('s');
    if (dateStyle !== undefined) result.dateStyle = dateStyle;
    if (timeStyle !== undefined) result.timeStyle = timeStyle;
    return result;
  }

  static supportedLocalesOf(locales, options) {
    return supportedLocalesOf(locales, options);
  }
}

/** For the methods of Date, which have defaults of their own. */
class InsideDateTimeFormat extends DateTimeFormat {}

function millisecondsOf(date) {
  const milliseconds = date === undefined ? Date.now() : Math.trunc(Number(date));
  if (!(Math.abs(milliseconds) <= 8.64e15)) throw new RangeError('Invalid time value');
  return milliseconds + 0;
}

const rangeParts = (first, second) => [
  ...first.map((part) => ({ ...part, source: 'startRange' })),
  { type: 'literal', value: '\u2009\u2013\u2009', source: 'shared' },
  ...second.map((part) => ({ ...part, source: 'endRange' })),
];

// --- Intl ---

const KEYS = {
  calendar: ['gregory'],
  collation: ['compat', 'emoji', 'eor', 'phonebk', 'pinyin', 'searchjl', 'stroke', 'trad', 'zhuyin'],
  currency: (
    'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF CLP CNY COP ' +
    'CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK ' +
    'JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN ' +
    'NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC ' +
    'SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW'
  ).split(' '),
  numberingSystem: Object.values(SYSTEMS).sort(),
  unit: (
    'acre centimeter day fluid-ounce foot gallon gram hectare hour inch kilogram kilometer liter meter microsecond mile ' +
    'mile-scandinavian milliliter millimeter millisecond minute month nanosecond ounce percent pound second stone week yard year'
  ).split(' '),
};

const Intl = {};
Object.defineProperty(Intl, Symbol.toStringTag, { configurable: true, value: 'Intl' });

/** Constructors that may be called without `new`. */
const callable = (constructor) =>
  new Proxy(constructor, { apply: (target, self, args) => new target(...args) });

const constructors = { Collator: callable(Collator), DateTimeFormat: callable(DateTimeFormat), DisplayNames, ListFormat, Locale, NumberFormat: callable(NumberFormat), PluralRules, RelativeTimeFormat, Segmenter };
for (const [name, constructor] of Object.entries(constructors)) {
  Object.defineProperty(constructor.prototype, Symbol.toStringTag, { configurable: true, value: `Intl.${name}` });
  Object.defineProperty(constructor.prototype, 'constructor', { configurable: true, writable: true, value: constructor });
  Object.defineProperty(Intl, name, { configurable: true, enumerable: false, writable: true, value: constructor });
}
const functions = {
  getCanonicalLocales(locales) {
    return canonicalList(locales).map((locale) => locale.name);
  },
  supportedValuesOf(key) {
    const text = typed(key);
    if (text === 'timeZone') return ops.intl_zones().sort();
    if (!own(KEYS, text)) throw new RangeError(`Invalid key : ${text}`);
    return [...KEYS[text]];
  },
};
for (const [name, value] of Object.entries(functions)) {
  Object.defineProperty(Intl, name, { configurable: true, enumerable: false, writable: true, value });
}
internals.expose({ Intl });

// --- for methods.js ---

const plain = new Map();
/** A formatter for these arguments: the ones of a language without options are kept. */
const known = (constructor, locales, options, ...rest) => {
  if (options !== undefined || (locales !== undefined && typeof locales !== 'string')) {
    return new constructor(locales, options, ...rest);
  }
  const key = `${constructor.name} ${locales} ${rest}`;
  if (!plain.has(key)) plain.set(key, new constructor(locales, options, ...rest));
  return plain.get(key);
};

internals.intl = {
  Intl,
  numberText: (value, locales, options) => known(NumberFormat, locales, options).format(value),
  dateText: (date, locales, options, required, defaults) => {
    const milliseconds = Date.prototype.getTime.call(date);
    if (Number.isNaN(milliseconds)) return 'Invalid Date';
    return known(InsideDateTimeFormat, locales, options, required, defaults).format(milliseconds);
  },
  compareTexts: (left, right, locales, options) => known(Collator, locales, options).compare(left, right),
  changeCase: (text, upper, locales) => {
    const [locale] = canonicalList(locales);
    const language = locale?.language;
    // Only these languages have rules of their own.
    if (!['az', 'el', 'lt', 'tr', 'hy', 'nl'].includes(language)) return upper ? text.toUpperCase() : text.toLowerCase();
    return ops.intl_case(locale.baseName, upper, typed(text));
  },
};
