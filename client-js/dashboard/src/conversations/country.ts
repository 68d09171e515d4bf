// Browsers know which time zones a region has; here it is the other way round. Nothing has to be loaded for it.

type WithTimeZones = Intl.Locale & { getTimeZones?: () => string[] | undefined };

let regions: Map<string, string> | undefined;

/** The name of a time zone among its synonyms. */
function canonical(timezone: string): string | undefined {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function regionsByTimezone(): Map<string, string> {
  const found = new Map<string, string>();
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const letters = Array.from({ length: 26 }, (_, index) => String.fromCharCode(65 + index));
  for (const first of letters) {
    for (const second of letters) {
      const region = first + second;
      if (names.of(region) === undefined) continue;
      const locale: WithTimeZones = new Intl.Locale(`und-${region}`);
      for (const timezone of locale.getTimeZones?.() ?? []) {
        if (!found.has(timezone)) found.set(timezone, region);
      }
    }
  }
  return found;
}

/** The country of a time zone; its city where the browser does not know the country. */
export function countryOf(timezone: string): string | undefined {
  const name = canonical(timezone);
  if (name === undefined) return undefined;
  regions ??= regionsByTimezone();
  const region = regions.get(name) ?? regions.get(timezone);
  if (region) return new Intl.DisplayNames(undefined, { type: "region" }).of(region);
  return name.includes("/") ? name.split("/").at(-1)?.replaceAll("_", " ") : undefined;
}

/** What the clock of a time zone shows. */
export function localTime(timezone: string, now: number): string | undefined {
  try {
    return new Intl.DateTimeFormat(undefined, { timeZone: timezone, hour: "2-digit", minute: "2-digit" }).format(now);
  } catch {
    return undefined;
  }
}
