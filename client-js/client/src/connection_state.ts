/** How a client stands to its server. */
export interface ConnectionState {
  readonly isWebSocketConnected: boolean;
  readonly hasEverConnected: boolean;
  /** How many sockets were open so far. */
  readonly connectionCount: number;
  /** Attempts to connect since the last time all was in order. */
  readonly connectionRetries: number;
  /** Whether a mutation or an action has no answer yet. */
  readonly hasInflightRequests: boolean;
  readonly timeOfOldestInflightRequest: Date | null;
  readonly inflightMutations: number;
  readonly inflightActions: number;
}

/** Whether there is nothing to tell. */
export function sameState(one: ConnectionState, other: ConnectionState): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
