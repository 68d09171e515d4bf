const UNITS = ["B", "KB", "MB", "GB"];

/** A number of bytes with one decimal at most, in units of 1,024. */
export function humanSize(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${Math.round(size * 10) / 10} ${UNITS[unit]}`;
}
