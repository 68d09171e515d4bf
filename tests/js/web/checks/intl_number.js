// Intl.NumberFormat, PluralRules and the toLocaleString of numbers.

import { outcome } from "../material/intl.js";

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.005,
  1234.5678,
  -1234567.891,
  1e21,
  1e-7,
  123456789012345680000,
  NaN,
  Infinity,
  -Infinity,
];
const LOCALES = [
  "en-US",
  "de-DE",
  "fr-FR",
  "es-ES",
  "pt-BR",
  "ja-JP",
  "en-IN",
  "ru-RU",
  "sv-SE",
  "ar-EG",
  "hi-IN",
  "de-CH",
  "pl-PL",
  "tr-TR",
];
const format = (locale, options, numbers = NUMBERS) =>
  numbers.map((number) => new Intl.NumberFormat(locale, options).format(number));
// Where Node 20 has older names for a currency, another one is asked for.
const currenciesOf = (locale) => ({ "de-CH": ["USD", "CHF"], "pl-PL": ["PLN", "EUR"] })[locale] ?? ["USD", "EUR"];

export const phase = "query";

export const checks = {};

for (const locale of LOCALES) {
  checks[`NumberFormat: decimals in ${locale}`] = () =>
    format(
      locale,
      undefined,
      NUMBERS.filter((number) => !Number.isNaN(number)),
    );
  checks[`NumberFormat: money in ${locale}`] = () =>
    currenciesOf(locale).map((currency) => format(locale, { style: "currency", currency }, [0, 1, 1234.5, -99.99]));
  checks[`NumberFormat: compact in ${locale}`] = () =>
    [0, 12.345, 999, 1000, 1234, 15000, 999999, 1.5e6, 2.5e9, -4321].map((number) =>
      ["short", "long"].map((compactDisplay) =>
        new Intl.NumberFormat(locale, { notation: "compact", compactDisplay }).format(number),
      ),
    );
  checks[`NumberFormat: units in ${locale}`] = () =>
    ["kilometer", "hour", "meter", "kilogram", "day"].map((unit) =>
      ["short", "long", "narrow"].map((unitDisplay) => format(locale, { style: "unit", unit, unitDisplay }, [1, 2.5])),
    );
  checks[`PluralRules: categories in ${locale}`] = () => [
    [0, 1, 1.5, 2, 3, 5, 11, 21, 100, 1e6].map((number) => new Intl.PluralRules(locale).select(number)),
    new Intl.PluralRules(locale).resolvedOptions().pluralCategories,
  ];
}
// Arabic has other signs in the data of Node 20.
for (const locale of LOCALES.filter((locale) => locale !== "ar-EG")) {
  checks[`NumberFormat: percent in ${locale}`] = () =>
    format(locale, { style: "percent", maximumFractionDigits: 1 }, [0, 0.256, -1.5, 12]);
  checks[`NumberFormat: parts in ${locale}`] = () => [
    new Intl.NumberFormat(locale).formatToParts(-1234567.89),
    new Intl.NumberFormat(locale, { style: "currency", currency: currenciesOf(locale)[0] }).formatToParts(1234.5),
    new Intl.NumberFormat(locale, { style: "percent" }).formatToParts(0.12),
  ];
}
checks["NumberFormat: fraction digits"] = () =>
  [
    { minimumFractionDigits: 2 },
    { maximumFractionDigits: 0 },
    { minimumFractionDigits: 1, maximumFractionDigits: 1 },
    { minimumIntegerDigits: 5 },
    { maximumFractionDigits: 20 },
  ].map((options) => format("en-US", options, [0, 1.5, 2.345, 1234.5678, -0.0001]));
checks["NumberFormat: significant digits"] = () =>
  [
    { maximumSignificantDigits: 3 },
    { minimumSignificantDigits: 3 },
    { minimumSignificantDigits: 2, maximumSignificantDigits: 4 },
  ].map((options) => format("en-US", options, [0, 1, 0.00012345, 12345.678, 999999]));
checks["NumberFormat: signs"] = () =>
  ["auto", "never", "always", "exceptZero", "negative"].map((signDisplay) =>
    format("en-US", { signDisplay }, [0, -0, 1, -1, NaN, -0.0001]),
  );
checks["NumberFormat: signs of money"] = () =>
  ["standard", "accounting"].map((currencySign) =>
    ["auto", "always", "exceptZero", "never"].map((signDisplay) =>
      format("en-US", { style: "currency", currency: "USD", currencySign, signDisplay }, [0, 5, -5]),
    ),
  );
checks["NumberFormat: grouping"] = () =>
  [true, false, "always", "auto", "min2", "false"].map((useGrouping) =>
    format("en-US", { useGrouping }, [999, 1234, 12345, 1234567]),
  );
checks["NumberFormat: grouping in Spanish and Polish"] = () =>
  ["es-ES", "pl-PL"].map((locale) =>
    ["always", "auto", "min2"].map((useGrouping) => format(locale, { useGrouping }, [1234, 12345])),
  );
checks["NumberFormat: names and codes of money"] = () =>
  ["code", "symbol", "narrowSymbol", "name"].map((currencyDisplay) =>
    ["en-US", "de-DE"].map((locale) =>
      format(locale, { style: "currency", currency: "CAD", currencyDisplay }, [2, 1234.5]),
    ),
  );
checks["NumberFormat: currencies without and with three decimals"] = () =>
  ["JPY", "KWD", "CLP", "BHD"].map((currency) => format("en-US", { style: "currency", currency }, [1234.5678]));
checks["NumberFormat: scientific and engineering"] = () =>
  ["scientific", "engineering"].map((notation) =>
    format("en-US", { notation }, [0, 1, 12345, 0.00012, -987654321, 999999]),
  );
