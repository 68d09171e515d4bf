// `Intl.DateTimeFormat`.
'use strict';

const {
  canonical, checkSystem, DEFAULT_ZONE, numberOption, option, optionsOf, partsOf, resolveLocale, serving,
  supportedLocalesOf, systemOf, textOf, typed,
} = internals.need('intl_locale');

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
    serving('DateTimeFormat');
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

internals.intl_date = { DateTimeFormat, InsideDateTimeFormat };
