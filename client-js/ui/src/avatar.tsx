import { classNames } from "./class_names.ts";

/** The initials of a name: that of its first and that of its last word. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return chosen.map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase() || "?";
}

/** Somebody, as initials. The name itself stands beside it, so that it is hidden from screen readers. */
export function Avatar({ name, size = "md" }: { readonly name: string; readonly size?: "sm" | "md" }) {
  return <span class={classNames("ui-avatar", size === "sm" && "ui-avatar-sm")} aria-hidden="true">{initialsOf(name)}</span>;
}
