// The hooks for React.

import { createContext, createElement, type ReactElement, type ReactNode, useContext, useLayoutEffect, useMemo, useState, useSyncExternalStore } from "react";
import { type AuthProvider, type AuthState, createHooks, type Source } from "./hooks.ts";
import type { FusionClient } from "./index.ts";

/** What a provider gives the components in it. */
interface Provided {
  readonly client: FusionClient;
  readonly auth: AuthState | undefined;
}

const Context = createContext<Provided | undefined>(undefined);

function useSource<T>(source: Source<T>): T {
  const subscribe = useMemo(() => (listener: () => void) => source.subscribe(listener), [source]);
  const result = () => source.result();
  return useSyncExternalStore(subscribe, result, result);
}

const hooks = createHooks({ useClient: () => useContext(Context)?.client, useMemo, useState, useLayoutEffect, useSource });

export const { useFusion, useQuery, useQueryResult, useQueries, usePaginatedQuery, useMutation, useAction, useConnectionState } = hooks;

/** Gives the components in it their client. */
export function FusionProvider({ client, children }: { client: FusionClient; children?: ReactNode }): ReactElement {
  const value = useMemo(() => ({ client, auth: undefined }), [client]);
  return createElement(Context.Provider, { value }, children);
}

/** Gives the components in it their client, and signs it in with what `useAuth` says. */
export function FusionProviderWithAuth(props: { client: FusionClient; useAuth: () => AuthProvider; children?: ReactNode }): ReactElement {
  const { client, useAuth, children } = props;
  const auth = hooks.useClientAuth(client, useAuth());
  const value = useMemo(() => ({ client, auth }), [client, auth]);
  return createElement(Context.Provider, { value }, children);
}

/** Whether somebody is signed in, below a `FusionProviderWithAuth`. */
export function useFusionAuth(): AuthState {
  const auth = useContext(Context)?.auth;
  if (auth === undefined) throw new Error("There is no FusionProviderWithAuth around this component");
  return auth;
}
