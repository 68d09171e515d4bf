import type { FusionClient } from "fusion-client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { api } from "../functions.ts";
import type { SignInConfig } from "../functions.ts";
import { development, hasDevelopmentIssuer } from "./development.ts";
import type { Organization, Session, SignInMethod } from "./session.ts";

/** Where somebody stands on the way in. */
type State =
  | { readonly state: "loading" }
  | { readonly state: "failed"; readonly error: unknown; readonly retry: () => void; readonly leave?: () => void }
  /** The deployment is not set up for anybody to sign in. */
  | { readonly state: "closed" }
  | { readonly state: "out"; readonly method: SignInMethod; readonly notice: string | undefined; readonly busy: boolean; readonly enter: () => void }
  | { readonly state: "choosing"; readonly method: SignInMethod; readonly session: Session; readonly choose: (id: string) => void; readonly leave: () => void }
  | {
      readonly state: "in";
      readonly method: SignInMethod;
      readonly session: Session;
      readonly organization: Organization;
      readonly choose: (id: string) => void;
      readonly leave: () => void;
    };

const RETRY_FIRST = 500;
const RETRY_LAST = 15_000;
const ENDED = "Your sign-in has ended. Please sign in again.";

/** The way the deployment signs operators in; nothing if it does not. */
async function methodOf(config: SignInConfig): Promise<SignInMethod | undefined> {
  const { kind, issuer, clientId, scope, publishableKey } = config;
  if (kind === "oidc" && issuer && clientId && scope) return (await import("./oidc.ts")).oidc({ issuer, clientId, scope });
  if (kind === "clerk" && publishableKey) return (await import("./clerk.ts")).clerk(publishableKey);
  return (await hasDevelopmentIssuer()) ? development : undefined;
}

/** Signs in and out, and gives the client its tokens. */
export function useSignIn(client: FusionClient): State {
  const [found, setFound] = useState<{ readonly method: SignInMethod | undefined } | undefined>();
  const [session, setSession] = useState<Session | null>(null);
  const [failure, setFailure] = useState<{ readonly error: unknown; readonly retry: () => void } | undefined>();
  const [notice, setNotice] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const [accepted, setAccepted] = useState(false);
  // What comes of an older step must not undo a newer one.
  const step = useRef(0);

  const take = useCallback((next: Session | null) => {
    setAccepted(false);
    setSession(next);
    if (!next) client.clearAuth();
  }, [client]);

  const run = useCallback((work: () => Promise<void>) => {
    step.current += 1;
    const own = step.current;
    setFailure(undefined);
    setBusy(true);
    work()
      .catch((error: unknown) => {
        if (own === step.current) setFailure({ error, retry: () => run(work) });
      })
      .finally(() => {
        if (own === step.current) setBusy(false);
      });
  }, []);

  useEffect(() => run(async () => {
    const method = await methodOf(await client.query(api.public.signIn.config, {}));
    const started = (await method?.start()) ?? null;
    setFound({ method });
    take(started);
  }), [client, run, take]);

  useEffect(() => {
    if (!session?.organization) return undefined;
    let isOver = false;
    // An issuer that cannot be reached now has not ended the sign-in.
    const token = async (forceRefresh: boolean): Promise<string | null> => {
      for (let wait = RETRY_FIRST; ; wait = Math.min(2 * wait, RETRY_LAST)) {
        try {
          return await session.token(forceRefresh);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, wait));
          if (isOver) return null;
        }
      }
    };
    client.setAuth(({ forceRefreshToken }) => token(forceRefreshToken), (isAccepted) => {
      setAccepted(isAccepted);
      if (isAccepted) return;
      // The server refuses the tokens, or there are none any more.
      setNotice(ENDED);
      setSession(null);
    });
    return () => {
      isOver = true;
    };
  }, [client, session]);

  const method = found?.method;
  if (failure) {
    const leave = () => run(async () => {
      await method?.signOut();
      take(null);
    });
    return { state: "failed", ...failure, ...(method && { leave }) };
  }
  if (!found) return { state: "loading" };
  if (!method) return { state: "closed" };
  if (!session) {
    const enter = () => run(async () => {
      const entered = await method.signIn();
      setNotice(undefined);
      if (entered) take(entered);
    });
    return { state: "out", method, notice, busy, enter };
  }
  const choose = (id: string) => run(async () => {
    const chosen = await method.choose(id);
    if (chosen) take(chosen);
  });
  const leave = () => run(async () => {
    take(null);
    setNotice(undefined);
    await method.signOut();
  });
  if (!session.organization) return { state: "choosing", method, session, choose, leave };
  if (!accepted) return { state: "loading" };
  return { state: "in", method, session, organization: session.organization, choose, leave };
}
