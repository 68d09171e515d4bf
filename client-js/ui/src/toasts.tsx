import { useEffect, useState } from "preact/hooks";

import { IconButton } from "./button.tsx";
import { classNames } from "./class_names.ts";
import { AlertIcon, CheckIcon, CloseIcon } from "./icons.tsx";
import { messageOf } from "./states.tsx";

type Toast = { readonly id: number; readonly text: string; readonly tone: "success" | "danger" | "neutral" };

/** Long enough to be read twice; errors stay until they are closed. */
const SHOWN_FOR = 6_000;
const MOST_SHOWN = 4;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function show(next: readonly Toast[]): void {
  toasts = next.slice(-MOST_SHOWN);
  for (const listener of listeners) listener();
}

const dismiss = (id: number) => show(toasts.filter((toast) => toast.id !== id));

/** Says shortly what happened; `<Toasts />` shows it. */
export function toast(text: string, tone: Toast["tone"] = "success"): void {
  lastId += 1;
  const id = lastId;
  show([...toasts.filter((other) => other.text !== text), { id, text, tone }]);
  if (tone !== "danger") setTimeout(() => dismiss(id), SHOWN_FOR);
}

/** Says what went wrong. */
export function toastError(error: unknown): void {
  toast(messageOf(error), "danger");
}

/** The place where toasts are shown; once per page. */
export function Toasts() {
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    const listener = () => setShown(toasts);
    listeners.add(listener);
    listener();
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return (
    <div class="ui-toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} class={classNames("ui-toast", `ui-toast-${one.tone}`)}>
          {one.tone === "success" && <CheckIcon />}
          {one.tone === "danger" && <AlertIcon />}
          <p>{one.text}</p>
          <IconButton label="Dismiss" size="sm" icon={<CloseIcon />} onClick={() => dismiss(one.id)} />
        </div>
      ))}
    </div>
  );
}
