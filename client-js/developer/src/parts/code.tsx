// Text of programs, to be read and copied.

import { CopyButton } from "fusion-ui";

/** A block of code. */
export function Code({ text, label, lines }: { text: string; label: string; lines?: boolean }) {
  return (
    <div class={lines ? "code code-lines" : "code"}>
      <pre tabIndex={0} aria-label={label}>
        {lines
          ? text.split("\n").map((line, at) => <span key={at} class="code-line">{`${line}\n`}</span>)
          : <code>{text}</code>}
      </pre>
      <CopyButton text={text} label="Copy" />
    </div>
  );
}
