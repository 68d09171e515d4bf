// A field in which a value is written as a literal, with what is wrong with it.

import { TextAreaField } from "fusion-ui";
import { LiteralError, parse } from "../values/parse.ts";
import type { Value } from "../values/value.ts";

/** What a text means: a value, or why it is none. */
export type Reading = { readonly value: Value; readonly error?: undefined } | { readonly value?: undefined; readonly error: string };

/** Reads a text. */
export function read(text: string): Reading {
  try {
    return { value: parse(text) };
  } catch (error) {
    if (error instanceof LiteralError) return { error: error.message };
    throw error;
  }
}

/** Reads a text that must be an object. */
export function readObject(text: string): Reading {
  const reading = read(text);
  if (reading.error !== undefined) return reading;
  const { value } = reading;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
  return isObject ? reading : { error: "This must be an object: { field: value }" };
}

/** The field. Ctrl+Enter is what the button beside it does. */
export function LiteralField(props: {
  label: string;
  text: string;
  onText: (text: string) => void;
  onSubmit?: () => void;
  error?: string | undefined;
  hint?: string;
  rows?: number;
  hideLabel?: boolean;
  autofocus?: boolean;
}) {
  return (
    <TextAreaField
      label={props.label}
      hideLabel={props.hideLabel}
      hint={props.hint}
      error={props.error}
      fieldClass="literal"
      rows={props.rows ?? Math.min(Math.max(props.text.split("\n").length + 1, 3), 24)}
      spellcheck={false}
      autocapitalize="off"
      autocomplete="off"
      autofocus={props.autofocus}
      value={props.text}
      onInput={(event: Event) => props.onText((event.target as HTMLTextAreaElement).value)}
      onKeyDown={(event: KeyboardEvent) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && props.onSubmit) {
          event.preventDefault();
          props.onSubmit();
        }
      }}
    />
  );
}
