// A page window for as long as something is shown.

import { useEffect, useMemo, useReducer } from "preact/hooks";
import { scopeArgs, useScope } from "../component.tsx";
import { useDeployment } from "../deployment.tsx";
import type { PaginatedQuery } from "../system.ts";
import type { Value } from "../values/value.ts";
import { PageWindow } from "./page_window.ts";

/** The rows of a query about the component that is looked at, in parts; another window when its arguments, or `round`, change. */
export function useWindow<T>(query: PaginatedQuery<T>, args: Record<string, Value>, round = 0, size?: number): PageWindow<T> {
  const { client } = useDeployment();
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const key = JSON.stringify({ ...args, ...scopeArgs(useScope()) });
  const rows = useMemo(
    () => new PageWindow(client, query, JSON.parse(key) as Record<string, Value>, size),
    [client, query, key, round, size],
  );
  useEffect(() => {
    const stop = rows.subscribe(() => draw(undefined));
    draw(undefined);
    return () => {
      stop();
      rows.close();
    };
  }, [rows]);
  return rows;
}
