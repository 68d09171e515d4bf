// The hooks for Preact.

import { type ComponentChildren, createContext, createElement, type VNode } from "preact";
import { useContext, useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { FusionClient } from "./client.ts";
import { createHooks, type Source } from "./hooks.ts";

const ClientContext = createContext<FusionClient | undefined>(undefined);

/** Gives the components in it their client. */
export function FusionProvider({ client, children }: { client: FusionClient; children?: ComponentChildren }): VNode {
  return createElement(ClientContext.Provider, { value: client, children }) as VNode;
}

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

export const { useFusion, useQuery, useQueryResult, useQueries, usePaginatedQuery, useMutation, useAction, useConnectionState } = createHooks({
  useClient: () => useContext(ClientContext),
  useMemo,
  useSource,
});
