// The hooks for Preact.

import { type ComponentChildren, createContext, createElement, type VNode } from "preact";
import { useContext, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { type AuthProvider, type AuthState, createHooks, type Source } from "./hooks.ts";
import type { FusionClient } from "./index.ts";

/** What a provider gives the components in it. */
interface Provided {
  readonly client: FusionClient;
  readonly auth: AuthState | undefined;
}

const Context = createContext<Provided | undefined>(undefined);

function useSource<T>(source: Source<T>): T {
  const [, render] = useState(0);
  const shown = source.result();
  // Before the browser paints: what is not asked for yet cannot arrive.
  useLayoutEffect(() => {
    const changed = () => render((count) => count + 1);
    const unsubscribe = source.subscribe(changed);
    if (source.result() !== shown) changed();
    return unsubscribe;
  }, [source]);
  return shown;
}

const hooks = createHooks({ useClient: () => useContext(Context)?.client, useMemo, useState, useLayoutEffect, useSource });

export const { useFusion, useQuery, useQueryResult, useQueries, usePaginatedQuery, useMutation, useAction, useConnectionState } = hooks;

/** Gives the components in it their client. */
export function FusionProvider({ client, children }: { client: FusionClient; children?: ComponentChildren }): VNode {
  const value = useMemo(() => ({ client, auth: undefined }), [client]);
  return createElement(Context.Provider, { value, children }) as VNode;
}

/** Gives the components in it their client, and signs it in with what `useAuth` says. */
export function FusionProviderWithAuth(props: { client: FusionClient; useAuth: () => AuthProvider; children?: ComponentChildren }): VNode {
  const { client, useAuth, children } = props;
  const auth = hooks.useClientAuth(client, useAuth());
  const value = useMemo(() => ({ client, auth }), [client, auth]);
  return createElement(Context.Provider, { value, children }) as VNode;
}

/** Whether somebody is signed in, below a `FusionProviderWithAuth`. */
export function useFusionAuth(): AuthState {
  const auth = useContext(Context)?.auth;
  if (auth === undefined) throw new Error("There is no FusionProviderWithAuth around this component");
  return auth;
}
