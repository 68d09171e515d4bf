import { useFusion } from "fusion-client/preact";
import { useEffect, useState } from "preact/hooks";

import { getVapiSecrets, type Settings } from "./functions.ts";
import { persist } from "./startup.ts";

/** How an organisation can be called. */
export interface Voice {
  /** With both a call can be made from the browser. */
  readonly publicApiKey: string | undefined;
  readonly assistantId: string | undefined;
  readonly phoneNumber: string | undefined;
}

/** The ways an organisation can be called as they are now. Without a key for it there are none. */
export function useVoice(organizationId: string, settings: Settings["vapiSettings"] | undefined): Voice {
  const client = useFusion();
  const [publicApiKey, setKey] = useState<string>();
  const assistantId = settings?.assistantId || undefined;
  const phoneNumber = settings?.phoneNumber || undefined;
  const isWanted = assistantId !== undefined || phoneNumber !== undefined;
  useEffect(() => {
    if (!isWanted) return undefined;
    let isCurrent = true;
    persist(() => client.action(getVapiSecrets, { organizationId })).then(
      (secrets) => isCurrent && setKey(secrets?.publicApiKey),
      // Then there are no calls; the chat works all the same.
      () => isCurrent && setKey(undefined),
    );
    return () => {
      isCurrent = false;
    };
  }, [client, organizationId, isWanted]);
  return publicApiKey && isWanted ? { publicApiKey, assistantId, phoneNumber } : { publicApiKey: undefined, assistantId: undefined, phoneNumber: undefined };
}
