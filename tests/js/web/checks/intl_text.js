// Intl: lists, relative times, collation, segments, locales; and the string methods that speak a language.

import { outcome } from "../material/intl.js";

const LOCALES = ["en-US", "de-DE", "fr-FR", "es-ES", "ja-JP", "ru-RU", "sv-SE"];

export const phase = "query";

export const checks = {};

for (const locale of LOCALES) {
  checks[`ListFormat: every type and style in ${locale}`] = () =>
    ["conjunction", "disjunction", "unit"].map((type) =>
      ["long", "short", "narrow"].map((style) =>
        [[], ["a"], ["a", "b"], ["a", "b", "c", "d"]].map((list) =>
          new Intl.ListFormat(locale, { type, style }).format(list),
        ),
      ),
    );
  checks[`RelativeTimeFormat: numbers in ${locale}`] = () =>
    ["second", "minute", "hour", "day", "week", "month", "year"].map((unit) =>
      [-1, 1, -5, 2.5, 0].map((value) => new Intl.RelativeTimeFormat(locale).format(value, unit)),
    );
  checks[`RelativeTimeFormat: words in ${locale}`] = () =>
    ["day", "week", "month", "year", "hour"].map((unit) =>
      [-2, -1, 0, 1, 2].map((value) => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(value, unit)),
    );
  checks[`Collator: order of words in ${locale}`] = () =>
    [
      "zebra",
      "äpfel",
      "Apfel",
      "apfel",
      "öl",
      "ol",
      "Österreich",
      "étude",
      "etude",
      "Zoo",
      "a",
      "B",
      "ñ",
      "n",
      "o",
      "ß",
      "ss",
      "1",
      "10",
      "2",
      "_",
      " ",
    ].sort(new Intl.Collator(locale).compare);
}
checks["ListFormat: parts"] = () => new Intl.ListFormat("en-US").formatToParts(["a", "b", "c"]);
checks["ListFormat: Spanish before a vowel"] = () =>
  ["conjunction", "disjunction"].map((type) =>
    ["Isabel", "Oslo", "Bilbao"].map((last) => new Intl.ListFormat("es", { type }).format(["Ana", last])),
  );
checks["ListFormat: iterables and mistakes"] = () => [
  new Intl.ListFormat("en-US").format(new Set(["x", "y"])),
  outcome(() => new Intl.ListFormat("en-US").format([1]))[0],
  outcome(() => new Intl.ListFormat("en-US", { type: "x" })),
];
checks["ListFormat: resolved options"] = () => new Intl.ListFormat("en-US", { style: "short" }).resolvedOptions();
checks["RelativeTimeFormat: styles"] = () =>
  ["long", "short", "narrow"].map((style) =>
    ["second", "month", "quarter", "years"].map((unit) =>
      new Intl.RelativeTimeFormat("en-US", { style }).format(-3, unit),
    ),
  );
checks["RelativeTimeFormat: parts"] = () => [
  new Intl.RelativeTimeFormat("en-US").formatToParts(-1000.5, "day"),
  new Intl.RelativeTimeFormat("en-US", { numeric: "auto" }).formatToParts(-1, "day"),
];
checks["RelativeTimeFormat: mistakes and negative zero"] = () => [
  outcome(() => new Intl.RelativeTimeFormat("en-US").format(1, "eon")),
  outcome(() => new Intl.RelativeTimeFormat("en-US").format(Infinity, "day")),
  new Intl.RelativeTimeFormat("en-US").format(-0, "day"),
  new Intl.RelativeTimeFormat("en-US", { numeric: "auto" }).format(-0, "day"),
];
checks["RelativeTimeFormat: resolved options"] = () =>
  new Intl.RelativeTimeFormat("de-DE", { numeric: "auto" }).resolvedOptions();

checks["Collator: sensitivities"] = () =>
  ["base", "accent", "case", "variant"].map((sensitivity) => {
    const { compare } = new Intl.Collator("en-US", { sensitivity });
    return [
      ["a", "b"],
      ["a", "á"],
      ["a", "A"],
      ["a", "a"],
      ["resume", "Résumé"],
    ].map(([left, right]) => compare(left, right));
  });
