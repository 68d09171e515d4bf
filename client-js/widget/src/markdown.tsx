// Messages with a little Markdown: paragraphs, headings as bold lines, lists, quotes, code, bold, italics and links.
//
// The result is a tree of elements; nothing a message says is ever read as HTML. Links go to the web only.

import type { ComponentChildren, VNode } from "preact";

/** Longest nesting of emphasis and links that is followed; deeper marks are shown as they are. */
const DEPTH_MAX = 4;

type Block =
  | { type: "paragraph" | "heading" | "quote"; lines: string[] }
  | { type: "code"; lines: string[] }
  | { type: "list"; isOrdered: boolean; start: number; items: string[] };

const FENCE = /^\s*```/;
const HEADING = /^\s{0,3}#{1,6}\s+(.+?)\s*#*$/;
const QUOTE = /^\s{0,3}>\s?(.*)$/;
const BULLET = /^\s{0,6}[-*+•]\s+(.+)$/;
const NUMBER = /^\s{0,6}(\d{1,6})[.)]\s+(.+)$/;

function listItem(line: string): { isOrdered: boolean; start: number; text: string } | undefined {
  const bullet = BULLET.exec(line);
  if (bullet) return { isOrdered: false, start: 1, text: bullet[1] ?? "" };
  const number = NUMBER.exec(line);
  return number ? { isOrdered: true, start: Number(number[1]), text: number[2] ?? "" } : undefined;
}

/** Divides a text into blocks. */
function blocks(text: string): Block[] {
  const found: Block[] = [];
  let isOpen = false;
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    const last = isOpen ? found.at(-1) : undefined;
    if (FENCE.test(line)) {
      const code: string[] = [];
      // While a reply grows its last fence is still open.
      while (++index < lines.length && !FENCE.test(lines[index] ?? "")) code.push(lines[index] ?? "");
      found.push({ type: "code", lines: code });
      isOpen = false;
      continue;
    }
    if (line.trim() === "") {
      isOpen = false;
      continue;
    }
    const heading = HEADING.exec(line);
    if (heading) {
      found.push({ type: "heading", lines: [heading[1] ?? ""] });
      isOpen = false;
      continue;
    }
    const item = listItem(line);
    if (item) {
      const list = found.at(-1);
      if (list?.type === "list" && list.isOrdered === item.isOrdered) list.items.push(item.text);
      else found.push({ type: "list", isOrdered: item.isOrdered, start: item.start, items: [item.text] });
      isOpen = true;
      continue;
    }
    const quote = QUOTE.exec(line);
    const type = quote ? "quote" : "paragraph";
    const content = quote ? (quote[1] ?? "") : line;
    if (last?.type === "list") last.items.push(`${last.items.pop() ?? ""}\n${line.trim()}`);
    else if (last?.type === type) last.lines.push(content);
    else found.push({ type, lines: [content] });
    isOpen = true;
  }
  return found;
}

/** The address of a link if it leads to the web. */
function webAddress(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

const INLINE = /`([^`\n]+)`|\*\*(\S(?:[^\n]*?\S)?)\*\*|(?<![\w*])\*([^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])|(?<!\w)_([^\s_](?:[^_\n]*[^\s_])?)_(?!\w)|\[([^\]\n]{1,500})\]\(([^\s()<>]{1,2000})\)|\b(https?:\/\/[^\s<>"'`]{1,2000})/i;
/** What ends a sentence belongs to no address that stands in it. */
const TRAILING = /[.,;:!?)\]}'"*_]+$/;

function link(address: string, children: ComponentChildren): VNode {
  return <a href={address} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}

/** The marks within a line of text. */
function inline(text: string, depth = 0): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let rest = text;
  while (rest !== "") {
    const match = depth < DEPTH_MAX ? INLINE.exec(rest) : null;
    if (!match) break;
    const [whole, code, bold, italic, underlined, label, target, bare] = match;
    let used = whole.length;
    let part: ComponentChildren;
    if (code !== undefined) part = <code>{code}</code>;
    else if (bold !== undefined) part = <strong>{inline(bold, depth + 1)}</strong>;
    else if (italic !== undefined || underlined !== undefined) part = <em>{inline(italic ?? underlined ?? "", depth + 1)}</em>;
    else if (label !== undefined) {
      const address = webAddress(target ?? "");
      // A link in a link would be neither.
      part = address ? link(address, label) : whole;
    } else {
      const plain = (bare ?? "").replace(TRAILING, "");
      const address = webAddress(plain);
      used = address ? plain.length : whole.length;
      part = address ? link(address, plain) : whole;
    }
    parts.push(rest.slice(0, match.index), part);
    rest = rest.slice(match.index + used);
  }
  parts.push(rest);
  return parts;
}

/** Lines with the breaks between them. */
function withBreaks(lines: string[]): ComponentChildren[] {
  return lines.flatMap((line, index) => (index === 0 ? inline(line) : [<br />, ...inline(line)]));
}

function element(block: Block): VNode {
  switch (block.type) {
    case "code":
      return <pre tabIndex={0}><code>{block.lines.join("\n")}</code></pre>;
    case "list": {
      const items = block.items.map((item) => <li>{withBreaks(item.split("\n"))}</li>);
      return block.isOrdered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "heading":
      return <p><strong>{withBreaks(block.lines)}</strong></p>;
    case "quote":
      return <blockquote>{withBreaks(block.lines)}</blockquote>;
    default:
      return <p>{withBreaks(block.lines)}</p>;
  }
}

/** A text with its marks shown. */
export function Markdown({ text }: { text: string }): VNode {
  return <div class="markdown">{blocks(text).map(element)}</div>;
}
