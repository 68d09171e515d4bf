// Reads the text of a `.env` file.

const LINE = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^\n]*))/gm;

/** The variables in it; of two with one name the later. */
export function readDotenv(text: string): { name: string; value: string }[] {
  const found = new Map<string, string>();
  for (const [, name = "", double, single, bare] of text.replace(/\r\n?/g, "\n").matchAll(LINE)) {
    const value = double?.replace(/\\n/g, "\n").replace(/\\r/g, "\r").replace(/\\t/g, "\t").replace(/\\(["\\$`])/g, "$1") ?? single ?? (bare ?? "").replace(/(^|\s)#.*$/, "").trim();
    found.set(name, value);
  }
  return [...found].map(([name, value]) => ({ name, value }));
}