checks["Collator: numeric"] = () => [
  ["file10", "file2", "file1"].sort(new Intl.Collator("en-US", { numeric: true }).compare),
  ["file10", "file2", "file1"].sort(new Intl.Collator("en-US-u-kn").compare),
];
checks["Collator: upper and lower first"] = () =>
  ["upper", "lower", "false"].map((caseFirst) =>
    ["a", "A", "b", "B"].sort(new Intl.Collator("en-US", { caseFirst }).compare),
  );
checks["Collator: punctuation ignored"] = () => [
  new Intl.Collator("en-US", { ignorePunctuation: true }).compare("a-b", "ab"),
  new Intl.Collator("en-US").compare("a-b", "ab"),
];
checks["Collator: phone book"] = () => ["Ad", "Ä", "Ae", "Af"].sort(new Intl.Collator("de-u-co-phonebk").compare);
checks["Collator: resolved options"] = () => [
  new Intl.Collator("en-US").resolvedOptions(),
  { ...new Intl.Collator("de-DE", { sensitivity: "base", numeric: true }).resolvedOptions(), locale: null },
];
checks["String.localeCompare"] = () => [
  "a".localeCompare("b"),
  "ä".localeCompare("z", "de"),
  "ä".localeCompare("z", "sv"),
  "a".localeCompare("A", undefined, { sensitivity: "base" }),
  "10".localeCompare("9", undefined, { numeric: true }),
  ["réservé", "Premier", "Cliché", "communiqué", "café", "Adieu"].sort((left, right) =>
    left.localeCompare(right, "fr"),
  ),
  "a".localeCompare(),
  "\ud800".localeCompare("a"),
];
checks["String.toLocaleUpperCase and toLocaleLowerCase"] = () => [
  "istanbul".toLocaleUpperCase("tr"),
  "ISTANBUL İI".toLocaleLowerCase("tr"),
  "straße".toLocaleUpperCase("de"),
  "i̇".toLocaleUpperCase("lt"),
  "ΑΒΓΣ".toLocaleLowerCase("el"),
  "Άέ".toLocaleUpperCase("el"),
  "abc".toLocaleUpperCase(),
  "ABC".toLocaleLowerCase(["en-US", "tr"]),
  outcome(() => "a".toLocaleUpperCase("x_y")),
];
checks["String.normalize"] = () =>
  ["NFC", "NFD", "NFKC", "NFKD"].map((form) =>
    ["é", "ﬁ", "Å", "한글", "①"].map((text) => [...text.normalize(form)].map((character) => character.codePointAt(0))),
  );

checks["Segmenter: graphemes"] = () =>
  ["abc", "👨‍👩‍👧‍👦!", "🇩🇪🇫🇷", "é", "नमस्ते", "각", "\r\n", ""].map((text) =>
    [...new Intl.Segmenter("en-US").segment(text)].map(({ segment, index }) => [segment, index]),
  );
checks["Segmenter: words"] = () =>
  ["Hello, world! It's 3.14 o'clock.", "snake_case and kebab-case", "Grüße aus Köln"].map((text) =>
    [...new Intl.Segmenter("en-US", { granularity: "word" }).segment(text)].map(({ segment, index, isWordLike }) => [
      segment,
      index,
      isWordLike,
    ]),
  );
checks["Segmenter: words without spaces"] = () =>
  [
    ["ja-JP", "吾輩は猫である。"],
    ["zh-CN", "我们都是中国人"],
  ].map(([locale, text]) =>
    [...new Intl.Segmenter(locale, { granularity: "word" }).segment(text)].map(({ segment }) => segment),
  );
checks["Segmenter: sentences"] = () =>
  [...new Intl.Segmenter("en-US", { granularity: "sentence" }).segment("One. Two? Three! And 3.5 more…")].map(
    ({ segment, index, input }) => [segment, index, input.length],
  );
