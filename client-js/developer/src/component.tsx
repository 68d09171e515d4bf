// The component that is looked at: the server's own functions and endpoints are asked about its tables, files, functions
// and jobs instead of the app's. It is named in the address, so that views can be linked to, and stays when pages change.

import { Fragment, createContext } from "preact";
import type { ComponentChildren } from "preact";
import { useCallback, useContext, useMemo, useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import type { FunctionReference } from "fusion-client";
import { Button, EmptyState, SelectField, SkeletonLines } from "fusion-ui";
import { useDeployment } from "./deployment.tsx";
import { RemoveComponentDialog } from "./parts/remove_component_dialog.tsx";
import { Link, useRouter } from "./router.tsx";
import { system } from "./system.ts";
import type { Component } from "./system.ts";

/** What a query or an endpoint has to be told. */
export interface Scope {
  /** The id of the component; null for the app. */
  readonly id: string | null;
  /** Its path; empty for the app. */
  readonly path: string;
}

const APP: Scope = { id: null, path: "" };
/** The value of the choice that hides nothing; no path is like it. */
const ALL = "*";

const ScopeContext = createContext<Scope>(APP);

/** The component. */
export function useScope(): Scope {
  return useContext(ScopeContext);
}

/** What names a component in arguments. The app needs no name, and its queries are shared with those of pages without a choice. */
export function scopeArgs({ id }: Scope): { componentId?: string } {
  return id === null ? {} : { componentId: id };
}

/** The result of one of the server's queries about the component. */
export function useScopedQuery<Args extends object, Returns>(query: FunctionReference<"query", "public", Args, Returns>, args: Args | "skip") {
  const scope = useScope();
  return useQueryResult(query, args === "skip" ? args : { ...args, ...scopeArgs(scope) });
}

/** Runs one of the server's mutations in the component. */
export type Mutate = <Args extends object, Returns>(mutation: FunctionReference<"mutation", "public", Args, Returns>, args: Args) => Promise<Returns>;

/** The same for as long as the component is. */
export function useMutate(): Mutate {
  const { client } = useDeployment();
  const scope = useScope();
  return useCallback<Mutate>((mutation, args) => client.mutation(mutation as FunctionReference<"mutation">, { ...args, ...scopeArgs(scope) }), [client, scope]);
}

/** How a component is called in the choice. */
function title({ path, state }: Component): string {
  if (path === "") return "The app";
  return state === "active" ? path : `${path} (${state})`;
}

function Choice({ components, chosen, hasAll }: { components: readonly Component[]; chosen: string | null; hasAll: boolean }) {
  const router = useRouter();
  const [doomed, setDoomed] = useState<Component>();
  const current = components.find(({ path }) => path === (chosen ?? ""));
  const choose = (value: string) => {
    // A table or a function of one component is none of another.
    const kept = router.parts[0] === "schedules" ? router.parts : router.parts.slice(0, 1);
    const component = value === ALL || (value === "" && !hasAll) ? undefined : value;
    router.go(`/${kept.join("/")}`, { component });
  };
  return (
    <div class="component-bar">
      <SelectField
        label="Component"
        value={chosen ?? (hasAll ? ALL : "")}
        onChange={(event: Event) => choose((event.target as HTMLSelectElement).value)}
      >
        {hasAll && <option value={ALL}>All</option>}
        {components.map((component) => <option key={component.path} value={component.path}>{title(component)}</option>)}
        {chosen !== null && !current && <option value={chosen}>{chosen}</option>}
      </SelectField>
      {current && current.state !== "active" && (
        <p class="component-note">
          <span>The app does not use it any more: its functions cannot be called, its data is kept.</span>
          <Button size="sm" onClick={() => setDoomed(current)}>Delete…</Button>
        </p>
      )}
      {doomed && (
        <RemoveComponentDialog
          component={doomed}
          onClose={() => setDoomed(undefined)}
          onDone={() => {
            setDoomed(undefined);
            choose(ALL);
          }}
        />
      )}
    </div>
  );
}

/**
 * The choice of a component, if the deployment has any, above a page about the one that is chosen. With `hasAll` the page
 * shows all of them unless one is chosen.
 */
export function ComponentScope({ hasAll = false, children }: { hasAll?: boolean; children: ComponentChildren }) {
  const { parameters } = useRouter();
  const result = useQueryResult(system.components, {});
  const chosen = parameters.get("component");
  const components = result.status === "success" ? result.value : [];
  const found = components.find(({ path }) => path === chosen);
  const [id, path] = [found?.id || null, found?.path ?? ""];
  const scope = useMemo(() => ({ id, path }), [id, path]);

  let content = children;
  if (chosen && !found) {
    content = result.status === "loading"
      ? <div class="page"><SkeletonLines count={6} height="1.25rem" /></div>
      : <EmptyState title={`There is no component ${chosen}`} action={<Link to="/components">All components</Link>} />;
  }
  return (
    <>
      {(components.length > 1 || (chosen && result.status === "success")) && <Choice components={components} chosen={chosen} hasAll={hasAll} />}
      <ScopeContext.Provider value={scope}>
        {/* What was selected or typed for one component is not for another; a list of all of them only changes its filter. */}
        <Fragment key={hasAll ? "" : path}>{content}</Fragment>
      </ScopeContext.Provider>
    </>
  );
}
