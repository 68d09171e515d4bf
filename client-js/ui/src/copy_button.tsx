import { useEffect, useState } from "preact/hooks";

import { Button } from "./button.tsx";
import type { ButtonProps } from "./button.tsx";
import { CheckIcon, CopyIcon } from "./icons.tsx";
import { toast } from "./toasts.tsx";

const SAID_FOR = 2_000;

/** Puts a text on the clipboard and says so. */
export function CopyButton({ text, label = "Copy", size = "sm", ...rest }: Omit<ButtonProps, "onClick" | "icon"> & {
  readonly text: string;
  readonly label?: string;
}) {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setIsCopied(false), SAID_FOR);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setIsCopied(true);
    } catch {
      toast("The browser does not let this page use the clipboard.", "danger");
    }
  };
  return (
    <Button {...rest} size={size} icon={isCopied ? <CheckIcon /> : <CopyIcon />} onClick={copy}>
      <span aria-live="polite">{isCopied ? "Copied" : label}</span>
    </Button>
  );
}
