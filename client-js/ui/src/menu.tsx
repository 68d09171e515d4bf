import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";

import { Button } from "./button.tsx";
import type { ButtonProps } from "./button.tsx";
import { classNames } from "./class_names.ts";

/** An entry of a menu. */
export type MenuItem = {
  readonly label: string;
  readonly icon?: ComponentChildren;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  /** Given for entries of which one is chosen. */
  readonly checked?: boolean;
  readonly onSelect: () => void;
};

/** A button that opens a list of things to do: arrow keys, Home, End and Escape work as in menus of the system. */
export function Menu({ items, align = "start", up, buttonClass, ...button }: Omit<ButtonProps, "onClick" | "class"> & {
  readonly items: readonly MenuItem[];
  readonly align?: "start" | "end";
  /** Opens above the button. */
  readonly up?: boolean;
  readonly buttonClass?: string;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const entries = () => [...(list.current?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
  const close = (refocus: boolean) => {
    setOpen(false);
    if (refocus) root.current?.querySelector("button")?.focus();
  };
  useLayoutEffect(() => {
    if (open) entries()[0]?.focus();
  }, [open]);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const all = entries();
    const at = all.findIndex((entry) => entry === document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + (at < 0 ? 1 : 0), Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      all[(next + all.length) % all.length]?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      close(true);
    } else if (event.key === "Tab") {
      setOpen(false);
    }
  };
  return (
    <div class="ui-menu" ref={root} onKeyDown={onKeyDown}>
      <Button
        {...button}
        class={buttonClass}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      />
      {open && (
        <div class={classNames("ui-menu-list", align === "end" && "ui-menu-end", up && "ui-menu-up")} role="menu" id={id} ref={list}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              tabIndex={-1}
              role={item.checked === undefined ? "menuitem" : "menuitemradio"}
              aria-checked={item.checked}
              disabled={item.disabled}
              class={classNames("ui-menu-item", item.danger && "ui-menu-item-danger")}
              onClick={() => {
                close(true);
                item.onSelect();
              }}
            >
              {item.icon}
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
