import { useAction } from "fusion-client/preact";
import { useCallback, useEffect, useState } from "preact/hooks";

import { api } from "../functions.ts";
import type { PhoneNumber, VoiceAssistant } from "../functions.ts";

type Lists =
  | { readonly status: "loading" }
  | { readonly status: "error"; readonly error: unknown; readonly retry: () => void }
  | { readonly status: "success"; readonly assistants: readonly VoiceAssistant[]; readonly numbers: readonly PhoneNumber[] };

/** What the organisation has at the voice service, asked for when a component appears. */
export function useVoiceLists(): Lists {
  const getAssistants = useAction(api.private.vapi.getAssistants);
  const getPhoneNumbers = useAction(api.private.vapi.getPhoneNumbers);
  const [lists, setLists] = useState<Lists>({ status: "loading" });
  const load = useCallback(() => {
    setLists({ status: "loading" });
    Promise.all([getAssistants({}), getPhoneNumbers({})]).then(
      ([assistants, numbers]: [VoiceAssistant[], PhoneNumber[]]) => setLists({ status: "success", assistants, numbers }),
      (error: unknown) => setLists({ status: "error", error, retry: load }),
    );
  }, [getAssistants, getPhoneNumbers]);
  useEffect(load, [load]);
  return lists;
}
