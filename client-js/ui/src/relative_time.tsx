import { useEffect, useState } from "preact/hooks";

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const REFRESH = 30_000;

/** How long ago a moment was, as people say it. */
export function relativeTime(moment: number, now: number): string {
  const seconds = Math.round((moment - now) / 1000);
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
  }
  return "now";
}

/** A moment in milliseconds since 1970, as how long ago it was; the exact one is in its title. */
export function RelativeTime({ at }: { readonly at: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), REFRESH);
    return () => clearInterval(timer);
  }, []);
  const date = new Date(at);
  return <time dateTime={date.toISOString()} title={date.toLocaleString()}>{relativeTime(at, Math.max(now, at))}</time>;
}
