// The other way of `format.ts`: reads a value that a person wrote, without ever running it.

import type { Value } from "./value.ts";
import { fromBase64 } from "./value.ts";

/** Why a text is no value, and where. */
export class LiteralError extends Error {
  constructor(
    message: string,
    readonly position: number,
  ) {
    super(message);
  }
}

const NUMBER = /(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d+)?\.?)(n?)/y;
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const SPACE = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", v: "\v", 0: "\0" };
const DEPTH_MAX = 64;
const INT64_MAX = 2n ** 63n - 1n;

class Parser {
  private at = 0;
  private depth = 0;
  constructor(private readonly text: string) {}

  document(): Value {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail("something follows the value");
    return value;
  }

  private fail(message: string, position = this.at): never {
    const before = this.text.slice(0, position).split("\n");
    throw new LiteralError(`Line ${before.length}, column ${(before.at(-1) ?? "").length + 1}: ${message}`, position);
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  private space(): void {
    this.match(SPACE);
  }

  private take(sign: string): boolean {
    this.space();
    if (!this.text.startsWith(sign, this.at)) return false;
    this.at += sign.length;
    return true;
  }

  private value(): Value {
    this.space();
    const sign = this.text[this.at];
    if (sign === undefined) this.fail("a value is missing");
    if (sign === "{" || sign === "[") {
      this.depth += 1;
      if (this.depth > DEPTH_MAX) this.fail("this is nested too deeply");
      const value = sign === "{" ? this.object() : this.array();
      this.depth -= 1;
      return value;
    }
    if (sign === '"' || sign === "'" || sign === "`") return this.string();
    if (sign === "-" || sign === "+") {
      this.at += 1;
      this.space();
      const value = this.number();
      if (sign === "+" && typeof value === "bigint" && value > INT64_MAX) this.fail("this does not fit in 64 bits");
      return sign === "+" ? value : typeof value === "bigint" ? this.checked(-value) : -value;
    }
    if (/[0-9.]/.test(sign)) {
      const value = this.number();
      if (typeof value === "bigint" && value > INT64_MAX) this.fail("this does not fit in 64 bits");
      return value;
    }
    const start = this.at;
    const word = this.match(WORD)?.[0];
    switch (word) {
      case "null":
        return null;
      case "true":
        return true;
      case "false":
        return false;
      case "NaN":
        return Number.NaN;
      case "Infinity":
        return Number.POSITIVE_INFINITY;
      case "Bytes":
        return this.bytes();
      case undefined:
        return this.fail(`${JSON.stringify(sign)} begins no value`);
      default:
        return this.fail(`${word} is no value; a text needs quotes: "${word}"`, start);
    }
  }

  private number(): number | bigint {
    const start = this.at;
    const word = this.match(WORD)?.[0];
    if (word === "Infinity") return Number.POSITIVE_INFINITY;
    if (word === "NaN") return Number.NaN;
    this.at = start;
    const found = this.match(NUMBER);
    if (!found) this.fail("a number is missing");
    const digits = found[0].replace(/_/g, "").replace(/n$/, "");
    if (/[A-Za-z0-9_$.]/.test(this.text[this.at] ?? "")) this.fail("this is no number", start);
    if (found[1] !== "n") return Number(digits);
    try {
      return this.checked(BigInt(digits), start);
    } catch (error) {
      if (error instanceof LiteralError) throw error;
      return this.fail("this is no whole number", start);
    }
  }

  private checked(value: bigint, position = this.at): bigint {
    // One more below zero than above; its sign comes later.
    if (value > INT64_MAX + 1n || value < -INT64_MAX - 1n) this.fail("this does not fit in 64 bits", position);
    return value;
  }

  private string(): string {
    const quote = this.text[this.at];
    const start = this.at;
    this.at += 1;
    let out = "";
    for (;;) {
      const sign = this.text[this.at];
      if (sign === undefined || (sign === "\n" && quote !== "`")) this.fail("the text does not end", start);
      this.at += 1;
      if (sign === quote) return out;
      if (sign === "$" && quote === "`" && this.text[this.at] === "{") this.fail("templates are not evaluated");
      out += sign === "\\" ? this.escape() : sign;
    }
  }

  private escape(): string {
    const sign = this.text[this.at] ?? "";
    this.at += 1;
    if (sign === "\n") return "";
    if (sign !== "u" && sign !== "x") return ESCAPES[sign] ?? sign;
    const code = this.match(sign === "x" ? /([0-9a-fA-F]{2})/y : /\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{4})/y);
    const point = Number.parseInt(code?.[1] ?? code?.[2] ?? "", 16);
    if (!(point <= 0x10_ff_ff)) this.fail("this escape is no character");
    return String.fromCodePoint(point);
  }

  private bytes(): ArrayBuffer {
    if (!this.take("(")) this.fail('bytes are written as Bytes("base64")');
    this.space();
    const start = this.at;
    const sign = this.text[this.at] ?? "";
    const text = sign === ")" ? "" : /["'`]/.test(sign) ? this.string() : this.fail("base64 in quotes is missing");
    if (!this.take(")")) this.fail("a ) is missing");
    return fromBase64(text) ?? this.fail("this is no base64", start);
  }

  private array(): Value[] {
    this.at += 1;
    const out: Value[] = [];
    while (!this.take("]")) {
      out.push(this.value());
      if (!this.take(",") && !this.text.startsWith("]", this.at)) this.fail("a , or ] is missing");
    }
    return out;
  }

  private object(): Value {
    this.at += 1;
    const out: [string, Value][] = [];
    const names = new Set<string>();
    while (!this.take("}")) {
      this.space();
      const start = this.at;
      const name = /["']/.test(this.text[this.at] ?? "") ? this.string() : this.match(WORD)?.[0];
      if (name === undefined) this.fail("the name of a field is missing");
      if (names.has(name)) this.fail(`the field ${name} is there twice`, start);
      names.add(name);
      if (!this.take(":")) this.fail("a : is missing");
      out.push([name, this.value()]);
      if (!this.take(",") && !this.text.startsWith("}", this.at)) this.fail("a , or } is missing");
    }
    // A field may have any name, `__proto__` too.
    return Object.fromEntries(out) as Value;
  }
}

/**
 * Reads a value.
 * @throws LiteralError if the text is none
 */
export function parse(text: string): Value {
  return new Parser(text).document();
}
