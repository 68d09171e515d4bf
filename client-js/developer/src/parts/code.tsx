// Text of programs, to be read and copied.

import { CopyButton } from "fusion-ui";

/** A block of code. */
export function Code({ text, label, lines, marked }: { text: string; label: string; lines?: boolean; marked?: number | undefined }) {
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}>
        {lines
          ? text.split("\n").map((line, at) => <span key={at} class={at + 1 === marked ? "code-line code-marked" : "code-line"}>{`${line}\n`}</span>)
          : <code>{text}</code>}
      </pre>
      <CopyButton text={text} label="Copy" />
    </div>
  );
}