checks["Segmenter: containing"] = () => {
  const segments = new Intl.Segmenter("en-US", { granularity: "word" }).segment("one two");
  return [
    segments.containing(0),
    segments.containing(3),
    segments.containing(6),
    segments.containing(7) ?? null,
    segments.containing(-1) ?? null,
  ];
};
checks["Segmenter: resolved options"] = () => new Intl.Segmenter("en-US", { granularity: "word" }).resolvedOptions();

checks["Intl.getCanonicalLocales"] = () => [
  Intl.getCanonicalLocales("EN-us"),
  Intl.getCanonicalLocales(["de-de", "ZH-hant-tw", "en-US", "en-us"]),
  Intl.getCanonicalLocales("iw"),
  Intl.getCanonicalLocales("en-u-nu-latn-ca-gregory"),
  Intl.getCanonicalLocales(),
  outcome(() => Intl.getCanonicalLocales("e")),
  outcome(() => Intl.getCanonicalLocales("en_US")),
  outcome(() => Intl.getCanonicalLocales([5])),
];
checks["Locale: members"] = () =>
  ["en-Latn-US-u-ca-gregory-hc-h12-nu-latn", "de", "zh-Hant-TW", "ja-JP-u-kn-kf-upper-co-unihan"].map((tag) => {
    const locale = new Intl.Locale(tag);
    const { baseName, language, script, region, calendar, hourCycle, numberingSystem, numeric, caseFirst, collation } =
      locale;
    return {
      baseName,
      language,
      script,
      region,
      calendar,
      hourCycle,
      numberingSystem,
      numeric,
      caseFirst,
      collation,
      text: locale.toString(),
    };
  });
checks["Locale: options, likely subtags"] = () => [
  new Intl.Locale("en", { region: "GB", hourCycle: "h23" }).toString(),
  new Intl.Locale("en-US", { language: "fr", calendar: "gregory" }).toString(),
  new Intl.Locale("zh").maximize().toString(),
  new Intl.Locale("sr-Cyrl-RS").minimize().toString(),
  new Intl.NumberFormat(new Intl.Locale("de-DE")).format(1234.5),
  outcome(() => new Intl.Locale()),
  outcome(() => new Intl.Locale("e")),
];
checks["DisplayNames: regions, languages, scripts"] = () => [
  ["US", "DE", "JP", "419"].map((code) => new Intl.DisplayNames("en-US", { type: "region" }).of(code)),
  ["US", "DE", "FR"].map((code) => new Intl.DisplayNames("de-DE", { type: "region" }).of(code)),
  ["fr", "de", "ja", "zh"].map((code) => new Intl.DisplayNames("en-US", { type: "language" }).of(code)),
  ["Latn", "Cyrl", "Arab"].map((code) => new Intl.DisplayNames("en-US", { type: "script" }).of(code)),
  outcome(() => new Intl.DisplayNames("en-US", {}).of("x"))[0],
];
checks["Intl: supported locales and values"] = () => [
  Intl.NumberFormat.supportedLocalesOf(["en-US", "de", "tlh", "xx-YY"]),
  Intl.DateTimeFormat.supportedLocalesOf("fr-FR"),
  Intl.supportedValuesOf("timeZone").includes("Europe/Berlin"),
  Intl.supportedValuesOf("currency").includes("EUR"),
  outcome(() => Intl.supportedValuesOf("planet")),
];
checks["Intl: an unknown locale falls back"] = () => [
  new Intl.NumberFormat("tlh").resolvedOptions().locale,
  new Intl.NumberFormat(["tlh", "de-DE"]).resolvedOptions().locale,
  new Intl.NumberFormat([]).resolvedOptions().locale,
  new Intl.NumberFormat().resolvedOptions().locale,
];
checks["Intl: the names of its classes"] = () =>
  [
    "Collator",
    "DateTimeFormat",
    "DisplayNames",
    "ListFormat",
    "Locale",
    "NumberFormat",
    "PluralRules",
    "RelativeTimeFormat",
    "Segmenter",
  ].map((name) => [typeof Intl[name], Intl[name].name, Object.prototype.toString.call(Intl[name].prototype)]);
