/** Where a client's talk goes: `console`, or what looks like it. */
export interface Logger {
  log(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

const nothing = () => undefined;
const SILENT: Logger = { log: nothing, warn: nothing, error: nothing };

/** The logger that an option asks for. */
export function loggerOf(option: Logger | boolean | undefined): Logger {
  if (option === false) return SILENT;
  return typeof option === "object" ? option : console;
}

/** Prints what a function printed on the server. */
export function printLines(logger: Logger, kind: "Q" | "M" | "A", name: string, lines: readonly string[]): void {
  for (const line of lines) {
    const [, level, text] = /^\[([A-Z]+)\] ([^]*)$/.exec(line) ?? [undefined, "LOG", line];
    const to = level === "ERROR" ? "error" : level === "WARN" ? "warn" : "log";
    logger[to](`[${kind}(${name})]`, text);
  }
}
