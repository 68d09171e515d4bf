// `Intl` for texts: lists, relative times, comparison, segments, names.
'use strict';

const {
  canonical, checkSystem, INSIDE, numberText, numeric, option, optionsOf, partsOf, resolveLocale, serving,
  strictOptionsOf, supportedLocalesOf, systemOf, textOf, typed,
} = internals.need('intl_locale');

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
    serving('ListFormat');
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
    serving('RelativeTimeFormat');
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
    serving('Collator');
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
    serving('Segmenter');
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

// --- names ---

class DisplayNames {
  #full;
  #resolved;

  constructor(locales, options) {
    serving('DisplayNames');
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

internals.intl_text = { Collator, DisplayNames, ListFormat, RelativeTimeFormat, Segmenter };
