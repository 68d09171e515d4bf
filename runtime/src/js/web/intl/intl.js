// `Intl` over the ops of intl/mod.rs: options are read here as ECMA-402 asks, ICU4X formats.
'use strict';

const { canonicalList, Locale, numberText, own, SYSTEMS, typed } = internals.need('intl_locale');
const { NumberFormat, PluralRules } = internals.need('intl_number');
const { Collator, DisplayNames, ListFormat, RelativeTimeFormat, Segmenter } = internals.need('intl_text');
const { DateTimeFormat, InsideDateTimeFormat } = internals.need('intl_date');

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
