// How much memory a process took at most. Linux tells; elsewhere nothing is known, and no bound is checked.

import { readFileSync, writeFileSync } from "node:fs";

/** Begins to measure: `bytes()` gives the most memory the process has taken since, beyond what it had, or undefined. */
export function peakOf(pid) {
  const read = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    const before = read("VmRSS");
    return { bytes: () => Math.max(0, read("VmHWM") - before) };
  } catch {
    return { bytes: () => undefined };
  }
}
