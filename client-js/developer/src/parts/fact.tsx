// A name and what it stands for, in a list of facts.

import { useState } from "preact/hooks";
import { Button, CopyButton } from "fusion-ui";

/** A fact that can be copied; a secret is shown when asked for. */
export function Fact({ title, value, isSecret }: { title: string; value: string | null | undefined; isSecret?: boolean }) {
  const [isShown, setIsShown] = useState(!isSecret);
  if (value === undefined || value === null) return <><dt>{title}</dt><dd class="muted">none</dd></>;
  return (
    <>
      <dt>{title}</dt>
      <dd>
        <code class="break">{isShown ? value : "••••••••••••"}</code>
        {isSecret && <Button size="sm" variant="quiet" onClick={() => setIsShown(!isShown)}>{isShown ? "Hide" : "Show"}</Button>}
        <CopyButton text={value} variant="quiet" aria-label={`Copy: ${title}`} />
      </dd>
    </>
  );
}
