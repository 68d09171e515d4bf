import { useMutation } from "fusion-client/preact";
import { Button, TextField, toastError } from "fusion-ui";
import { useState } from "preact/hooks";

import { api } from "../functions.ts";

/** Takes the keys. They are stored after the call has returned; then the connection appears by itself. */
export function ConnectForm({ isConnecting, onConnecting }: { readonly isConnecting: boolean; readonly onConnecting: (isConnecting: boolean) => void }) {
  const upsert = useMutation(api.private.secrets.upsert);
  const [publicApiKey, setPublicKey] = useState("");
  const [privateApiKey, setPrivateKey] = useState("");
  const isComplete = publicApiKey.trim() !== "" && privateApiKey.trim() !== "";
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!isComplete || isConnecting) return;
    onConnecting(true);
    try {
      await upsert({ service: "vapi", value: { publicApiKey: publicApiKey.trim(), privateApiKey: privateApiKey.trim() } });
      // The key is not needed here any more.
      setPrivateKey("");
    } catch (error) {
      onConnecting(false);
      toastError(error);
    }
  };
  return (
    <form class="ui-card form form-narrow" onSubmit={submit} autoComplete="off">
      <h2>Connect Vapi</h2>
      <p class="muted">You find both keys in Vapi’s dashboard. The private one is stored encrypted and never shown again.</p>
      <TextField label="Public key" value={publicApiKey} autoComplete="off" spellcheck={false} onInput={(event) => setPublicKey(event.currentTarget.value)} />
      <TextField label="Private key" type="password" value={privateApiKey} autoComplete="off" onInput={(event) => setPrivateKey(event.currentTarget.value)} />
      <div class="form-foot"><Button type="submit" variant="primary" busy={isConnecting} disabled={!isComplete && !isConnecting}>Connect</Button></div>
    </form>
  );
}
