import type { ComponentChildren, InputHTMLAttributes, PartialInputHTMLAttributes, PartialSelectHTMLAttributes, Ref, TextareaHTMLAttributes } from "preact";
import { useId } from "preact/hooks";

import { classNames } from "./class_names.ts";

/** What a control gets from its field. */
export type FieldControl = {
  readonly id: string;
  readonly class: string;
  readonly "aria-invalid": "true" | undefined;
  readonly "aria-describedby": string | undefined;
};

type FieldFrame = {
  readonly label: ComponentChildren;
  readonly hint?: ComponentChildren;
  readonly error?: string | null | undefined;
  /** The label is only for screen readers. */
  readonly hideLabel?: boolean | undefined;
  readonly fieldClass?: string | undefined;
};

/** Attributes that mean something of their own here, or depend on the kind of control. */
type Own = "label" | "id" | "role" | "type" | "size" | "class" | "ref";
type WithId = { readonly id?: string };
type InputProps = Omit<PartialInputHTMLAttributes<HTMLInputElement>, Own> & WithId & {
  readonly ref?: Ref<HTMLInputElement>;
  /** The id of a `<datalist>`. */
  readonly list?: string;
};

/** A label, a control, and what there is to say about it. `children` makes the control out of what it is given. */
export function Field({ label, hint, error, hideLabel, fieldClass, id, children }: FieldFrame & {
  readonly id?: string | undefined;
  readonly children: (control: FieldControl) => ComponentChildren;
}) {
  const made = useId();
  const name = id ?? made;
  const described = [hint ? `${name}-hint` : "", error ? `${name}-error` : ""].filter(Boolean).join(" ");
  return (
    <div class={classNames("ui-field", fieldClass)}>
      <label class={hideLabel ? "ui-hidden" : "ui-field-label"} for={name}>{label}</label>
      {children({
        id: name,
        class: "ui-input",
        "aria-invalid": error ? "true" : undefined,
        "aria-describedby": described || undefined,
      })}
      {hint && <p class="ui-field-hint" id={`${name}-hint`}>{hint}</p>}
      {error && <p class="ui-field-error" id={`${name}-error`} role="alert">{error}</p>}
    </div>
  );
}

/** A line of text. */
export function TextField({ label, hint, error, hideLabel, fieldClass, ...rest }: FieldFrame & InputProps & { readonly type?: "text" | "email" | "number" | "password" | "search" | "tel" | "url" | "date" | "datetime-local" }) {
  return (
    <Field {...{ label, hint, error, hideLabel, fieldClass }} id={rest.id}>
      {(control) => <input type="text" {...{ ...rest, ...control } as InputHTMLAttributes<HTMLInputElement>} />}
    </Field>
  );
}

/** Several lines of text. */
export function TextAreaField({ label, hint, error, hideLabel, fieldClass, ...rest }: FieldFrame & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, Own> & WithId) {
  return (
    <Field {...{ label, hint, error, hideLabel, fieldClass }} id={rest.id}>
      {(control) => <textarea rows={3} {...rest} {...control} />}
    </Field>
  );
}

/** One of several values; `children` are its `<option>`s. */
export function SelectField({ label, hint, error, hideLabel, fieldClass, children, ...rest }: FieldFrame & Omit<PartialSelectHTMLAttributes<HTMLSelectElement>, Own> & WithId) {
  return (
    <Field {...{ label, hint, error, hideLabel, fieldClass }} id={rest.id}>
      {(control) => <select {...rest} {...control}>{children}</select>}
    </Field>
  );
}

/** Yes or no. */
export function CheckField({ label, ...rest }: InputProps & { readonly label: ComponentChildren }) {
  return (
    <label class="ui-check">
      <input {...{ ...rest, type: "checkbox" } as InputHTMLAttributes<HTMLInputElement>} />
      <span>{label}</span>
    </label>
  );
}
