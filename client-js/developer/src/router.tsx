// Where in the dashboard one is: the address, so that views can be linked to and the browser's buttons work.

import { createContext } from "preact";
import type { ComponentChildren } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";

const BASE = "/_dashboard";

/** A view: the parts of the path after the dashboard's own, and the parameters. */
export interface Place {
  readonly parts: readonly string[];
  readonly parameters: URLSearchParams;
}

/** Parameters of an address; those that are undefined are left out. */
export type Parameters = Readonly<Record<string, string | undefined>>;

/** The place, and how to go to another. */
export interface Router extends Place {
  go(path: string, parameters?: Parameters): void;
}

function here(): Place {
  const path = location.pathname.slice(BASE.length).split("/").filter(Boolean);
  return { parts: path.map(decodeURIComponent), parameters: new URLSearchParams(location.search) };
}

/** The address of a view. It is one of the same component, unless another is named. */
export function href(path: string, parameters: Parameters = {}): string {
  const component = new URLSearchParams(location.search).get("component") ?? undefined;
  const given = Object.entries({ component, ...parameters }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const query = new URLSearchParams(given).toString();
  return `${BASE}${path}${query ? `?${query}` : ""}`;
}

const RouterContext = createContext<Router>({ ...here(), go: () => {} });

/** Follows the address. */
export function RouterProvider({ children }: { children: ComponentChildren }) {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const follow = () => setPlace(here());
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = useCallback((path: string, parameters?: Parameters) => {
    history.pushState(null, "", href(path, parameters));
    setPlace(here());
  }, []);
  const router = useMemo(() => ({ ...place, go }), [place, go]);
  return <RouterContext.Provider value={router}>{children}</RouterContext.Provider>;
}

/** The place one is at. */
export function useRouter(): Router {
  return useContext(RouterContext);
}

/** A link to a view. */
export function Link(props: {
  to: string;
  parameters?: Parameters;
  class?: string;
  isCurrent?: boolean;
  title?: string;
  children: ComponentChildren;
}) {
  const router = useRouter();
  const { to, parameters, isCurrent } = props;
  return (
    <a
      href={href(to, parameters)}
      class={props.class}
      title={props.title}
      aria-current={isCurrent ? "page" : undefined}
      onClick={(event: MouseEvent) => {
        // A new tab is the browser's business.
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        router.go(to, parameters);
      }}
    >
      {props.children}
    </a>
  );
}
