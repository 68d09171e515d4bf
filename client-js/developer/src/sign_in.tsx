// Asking for the admin key: when there is none, and when the one there is is refused.

import { useState } from "preact/hooks";
import { Button, TextField } from "fusion-ui";
import { LogoIcon } from "./parts/icons.tsx";

/** The form. `onKey` gives a text if the key is refused. */
export function SignIn({ reason, onKey }: { reason: string | undefined; onKey: (key: string) => Promise<string | undefined> }) {
  const [key, setKey] = useState("");
  const [error, setError] = useState(reason);
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (key.trim() === "") {
      setError("Enter the admin key.");
      return;
    }
    setIsBusy(true);
    const refused = await onKey(key.trim());
    setIsBusy(false);
    setError(refused);
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit} noValidate>
        <h1><LogoIcon /> Fusion</h1>
        <p class="muted">
          Sign in to this deployment with its admin key. <code>fusion dashboard</code> opens this page signed in.
        </p>
        <TextField
          label="Admin key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={key}
          error={error}
          onInput={(event: Event) => setKey((event.target as HTMLInputElement).value)}
        />
        <Button variant="primary" type="submit" busy={isBusy}>Sign in</Button>
        <p class="muted small">The key stays in this tab. It is printed by <code>fusion keygen admin-key</code> on the server's machine.</p>
      </form>
    </main>
  );
}
