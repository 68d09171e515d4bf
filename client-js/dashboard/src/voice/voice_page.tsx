import { useQueryResult } from "fusion-client/preact";
import { ErrorState, SkeletonLines } from "fusion-ui";
import { useState } from "preact/hooks";

import { api } from "../functions.ts";
import { PageFrame } from "../shell/page.tsx";
import { ConnectForm } from "./connect_form.tsx";
import { Connected } from "./connected.tsx";

/** The voice service: connected or not. */
export function VoicePage() {
  const plugin = useQueryResult(api.private.plugins.getOne, { service: "vapi" });
  const [isConnecting, setIsConnecting] = useState(false);
  return (
    <PageFrame title="Voice" about="With an account at Vapi, visitors can talk to an assistant or call a number.">
      {plugin.status === "loading" && <div class="ui-card"><SkeletonLines count={3} /></div>}
      {plugin.status === "error" && <ErrorState error={plugin.error} />}
      {plugin.status === "success" && (plugin.value === null
        ? <ConnectForm isConnecting={isConnecting} onConnecting={setIsConnecting} />
        : <Connected key={plugin.value._id} since={plugin.value._creationTime} onDisconnected={() => setIsConnecting(false)} />)}
    </PageFrame>
  );
}
