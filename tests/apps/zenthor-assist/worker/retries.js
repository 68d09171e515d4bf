// Which failures of a model are worth another try, and when.

const RETRYABLE = new Set(["rate_limit", "timeout", "server_error", "network"]);
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
const JITTER = 0.2;

/** A failure of the model: `reason` says what kind, as the agent queue keeps it. */
export class ModelError extends Error {
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

export const reasonOf = (error) => (error instanceof ModelError ? error.reason : "unknown");

export const isRetryable = (error) => RETRYABLE.has(reasonOf(error));

/** How long to wait before try number `attempt`, from 0: twice as long each time, and never at the same moment as others. */
export function delayBefore(attempt) {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
  return Math.round(delay * (1 + JITTER * Math.random()));
}
