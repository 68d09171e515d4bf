import { useAction, useMutation } from "fusion-client/preact";
import { Badge, Button, ConfirmDialog, CopyButton, EmptyState, ErrorState, RelativeTime, SkeletonLines, Table, toast, toastError } from "fusion-ui";
import { useEffect, useState } from "preact/hooks";

import { api } from "../functions.ts";
import { useSession } from "../session/context.ts";
import { useVoiceLists } from "./use_voice_lists.ts";

/** The connection to the voice service, and what is there. */
export function Connected({ since, onDisconnected }: { readonly since: number; readonly onDisconnected: () => void }) {
  const { organization } = useSession();
  const remove = useMutation(api.private.secrets.remove);
  const getPublicKey = useAction(api.public.secrets.getVapiSecrets);
  const [publicKey, setPublicKey] = useState<string | undefined>();
  const [isAsking, setIsAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    // The page is of use without the key.
    getPublicKey({ organizationId: organization.id }).then((keys) => setPublicKey(keys?.publicApiKey), () => setPublicKey(undefined));
  }, [getPublicKey, organization.id]);
  const disconnect = async () => {
    setBusy(true);
    try {
      await remove({ service: "vapi" });
      onDisconnected();
      toast("Vapi is disconnected.");
    } catch (error) {
      toastError(error);
      setBusy(false);
    }
  };
  return (
    <>
      <section class="ui-card form" aria-label="Connection">
        <div class="between">
          <div>
            <h2>Vapi <Badge tone="success">Connected</Badge></h2>
            <p class="muted small">Since <RelativeTime at={since} /></p>
          </div>
          <Button onClick={() => setIsAsking(true)}>Disconnect</Button>
        </div>
        {publicKey !== undefined && <p class="key"><span class="muted small">Public key</span> <code class="ellipsis">{publicKey}</code> <CopyButton text={publicKey} /></p>}
      </section>
      <Lists />
      <ConfirmDialog open={isAsking} title="Disconnect Vapi?" action="Disconnect" busy={busy} onConfirm={disconnect} onClose={() => setIsAsking(false)}>
        <p>Visitors can no longer call, and the keys are deleted from this server.</p>
      </ConfirmDialog>
    </>
  );
}

function Lists() {
  const lists = useVoiceLists();
  if (lists.status === "loading") return <div class="ui-card"><SkeletonLines count={4} /></div>;
  if (lists.status === "error") return <div class="ui-card"><ErrorState title="The voice service does not answer" error={lists.error} onRetry={lists.retry} /></div>;
  const { assistants, numbers } = lists;
  return (
    <>
      <h2>Assistants</h2>
      {assistants.length === 0
        ? <div class="ui-card"><EmptyState title="No assistants">Create one in Vapi’s dashboard; it appears here.</EmptyState></div>
        : <Table label="Assistants">
            <thead><tr><th scope="col">Name</th><th scope="col">Model</th><th scope="col">First message</th></tr></thead>
            <tbody>{assistants.map(({ id, name, model, firstMessage }) => (
              <tr key={id}><td>{name ?? id}</td><td>{model?.model ?? "—"}</td><td>{firstMessage ?? "—"}</td></tr>
            ))}</tbody>
          </Table>}
      <h2>Phone numbers</h2>
      {numbers.length === 0
        ? <div class="ui-card"><EmptyState title="No phone numbers">Buy or import one in Vapi’s dashboard; it appears here.</EmptyState></div>
        : <Table label="Phone numbers">
            <thead><tr><th scope="col">Number</th><th scope="col">Name</th><th scope="col">Status</th></tr></thead>
            <tbody>{numbers.map(({ id, number, name, status }) => (
              <tr key={id}><td>{number ?? id}</td><td>{name ?? "—"}</td><td>{status ?? "—"}</td></tr>
            ))}</tbody>
          </Table>}
    </>
  );
}
