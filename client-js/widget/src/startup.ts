import type { FusionClient } from "fusion-client";
import { useFusion } from "fusion-client/preact";
import { useCallback, useEffect, useState } from "preact/hooks";

import { codeOf } from "./failures.ts";
import { validateOrganization, validateSession } from "./functions.ts";
import type { Memory } from "./storage.ts";

/** How often a call is made again that ended because the connection was lost. */
const ATTEMPTS_MAX = 5;

/** Where the widget stands before anything can be said. */
export type Startup =
  | { readonly state: "loading" }
  | { readonly state: "failed"; readonly reason: string; readonly canRetry: boolean }
  | { readonly state: "ready" };

/** Calls an action that changes nothing, again if the connection is lost meanwhile. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || codeOf(error) !== undefined) throw error;
    }
  }
}

/** Forgets the session that is remembered if it does not count any more. */
export async function checkSession(client: FusionClient, memory: Memory): Promise<void> {
  const contactSessionId = memory.session;
  if (contactSessionId === undefined) return;
  try {
    const { valid } = await client.mutation(validateSession, { contactSessionId });
    if (valid) return;
  } catch {
    // What was remembered is no id of a session.
  }
  memory.session = undefined;
}

/** Finds out whether the organisation exists and whether the visitor is known. */
export function useStartup(organizationId: string, memory: Memory): { startup: Startup; retry: () => void } {
  const client = useFusion();
  const [startup, setStartup] = useState<Startup>({ state: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (organizationId === "") {
      setStartup({ state: "failed", reason: "Organization ID is required", canRetry: false });
      return undefined;
    }
    let isCurrent = true;
    const finish = (result: Startup) => isCurrent && setStartup(result);
    setStartup({ state: "loading" });
    const organization = persist(() => client.action(validateOrganization, { organizationId }));
    Promise.all([organization, checkSession(client, memory)]).then(
      ([validation]) => {
        finish(validation.valid ? { state: "ready" } : { state: "failed", reason: validation.reason, canRetry: false });
      },
      () => finish({ state: "failed", reason: "Unable to verify organization", canRetry: true }),
    );
    return () => {
      isCurrent = false;
    };
  }, [client, organizationId, memory, attempt]);
  return { startup, retry: useCallback(() => setAttempt((number) => number + 1), []) };
}
