import type { ButtonHTMLAttributes, ComponentChildren } from "preact";

import { classNames } from "./class_names.ts";
import { Spinner } from "./spinner.tsx";

/** How much a button asks to be pressed. */
export type ButtonVariant = "primary" | "secondary" | "quiet" | "danger";

/** What buttons have in common. */
export type ButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "size" | "icon" | "class"> & {
  readonly variant?: ButtonVariant;
  readonly size?: "sm" | "md";
  /** Shows a spinner and ignores presses; the button keeps its size and the focus. */
  readonly busy?: boolean | undefined;
  readonly icon?: ComponentChildren;
  readonly class?: string | undefined;
};

/** A button; it sends a form only with `type="submit"`. */
export function Button({ variant = "secondary", size = "md", busy, icon, class: extra, children, onClick, ...rest }: ButtonProps) {
  const name = classNames("ui-button", `ui-button-${variant}`, size === "sm" && "ui-button-sm", busy && "ui-button-busy", extra);
  return (
    <button
      type="button"
      {...rest}
      class={name}
      aria-disabled={busy ? "true" : rest["aria-disabled"]}
      aria-busy={busy ? "true" : undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      <span class="ui-button-label">{icon}{children}</span>
      {busy && <Spinner />}
    </button>
  );
}

/** A square button that shows only an icon; `label` says what it does. */
export function IconButton({ label, variant = "quiet", class: extra, ...rest }: ButtonProps & { readonly label: string }) {
  return <Button {...rest} variant={variant} class={classNames("ui-icon-button", extra)} aria-label={label} title={label} />;
}
