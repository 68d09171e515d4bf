// Work that a button starts.

import { useState } from "preact/hooks";
import { messageOf } from "fusion-ui";

/** How the work stands, and how it is started. */
export interface Attempt {
  readonly isBusy: boolean;
  /** Why the last one failed, or why it was not started. */
  readonly error: string | undefined;
  setError(error: string | undefined): void;
  /** Does the work. */
  run(work: () => Promise<unknown>): Promise<void>;
}

/** Whether work is being done and why it failed. With `onError`, that is told of a failure and `error` stays empty. */
export function useAttempt(onError?: (error: unknown) => void): Attempt {
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<string>();
  const run = async (work: () => Promise<unknown>) => {
    setIsBusy(true);
    setError(undefined);
    try {
      await work();
    } catch (failure) {
      if (onError) onError(failure);
      else setError(messageOf(failure));
    }
    setIsBusy(false);
  };
  return { isBusy, error, setError, run };
}
