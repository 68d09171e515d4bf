// Filling in a function's arguments: a field for each of them where the validator allows it, and always as one literal.

import { CheckField, SelectField, TextField } from "fusion-ui";
import { LiteralField } from "../parts/literal_field.tsx";
import { format, formatLine } from "../values/format.ts";
import { LiteralError, parse } from "../values/parse.ts";
import { example, validatorText } from "../values/validator.ts";
import type { FieldValidator, Validator } from "../values/validator.ts";
import type { Value } from "../values/value.ts";
import { wireToValue } from "../values/wire.ts";

/** What stands in the form. */
export interface Draft {
  readonly isRaw: boolean;
  /** The literal. */
  readonly raw: string;
  /** Texts by argument; what is not in it is not given. */
  readonly texts: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, FieldValidator>>;

function fieldsOf(validator: Validator | undefined): Fields | undefined {
  return validator?.type === "object" ? validator.value : undefined;
}

function literalsOf(validator: Validator): Value[] | undefined {
  const parts = validator.type === "union" ? validator.value : [validator];
  const values = parts.map((part) => (part.type === "literal" ? wireToValue(part.value) : part.type === "null" ? null : undefined));
  return parts.length > 0 && values.every((value) => value !== undefined) ? (values as Value[]) : undefined;
}

function isText(validator: Validator): boolean {
  return validator.type === "string" || validator.type === "id";
}

function toText(validator: Validator, value: Value): string {
  return isText(validator) && typeof value === "string" ? value : format(value);
}

/** What to begin with. */
export function initialDraft(validator: Validator | undefined): Draft {
  const fields = fieldsOf(validator);
  const texts: Record<string, string> = {};
  for (const [name, { fieldType, optional }] of Object.entries(fields ?? {})) {
    if (!optional) texts[name] = toText(fieldType, literalsOf(fieldType)?.[0] ?? example(fieldType));
  }
  return { isRaw: fields === undefined, raw: validator && fields ? format(example(validator)) : "{}", texts };
}

/** The arguments, or what is wrong, by argument (of the literal: by ""). */
export function readArguments(draft: Draft, validator: Validator | undefined): { value?: Value; errors: ReadonlyMap<string, string> } {
  const errors = new Map<string, string>();
  const take = (name: string, text: string): Value => {
    try {
      return parse(text);
    } catch (error) {
      errors.set(name, error instanceof LiteralError ? error.message : String(error));
      return null;
    }
  };
  const fields = fieldsOf(validator);
  if (draft.isRaw || !fields) {
    const value = take("", draft.raw.trim() === "" ? "{}" : draft.raw);
    if (errors.size === 0 && (typeof value !== "object" || value === null || Array.isArray(value))) errors.set("", "Arguments are an object: { name: value }");
    return errors.size > 0 ? { errors } : { value, errors };
  }
  const value: Record<string, Value> = {};
  for (const [name, { fieldType }] of Object.entries(fields)) {
    const text = draft.texts[name];
    if (text !== undefined) value[name] = isText(fieldType) ? text : take(name, text);
  }
  return errors.size > 0 ? { errors } : { value, errors };
}

/** Writes the arguments the other way. */
export function switchDraft(draft: Draft, validator: Validator | undefined): Draft {
  const { value } = readArguments(draft, validator);
  const fields = fieldsOf(validator);
  if (!draft.isRaw) return { ...draft, isRaw: true, raw: value === undefined ? draft.raw : format(value) };
  const texts: Record<string, string> = {};
  for (const [name, one] of Object.entries((value as Record<string, Value> | undefined) ?? {})) {
    const field = fields?.[name];
    if (field) texts[name] = toText(field.fieldType, one);
  }
  return { ...draft, isRaw: false, texts: value === undefined ? draft.texts : texts };
}

function ArgumentField({ name, field, text, error, onText }: {
  name: string;
  field: FieldValidator;
  text: string | undefined;
  error: string | undefined;
  onText: (text: string | undefined) => void;
}) {
  const { fieldType, optional } = field;
  const input = (event: Event) => onText((event.target as HTMLInputElement | HTMLSelectElement).value);
  const literals = literalsOf(fieldType) ?? (fieldType.type === "boolean" ? [false, true] : undefined);
  const hint = validatorText(fieldType);
  let control;
  if (text === undefined) control = null;
  else if (literals) {
    control = (
      <SelectField label={name} error={error} value={text} onChange={input}>
        {literals.map((value) => <option key={formatLine(value)} value={formatLine(value)}>{formatLine(value)}</option>)}
      </SelectField>
    );
  } else if (isText(fieldType) || fieldType.type === "number" || fieldType.type === "bigint") {
    control = <TextField label={name} hint={hint} error={error} value={text} spellcheck={false} onInput={input} />;
  } else control = <LiteralField label={name} hint={hint.length < 200 ? hint : ""} error={error} text={text} rows={3} onText={onText} />;
  if (!optional) return control;
  return (
    <div class="stack-tight">
      <CheckField
        label={<span>Give <code>{name}</code> <span class="muted small">(optional)</span></span>}
        checked={text !== undefined}
        onChange={() => onText(text === undefined ? toText(fieldType, literals?.[0] ?? example(fieldType)) : undefined)}
      />
      {control}
    </div>
  );
}

/** The form. */
export function ArgumentsForm({ validator, draft, errors, onDraft, onSubmit }: {
  validator: Validator | undefined;
  draft: Draft;
  errors: ReadonlyMap<string, string>;
  onDraft: (draft: Draft) => void;
  onSubmit: () => void;
}) {
  const fields = fieldsOf(validator);
  if (draft.isRaw || !fields) {
    return (
      <LiteralField
        label="Arguments"
        hint="An object, as in TypeScript. Ctrl+Enter runs."
        text={draft.raw}
        error={errors.get("")}
        onText={(raw) => onDraft({ ...draft, raw })}
        onSubmit={onSubmit}
      />
    );
  }
  const names = Object.keys(fields);
  if (names.length === 0) return <p class="muted">It takes no arguments.</p>;
  return (
    <>
      {names.map((name) => {
        const field = fields[name];
        return field && (
          <ArgumentField
            key={name}
            name={name}
            field={field}
            text={draft.texts[name]}
            error={errors.get(name)}
            onText={(text) => {
              const { [name]: _before, ...others } = draft.texts;
              onDraft({ ...draft, texts: text === undefined ? others : { ...others, [name]: text } });
            }}
          />
        );
      })}
    </>
  );
}
