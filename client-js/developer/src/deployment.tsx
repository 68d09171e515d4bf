// The deployment that is looked at: what every page needs to ask it anything.

import { createContext } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";
import type { FusionClient } from "fusion-client";
import { Api, ApiError } from "./api.ts";
import type { Sampler } from "./health/samples.ts";

/** Everything there is to a signed-in session. */
export interface Deployment {
  readonly api: Api;
  readonly client: FusionClient;
  readonly sampler: Sampler;
  /** The name of the instance. */
  readonly name: string;
  /** Version of the server. */
  readonly version: string;
  /** The key was refused: asks for another. */
  signOut(reason?: string): void;
}

/** Gives the pages their deployment. */
export const DeploymentContext = createContext<Deployment | undefined>(undefined);

/** The deployment. */
export function useDeployment(): Deployment {
  const deployment = useContext(DeploymentContext);
  if (!deployment) throw new Error("There is no deployment here.");
  return deployment;
}

/** What a request is at. */
export type Loaded<T> = { status: "loading" } | { status: "error"; error: unknown } | { status: "success"; value: T };

/** The answer of an endpoint, asked for again every `interval` milliseconds if one is given. */
export function useRequest<T>(path: string, parameters: Record<string, string> = {}, interval?: number): Loaded<T> & { refresh(): void } {
  const { api, signOut } = useDeployment();
  const [state, setState] = useState<Loaded<T>>({ status: "loading" });
  const [round, setRound] = useState(0);
  const query = JSON.stringify(parameters);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const controller = new AbortController();
    const ask = async () => {
      try {
        const value = await api.get<T>(path, JSON.parse(query) as Record<string, string>, controller.signal);
        if (!controller.signal.aborted) setState({ status: "success", value });
      } catch (error) {
        if (controller.signal.aborted) return;
        if (error instanceof ApiError && error.isKeyRefused) signOut("The admin key is no longer accepted.");
        setState({ status: "error", error });
      }
      if (interval !== undefined && !controller.signal.aborted) timer = setTimeout(() => void ask(), interval);
    };
    void ask();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [api, path, query, interval, round, signOut]);
  const refresh = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, refresh };
}
