import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Button, IconButton } from "./button.tsx";
import type { ButtonVariant } from "./button.tsx";
import { classNames } from "./class_names.ts";
import { CloseIcon } from "./icons.tsx";

/** A modal dialog: the browser keeps the focus in it, closes it at Escape and gives the focus back. */
export function Dialog({ open, title, onClose, children, footer, wide }: {
  readonly open: boolean;
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly footer?: ComponentChildren;
  readonly wide?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (!element) return undefined;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
    return () => element.close();
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={dialog}
      class={classNames("ui-dialog", wide && "ui-dialog-wide")}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="ui-dialog-head">
        <h2 id={heading}>{title}</h2>
        <IconButton label="Close" size="sm" icon={<CloseIcon />} onClick={onClose} />
      </div>
      <div class="ui-dialog-body">{children}</div>
      {footer && <div class="ui-dialog-foot">{footer}</div>}
    </dialog>
  );
}

/** Asks before something is done that cannot be undone. */
export function ConfirmDialog({ open, title, children, action, variant = "danger", busy, onConfirm, onClose }: {
  readonly open: boolean;
  readonly title: ComponentChildren;
  readonly children: ComponentChildren;
  /** What the button that does it says. */
  readonly action: string;
  readonly variant?: ButtonVariant;
  readonly busy?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  return (
    <Dialog
      open={open}
      title={title}
      onClose={onClose}
      footer={<>
        <Button onClick={onClose}>Cancel</Button>
        <Button variant={variant} busy={busy} onClick={onConfirm}>{action}</Button>
      </>}
    >
      {children}
    </Dialog>
  );
}
