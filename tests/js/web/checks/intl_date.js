// Intl.DateTimeFormat and the toLocaleString methods of Date. The zone is always named or UTC, as on a server.

import { outcome } from "../material/intl.js";

const DATES = [
  Date.UTC(2024, 0, 5, 15, 4, 9, 7),
  Date.UTC(2023, 6, 31, 0, 0, 0),
  Date.UTC(1999, 11, 25, 9, 30, 59, 999),
];
const LOCALES = ["en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "pt-BR", "ja-JP", "zh-CN", "ru-RU", "sv-SE", "nl-NL"];
const UTC = { timeZone: "UTC" };
const format = (locale, options, dates = DATES) =>
  dates.map((date) => new Intl.DateTimeFormat(locale, { ...UTC, ...options }).format(date));

export const phase = "query";

export const checks = {};

for (const locale of LOCALES) {
  checks[`DateTimeFormat: default and numeric dates in ${locale}`] = () => [
    format(locale),
    format(locale, { year: "numeric", month: "2-digit", day: "2-digit" }),
    format(locale, { year: "2-digit", month: "numeric", day: "numeric" }),
    format(locale, { month: "numeric", day: "numeric" }),
    format(locale, { year: "numeric", month: "numeric" }),
  ];
  for (const dateStyle of ["full", "long", "medium", "short"]) {
    checks[`DateTimeFormat: dateStyle ${dateStyle} in ${locale}`] = () => format(locale, { dateStyle });
  }
  for (const timeStyle of ["medium", "short"]) {
    checks[`DateTimeFormat: timeStyle ${timeStyle} in ${locale}`] = () => format(locale, { timeStyle });
  }
  checks[`DateTimeFormat: months and weekdays in words in ${locale}`] = () => [
    format(locale, { year: "numeric", month: "long", day: "numeric" }),
    format(locale, { year: "numeric", month: "short", day: "numeric" }),
    format(locale, { month: "long", day: "numeric" }),
    format(locale, { month: "short", day: "numeric" }),
    format(locale, { year: "numeric", month: "long" }),
    format(locale, { month: "long" }),
    format(locale, { weekday: "long" }),
    format(locale, { weekday: "short" }),
    format(locale, { weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    format(locale, { weekday: "short", month: "short", day: "numeric" }),
  ];
  checks[`DateTimeFormat: times in ${locale}`] = () => [
    format(locale, { hour: "numeric", minute: "numeric" }),
    format(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    // At midnight newer engines than that of Node 20 say 12 AM and 00:00.
    format(locale, { hour: "numeric", minute: "numeric", hour12: true }, [DATES[0]]),
    format(locale, { hour: "2-digit", minute: "2-digit", hour12: false }, [DATES[0]]),
  ];
  checks[`DateTimeFormat: dates with times in ${locale}`] = () => [
    format(locale, { dateStyle: "short", timeStyle: "short" }),
    format(locale, { dateStyle: "medium", timeStyle: "medium" }),
    format(locale, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }),
    DATES.map((date) => new Date(date).toLocaleString(locale, UTC)),
    DATES.map((date) => new Date(date).toLocaleDateString(locale, UTC)),
    DATES.map((date) => new Date(date).toLocaleTimeString(locale, UTC)),
  ];
  checks[`DateTimeFormat: parts in ${locale}`] = () =>
    new Intl.DateTimeFormat(locale, {
      ...UTC,
      weekday: "long",
      year: "numeric",
      month: "long",
      day: "numeric",
    }).formatToParts(DATES[0]);
}
checks["DateTimeFormat: styles with time in words"] = () => [
  format("en-US", { dateStyle: "long", timeStyle: "short" }),
  format("en-US", { dateStyle: "full", timeStyle: "medium" }),
  format("de-DE", { dateStyle: "long", timeStyle: "short" }),
];
checks["DateTimeFormat: mixed widths"] = () => [
  format("en-US", { weekday: "long", year: "numeric", month: "short", day: "numeric" }),
  format("en-US", { weekday: "short", year: "numeric", month: "long", day: "numeric" }),
  format("en-US", { weekday: "short", year: "numeric", month: "short", day: "2-digit" }),
  format("en-US", { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }),
  format("en-US", { weekday: "short", hour: "numeric" }),
  format("en-US", { month: "narrow" }),
  format("en-US", { weekday: "narrow" }),
];
checks["DateTimeFormat: single components"] = () =>
  [
    { year: "numeric" },
    { year: "2-digit" },
    { month: "numeric" },
    { month: "2-digit" },
    { day: "numeric" },
    { day: "2-digit" },
    { hour: "numeric" },
    { hour: "2-digit" },
    { minute: "numeric" },
    { second: "numeric" },
    { minute: "2-digit", second: "2-digit" },
  ].map((options) => format("en-US", options));
checks["DateTimeFormat: fractions of seconds"] = () =>
  [1, 2, 3].map((fractionalSecondDigits) =>
    format("en-US", { hour: "numeric", minute: "numeric", second: "numeric", fractionalSecondDigits }),
  );
checks["DateTimeFormat: hour cycles"] = () =>
  ["h11", "h12", "h23", "h24"].map((hourCycle) =>
    [0, 1, 12, 13].map((hour) =>
      new Intl.DateTimeFormat("en-US", { ...UTC, hour: "numeric", minute: "numeric", hourCycle }).format(
        Date.UTC(2024, 0, 1, hour, 5),
      ),
    ),
  );
checks["DateTimeFormat: hour12 decides over hourCycle"] = () =>
  [true, false].map((hour12) =>
    format("en-GB", { hour: "numeric", minute: "numeric", hour12, hourCycle: "h24" }, [DATES[0]]),
  );
checks["DateTimeFormat: zones"] = () =>
  [
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Pacific/Auckland",
    "europe/london",
  ].map((timeZone) => format("en-US", { timeZone, dateStyle: "short", timeStyle: "short" }));
checks["DateTimeFormat: changes to and from summer time"] = () => [
  [
    Date.UTC(2024, 2, 10, 6, 59),
    Date.UTC(2024, 2, 10, 7, 0),
    Date.UTC(2024, 10, 3, 5, 30),
    Date.UTC(2024, 10, 3, 6, 30),
  ].map((date) => new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", timeStyle: "long" }).format(date)),
  [Date.UTC(2024, 2, 31, 0, 59), Date.UTC(2024, 2, 31, 1, 0), Date.UTC(1916, 5, 1)].map((date) =>
    new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Berlin", hour: "numeric", minute: "numeric" }).format(date),
  ),
];
checks["DateTimeFormat: names of zones"] = () =>
  ["short", "long", "shortOffset", "longOffset", "shortGeneric", "longGeneric"].map((timeZoneName) =>
    ["America/New_York", "America/Los_Angeles"].map((timeZone) =>
      DATES.slice(0, 2).map((date) =>
        new Intl.DateTimeFormat("en-US", { timeZone, hour: "numeric", minute: "numeric", timeZoneName }).format(date),
      ),
    ),
  );
checks["DateTimeFormat: times with their zone"] = () => [
  format("en-US", { timeStyle: "full", timeZone: "America/New_York" }),
  format("en-US", { timeStyle: "long", timeZone: "America/New_York" }),
  format("de-DE", { timeStyle: "full", timeZone: "Europe/Berlin" }),
];
checks["DateTimeFormat: eras"] = () => [
  format("en-US", { year: "numeric", month: "long", day: "numeric", era: "short" }),
  format("en-US", { year: "numeric", era: "long" }),
];
checks["DateTimeFormat: parts of times"] = () => [
  new Intl.DateTimeFormat("en-US", { ...UTC, dateStyle: "short", timeStyle: "short" }).formatToParts(DATES[0]),
  new Intl.DateTimeFormat("en-US", {
    timeZone: "America/New_York",
    hour: "numeric",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).formatToParts(DATES[0]),
  new Intl.DateTimeFormat("en-US", {
    ...UTC,
    hour: "numeric",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 2,
  }).formatToParts(DATES[0]),
];
checks["DateTimeFormat: ranges in English"] = () => {
  const ranges = [
    [Date.UTC(2024, 0, 5), Date.UTC(2024, 0, 5, 4)],
    [Date.UTC(2024, 0, 5), Date.UTC(2024, 0, 20)],
    [Date.UTC(2024, 0, 5), Date.UTC(2024, 2, 20)],
    [Date.UTC(2024, 0, 5), Date.UTC(2025, 2, 20)],
  ];
  return ranges.map(([start, end]) => [
    new Intl.DateTimeFormat("en-US", UTC).formatRange(start, end),
    new Intl.DateTimeFormat("en-US", UTC).formatRangeToParts(start, end),
  ]);
};
checks["DateTimeFormat: resolved options"] = () =>
  [
    ["en-US", UTC],
    ["en-US", { ...UTC, dateStyle: "full", timeStyle: "long" }],
    ["de-DE", { ...UTC, hour: "numeric", minute: "numeric" }],
    ["en-US", { timeZone: "america/new_york", hour: "numeric" }],
    ["en-GB", { ...UTC, month: "long", day: "numeric", weekday: "short" }],
    ["en-US", { ...UTC, hour: "numeric", hourCycle: "h23" }],
    ["en-US-u-hc-h23", { ...UTC, hour: "numeric" }],
    ["en-US", { ...UTC, timeZoneName: "short" }],
  ].map((args) => new Intl.DateTimeFormat(...args).resolvedOptions());
checks["DateTimeFormat: mistakes"] = () => [
  outcome(() => new Intl.DateTimeFormat("en-US", { timeZone: "Mars/Olympus" })),
  outcome(() => new Intl.DateTimeFormat("en-US", { month: "tiny" })),
  outcome(() => new Intl.DateTimeFormat("en-US", { dateStyle: "short", month: "long" })),
  outcome(() => new Intl.DateTimeFormat("en-US", UTC).format(NaN)),
  outcome(() => new Intl.DateTimeFormat("en-US", UTC).format("soon")),
  outcome(() => new Intl.DateTimeFormat("e")),
  outcome(() => new Intl.DateTimeFormat("en-US", { hourCycle: "h25" })),
  outcome(() => new Date(0).toLocaleDateString("en-US", { timeStyle: "short" })),
  new Date(NaN).toLocaleString(),
];
checks["DateTimeFormat: called without new, bound format, dates as objects"] = () => [
  Intl.DateTimeFormat("en-US", UTC).format(new Date(DATES[0])),
  DATES.map(new Intl.DateTimeFormat("en-US", UTC).format),
  Object.prototype.toString.call(new Intl.DateTimeFormat()),
];
checks["Date.toLocaleString: defaults of each method"] = () => [
  new Date(DATES[0]).toLocaleString("en-US", { ...UTC, hour: "numeric" }),
  new Date(DATES[0]).toLocaleDateString("en-US", { ...UTC, weekday: "short" }),
  new Date(DATES[0]).toLocaleTimeString("en-US", { ...UTC, hour: "2-digit", minute: "2-digit" }),
  new Date(DATES[0]).toLocaleDateString("en-US", { ...UTC, month: "short", day: "numeric", year: "numeric" }),
  new Date(DATES[0]).toLocaleTimeString([], { ...UTC, timeStyle: "short" }),
  new Date(DATES[0]).toLocaleDateString(undefined, { timeZone: "Asia/Tokyo", dateStyle: "medium" }),
];
