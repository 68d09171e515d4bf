// The hooks for React.

import { createContext, createElement, type ReactElement, type ReactNode, useContext, useMemo, useSyncExternalStore } from "react";
import type { FusionClient } from "./client.ts";
import { createHooks, type Source } from "./hooks.ts";

const ClientContext = createContext<FusionClient | undefined>(undefined);

/** Gives the components in it their client. */
export function FusionProvider({ client, children }: { client: FusionClient; children?: ReactNode }): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

function useSource<T>(source: Source<T>): T {
  const subscribe = useMemo(() => (listener: () => void) => source.subscribe(listener), [source]);
  const result = () => source.result();
  return useSyncExternalStore(subscribe, result, result);
}

export const { useFusion, useQuery, useQueryResult, useQueries, usePaginatedQuery, useMutation, useAction, useConnectionState } = createHooks({
  useClient: () => useContext(ClientContext),
  useMemo: (make, inputs) => useMemo(make, inputs),
  useSource,
});
