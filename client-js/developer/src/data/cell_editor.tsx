// Editing a value where it stands.

import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "fusion-ui";
import { read } from "../parts/literal_field.tsx";
import { useAttempt } from "../parts/use_attempt.ts";
import { format } from "../values/format.ts";
import type { Value } from "../values/value.ts";

/** A small field over a cell: Enter saves, Escape leaves it as it was, an empty text takes the field away. */
export function CellEditor(props: {
  field: string;
  value: Value | undefined;
  top: number;
  left: number;
  width: number;
  onSave: (value: Value | undefined) => Promise<void>;
  onClose: () => void;
}) {
  const before = props.value === undefined ? "" : format(props.value);
  const [text, setText] = useState(before);
  const { isBusy, error, setError, run } = useAttempt();
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    area.current?.focus();
    area.current?.select();
  }, []);

  const save = () => {
    if (text === before) {
      props.onClose();
      return;
    }
    const reading: { value?: Value | undefined; error?: string | undefined } = text.trim() === "" ? {} : read(text);
    if (reading.error !== undefined) {
      setError(reading.error);
      return;
    }
    void run(async () => {
      await props.onSave(reading.value);
      props.onClose();
    });
  };
  return (
    <div
      class="cell-editor"
      role="presentation"
      style={{ top: `${props.top}px`, left: `${props.left}px`, width: `${props.width}px` }}
      onKeyDown={(event: KeyboardEvent) => {
        // Lines are broken with Shift; Enter is what one expects in a cell.
        if (event.key === "Enter" && !event.shiftKey && event.target === area.current) {
          event.preventDefault();
          save();
        } else if (event.key === "Escape") {
          event.stopPropagation();
          props.onClose();
        }
      }}
    >
      <textarea
        ref={area}
        class="ui-input"
        aria-label={`Value of ${props.field}`}
        aria-invalid={error ? "true" : undefined}
        rows={Math.min(Math.max(text.split("\n").length, 1), 12)}
        spellcheck={false}
        value={text}
        onInput={(event: Event) => {
          setText((event.target as HTMLTextAreaElement).value);
          setError(undefined);
        }}
      />
      {error && <p class="cell-error" role="alert">{error}</p>}
      <div class="cell-foot">
        <span class="muted small">Empty: no such field</span>
        <Button size="sm" onClick={props.onClose}>Cancel</Button>
        <Button size="sm" variant="primary" busy={isBusy} onClick={save}>Save</Button>
      </div>
    </div>
  );
}