checks["NumberFormat: scientific parts"] = () =>
  new Intl.NumberFormat("en-US", { notation: "scientific" }).formatToParts(-0.00012);
checks["NumberFormat: compact with digits"] = () =>
  [{ maximumFractionDigits: 1 }, { minimumFractionDigits: 2 }, { maximumSignificantDigits: 3 }].map((options) =>
    format("en-US", { notation: "compact", ...options }, [1234, 123456, 1234567, 999950]),
  );
checks["NumberFormat: compact money"] = () =>
  ["en-US", "de-DE"].map((locale) =>
    format(locale, { notation: "compact", style: "currency", currency: "USD" }, [1234, 1.5e6]),
  );
checks["NumberFormat: compact parts"] = () =>
  new Intl.NumberFormat("en-US", { notation: "compact" }).formatToParts(12345);
checks["NumberFormat: unit parts"] = () =>
  new Intl.NumberFormat("en-US", { style: "unit", unit: "mile", unitDisplay: "long" }).formatToParts(16);
checks["NumberFormat: number systems"] = () => [
  new Intl.NumberFormat("ar-EG").format(1234.5),
  new Intl.NumberFormat("en-US-u-nu-deva").format(1234.5),
  new Intl.NumberFormat("en-US", { numberingSystem: "thai" }).format(1234.5),
  new Intl.NumberFormat("ar-EG-u-nu-latn").format(1234.5),
];
checks["NumberFormat: rounding modes"] = () =>
  ["ceil", "floor", "expand", "trunc", "halfCeil", "halfFloor", "halfExpand", "halfTrunc", "halfEven"].map(
    (roundingMode) => format("en-US", { maximumFractionDigits: 0, roundingMode }, [1.5, 2.5, -1.5, -2.5, 1.2, -1.7]),
  );
checks["NumberFormat: trailing zeros"] = () =>
  format("en-US", { style: "currency", currency: "USD", trailingZeroDisplay: "stripIfInteger" }, [5, 5.5, 5.25]);
checks["NumberFormat: big and exact numbers"] = () => [
  12345678901234567890n.toLocaleString(),
  (-5n).toLocaleString("de-DE", { style: "currency", currency: "EUR" }),
  new Intl.NumberFormat("en-US", { maximumFractionDigits: 20 }).format("1234567890.123456789012345"),
  new Intl.NumberFormat("en-US").format("abc"),
  new Intl.NumberFormat("en-US").format(null),
  new Intl.NumberFormat("en-US").format(undefined),
  new Intl.NumberFormat("en-US").format("  42 "),
  new Intl.NumberFormat("en-US").format(true),
];
checks["NumberFormat: resolved options"] = () =>
  [
    ["en-US"],
    ["de-DE", { style: "currency", currency: "eur" }],
    ["en-US", { style: "percent" }],
    ["en-US", { notation: "compact" }],
    ["en-US", { style: "unit", unit: "liter", unitDisplay: "long" }],
    ["ar-EG"],
    ["en-US", { maximumSignificantDigits: 5 }],
    ["en-US", { minimumFractionDigits: 4 }],
    ["en-US", { useGrouping: false }],
    ["en-US-u-nu-deva"],
  ].map((args) => new Intl.NumberFormat(...args).resolvedOptions());
checks["NumberFormat: mistakes"] = () =>
  [
    { style: "currency" },
    { style: "unit" },
    { style: "foo" },
    { style: "currency", currency: "EURO" },
    { style: "unit", unit: "parsec" },
    { minimumFractionDigits: 101 },
    { minimumFractionDigits: 5, maximumFractionDigits: 2 },
    { maximumSignificantDigits: 0 },
    { useGrouping: "sometimes" },
    { signDisplay: "x" },
    { minimumIntegerDigits: 22 },
  ].map((options) => outcome(() => new Intl.NumberFormat("en-US", options).format(1)));
checks["NumberFormat: called without new, bound format, tags"] = () => [
  Intl.NumberFormat("en-US").format(1234),
  [1, 2].map(new Intl.NumberFormat("en-US", { minimumFractionDigits: 1 }).format),
  Object.prototype.toString.call(new Intl.NumberFormat()),
  new Intl.NumberFormat() instanceof Intl.NumberFormat,
  Object.prototype.toString.call(Intl),
  Object.keys(Intl),
];
checks["Number.toLocaleString"] = () => [
  (1234.5).toLocaleString(),
  (1234.5).toLocaleString("de-DE"),
  (0.256).toLocaleString(undefined, { style: "percent" }),
  (1234.5).toLocaleString("en-US", { style: "currency", currency: "USD" }),
  [1234.5, null, 0.1].toLocaleString("de-DE"),
  new Float64Array([1234.5, 2]).toLocaleString("en-US"),
  (1e21).toLocaleString("en-US"),
  (-0).toLocaleString(),
];
checks["PluralRules: ordinals"] = () =>
  ["en-US", "fr-FR", "sv-SE"].map((locale) =>
    [1, 2, 3, 4, 11, 12, 13, 21, 22, 101].map((number) =>
      new Intl.PluralRules(locale, { type: "ordinal" }).select(number),
    ),
  );
checks["PluralRules: digits decide"] = () => [
  new Intl.PluralRules("en-US", { minimumFractionDigits: 1 }).select(1),
  new Intl.PluralRules("en-US", { maximumFractionDigits: 0 }).select(1.4),
  new Intl.PluralRules("en-US").select(NaN),
  new Intl.PluralRules("en-US").select(Infinity),
];
checks["PluralRules: resolved options"] = () => [
  { ...new Intl.PluralRules("en-US", { type: "ordinal" }).resolvedOptions(), locale: null },
  new Intl.PluralRules("ar-EG").resolvedOptions().pluralCategories,
];
