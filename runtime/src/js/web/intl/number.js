// `Intl.NumberFormat` and `Intl.PluralRules`.
'use strict';

const {
  checkSystem, numberIn, numberOption, numberText, numeric, option, optionsOf, partsOf, resolveLocale, serving,
  supportedLocalesOf, systemOf, textOf, typed,
} = internals.need('intl_locale');

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
    serving('NumberFormat');
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
    serving('PluralRules');
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

internals.intl_number = { NumberFormat, PluralRules };
